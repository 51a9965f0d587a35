//! Runs against an organisation that answers, refuses, or is not there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule};

use crate::rehearsal::{Finished, Organisation, PROJECT, Rehearsal};

#[test]
fn a_project_arrives_and_a_second_run_loads_nothing_twice() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    let first = rehearsal.run(&organisation.url(), &["run", "--json"]).expect(0).json();
    assert_eq!(first["open"], serde_json::json!([]));
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (3, 3));
    let loaded = |summary: &serde_json::Value| -> u64 {
        summary["tables"].as_array().unwrap().iter().map(|table| table["loaded"].as_u64().unwrap()).sum()
    };
    assert_eq!(loaded(&first), 6);

    let second = rehearsal.run(&organisation.url(), &["run", "--json"]).expect(0).json();
    assert_eq!(loaded(&second), 0);
    let requests =
        second["tables"].as_array().unwrap().iter().map(|table| table["requests"].as_u64().unwrap());
    assert_eq!(requests.sum::<u64>(), 0, "nothing was written");
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (3, 3));
}

#[test]
fn the_organisation_is_shown_before_anything_is_written() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run(&organisation.url(), &["run", "--until", "prepare", "--events"]).expect(0);
    let events: Vec<serde_json::Value> =
        finished.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(events[0]["event"], "connected");
    assert!(events[0]["organization_id"].is_string());
    assert_eq!(events[1]["message"], "reading the definitions of 4 tables", "the wait for them is told");
    assert_eq!(events[2], serde_json::json!({"event": "step-started", "step": "prepare"}));
}

#[test]
fn steps_can_be_done_one_by_one_and_offline_where_nobody_is_asked() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.run(&organisation.url(), &["run", "--until", "extract"]).expect(0);
    // Nobody serves this address.
    for step in ["transform", "sequence"] {
        rehearsal.run("http://127.0.0.1:9", &["run", "--only", step]).expect(0);
    }
    // After the load alone, two primary contacts are owed.
    rehearsal.run(&organisation.url(), &["run", "--only", "load"]).expect(1);
    let owed = std::fs::read_to_string(rehearsal.file("reports/owed.csv")).unwrap();
    let lines: Vec<_> = owed.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{owed}");
    assert!(
        lines.iter().all(|line| line.starts_with("account,") && line.contains(",primarycontactid,contact,"))
    );
    for step in ["settle", "verify"] {
        rehearsal.run(&organisation.url(), &["run", "--only", step]).expect(0);
    }
    assert_eq!(organisation.rows("contact"), 3);
    assert!(!rehearsal.file("reports/owed.csv").exists(), "nothing is owed any more");
}

#[test]
fn with_events_every_line_of_stderr_is_json() {
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run("http://127.0.0.1:9", &["run", "--events"]).expect(3);
    let said: Vec<serde_json::Value> = finished
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect();
    assert!(said.iter().any(|line| line["event"] == "error"), "{said:?}");
}

#[test]
fn a_demo_takes_no_project_and_no_address() {
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run("http://127.0.0.1:9", &["demo"]).expect(2);
    assert!(finished.stderr.contains("neither --project nor --url"), "{}", finished.stderr);
}

#[test]
fn an_unreachable_target_is_exit_code_3_and_leaves_nothing_behind() {
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run("http://127.0.0.1:9", &["run"]).expect(3);
    assert!(finished.stderr.contains("asking http://127.0.0.1:9/ who we are"), "{}", finished.stderr);
    assert!(finished.stderr.contains("hint:"), "{}", finished.stderr);
    assert!(rehearsal.staging().is_none());
}

#[test]
fn a_refusing_target_is_exit_code_3() {
    let organisation = Organisation::start(1);
    organisation.set_faults(FaultPlan::of([FaultRule::new(FaultKind::Unavailable).on_path("*WhoAmI*")]));
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run(&organisation.url(), &["run"]).expect(3);
    assert!(finished.stderr.contains("who we are"), "{}", finished.stderr);
    assert!(rehearsal.staging().is_none());
}

