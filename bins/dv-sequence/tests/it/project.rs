//! The lookups of a migration project, counted where its rows are staged.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use dataverse_emulator::{Emulator, Options};
use migration::{Overrides, Project, RunOptions, Step, Steps};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROJECT: &str = r#"
[project]
name = "order"
[target]
url = "http://127.0.0.1:1"
auth = "static-token"
[owners]
fallback = { table = "systemuser", id = "me" }
[[map]]
table = "account"
source = "Account"
key = "Id"
[map.columns]
name = "Name"
parentaccountid = { lookup = "Parent", to = "account" }
primarycontactid = { lookup = "Contact", to = "contact" }
[[map]]
table = "contact"
source = "Contact"
key = "Id"
[map.columns]
lastname = "Name"
parentcustomerid = { lookup = "Account", to = "account" }
"#;

fn project() -> TempDir {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(folder.path().join("migration.toml"), PROJECT).unwrap();
    fs::write(
        source.join("Account.csv"),
        "Id,Name,Parent,Contact\nA1,Alpha,,C1\nA2,Beta,A1,\nA3,Gamma,A2,\n",
    )
    .unwrap();
    fs::write(source.join("Contact.csv"), "Id,Name,Account\nC1,Anna,A1\nC2,Bo,A2\nC3,Cleo,A1\n").unwrap();
    folder
}

/// The project as `dv-migrate run --until` leaves it.
fn done_until(step: Step) -> TempDir {
    let folder = project();
    run_until(folder.path(), step);
    folder
}

fn run_until(folder: &Path, step: Step) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let emulator = Emulator::start(Options::default()).await.unwrap();
        let mut overrides = Overrides::default();
        overrides.flags.push(("target.url".to_owned(), emulator.url()));
        let project = Project::open(folder, &overrides).unwrap();
        let options = RunOptions { steps: Steps::until(step), ..RunOptions::default() };
        migration::run(&project, options).await.unwrap();
    });
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dv-sequence"))
        .arg("--project")
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_staged_project_is_ordered_by_its_own_counts_in_every_form() {
    let folder = done_until(Step::Sequence);
    let before = fs::read(folder.path().join("staging.db")).unwrap();
    let output = run(folder.path(), &["--json"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["waves"], json!([["account"], ["contact"]]));
    assert_eq!(
        plan["deferred"],
        json!([{ "table": "account", "column": "primarycontactid", "target": "contact", "rows": 1 }])
    );
    assert_eq!(plan["levels"], json!([{ "table": "account", "column": "parentaccountid" }]));
    let kept: Value =
        serde_json::from_slice(&fs::read(folder.path().join("reports/plan.json")).unwrap()).unwrap();
    assert_eq!(plan["cost"], kept["cost"], "what dv-migrate planned");

    let (svg, html) = (folder.path().join("plan.svg"), folder.path().join("plan.html"));
    let drawn =
        run(folder.path(), &["--dot", "--svg", svg.to_str().unwrap(), "--html", html.to_str().unwrap()]);
    assert!(String::from_utf8(drawn.stdout).unwrap().starts_with("digraph"));
    assert!(fs::read_to_string(svg).unwrap().contains("primarycontactid"));
    assert!(fs::read_to_string(html).unwrap().starts_with("<!doctype html>"));
    assert!(run(folder.path(), &["--mermaid"]).stdout.starts_with(b"flowchart"));
    let counted = run(folder.path(), &["--strategy", "lookup-count"]);
    assert!(String::from_utf8(counted.stdout).unwrap().contains("what each order writes twice"));
    assert!(
        fs::read(folder.path().join("staging.db")).unwrap() == before,
        "the staging database was changed"
    );
}

#[test]
fn tables_whose_rows_form_no_circle_are_proposed_for_row_waves() {
    let folder = project();
    // Only A2 names a contact, and that one names nobody.
    fs::write(
        folder.path().join("source/Account.csv"),
        "Id,Name,Parent,Contact\nA1,Alpha,,\nA2,Beta,A1,C1\n",
    )
    .unwrap();
    fs::write(folder.path().join("source/Contact.csv"), "Id,Name,Account\nC1,Anna,\nC2,Bo,A2\n").unwrap();
    run_until(folder.path(), Step::Sequence);
    let text = String::from_utf8(run(folder.path(), &[]).stdout).unwrap();
    let told = "row waves: the rows of account, contact form no cycle; together they load in 3 levels; requests: 1 saved, 2 added; not worth it";
    assert!(text.contains(told), "{text}");
}

#[test]
fn rows_without_levels_are_not_taken_for_a_circle() {
    let folder = done_until(Step::Transform);
    let plan: Value = serde_json::from_slice(&run(folder.path(), &["--json"]).stdout).unwrap();
    assert_eq!(plan["cost"], json!(1));
}

#[test]
fn a_project_without_rows_is_ordered_with_a_note() {
    let folder = done_until(Step::Prepare);
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("note: no rows are staged"), "{}", stderr(&output));
}

#[test]
fn a_project_that_was_never_prepared_says_what_to_run() {
    let folder = project();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("hint: dv-migrate run --project"), "{}", stderr(&output));
    assert!(!folder.path().join("staging.db").exists());
}

#[test]
fn mistakes_of_the_project_file_are_exit_code_2() {
    let folder = done_until(Step::Prepare);
    let text = PROJECT.replace("lastname = \"Name\"", "surname = \"Name\"");
    fs::write(folder.path().join("migration.toml"), text).unwrap();
    let output = run(folder.path(), &["--json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(stderr(&output).contains("map[2].columns.surname"), "{}", stderr(&output));
    fs::write(folder.path().join("migration.toml"), "[project").unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("migration.toml:1: this is not TOML"), "{}", stderr(&output));
    let output = run(&folder.path().join("nowhere"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
}

#[test]
fn a_staging_file_that_is_none_is_exit_code_2() {
    let folder = done_until(Step::Prepare);
    fs::write(folder.path().join("staging.db"), "this is no database ".repeat(100)).unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is not a staging database"), "{}", stderr(&output));
}

#[test]
fn pictures_never_overwrite_the_project() {
    let folder = done_until(Step::Prepare);
    for name in ["migration.toml", "staging.db"] {
        let path = folder.path().join(name);
        let before = fs::read(&path).unwrap();
        let output = run(folder.path(), &["--svg", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains("would overwrite what is read"), "{}", stderr(&output));
        assert!(fs::read(&path).unwrap() == before, "{name} was changed");
    }
}

#[test]
fn an_edge_list_and_a_project_exclude_each_other_and_one_is_needed() {
    let folder = project();
    let output = run(folder.path(), &["--graph", "lookups.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot be used with"), "{}", stderr(&output));
    let output = Command::new(env!("CARGO_BIN_EXE_dv-sequence")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--project <DIR>"), "{}", stderr(&output));
}
