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
