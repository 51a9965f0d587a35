//! Several processes on one staging database.

use std::time::Duration;

use crate::world::{Organisation, Rehearsal};

#[test]
fn a_second_process_joins_in_and_nothing_is_doubled() {
    let organisation = Organisation::start();
    organisation.slow(Duration::from_millis(120));
    let project = Rehearsal::large(400);
    organisation.prepare(&project);
    let (mut first, mut events) = project.start(&organisation, &["--set", "load.concurrency=2"]);
    events.find(|event| event["what"] == "sending").expect("a request is sent");
    let second = project.load(&organisation, &["--json", "--set", "load.concurrency=2"]).expect(0).json();
    events.for_each(drop);
    assert!(first.wait().unwrap().success());
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (400, 400));
    let shared: u64 =
        second["tables"].as_array().unwrap().iter().map(|table| table["loaded"].as_u64().unwrap()).sum();
    assert!(shared > 0, "the second process did nothing: {second}");
    assert_eq!(second["open"], serde_json::json!([]));
}

#[test]
fn a_process_that_is_killed_is_taken_over_by_the_other() {
    let organisation = Organisation::start();
    organisation.slow(Duration::from_millis(120));
    let project = Rehearsal::large(400);
    organisation.prepare(&project);
    let (mut first, mut events) = project.start(&organisation, &["--set", "load.concurrency=2"]);
    events.find(|event| event["what"] == "sending").expect("a request is sent");
    let (mut second, mut others) = project.start(&organisation, &["--set", "load.concurrency=2"]);
    others.find(|event| event["what"] == "sending").expect("the second joins in");
    first.kill().unwrap();
    first.wait().unwrap();
    others.for_each(drop);
    assert!(second.wait().unwrap().success());
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (400, 400));
    let after = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!(after["open"], serde_json::json!([]));
}