/// Somebody who gives every request the same answer.
fn always(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn who_is_refused_reads_why_and_what_to_check() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    let refused = |url: &str, token: &str, arguments: &[&str]| {
        let output = rehearsal.command(url, arguments).env("DV_TOKEN", token).output().unwrap();
        let finished = Finished::of(&output).expect(3);
        assert!(rehearsal.staging().is_none());
        assert!(!finished.stderr.contains(token) && !finished.stdout.contains(token), "a secret was told");
        finished
    };
    let expired = refused(&always("401 Unauthorized"), "very-secret", &["run"]);
    assert!(expired.stderr.contains("who we are: WhoAmI: refused"), "{}", expired.stderr);
    assert!(
        expired.stderr.contains("hint: the token was not accepted: it has expired"),
        "{}",
        expired.stderr
    );
    assert!(expired.stderr.contains("then go on with: dv-migrate run --project"), "{}", expired.stderr);
    assert!(!expired.stderr.contains('\u{1b}'), "no colours in a file: {}", expired.stderr);

    let stranger = refused(&always("403 Forbidden"), "very-secret", &["run"]);
    assert!(stranger.stderr.contains("give it a security role"), "{}", stranger.stderr);
    let elsewhere = refused(&always("404 Not Found"), "very-secret", &["run"]);
    assert!(elsewhere.stderr.contains("target.url is the root of an environment"), "{}", elsewhere.stderr);
    let preflight = refused(&always("401 Unauthorized"), "very-secret", &["preflight"]);
    assert!(preflight.stdout.contains("hint: the token was not accepted"), "{}", preflight.stdout);

    // The emulator knows four users.
    let output =
        rehearsal.command(&organisation.url(), &["run"]).env("DV_TOKEN", "user-99").output().unwrap();
    let unknown = Finished::of(&output).expect(3);
    assert!(unknown.stderr.contains("is not a member of the organization"), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("add the application user"), "{}", unknown.stderr);
}

#[test]
fn rows_that_do_not_fit_are_exit_code_1_and_the_others_load() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.write("source/Contact.csv", "Id,Name,Account\nC1,Anna,A1\nC2,Bo,A2\nC3,Cleo,A9\n");
    let finished = rehearsal.run(&organisation.url(), &["run"]).expect(1);
    assert!(finished.stdout.contains("contact: 1 of 3 rows are in error"), "{}", finished.stdout);
    assert_eq!(organisation.rows("contact"), 2);
    let errors = std::fs::read_to_string(rehearsal.file("reports/errors.csv")).unwrap();
    assert!(
        errors
            .lines()
            .any(|line| line.starts_with("contact,Contact,C3,") && line.contains("parentcustomerid")),
        "{errors}"
    );
}

#[test]
fn a_token_of_a_real_environment_comes_from_the_environment() {
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run("https://contoso.example.invalid", &["run"]).expect(2);
    assert!(finished.stderr.contains("DV_TOKEN is not set"), "{}", finished.stderr);
}

#[test]
fn preflight_says_what_it_found_and_writes_nothing() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    let finished = rehearsal.run(&organisation.url(), &["preflight", "--json"]).expect(0).json();
    let about: Vec<&str> =
        finished["checks"].as_array().unwrap().iter().map(|check| check["about"].as_str().unwrap()).collect();
    for question in
        ["who and where", "tables and columns", "alternate keys", "privileges", "sequence numbers"]
    {
        assert!(about.contains(&question), "{about:?}");
    }
    assert!(rehearsal.staging().is_none());

    rehearsal.write("migration.toml", &PROJECT.replace("lastname", "surname"));
    let failed = rehearsal.run(&organisation.url(), &["preflight"]).expect(2);
    assert!(failed.stdout.contains("FAIL"), "{}", failed.stdout);
    rehearsal.run("http://127.0.0.1:9", &["preflight"]).expect(3);
}
