//! Rows that were refused, once their cause is repaired.

use std::time::Duration;

use serde_json::Value;

use crate::rehearsal::{Organisation, PROJECT, Rehearsal};
use crate::stopping;

/// A project that believes a column to be longer than it is: the validation lets the first account pass, and Dataverse
/// refuses it.
fn refused() -> (Organisation, Rehearsal) {
    let organisation = Organisation::start(1);
    organisation.set_text_column("account", "new_grade", 5);
    let rehearsal = Rehearsal::new();
    rehearsal.write(
        "migration.toml",
        &PROJECT
            .replace("[target]", "[target]\noverrides = \"overrides.json\"")
            .replace("name = \"Name\"\nindustry", "name = \"Name\"\nnew_grade = \"Grade\"\nindustry"),
    );
    rehearsal.write(
        "overrides.json",
        r#"{"overrides":[{"table":"account","column":"new_grade","max_length":50,"source":"a mistake"}]}"#,
    );
    rehearsal.write(
        "source/Account.csv",
        "Id,Name,Industry,Parent,Contact,Grade\nA1,Alpha,Accounting,,C1,excellent\nA2,Beta,Consulting,A1,C2,\nA3,Gamma,,A2,,\n",
    );
    (organisation, rehearsal)
}

fn account(summary: &Value, count: &str) -> u64 {
    let tables = summary["tables"].as_array().unwrap();
    tables.iter().find(|table| table["table"] == "account").unwrap()[count].as_u64().unwrap()
}

#[test]
fn refused_rows_are_left_until_they_are_asked_for_and_then_arrive_once() {
    let (organisation, rehearsal) = refused();
    let url = organisation.url();
    let first = rehearsal.run(&url, &["run"]).expect(1);
    assert!(first.stdout.contains("account: 1 of 3 rows are in error"), "{}", first.stdout);
    assert!(first.stdout.contains("--retry-errors     once the cause is repaired"), "{}", first.stdout);

    organisation.set_text_column("account", "new_grade", 50);
    let without = rehearsal.run(&url, &["run", "--json"]).expect(1).json();
    assert_eq!((account(&without, "refused"), account(&without, "loaded")), (1, 0));
    assert_eq!(organisation.rows("account"), 2);

    let with = rehearsal.run(&url, &["run", "--json", "--retry-errors"]).expect(0);
    assert!(with.stderr.contains("account: 1 row that Dataverse refused is taken again"), "{}", with.stderr);
    let with = with.json();
    assert_eq!((account(&with, "retried"), account(&with, "loaded")), (1, 1));
    assert_eq!(account(&with, "refused"), 0);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (3, 3));

    let again = rehearsal.run(&url, &["run", "--json", "--retry-errors"]).expect(0);
    assert!(again.stderr.contains("no row that Dataverse refused is left"), "{}", again.stderr);
    let again = again.json();
    assert_eq!((account(&again, "retried"), account(&again, "requests")), (0, 0));
    assert_eq!(organisation.rows("account"), 3);
}

#[test]
fn pairs_wait_for_a_refused_end_and_every_staged_row_has_its_place() {
    let (organisation, rehearsal) = refused();
    let project = std::fs::read_to_string(rehearsal.file("migration.toml")).unwrap();
    let more = "[[map]]\ntable = \"lead\"\nsource = \"Lead\"\nkey = \"Id\"\n[map.columns]\nlastname = \"Name\"\nsubject = \"Name\"\n\
        [[map]]\ntable = \"accountleads\"\nsource = \"Pair\"\nkey = \"Id\"\n[map.columns]\n\
        accountid = { lookup = \"Account\", to = \"account\" }\nleadid = { lookup = \"Lead\", to = \"lead\" }\n";
    rehearsal.write("migration.toml", &(project + more));
    rehearsal.write("source/Lead.csv", "Id,Name\nL1,Lena\n");
    rehearsal.write("source/Pair.csv", "Id,Account,Lead\nP1,A1,L1\nP2,A2,L1\n");
    let first = rehearsal.run(&organisation.url(), &["run"]).expect(1);
    let waiting = "accountleads: 1 pair waits for an end that has not arrived";
    assert!(first.stdout.contains(waiting), "{}", first.stdout);
    assert!(!first.stdout.contains("migration.Difference"), "{}", first.stdout);
    let sum = "7 loaded + 1 in error + 1 owed = 9 staged rows";
    assert!(first.stderr.contains(sum), "{}", first.stderr);

    organisation.set_text_column("account", "new_grade", 50);
    let with = rehearsal.run(&organisation.url(), &["run", "--retry-errors"]).expect(0);
    assert!(with.stderr.contains("9 loaded = 9 staged rows"), "{}", with.stderr);
}

#[test]
fn rows_whose_cause_is_not_repaired_are_refused_again() {
    let (organisation, rehearsal) = refused();
    rehearsal.run(&organisation.url(), &["run"]).expect(1);
    let again = rehearsal.run(&organisation.url(), &["run", "--json", "--retry-errors"]).expect(1).json();
    assert_eq!((account(&again, "retried"), account(&again, "refused")), (1, 1));
    assert_eq!((account(&again, "errors"), organisation.rows("account")), (1, 2));
}

#[test]
fn a_retry_that_was_killed_is_carried_on_by_any_run() {
    let (organisation, rehearsal) = refused();
    rehearsal.run(&organisation.url(), &["run"]).expect(1);
    organisation.set_text_column("account", "new_grade", 50);
    stopping::slow(&organisation, Duration::from_millis(700));
    let (mut child, mut events) = stopping::start(&rehearsal, &organisation.url(), &["--retry-errors"]);
    events.find(|event| event["event"] == "notice" && event["step"] == "load").expect("a row is taken again");
    child.kill().unwrap();
    child.wait().unwrap();
    rehearsal.run(&organisation.url(), &["run"]).expect(0);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (3, 3));
}

#[test]
fn a_retry_that_would_send_nothing_is_wrong_usage() {
    let (organisation, rehearsal) = refused();
    for steps in [["--until", "transform"], ["--only", "sequence"], ["--only", "verify"]] {
        let arguments = ["run", "--retry-errors", steps[0], steps[1]];
        let finished = rehearsal.run(&organisation.url(), &arguments).expect(2);
        assert!(finished.stderr.contains("taken again by the step load"), "{}", finished.stderr);
        assert!(finished.stderr.contains("hint: leave out --only and --until"), "{}", finished.stderr);
    }
    assert!(rehearsal.staging().is_none());
}

#[test]
fn corrected_decisions_about_choices_load_their_rows_on_the_next_run() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    let accounts = "Id,Name,Industry,Parent,Contact\nA1,Alpha,Bean counting,,C1\nA2,Beta,Consulting,A1,C2\n";
    rehearsal.write("source/Account.csv", accounts);
    rehearsal.write("source/Contact.csv", "Id,Name,Account\nC1,Anna,A1\nC2,Bo,A2\n");
    let first = rehearsal.run(&organisation.url(), &["run", "--json"]).expect(1).json();
    assert_eq!((account(&first, "errors"), account(&first, "refused")), (1, 0));
    assert_eq!(organisation.rows("account"), 1);

    let decision = "SourceTable,TargetTable,TargetColumn,SourceText,TargetText,TargetValue\n\
        Account,account,industrycode,Bean counting,Accounting,\n";
    rehearsal.write("optionset-mapping.csv", decision);
    let second = rehearsal.run(&organisation.url(), &["run", "--json"]).expect(0).json();
    assert_eq!((account(&second, "loaded"), account(&second, "errors")), (1, 0));
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (2, 2));
}
