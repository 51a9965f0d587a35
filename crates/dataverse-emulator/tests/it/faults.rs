//! What goes wrong on purpose, and what must not go wrong by accident.

use std::time::Duration;

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule, Options};
use dataverse_wire::fault::ServiceCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Office, office, office_with};

async fn faulty(rule: FaultRule) -> Office {
    office_with(Options { faults: FaultPlan::of([rule]), ..Options::default() }).await
}

#[tokio::test]
async fn a_request_that_was_read_runs_to_its_end_though_its_client_is_gone() {
    let office = office().await;
    let rows: Vec<_> = (0..2_000)
        .map(|n| json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "name": format!("n{n}")}))
        .collect();
    let body = json!({ "Targets": rows }).to_string();
    let target = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(office.address()).await.unwrap();
        stream.write_all(&office.request("POST", target, &[], body.as_bytes())).await.unwrap();
        streams.push(stream);
    }
    while office.emulator.stats().requests < 8 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(streams);
    tokio::time::timeout(Duration::from_mins(1), async {
        while office.emulator.stats().rows.get("account").copied().unwrap_or(0) < 16_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("all eight requests land");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_row_behind() {
    let office = faulty(FaultRule::new(FaultKind::LoseAnswer).on_method("POST").times(1)).await;
    let body = br#"{"name":"x"}"#;
    assert!(office.try_send("POST", "accounts", &[], body).await.is_err());
    assert_eq!(office.get("accounts/$count").await.text(), "1");
    office.send("POST", "accounts", &[], body).await.ok();
    let stats = office.emulator.stats();
    assert_eq!(stats.faults["lose_answer"], 1);
    assert_eq!(stats.by_status[&204], 2, "lost answers are counted");
}

#[tokio::test]
async fn a_reset_before_does_nothing() {
    let office = faulty(FaultRule::new(FaultKind::ResetBefore).on_path("accounts").times(1)).await;
    assert!(office.try_send("POST", "accounts", &[], br#"{"name":"x"}"#).await.is_err());
    assert_eq!(office.get("accounts/$count").await.text(), "0");
}

#[tokio::test]
async fn a_late_commit_happens_after_its_client_has_given_up() {
    let rule =
        FaultRule::new(FaultKind::CommitLate).on_path("accounts").delayed_by(Duration::from_millis(200));
    let office = faulty(rule).await;
    let given_up = tokio::time::timeout(
        Duration::from_millis(50),
        office.try_send("POST", "accounts", &[], br#"{"name":"late"}"#),
    );
    assert!(given_up.await.is_err());
    assert_eq!(office.get("accounts/$count").await.text(), "0");
    tokio::time::timeout(Duration::from_secs(30), async {
        while office.get("accounts/$count").await.text() != "1" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("it lands after all");
}

#[tokio::test]
async fn sql_faults_are_500_and_keep_nothing() {
    for (kind, code, number) in [
        (FaultKind::Deadlock, "0x80044150", "Sql Number: 1205"),
        (FaultKind::SqlTimeout, "0x80044151", "Sql Number: -2"),
    ] {
        let office = faulty(FaultRule::new(kind).on_method("POST").times(1)).await;
        let message = office.post("accounts", json!({"name": "x"})).await.refused_with(500, code);
        assert!(message.contains(number), "{message}");
        assert_eq!(office.get("accounts/$count").await.text(), "0");
    }
}

#[tokio::test]
async fn throttling_and_unavailability_on_purpose_tell_when_to_come_back() {
    let rules = FaultPlan::of([
        FaultRule { retry_after: 7, ..FaultRule::new(FaultKind::Throttle).on_path("accounts").times(1) },
        FaultRule { retry_after: 9, ..FaultRule::new(FaultKind::Unavailable).on_path("contacts").times(1) },
    ]);
    let office = office().await;
    office.emulator.set_faults(rules);
    let reply = office.get("accounts").await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "7"));
    let reply = office.get("contacts").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "9"));
    office.get("accounts").await.ok();
}

#[tokio::test]
async fn faults_are_planned_over_http() {
    let office = office().await;
    let plan = br#"{"seed":7,"rules":[{"kind":"unavailable","table":"accounts","after":1,"every":2}]}"#;
    office.send("PUT", "/emulator/faults", &[], plan).await.ok();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(office.get("accounts").await.status);
    }
    assert_eq!(statuses, [200, 200, 503, 200, 503]);
    office.get("contacts").await.ok();
    assert_eq!(office.get("/emulator/faults").await.json()["seed"], 7);
    let wrong = office.send("PUT", "/emulator/faults", &[], br#"{"rules":[{"kind":"nonsense"}]}"#).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(office.get("/emulator/nonsense").await.status, 404);
}

#[tokio::test]
async fn a_slow_answer_is_late_but_its_commit_is_not() {
    let rule = FaultRule::new(FaultKind::Slow).on_method("POST").delayed_by(Duration::from_millis(400));
    let office = faulty(rule).await;
    let slow = office.post("accounts", json!({"name": "x"}));
    let look = async {
        while office.get("accounts/$count").await.text() != "1" {
            tokio::task::yield_now().await;
        }
        std::time::Instant::now()
    };
    let started = std::time::Instant::now();
    let (reply, seen) = tokio::join!(slow, look);
    assert_eq!(reply.status, 204);
    assert!(seen - started < started.elapsed());
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let settings = dataverse_emulator::Settings { max_body_bytes: 1_000, ..Default::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    let reply = office.post("accounts", json!({"description": "x".repeat(2_000)})).await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_organisation() {
    let first = office_with(Options { seed: 42, ..Options::default() }).await;
    let second = office_with(Options { seed: 42, ..Options::default() }).await;
    let other = office().await;
    assert_eq!(first.emulator.organization_id(), second.emulator.organization_id());
    assert_ne!(first.emulator.organization_id(), other.emulator.organization_id());
    let body = json!({"name": "x"});
    assert_eq!(first.create("accounts", body.clone()).await, second.create("accounts", body).await);
}

#[tokio::test]
async fn shutting_down_frees_the_address() {
    let office = office().await;
    let address = office.address();
    office.get("WhoAmI").await.ok();
    office.emulator.shutdown().await.unwrap();
    let again = office_with(Options { listen: address, ..Options::default() }).await;
    again.get("WhoAmI").await.ok();
}

#[tokio::test]
async fn an_answer_is_cut_in_the_middle_of_its_body() {
    let office = faulty(FaultRule::new(FaultKind::CutAnswer).on_path("*CreateMultiple").times(1)).await;
    let rows = json!({"Targets": [
        {"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "a"},
        {"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "b"},
    ]});
    let target = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    let mut stream = TcpStream::connect(office.address()).await.unwrap();
    stream.write_all(&office.request("POST", target, &[], rows.to_string().as_bytes())).await.unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    let ended = loop {
        match stream.read(&mut chunk).await {
            Ok(0) => break Ok(()),
            Ok(length) => answer.extend_from_slice(&chunk[..length]),
            Err(error) => break Err(error),
        }
    };
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("{\"@odata.context\""), "{ended:?}: {text}");
    assert!(!text.ends_with('}'), "{text}");
    assert_eq!(office.get("accounts/$count").await.text(), "2", "it was committed");
}

#[tokio::test]
async fn a_reset_during_the_body_does_nothing() {
    let office = faulty(FaultRule::new(FaultKind::ResetDuring).on_method("POST").times(1)).await;
    let mut stream = TcpStream::connect(office.address()).await.unwrap();
    let request = office.request("POST", "accounts", &[], br#"{"name":"never whole"}"#);
    stream.write_all(&request[..request.len() - 5]).await.unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await;
    assert!(ended.is_err() || answer.is_empty(), "reset before the body was whole");
    assert_eq!(office.get("accounts/$count").await.text(), "0");
    let stats = office.emulator.stats();
    assert_eq!((stats.faults["reset_during"], stats.in_flight), (1, 0));
}

#[tokio::test]
async fn codes_of_throttling_are_told_in_their_words() {
    let with = |kind: FaultKind, set: &str, code: u32| {
        FaultRule::new(kind).on_path(set).with_code(ServiceCode(code)).times(1)
    };
    let office = office().await;
    office.emulator.set_faults(FaultPlan::of([
        with(FaultKind::Throttle, "accounts", 0x8007_2326),
        with(FaultKind::Throttle, "contacts", 0x8007_2321),
        FaultRule::new(FaultKind::QueryThrottle).on_path("leads").times(1),
        with(FaultKind::QueryThrottle, "leads", 0x8004_8744),
        with(FaultKind::Unavailable, "teams", 0x8004_A001),
        FaultRule::new(FaultKind::TokenExpired).on_path("WhoAmI").times(1),
    ]));
    let message = office.get("accounts").await.refused_with(429, "0x80072326");
    assert_eq!(message, "Number of concurrent requests exceeded the limit of 52.");
    let message = office.get("contacts").await.refused_with(429, "0x80072321");
    assert!(message.contains("1,200,000 milliseconds"), "{message}");
    office.get("leads").await.refused_with(400, "0x80048544");
    office.get("leads").await.refused_with(400, "0x80048744");
    let reply = office.get("teams").await;
    reply.refused_with(503, "0x8004a001");
    assert_eq!(reply.header("retry-after"), "1");
    let reply = office.get("WhoAmI").await;
    reply.refused_with(401, "0x8004a101");
    assert!(reply.header("www-authenticate").contains("invalid_token"));
}

#[tokio::test]
async fn a_storm_throttles_one_request_after_the_other() {
    let office = office().await;
    let plan = br#"{"rules":[{"kind":"throttle","burst":4,"after":1,"count":4,"code":"0x80072321"}]}"#;
    office.send("PUT", "/emulator/faults", &[], plan).await.ok();
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(office.get("accounts").await.status);
    }
    assert_eq!(statuses, [200, 429, 429, 429, 429, 200, 200]);
}

#[tokio::test]
async fn a_killed_emulator_answers_nobody_and_its_folder_goes_on_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let rule = FaultRule::new(FaultKind::KillAfterCommit).on_method("POST").after(1);
    let options =
        Options { data: Some(folder.path().to_owned()), faults: FaultPlan::of([rule]), ..Options::default() };
    let office = office_with(options.clone()).await;
    office.create("accounts", json!({"name": "answered"})).await;
    assert!(office.try_send("POST", "accounts", &[], br#"{"name":"unanswered"}"#).await.is_err());
    office.emulator.killed().await;
    assert!(office.try_send("GET", "WhoAmI", &[], b"").await.is_err());
    drop(office);
    let office = office_with(Options { faults: FaultPlan::default(), ..options }).await;
    assert_eq!(office.get("accounts/$count").await.text(), "2");
}

#[tokio::test]
async fn partial_failure_on_a_standard_table_is_a_clear_error() {
    let office = faulty(FaultRule::new(FaultKind::PartialFailure).on_path("*CreateMultiple")).await;
    let row = json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "a"});
    let rows = json!({ "Targets": [row, row] });
    let reply = office.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", rows).await;
    let message = reply.refused_with(501, "0x80040219");
    assert!(message.contains("'account' is no elastic table"), "{message}");
    assert_eq!(office.get("accounts/$count").await.text(), "0");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let settings = dataverse_emulator::Settings { body_timeout_seconds: 1, ..Default::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    let mut stream = TcpStream::connect(office.address()).await.unwrap();
    let request = office.request("POST", "accounts", &[], br#"{"name":"never whole"}"#);
    stream.write_all(&request[..request.len() - 5]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(office.get("accounts/$count").await.text(), "0");
}
