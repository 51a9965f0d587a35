//! `dv-sequence` as people run it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod lists;
mod outputs;
mod project;
mod report;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const HEADER: &str = "table,column,target,required,filled_rows\n";

fn run(graph: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dv-sequence"))
        .arg("--graph")
        .arg(graph)
        .args(arguments)
        .output()
        .unwrap()
}

fn written(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("graph.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[track_caller]
fn plan(text: &str, arguments: &[&str]) -> Value {
    let (_folder, path) = written(text);
    let output = run(&path, &[&["--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn refused(text: &str, arguments: &[&str]) -> String {
    let (folder, path) = written(text);
    let output = run(&path, arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap().replace(&format!("{}/", folder.path().display()), "")
}

const CRM: &str = "table,column,target,required,filled_rows\n\
                   account,primarycontactid,contact,false,1500\n\
                   contact,parentcustomerid,account,FALSE,9000\n\
                   contact,parentcustomerid,lead,false,12\n\
                   opportunity,customerid,account,True,4000\n\
                   account,parentaccountid,account,false,300\n";

#[test]
fn json_is_one_object_with_the_plan() {
    let plan = plan(CRM, &[]);
    assert_eq!(plan["waves"], json!([["account", "lead"], ["contact", "opportunity"]]));
    assert_eq!(
        plan["deferred"],
        json!([{ "table": "account", "column": "primarycontactid", "target": "contact", "rows": 1500 }])
    );
    assert_eq!(plan["levels"], json!([{ "table": "account", "column": "parentaccountid" }]));
    assert_eq!((&plan["cost"], &plan["proven"], &plan["bound"]), (&json!(1500), &json!(true), &json!(1500)));
}

#[test]
fn the_guides_order_is_there_with_what_it_costs() {
    let text = "table,column,target,required,filled_rows\n\
                order,customer,customer,false,1000\ncustomer,region,region,false,100\ncustomer,owner,owner,false,100\n";
    let plan = plan(text, &["--strategy", "lookup-count"]);
    assert_eq!(plan["waves"], json!([["owner"], ["region"], ["order"], ["customer"]]));
    assert_eq!((&plan["cost"], &plan["proven"], &plan["bound"]), (&json!(1000), &json!(false), &json!(0)));
    let (_folder, path) = written(text);
    insta::assert_snapshot!(String::from_utf8(run(&path, &[]).stdout).unwrap());
}

#[test]
fn ignored_lookups_play_no_part() {
    assert_eq!(plan(CRM, &["--ignore", "primarycontactid"])["cost"], json!(0));
    assert_eq!(plan(CRM, &["--ignore", "x.y,contact.parentcustomerid:account"])["cost"], json!(0));
    assert_eq!(plan(CRM, &["--ignore", ":contact"])["cost"], json!(0));
    assert!(refused(CRM, &["--ignore", "account."]).contains("none of COLUMN"));
}

#[test]
fn every_mistake_is_reported_with_its_line_at_once() {
    let text = "table,column,target,required,filled_rows\n\
                a,x,b,false,1\n\
                b,y,a,maybe,-3\n\
                a,x,b,false,1\n\
                c,z\n\
                ,z,a,false,many\n\
                c,z,a,false,1,1\n\
                d,z,a,,1.5\n";
    insta::assert_snapshot!(refused(text, &["--json"]), @r#"
    error: graph.csv, line 3: required is "maybe", which is neither true nor false
    error: graph.csv, line 3: filled_rows is "-3", a count cannot be negative
    error: graph.csv, line 4: a.x -> b is already on line 2
    error: graph.csv, line 5: 2 values where the header has 5 columns
    error: graph.csv, line 6: table is empty
    error: graph.csv, line 6: filled_rows is "many", which is no whole number
    error: graph.csv, line 7: 6 values where the header has 5 columns
    error: graph.csv, line 8: required is empty
    error: graph.csv, line 8: filled_rows is "1.5", which is no whole number
    "#);
}

#[test]
fn lines_are_counted_as_an_editor_shows_them() {
    let lines = "\na,x,b,false,1\n\n\na,x,b,false,1\n\"q\nq\",x,b,false,1\n\nb,y,a,maybe,1\n";
    let expected = [
        "line 6: a.x -> b is already on line 3",
        "line 10: required is \"maybe\", which is neither true nor false",
    ];
    let text = format!("{HEADER}{lines}");
    for text in [text.clone(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
        let printed = refused(&text, &[]);
        let found: Vec<&str> =
            printed.lines().filter_map(|line| line.split_once(", ")).map(|it| it.1).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn a_list_with_other_separators_is_told_so() {
    let printed = refused("table;column;target;required;filled_rows\na;x;b;false;1\n", &[]);
    assert!(printed.contains("line 1: the values are separated by ';' and not by commas"), "{printed}");
}

#[test]
fn a_header_without_its_columns_is_refused() {
    insta::assert_snapshot!(refused("table,colum,target,required\na,x,b,true\n", &[]), @r#"
    error: graph.csv, line 1: the column "colum" is unknown
    error: graph.csv, line 1: the column column is missing
    error: graph.csv, line 1: the column filled_rows is missing
    hint: the first line is table,column,target,required,filled_rows; see dv-sequence --help
    "#);
    assert!(refused("", &[]).contains("line 1: the file is empty"));
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let output = run(Path::new("/nowhere/graph.csv"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nowhere/graph.csv cannot be read"));
}

#[test]
fn a_cycle_of_required_lookups_is_named_with_what_to_do() {
    let text = format!("{HEADER}a,x,b,true,1\nb,y,a,true,1\n");
    insta::assert_snapshot!(refused(&text, &[]), @"
    error: graph.csv: no table can be loaded first, since lookups that cannot wait form a cycle: a.x -> b (required), b.y -> a (required)
    hint: point one of these lookups to a placeholder row that is loaded first and correct it afterwards, make the column optional while loading, or load one of these tables with another key so that its rows are there already
    ");
}

#[test]
fn a_byte_order_mark_quotes_windows_line_ends_and_any_column_order_are_read() {
    let text =
        "\u{feff}filled_rows,table,target,column,required\r\n7,\"a\",b,x,false\r\n5,b,\"a\",y,false\r\n";
    assert_eq!(plan(text, &[])["cost"], json!(5));
}

#[test]
fn pictures_are_written_and_printed() {
    let (folder, path) = written(CRM);
    let (svg, html) = (folder.path().join("plan.svg"), folder.path().join("plan.html"));
    let output = run(&path, &["--mermaid", "--svg", svg.to_str().unwrap(), "--html", html.to_str().unwrap()]);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("flowchart RL"));
    assert!(std::fs::read_to_string(svg).unwrap().contains("1,500 rows"));
    assert!(std::fs::read_to_string(html).unwrap().starts_with("<!doctype html>"));
    assert!(String::from_utf8(run(&path, &["--dot"]).stdout).unwrap().starts_with("digraph"));
    assert_eq!(run(&path, &["--dot", "--json"]).status.code(), Some(2));
}

#[test]
fn without_time_for_the_proof_the_plan_says_how_far_it_may_be_off() {
    let plan = plan(CRM, &["--proof-seconds", "0"]);
    assert!(plan["bound"].as_u64() <= plan["cost"].as_u64());
    assert!(refused(CRM, &["--proof-seconds", "-1"]).contains("proof-seconds"));
}

#[test]
fn a_whole_organisation_is_read_from_a_packed_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sequence/organisation.csv.gz");
    let output = run(
        &path,
        &[
            "--json",
            "--ignore",
            "createdby,createdonbehalfby,modifiedby,modifiedonbehalfby,ownerid,owningbusinessunit,owningteam,owninguser,transactioncurrencyid",
        ],
    );
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&plan["proven"], plan["components"][0]["tables"].as_array().unwrap().len()),
        (&json!(true), 525)
    );
}
