//! `$batch` (reference §3), both ends read by the shared codec and, where the form matters, by eye.

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule};
use dataverse_wire::batch::{BatchAnswer, BatchItem, BatchRequest, BatchResponse, Method, Operation};

use crate::client::{Office, Reply, office};

async fn send(office: &Office, batch: &BatchRequest, headers: &[(&str, &str)]) -> (u16, BatchResponse) {
    let encoded = batch.encode("batch_1");
    let mut all = vec![("Content-Type", encoded.content_type.as_str())];
    all.extend_from_slice(headers);
    let reply = office.send("POST", "$batch", &all, &encoded.body).await;
    (reply.status, decoded(&reply))
}

fn decoded(reply: &Reply) -> BatchResponse {
    BatchResponse::decode(reply.header("content-type"), &reply.body.clone().into()).unwrap()
}

fn post(target: &str, body: &str) -> Operation {
    Operation::new(Method::Post, format!("/api/data/v9.2/{target}")).with_json(body.to_owned())
}

fn status(answer: &BatchAnswer) -> u16 {
    match answer {
        BatchAnswer::Answer(answer) => answer.status,
        BatchAnswer::ChangeSet(answers) => answers[0].status,
    }
}

#[tokio::test]
async fn parts_are_answered_in_order_and_absolute_urls_are_fine() {
    let office = office().await;
    let url = format!("{}/api/data/v9.2/accounts?$select=name", office.emulator.url());
    let batch = BatchRequest::from_iter([
        post("accounts", r#"{"name":"a"}"#),
        post("accounts", r#"{"name":"b"}"#),
        Operation::new(Method::Get, url),
    ]);
    let (outer, response) = send(&office, &batch, &[]).await;
    assert_eq!(outer, 200);
    assert_eq!(response.items.iter().map(status).collect::<Vec<_>>(), [204, 204, 200]);
    let BatchAnswer::Answer(last) = &response.items[2] else { panic!() };
    let rows: serde_json::Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(rows["value"].as_array().unwrap().len(), 2);
    let BatchAnswer::Answer(first) = &response.items[0] else { panic!() };
    assert_eq!(first.header("OData-EntityId"), first.header("Location"));
}

#[tokio::test]
async fn a_fault_finds_the_writes_it_is_meant_for_inside_a_batch() {
    let office = office().await;
    let rule = FaultRule::new(FaultKind::LoseAnswer).on_write("delete");
    office.emulator.set_faults(FaultPlan::of([rule]));
    let create = || post("accounts", r#"{"name":"x"}"#);
    send(&office, &BatchRequest::from_iter([create(), create()]), &[]).await;
    let gone = "/api/data/v9.2/accounts(00000000-0000-0000-0000-000000000001)";
    let encoded = BatchRequest::from_iter([create(), Operation::new(Method::Delete, gone)]).encode("batch_1");
    let headers = [("Content-Type", encoded.content_type.as_str())];
    assert!(office.try_send("POST", "$batch", &headers, &encoded.body).await.is_err());
    let stats = office.emulator.stats();
    assert_eq!(stats.rows["account"], 3);
    assert_eq!(stats.faults["lose_answer"], 1);
    assert_eq!((stats.struck["lose_answer"]["create"], stats.struck["lose_answer"]["delete"]), (1, 1));
}

#[tokio::test]
async fn a_failure_ends_the_batch_and_gives_it_its_status() {
    let office = office().await;
    let batch = BatchRequest::from_iter([
        post("accounts", r#"{"name":"a"}"#),
        post("accounts", r#"{"nonsense":1}"#),
        post("accounts", r#"{"name":"never"}"#),
    ]);
    let (outer, response) = send(&office, &batch, &[]).await;
    assert_eq!(outer, 400);
    assert_eq!(response.items.iter().map(status).collect::<Vec<_>>(), [204, 400]);
    assert_eq!(office.get("accounts/$count").await.text(), "1", "what came before stays");
}

#[tokio::test]
async fn continue_on_error_runs_all_parts_and_answers_200() {
    let office = office().await;
    let batch = BatchRequest::from_iter([
        post("accounts", r#"{"name":"a"}"#),
        post("accounts", r#"{"nonsense":1}"#),
        post("accounts", r#"{"name":"b"}"#),
    ]);
    let (outer, response) = send(&office, &batch, &[("Prefer", "odata.continue-on-error")]).await;
    assert_eq!(outer, 200);
    assert_eq!(response.items.iter().map(status).collect::<Vec<_>>(), [204, 400, 204]);
}

fn change_set(operations: Vec<Operation>) -> BatchRequest {
    let numbered = operations.into_iter().enumerate().map(|(n, it)| it.with_content_id((n + 1).to_string()));
    BatchRequest { items: vec![BatchItem::ChangeSet(numbered.collect())] }
}

#[tokio::test]
async fn rows_of_a_change_set_refer_to_each_other() {
    let office = office().await;
    let batch = change_set(vec![
        post("contacts", r#"{"lastname":"L"}"#),
        post("accounts", r#"{"name":"cs","primarycontactid@odata.bind":"$1"}"#),
        Operation::new(Method::Patch, "$1").with_json(r#"{"firstname":"F"}"#),
        Operation::new(Method::Put, "$1/lastname").with_json(r#"{"value":"M"}"#),
    ]);
    let (outer, response) = send(&office, &batch, &[]).await;
    assert_eq!(outer, 200);
    let BatchAnswer::ChangeSet(answers) = &response.items[0] else { panic!("{response:?}") };
    assert_eq!(
        answers.iter().map(|it| it.content_id.clone().unwrap()).collect::<Vec<_>>(),
        ["1", "2", "3", "4"]
    );
    assert_eq!(answers[2].header("OData-EntityId"), answers[0].header("OData-EntityId"));
    let rows = office.get("accounts?$select=name&$expand=primarycontactid($select=fullname)").await.rows();
    assert_eq!(rows[0]["primarycontactid"]["fullname"], "F M");
}

#[tokio::test]
async fn a_change_set_is_all_or_nothing_and_refused_as_one() {
    let office = office().await;
    let batch = change_set(vec![post("accounts", r#"{"name":"a"}"#), post("accounts", r#"{"nonsense":1}"#)]);
    let (outer, response) = send(&office, &batch, &[]).await;
    assert_eq!(outer, 400);
    assert_eq!(response.items.len(), 1);
    assert_eq!(status(&response.items[0]), 400);
    assert_eq!(office.get("accounts/$count").await.text(), "0");
}

#[tokio::test]
async fn a_reference_forward_is_refused() {
    let office = office().await;
    let batch = change_set(vec![post("accounts", r#"{"primarycontactid@odata.bind":"$2"}"#)]);
    let (_, response) = send(&office, &batch, &[]).await;
    let BatchAnswer::Answer(answer) = &response.items[0] else { panic!() };
    let text = String::from_utf8_lossy(&answer.body);
    assert!(text.contains("Content-ID Reference: '$2' does not exist in the batch context."), "{text}");
}

#[tokio::test]
async fn a_change_set_holds_no_get() {
    let office = office().await;
    let batch = change_set(vec![Operation::new(Method::Get, "/api/data/v9.2/accounts")]);
    let (outer, _) = send(&office, &batch, &[]).await;
    assert_eq!(outer, 400);
}

#[tokio::test]
async fn at_most_a_thousand_operations_fit_those_of_change_sets_included() {
    let office = office().await;
    let mut batch: BatchRequest =
        (0..999).map(|_| Operation::new(Method::Get, "/api/data/v9.2/WhoAmI")).collect();
    batch.items.extend(change_set(vec![post("accounts", "{}"), post("accounts", "{}")]).items);
    let encoded = batch.encode("b");
    let headers = [("Content-Type", encoded.content_type.as_str())];
    let reply = office.send("POST", "$batch", &headers, &encoded.body).await;
    assert_eq!(reply.status, 400);
    batch.items.pop();
    let (outer, response) = send(&office, &batch, &[]).await;
    assert_eq!((outer, response.items.len()), (200, 999));
}

#[tokio::test]
async fn the_last_line_must_be_ended() {
    let office = office().await;
    let encoded = BatchRequest::from_iter([post("accounts", "{}")]).encode("b");
    let cut = encoded.body.trim_ascii_end();
    let headers = [("Content-Type", encoded.content_type.as_str())];
    let message = office.send("POST", "$batch", &headers, cut).await.refused_with(400, "0x80048d19");
    assert!(message.ends_with("Stream was not readable."), "{message}");
}

#[tokio::test]
async fn a_json_batch_is_not_taken() {
    let office = office().await;
    assert_eq!(office.post("$batch", serde_json::json!({"requests": []})).await.status, 415);
}
