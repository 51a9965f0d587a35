//! Service protection (reference §5).

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule, Limits, Options};
use serde_json::json;

use crate::client::{office, office_with};

#[tokio::test]
async fn the_six_thousandth_and_first_request_is_refused_with_its_wait() {
    let limits = Limits { requests: 3, ..Limits::default() };
    let office = office_with(Options { limits, ..Options::default() }).await;
    for left in [2, 1, 0] {
        let reply = office.get("WhoAmI").await.ok();
        assert_eq!(reply.header("x-ms-ratelimit-burst-remaining-xrm-requests"), left.to_string());
        assert!(reply.header("x-ms-ratelimit-time-remaining-xrm-requests").starts_with("1,"));
    }
    let reply = office.get("WhoAmI").await;
    let message = reply.refused_with(429, "0x80072322");
    assert_eq!(message, "Number of requests exceeded the limit of 3 over time window of 300 seconds.");
    assert!(reply.header("retry-after").parse::<u64>().unwrap() > 200);
    let stats = office.emulator.stats();
    assert_eq!(stats.throttled["requests"], 1);
    let office = office.with_token("user-2");
    office.get("WhoAmI").await.ok();
}

#[tokio::test]
async fn execution_time_counts_and_time_can_be_scaled() {
    let limits = Limits { execution_ms: 1_000, latency_ms: 600.0, time_scale: 100.0, ..Limits::default() };
    let office = office_with(Options { limits, ..Options::default() }).await;
    let mut refused = None;
    for _ in 0..3 {
        let reply = office.get("WhoAmI").await;
        if reply.status == 429 {
            refused = Some(reply);
        }
    }
    let reply = refused.expect("two requests of 600 ms are more than a second");
    let message = reply.refused_with(429, "0x80072321");
    assert!(
        message
            .starts_with("Combined execution time of incoming requests exceeded limit of 1,000 milliseconds")
    );
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=3).contains(&wait), "300 emulated seconds are 3 real ones: {wait}");
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused_at_once() {
    let limits = Limits { concurrent: 1, ..Limits::default() };
    let plan = FaultPlan::of([FaultRule::new(FaultKind::Slow)
        .on_path("accounts")
        .delayed_by(std::time::Duration::from_millis(300))]);
    let office = office_with(Options { limits, faults: plan, ..Options::default() }).await;
    let slow = office.post("accounts", json!({"name": "x"}));
    let quick = async {
        while office.emulator.stats().in_flight == 0 {
            tokio::task::yield_now().await;
        }
        while office.emulator.stats().faults.is_empty() {
            tokio::task::yield_now().await;
        }
        office.get("WhoAmI").await
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!(slow.status, 204);
    assert_eq!(
        quick.refused_with(429, "0x80072326"),
        "Number of concurrent requests exceeded the limit of 1."
    );
    assert_eq!(office.emulator.stats().peak_concurrency, 2);
}

#[tokio::test]
async fn limits_are_changed_while_running() {
    let office = office().await;
    let body = br#"{"requests":1}"#;
    office.send("PUT", "/emulator/limits", &[], body).await.ok();
    office.get("WhoAmI").await.ok();
    office.get("WhoAmI").await.refused_with(429, "0x80072322");
    office.send("PUT", "/emulator/limits", &[], br#"{"enabled":false}"#).await.ok();
    office.get("WhoAmI").await.ok();
    assert_eq!(office.send("PUT", "/emulator/limits", &[], br#"{"nonsense":1}"#).await.status, 400);
    assert_eq!(office.get("/emulator/limits").await.json()["enabled"], false);
}

#[tokio::test]
async fn a_batch_is_one_request() {
    let limits = Limits { requests: 1, ..Limits::default() };
    let office = office_with(Options { limits, ..Options::default() }).await;
    let part = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
                GET /api/data/v9.2/WhoAmI HTTP/1.1\r\n\r\n";
    let body = format!("{part}{part}{part}--b--\r\n");
    let headers = [("Content-Type", "multipart/mixed; boundary=b")];
    let reply = office.send("POST", "$batch", &headers, body.as_bytes()).await.ok();
    assert_eq!(reply.text().matches("HTTP/1.1 200").count(), 3);
}

#[tokio::test]
async fn each_web_server_counts_for_itself_and_a_cookie_stays_with_one() {
    let limits = Limits { requests: 1, servers: 3, ..Limits::default() };
    let office = office_with(Options { limits, ..Options::default() }).await;
    let mut cookies = Vec::new();
    for _ in 0..3 {
        // A connection each: they go round.
        let reply = office.get("WhoAmI").await.ok();
        cookies.push(reply.header("set-cookie").split(';').next().unwrap().to_owned());
    }
    cookies.sort();
    assert_eq!(cookies, ["ARRAffinity=0", "ARRAffinity=1", "ARRAffinity=2"]);
    office.get("WhoAmI").await.refused_with(429, "0x80072322");
    office.send("PUT", "/emulator/limits", &[], br#"{"requests":2,"servers":3}"#).await.ok();
    let affine = [("Cookie", "ARRAffinity=1")];
    for status in [200, 200, 429] {
        assert_eq!(office.send("GET", "WhoAmI", &affine, b"").await.status, status);
    }
}

#[tokio::test]
async fn tables_rows_and_plug_ins_cost_execution_time_of_their_own() {
    let limits = br#"{"execution-ms":100000,"time-scale":10,"latency-ms":10,"latency-per-row-ms":1,
        "latency-by-table":{"contact":{"request-ms":100,"row-ms":50,"plugin-ms":400}}}"#;
    let settings = dataverse_emulator::Settings { only_non_empty_addresses: true, ..Default::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    office.send("PUT", "/emulator/limits", &[], limits).await.ok();
    let left = async |reply: crate::client::Reply| -> f64 {
        reply.ok();
        let reply = office.get("WhoAmI").await;
        reply.header("x-ms-ratelimit-time-remaining-xrm-requests").replace(',', "").parse().unwrap()
    };
    let row = |n: u32| json!({"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": format!("x{n}")});
    let rows = json!({"Targets": [row(1), row(2)]}).to_string();
    let target = "contacts/Microsoft.Dynamics.CRM.CreateMultiple";
    let before = left(office.get("accounts").await).await;
    let with_plugins = left(office.send("POST", target, &[], rows.as_bytes()).await).await;
    // 100 + 2 * (50 + 400) ms, and the look of before.
    assert!((1.0..2.0).contains(&(before - with_plugins)), "{before} {with_plugins}");
    let bypass = [("MSCRM.BypassBusinessLogicExecution", "CustomSync,CustomAsync")];
    let without = left(office.send("POST", target, &bypass, rows.as_bytes()).await).await;
    assert!((0.2..0.9).contains(&(with_plugins - without)), "{with_plugins} {without}");
}

#[tokio::test]
async fn limits_and_faults_that_make_no_sense_are_refused_by_name() {
    let office = office().await;
    for (path, body, told) in [
        ("limits", r#"{"time-scale":0}"#, "time-scale is 0"),
        ("limits", r#"{"servers":0}"#, "servers is 0"),
        ("limits", r#"{"latency-by-table":{"account":{"row-ms":-1}}}"#, "row-ms of account is -1"),
        ("faults", r#"{"rules":[{"kind":"slow"}]}"#, "rule 1 (slow): ms"),
        ("faults", r#"{"rules":[{"kind":"kill","probability":2}]}"#, "rule 1 (kill): probability"),
        ("faults", r#"{"rules":[{"kind":"deadlock","code":"0x80072326"}]}"#, "code is for throttle"),
    ] {
        let reply = office.send("PUT", &format!("/emulator/{path}"), &[], body.as_bytes()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.text().contains(told), "{body}: {}", reply.text());
    }
    let limits = Limits { time_scale: -1.0, ..Limits::default() };
    let error =
        dataverse_emulator::Emulator::start(Options { limits, ..Options::default() }).await.unwrap_err();
    assert!(error.is_input() && error.to_string().starts_with("limits: time-scale"), "{error}");
}

#[tokio::test]
async fn statistics_tell_what_was_asked_and_what_became_of_it() {
    let limits = Limits { requests: 5, ..Limits::default() };
    let office = office_with(Options { limits, ..Options::default() }).await;
    let id = office.create("accounts", json!({"name": "x"})).await;
    office.post("accounts", json!({"accountid": id, "name": "again"})).await.refused_with(412, "0x80040237");
    office.get(&format!("accounts({id})")).await.ok();
    office.get("accounts").await.ok();
    office.get("nonsense").await.refused_with(404, "0x8006088a");
    office.get("WhoAmI").await.refused_with(429, "0x80072322");
    let stats = office.get("/emulator/stats").await.json();
    assert_eq!(stats["outcomes"]["create"], json!({"204": 1, "412": 1}));
    assert_eq!(stats["outcomes"]["retrieve"], json!({"200": 1}));
    assert_eq!(stats["outcomes"]["WhoAmI"], json!({"429": 1}));
    assert_eq!(stats["outcomes"]["query"], json!({"200": 1, "404": 1}));
    assert_eq!((&stats["requests"], &stats["duplicates_refused"]), (&json!(6), &json!(1)));
    assert_eq!((&stats["throttled"]["requests"], &stats["rows"]["account"]), (&json!(1), &json!(1)));
    assert_eq!(stats["peak_concurrency"], 1);
}
