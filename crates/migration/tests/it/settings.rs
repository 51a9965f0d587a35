//! File, environment and flags, one over the other.

use std::fs;
use std::time::Duration;

use migration::{Auth, Overrides, Project, create_project};
use tempfile::TempDir;

fn overrides(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Overrides {
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    Overrides { environment: owned(environment).into_iter().collect(), flags: owned(flags) }
}

fn project() -> TempDir {
    let folder = TempDir::new().unwrap();
    create_project(folder.path()).unwrap();
    folder
}

#[test]
fn the_project_that_init_writes_passes_its_own_parser() {
    let folder = project();
    let project = Project::open(folder.path(), &Overrides::default()).expect("the template is right");
    assert_eq!(project.settings().maps.len(), 1);
    assert_eq!(project.settings().maps[0].columns.len(), 4);
}

#[test]
fn every_commented_setting_of_the_template_is_one_that_exists() {
    let folder = project();
    let path = folder.path().join("migration.toml");
    let mut text = String::new();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let uncommented = line.strip_prefix("# ").filter(|rest| {
            let setting = rest.split(" = ").next().unwrap_or_default();
            rest.starts_with('[')
                || rest.contains(" = ") && setting.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        });
        text.push_str(uncommented.unwrap_or(line));
        text.push('\n');
    }
    let text = text.replace("mode = \"match\"", "").replace("match_on = [\"name\"]", "");
    fs::remove_file(folder.path().join("source/Account.csv")).unwrap();
    for file in ["overrides.json", "scripts/account.sql", "source/export-2026/Account.csv.gz"] {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    let project = Project::parse(folder.path(), &text, &Overrides::default()).map_err(|e| e.to_string());
    let settings = project.expect("every example is valid").settings().clone();
    assert_eq!(
        settings.load,
        migration::Load { batch: Some(100), concurrency: Some(8), ..Default::default() },
        "the comments state the defaults"
    );
    assert!(settings.maps[0].columns.contains_key("ownerid"), "the last example was read");
}

#[test]
fn init_overwrites_nothing() {
    let folder = project();
    let error = create_project(folder.path()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let folder = project();
    let file = Project::open(folder.path(), &Overrides::default()).unwrap();
    assert_eq!(file.settings().target.url.as_str(), "https://contoso.crm.dynamics.com/");
    assert_eq!(file.settings().load.chunk, 5_000);
    assert!(matches!(file.settings().target.auth, Auth::ClientSecret { .. }));

    let environment = [
        ("DV__TARGET__URL", "http://127.0.0.1:5000"),
        ("DV__TARGET__AUTH", "static-token"),
        ("DV__LOAD__CHUNK", "50"),
        ("DV__LOAD__QUIET_TIME", "300ms"),
    ];
    let layered = Project::open(folder.path(), &overrides(&environment, &[])).unwrap();
    assert_eq!(layered.settings().target.url.as_str(), "http://127.0.0.1:5000/");
    assert_eq!(layered.settings().target.auth, Auth::StaticToken);
    assert_eq!(layered.settings().load.chunk, 50);
    assert_eq!(layered.settings().load.quiet_time, Duration::from_millis(300));
    assert_eq!(layered.settings().owners, file.settings().owners, "the file shows through");

    let flags = [("load.chunk", "7"), ("target.url", "http://127.0.0.1:6000")];
    let flagged = Project::open(folder.path(), &overrides(&environment, &flags)).unwrap();
    assert_eq!(flagged.settings().load.chunk, 7);
    assert_eq!(flagged.settings().target.url.as_str(), "http://127.0.0.1:6000/");
}

#[test]
fn a_certificate_is_a_file_of_the_project_and_an_authority_is_an_https_address() {
    let folder = project();
    let flags = [("target.auth", "client-certificate"), ("target.certificate", "app.pem")];
    let missing = Project::open(folder.path(), &overrides(&[], &flags)).unwrap_err();
    assert!(missing.to_string().contains("there is no file"), "{missing}");
    std::fs::write(folder.path().join("app.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
    let opened = Project::open(folder.path(), &overrides(&[], &flags)).unwrap();
    let expected = folder.path().join("app.pem");
    assert!(
        matches!(&opened.settings().target.auth, Auth::ClientCertificate { certificate, .. } if *certificate == expected)
    );
    let nowhere =
        Project::open(folder.path(), &overrides(&[], &[("target.auth", "client-certificate")])).unwrap_err();
    assert!(nowhere.to_string().contains("`certificate`, a PEM file"), "{nowhere}");
    let plain =
        Project::open(folder.path(), &overrides(&[], &[("target.authority", "http://a")])).unwrap_err();
    assert!(plain.to_string().contains("is no https address"), "{plain}");
    let there = [("target.authority", "https://login.microsoftonline.us")];
    let opened = Project::open(folder.path(), &overrides(&[], &there)).unwrap();
    assert_eq!(
        opened.settings().target.authority.as_ref().unwrap().host_str(),
        Some("login.microsoftonline.us")
    );
}

#[test]
fn paths_are_meant_from_the_project_folder() {
    let folder = project();
    let project = Project::open(folder.path(), &Overrides::default()).unwrap();
    assert_eq!(project.settings().staging.path(), Some(folder.path().join("staging.db").as_path()));
    let source = &project.settings().source;
    assert_eq!(source.tables[0].path_in(&source.folder), folder.path().join("source/Account.csv"));
}
