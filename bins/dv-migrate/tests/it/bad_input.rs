//! Bad input gets exit code 2, one clear sentence, and an unchanged staging database.

use std::fs;

use crate::rehearsal::{Organisation, PROJECT, Rehearsal, is_without_a_file};

/// Spoils a project whose source is staged, and expects the sentence, exit code 2 and the same bytes in the staging database.
#[track_caller]
fn refused(spoil: impl FnOnce(&Rehearsal), sentence: &str) {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.run(&organisation.url(), &["run", "--until", "extract"]).expect(0);
    let before = rehearsal.staging().expect("the source is staged");
    spoil(&rehearsal);
    let finished = rehearsal.run(&organisation.url(), &["run"]).expect(2);
    assert!(finished.stderr.contains(sentence), "expected {sentence:?} in:\n{}", finished.stderr);
    assert!(finished.stderr.contains("nothing was changed"), "{}", finished.stderr);
    assert!(rehearsal.staging().as_ref() == Some(&before), "the staging database was changed");
    // A reader may leave an empty log behind.
    let log = fs::metadata(rehearsal.file("staging.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "something was written beside it");
    assert_eq!(organisation.rows("account"), 0);
}

#[track_caller]
fn refused_project(from: &str, to: &str, sentence: &str) {
    assert!(PROJECT.contains(from), "the project has no {from:?}");
    refused(|rehearsal| rehearsal.write("migration.toml", &PROJECT.replace(from, to)), sentence);
}

#[test]
fn a_missing_file() {
    refused(
        |rehearsal| fs::remove_file(rehearsal.file("source/Contact.csv")).unwrap(),
        "map[2].source: there is no file",
    );
}

#[test]
fn a_header_that_the_project_does_not_know() {
    let declared =
        "[[source.table]]\nname = \"Contact\"\ncolumns = [\"Id\", \"Account\"]\n[[map]]\ntable = \"account\"";
    refused_project(
        "[[map]]\ntable = \"account\"",
        declared,
        "the project does not know the header \"Name\"",
    );
}

#[test]
fn a_source_column_that_the_file_does_not_have() {
    let slip = "Contact has no column \"Nme\"; did you mean \"Name\"?";
    refused_project("lastname = \"Name\"", "lastname = \"Nme\"", slip);
}

#[test]
fn a_file_with_another_delimiter() {
    refused(
        |rehearsal| rehearsal.write("source/Contact.csv", "Id;Name;Account\nC1;Anna;A1\n"),
        "Contact has no column \"Id\"; its only column is \"Id;Name;Account\": declare the file's `delimiter`",
    );
}

#[test]
fn an_address_of_another_kind_is_one_problem() {
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run("ftp://contoso.example/crm", &["run"]).expect(2);
    assert!(finished.stderr.contains("1 problem; nothing was changed"), "{}", finished.stderr);
}

#[test]
fn a_column_mapped_to_nothing() {
    refused_project(
        "lastname = \"Name\"",
        "lastname = {}",
        "map[2].columns.lastname: the column is mapped to nothing",
    );
}

#[test]
fn a_table_that_the_target_does_not_have() {
    refused_project("table = \"contact\"", "table = \"kontakt\"", "the target has no table \"kontakt\"");
}

#[test]
fn a_column_that_the_target_does_not_have() {
    refused_project("lastname = \"Name\"", "surname = \"Name\"", "map[2].columns.surname");
}

#[test]
fn a_column_that_cannot_be_written() {
    refused_project(
        "lastname = \"Name\"",
        "lastname = \"Name\"\nmodifiedon = \"Name\"",
        "map[2].columns.modifiedon",
    );
}

#[test]
fn two_mappings_for_one_column() {
    refused_project(
        "lastname = \"Name\"",
        "lastname = \"Name\"\nlastname = \"Id\"",
        "`lastname` stands here twice",
    );
}

#[test]
fn a_broken_project_file() {
    refused_project("name = \"rehearsal\"", "name = \"rehearsal", "migration.toml:3: this is not TOML");
}

#[test]
fn a_malformed_address() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.run(&organisation.url(), &["run", "--until", "extract"]).expect(0);
    let before = rehearsal.staging();
    let finished = rehearsal.run("contoso.crm.dynamics.com", &["run"]).expect(2);
    assert!(finished.stderr.contains("--set target.url: this is not an address"), "{}", finished.stderr);
    assert!(rehearsal.staging() == before);
}

#[test]
fn a_staging_database_of_another_environment() {
    let (first, second) = (Organisation::start(1), Organisation::start(2));
    let rehearsal = Rehearsal::new();
    rehearsal.run(&first.url(), &["run", "--until", "extract"]).expect(0);
    let before = rehearsal.staging();
    let finished = rehearsal.run(&second.url(), &["run"]).expect(2);
    assert!(finished.stderr.contains("is bound to the organisation"), "{}", finished.stderr);
    assert!(rehearsal.staging() == before);
    assert_eq!(second.rows("account"), 0);
}

#[test]
fn a_decision_about_a_choice_that_does_not_exist() {
    let text = "SourceTable,TargetTable,TargetColumn,SourceText,TargetText,TargetValue\n\
        Account,account,industrycode,Farming,No Such Industry,\n";
    refused(|rehearsal| rehearsal.write("optionset-mapping.csv", text), "optionset-mapping.csv: line 2:");
}

#[test]
fn a_file_that_is_no_staging_database() {
    if is_without_a_file() {
        return;
    }
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.write("staging.db", "a shopping list");
    let finished = rehearsal.run(&organisation.url(), &["run"]).expect(2);
    assert!(finished.stderr.contains("staging.db"), "{}", finished.stderr);
    assert_eq!(rehearsal.staging().unwrap(), b"a shopping list");
}

#[test]
fn every_mistake_is_said_at_once() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    let text = PROJECT
        .replace("table = \"contact\"\nsource", "table = \"kontakt\"\nsource")
        .replace("name = \"Name\"\nindustrycode", "nam = \"Name\"\nindustrycode")
        .replace("parentaccountid = { lookup = \"Parent\"", "parentaccountid = { lookup = \"Mother\"");
    rehearsal.write("migration.toml", &text);
    let finished = rehearsal.run(&organisation.url(), &["run", "--json"]).expect(2);
    let problems = finished.json()["problems"].as_array().cloned().unwrap_or_default();
    assert!(problems.len() >= 3, "{problems:#?}");
    assert!(rehearsal.staging().is_none(), "no staging database was made");
}

