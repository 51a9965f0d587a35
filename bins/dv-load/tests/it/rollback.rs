//! Taking back what a run created.

use std::time::Duration;

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule};

use crate::world::{Organisation, Rehearsal};

fn rows(organisation: &Organisation) -> (u64, u64) {
    (organisation.rows("account"), organisation.rows("contact"))
}

#[test]
fn what_a_run_created_is_deleted_and_can_be_loaded_again() {
    let organisation = Organisation::start();
    let project = Rehearsal::large(60);
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    assert_eq!(rows(&organisation), (60, 60));
    let runs = project.load(&organisation, &["--runs", "--json"]).expect(0).json();
    assert_eq!((runs[0]["created"].as_u64(), runs[1].is_null()), (Some(120), true));
    let run = runs[0]["run"].to_string();

    let unasked = project.load(&organisation, &["--rollback", &run]).expect(2);
    assert!(unasked.stderr.contains("was not confirmed"), "{}", unasked.stderr);
    assert_eq!(rows(&organisation), (60, 60));

    let summary = project.load(&organisation, &["--rollback", &run, "--yes", "--json"]).expect(0).json();
    assert_eq!(rows(&organisation), (0, 0));
    let deleted: u64 =
        summary["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_u64().unwrap()).sum();
    assert_eq!(deleted, 120);
    let again = project.load(&organisation, &["--rollback", &run, "--yes"]).expect(2);
    assert!(again.stderr.contains("created no row that is still there"), "{}", again.stderr);

    let loaded = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!(rows(&organisation), (60, 60));
    assert_eq!(loaded["open"], serde_json::json!([]));
    let linked = organisation.get("accounts/$count?$filter=_primarycontactid_value%20ne%20null");
    assert!(linked.ends_with("60"), "{linked}");
    project.load(&organisation, &["--rollback", "last", "--yes"]).expect(0);
    assert_eq!(rows(&organisation), (0, 0));
}

#[test]
fn rows_of_other_runs_stay_and_owe_what_was_taken_from_them() {
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    // Contacts have no parent in this one, and their accounts name them.
    project.write("source/Contact.csv", "Id,Name,Account\nC1,Anna,\n");
    project.write("source/Account.csv", "Id,Name,Parent,Contact\nA1,Alpha,,C1\n");
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    project.write("source/Contact.csv", "Id,Name,Account\nC1,Anna,\nC2,Bo,A1\n");
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    assert_eq!(rows(&organisation), (1, 2));
    // The second run created one contact only.
    project.load(&organisation, &["--rollback", "last", "--yes"]).expect(0);
    assert_eq!(rows(&organisation), (1, 1));
    project.load(&organisation, &[]).expect(0);
    assert_eq!(rows(&organisation), (1, 2));
}

#[test]
fn children_that_the_project_does_not_know_stop_a_rollback_before_it_deletes_anything() {
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    let found = organisation.get("accounts?$select=accountid&$top=1");
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let account = found["value"][0]["accountid"].as_str().unwrap().to_owned();
    let body =
        format!(r#"{{"lastname":"Stranger","parentcustomerid_account@odata.bind":"/accounts({account})"}}"#);
    assert!(organisation.request("POST", "contacts", &body).starts_with("HTTP/1.1 204"));

    let stopped = project.load(&organisation, &["--rollback", "last", "--yes"]).expect(4);
    assert!(
        stopped.stderr.contains("contact (parentcustomerid): 1 rows that this project does not know"),
        "{}",
        stopped.stderr
    );
    assert_eq!(rows(&organisation), (3, 4));
    // Nothing was begun: loading goes on as if nobody had asked.
    project.load(&organisation, &[]).expect(0);
    project.load(&organisation, &["--rollback", "last", "--yes", "--take-along", "contact"]).expect(0);
    assert_eq!(rows(&organisation), (0, 0), "the stranger went along, as was asked for");
}

#[test]
fn rows_whose_answer_was_lost_are_taken_back_as_well() {
    let organisation = Organisation::start();
    let project = Rehearsal::large(60);
    organisation.prepare(&project);
    let lost =
        FaultRule { every: Some(4), ..FaultRule::new(FaultKind::LoseAnswer) }.on_path("*CreateMultiple");
    organisation.set_faults(FaultPlan::of([lost]));
    let loaded = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!(loaded["open"], serde_json::json!([]));
    organisation.set_faults(FaultPlan::default());
    assert_eq!(rows(&organisation), (60, 60));
    project.load(&organisation, &["--rollback", "last", "--yes"]).expect(0);
    assert_eq!(rows(&organisation), (0, 0));
}

#[test]
fn a_rollback_that_is_killed_again_and_again_ends_as_if_nothing_had_happened() {
    let organisation = Organisation::start();
    let project = Rehearsal::large(200);
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    let slow = FaultRule { ms: 60, ..FaultRule::new(FaultKind::Slow) }.on_path("*$batch");
    organisation.set_faults(FaultPlan::of([slow]));
    let arguments = ["--rollback", "last", "--yes", "--set", "load.concurrency=2"];
    for kill in 0..4_usize {
        let (mut child, mut events) = project.start(&organisation, &arguments);
        let found = events
            .by_ref()
            .filter(|event| event["what"] == "answered" || event["part"] == "forget what is gone")
            .nth(3 * kill);
        if kill == 0 {
            assert!(found.is_some(), "the rollback sends");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if found.is_none() {
            break;
        }
        let refused = project.load(&organisation, &[]).expect(2);
        assert!(refused.stderr.contains("is not finished"), "{}", refused.stderr);
    }
    organisation.set_faults(FaultPlan::default());
    project.load(&organisation, &["--rollback", "last", "--yes"]).expect(0);
    assert_eq!(rows(&organisation), (0, 0));
    let loaded = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!(loaded["open"], serde_json::json!([]));
    assert_eq!(rows(&organisation), (200, 200));
    let linked = organisation.get("contacts/$count?$filter=_parentcustomerid_value%20ne%20null");
    assert!(linked.ends_with("200"), "{linked}");
}

#[test]
fn a_load_that_was_killed_can_be_taken_back() {
    let organisation = Organisation::start();
    organisation.slow(Duration::from_millis(80));
    let project = Rehearsal::large(200);
    organisation.prepare(&project);
    let (mut child, mut events) = project.start(&organisation, &["--set", "load.concurrency=2"]);
    events.by_ref().filter(|event| event["what"] == "recorded").nth(4).expect("rows arrive");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(rows(&organisation).0 + rows(&organisation).1 > 0);
    project.load(&organisation, &["--rollback", "last", "--yes"]).expect(0);
    assert_eq!(rows(&organisation), (0, 0));
}
