//! While a run is under way, and when it is stopped.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule};

use crate::rehearsal::{Organisation, Rehearsal, is_on_a_server};

pub(crate) fn start(
    rehearsal: &Rehearsal,
    url: &str,
    arguments: &[&str],
) -> (Child, impl Iterator<Item = serde_json::Value> + use<>) {
    let mut child = rehearsal
        .process(url, &["run", "--events"])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let events = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
    (child, events)
}

/// Requests that create rows take so long.
pub(crate) fn slow(organisation: &Organisation, wait: Duration) {
    let rule = FaultRule { ms: u64::try_from(wait.as_millis()).unwrap(), ..FaultRule::new(FaultKind::Slow) }
        .on_path("*CreateMultiple");
    organisation.set_faults(FaultPlan::of([rule]));
}

/// Requests take so long that another process can look at the run meanwhile.
fn slow_enough_to_look(organisation: &Organisation) {
    slow(organisation, Duration::from_secs(if is_on_a_server() { 30 } else { 2 }));
}

#[test]
fn status_is_read_while_a_run_is_under_way() {
    let organisation = Organisation::start(1);
    slow_enough_to_look(&organisation);
    let rehearsal = Rehearsal::new();
    let (mut child, mut events) = start(&rehearsal, &organisation.url(), &[]);
    events.find(|event| event["what"] == "sending").expect("a request is sent");
    let status = rehearsal.run(&organisation.url(), &["status", "--json"]).expect(0).json();
    assert!(child.try_wait().unwrap().is_none(), "the run is still under way");
    let load =
        status["runs"].as_array().unwrap().iter().find(|run| run["step"] == "load").expect("load has begun");
    assert!(load["ended_at"].is_null());
    assert_eq!(status["at_work"], true);
    let told = rehearsal.run(&organisation.url(), &["status"]).expect(0);
    assert!(told.stdout.contains("at work"), "{}", told.stdout);
    let staged: u64 =
        status["tables"].as_array().unwrap().iter().map(|table| table["staged"].as_u64().unwrap()).sum();
    assert_eq!(staged, 6);
    events.for_each(drop);
    assert!(child.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_stopped_run_is_exit_code_4_and_goes_on_where_it_stopped() {
    let organisation = Organisation::start(1);
    slow(&organisation, Duration::from_millis(700));
    let rehearsal = Rehearsal::new();
    let (mut child, mut events) = start(&rehearsal, &organisation.url(), &[]);
    events.find(|event| event["what"] == "sending").expect("a request is sent");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    events.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(4));

    let summary = rehearsal.run(&organisation.url(), &["run", "--json"]).expect(0).json();
    assert_eq!(summary["open"], serde_json::json!([]));
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (3, 3));
}

#[test]
fn a_second_run_beside_the_first_is_refused_and_disturbs_nothing() {
    let organisation = Organisation::start(1);
    slow_enough_to_look(&organisation);
    let rehearsal = Rehearsal::new();
    let (mut child, mut events) = start(&rehearsal, &organisation.url(), &[]);
    events.find(|event| event["what"] == "sending").expect("a request is sent");
    let second = rehearsal.run(&organisation.url(), &["run"]).expect(3);
    assert!(second.stderr.contains("error: another run is at work on "), "{}", second.stderr);
    assert!(second.stderr.contains("hint: wait until it has ended"), "{}", second.stderr);
    events.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (3, 3));
}

#[test]
fn status_tells_a_killed_run_from_one_at_work_and_says_how_to_go_on() {
    let organisation = Organisation::start(1);
    slow_enough_to_look(&organisation);
    let rehearsal = Rehearsal::new();
    let (mut child, mut events) = start(&rehearsal, &organisation.url(), &[]);
    events.find(|event| event["what"] == "sending").expect("a request is sent");
    child.kill().unwrap();
    child.wait().unwrap();
    let told = rehearsal.run(&organisation.url(), &["status"]).expect(0);
    assert!(told.stdout.contains("was killed") && !told.stdout.contains("at work"), "{}", told.stdout);
    assert!(told.stdout.contains("Next:\n  dv-migrate run --project "), "{}", told.stdout);

    let finished = Rehearsal::new();
    finished.run(&organisation.url(), &["run"]).expect(0);
    let told = finished.run(&organisation.url(), &["status"]).expect(0);
    assert!(!told.stdout.contains("was killed") && !told.stdout.contains("Next:"), "{}", told.stdout);
}