#[test]
fn a_step_alone_says_what_it_needs() {
    let organisation = Organisation::start(1);
    let mut rehearsal = Rehearsal::new();
    let finished = rehearsal.run(&organisation.url(), &["run", "--only", "transform"]).expect(2);
    assert!(finished.stderr.contains("run the step prepare"), "{}", finished.stderr);
    assert!(rehearsal.staging().is_none());

    // The metadata is there, the staging database is not.
    rehearsal.run(&organisation.url(), &["run", "--until", "prepare"]).expect(0);
    rehearsal.lose_staging();
    for step in ["transform", "load", "verify"] {
        let finished = rehearsal.run(&organisation.url(), &["run", "--only", step]).expect(2);
        assert!(finished.stderr.contains("there is no staging database"), "{}", finished.stderr);
        assert!(rehearsal.staging().is_none(), "{step} made one");
    }
}

#[test]
fn a_row_that_cannot_be_read_is_told_without_a_claim_that_nothing_was_staged() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.write("source/Contact.csv", "Id,Name,Account\nC1,Anna,A1,more\n");
    let finished = rehearsal.run(&organisation.url(), &["run"]).expect(2);
    assert!(finished.stderr.contains("Contact.csv: line 2 has 4 cells"), "{}", finished.stderr);
    assert!(finished.stderr.contains("nothing was sent to Dataverse"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("nothing was changed"), "{}", finished.stderr);
    assert_eq!(organisation.rows("account"), 0);
}

#[test]
fn wrong_usage() {
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run("http://127.0.0.1:1", &["run", "--until", "lunch"]).expect(2);
    assert!(finished.stderr.contains("`lunch` is not a step"), "{}", finished.stderr);
}
