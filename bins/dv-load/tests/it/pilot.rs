//! A trial with some rows before the full load.

use crate::world::{Organisation, PROJECT, Rehearsal};

fn rows(organisation: &Organisation) -> (u64, u64) {
    (organisation.rows("account"), organisation.rows("contact"))
}

#[test]
fn a_pilot_takes_what_its_rows_need_and_what_hangs_on_them_and_the_load_goes_on_after_it() {
    let organisation = Organisation::start();
    // A3 needs A2, which needs A1; C2 and C3 hang on A3, and C9, A3's own contact, needs A4.
    let project = Rehearsal::with(
        PROJECT,
        "Id,Name,Parent,Contact\nA3,Gamma,A2,C9\nA1,Alpha,,\nA2,Beta,A1,\nA4,Delta,,\nA5,Epsilon,,C5\n",
        "Id,Name,Account\nC1,Anna,A1\nC2,Bo,A3\nC3,Cleo,A3\nC5,Eve,A5\nC9,Ida,A4\n",
    );
    organisation.prepare(&project);
    let pilot = project.load(&organisation, &["--pilot", "1", "--table", "account"]).expect(0);
    assert!(pilot.stdout.contains("loads the rest"), "{}", pilot.stdout);
    assert!(
        pilot.stderr.contains("account: in the trial load: 3 needed by others, 1 to try"),
        "{}",
        pilot.stderr
    );
    assert_eq!(rows(&organisation), (4, 3));
    let linked = organisation.get("accounts/$count?$filter=_primarycontactid_value%20ne%20null");
    assert!(linked.ends_with('1'), "the deferred lookup went through its pass as well: {linked}");

    let rest = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!(rows(&organisation), (5, 5));
    assert_eq!(rest["open"], serde_json::json!([]));
    let created = rest["tables"].as_array().unwrap().iter().map(|table| table["loaded"].as_u64().unwrap());
    assert_eq!(created.sum::<u64>(), 3, "nothing of the trial was sent again");
}

#[test]
fn a_pilot_that_is_killed_is_carried_on_with_the_same_rows() {
    let organisation = Organisation::start();
    organisation.slow(std::time::Duration::from_millis(300));
    let project = Rehearsal::large(100);
    organisation.prepare(&project);
    let arguments = ["--pilot", "20", "--table", "account", "--set", "load.concurrency=1"];
    let (mut child, mut events) = project.start(&organisation, &arguments);
    events.find(|event| event["what"] == "recorded").expect("a request is answered");
    child.kill().unwrap();
    child.wait().unwrap();
    let again = project.load(&organisation, &["--pilot", "20", "--table", "account"]).expect(0);
    assert!(again.stderr.contains("is carried on"), "{}", again.stderr);
    assert_eq!(rows(&organisation), (20, 20));
    let more = project.load(&organisation, &["--pilot", "5", "--table", "contact"]).expect(0);
    assert!(!more.stderr.contains("is carried on"), "{}", more.stderr);
    assert_eq!(rows(&organisation), (25, 25));
    project.load(&organisation, &[]).expect(0);
    assert_eq!(rows(&organisation), (100, 100));
}

#[test]
fn a_pilot_of_a_table_that_is_not_loaded_names_those_that_are() {
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    organisation.prepare(&project);
    let refused = project.load(&organisation, &["--pilot", "1", "--table", "acount"]).expect(2);
    assert!(refused.stderr.contains("acount is no table that this project loads"), "{}", refused.stderr);
    assert_eq!(rows(&organisation), (0, 0));
}
