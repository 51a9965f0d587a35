//! Batches.

use dataverse_client::wire::batch::{
    Answer, BatchAnswer, BatchItem, BatchRequest, BatchResponse, Method, Operation,
};
use dataverse_client::wire::fault::ServiceCode;
use dataverse_client::{Bypass, ContinueOnError, Error, PartOutcome, WriteOptions};
use uuid::Uuid;

use crate::server::{Arrived, Reaction, Server, answer};

fn read(request: &Arrived) -> BatchRequest {
    BatchRequest::decode(request.header("content-type").unwrap(), &request.body.clone().into()).unwrap()
}

fn respond(status: u16, items: Vec<BatchAnswer>) -> Reaction {
    let encoded = BatchResponse { items }.encode("batchresponse_1");
    Reaction::Answer { status, headers: vec![("Content-Type", encoded.content_type)], body: encoded.body }
}

fn done() -> BatchAnswer {
    let id = format!("https://org/api/data/v9.2/accounts({})", Uuid::max());
    let headers = vec![("OData-EntityId".to_owned(), id)];
    BatchAnswer::Answer(Answer { headers, ..Answer::new(204) })
}

fn refused() -> BatchAnswer {
    let body = br#"{"error":{"code":"0x80040237","message":"Cannot insert duplicate key."}}"#;
    BatchAnswer::Answer(Answer { body: body.as_slice().into(), ..Answer::new(412) })
}

fn create() -> Operation {
    Operation::new(Method::Post, "accounts").with_json("{}")
}

#[tokio::test]
async fn each_request_has_its_outcome_and_one_bad_row_does_not_stop_the_rest() {
    let server = Server::scripted(vec![respond(200, vec![done(), refused(), done()])]).await;
    let options = WriteOptions { bypass: Bypass::Sync, ..WriteOptions::default() };
    let batch = [create(), create(), create()].into_iter().collect();
    let outcomes = server.client().execute_batch(batch, ContinueOnError::Yes, &options).await.unwrap();
    assert_eq!(outcomes.len(), 3);
    assert_eq!(outcomes[0].id(), Some(Uuid::max()));
    assert_eq!(outcomes[1].fault().unwrap().code, ServiceCode::DUPLICATE_RECORD);
    assert!(outcomes[2].is_done());

    let request = &server.arrived()[0];
    assert_eq!(request.header("prefer"), Some("odata.continue-on-error"));
    let sent = read(request);
    for item in &sent.items {
        let BatchItem::Operation(operation) = item else { panic!("single requests") };
        assert_eq!(operation.target, format!("{}/api/data/v9.2/accounts", server.url()));
        assert_eq!(operation.header("MSCRM.BypassBusinessLogicExecution"), Some("CustomSync"));
    }
    assert_eq!(request.header("mscrm.bypassbusinesslogicexecution"), Some("CustomSync"));
}

#[tokio::test]
async fn without_continue_on_error_the_multipart_refusal_is_an_answer_and_the_rest_was_not_executed() {
    let server = Server::scripted(vec![respond(412, vec![done(), refused()])]).await;
    let batch = [create(), create(), create()].into_iter().collect();
    let outcomes =
        server.client().execute_batch(batch, ContinueOnError::No, &WriteOptions::default()).await.unwrap();
    assert!(outcomes[0].is_done());
    assert!(outcomes[1].fault().is_some());
    assert_eq!(outcomes[2], PartOutcome::NotExecuted);
    assert_eq!(server.arrived()[0].header("prefer"), None);
}

#[tokio::test]
async fn requests_of_a_change_set_are_named_and_refer_to_each_other() {
    let server = Server::scripted(vec![respond(200, vec![refused()])]).await;
    let operations = vec![
        Operation::new(Method::Post, "contacts").with_json("{}").with_content_id("1"),
        Operation::new(Method::Post, "accounts").with_json(r#"{"primarycontactid@odata.bind":"$1"}"#),
        Operation::new(Method::Patch, "$1").with_json("{}"),
    ];
    let batch = BatchRequest { items: vec![BatchItem::ChangeSet(operations)] };
    let outcomes =
        server.client().execute_batch(batch, ContinueOnError::No, &WriteOptions::default()).await.unwrap();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(|outcome| outcome.fault().is_some()));
    let request = read(&server.arrived()[0]);
    let BatchItem::ChangeSet(sent) = &request.items[0] else { panic!("a change set") };
    assert_eq!(sent[0].content_id.as_deref(), Some("1"));
    assert!(sent[1].content_id.is_some());
    assert_eq!(sent[2].target, "$1");
}

#[tokio::test]
async fn a_batch_of_creates_without_readable_answer_is_in_doubt() {
    for reaction in [Reaction::Drop, answer(200, "{}"), respond(200, vec![done()]), answer(502, "<html>")] {
        let server = Server::scripted(vec![reaction]).await;
        let batch = [create(), create()].into_iter().collect();
        let result =
            server.client().execute_batch(batch, ContinueOnError::Yes, &WriteOptions::default()).await;
        assert!(result.as_ref().is_err_and(Error::is_in_doubt), "{result:?}");
        assert_eq!(server.arrived().len(), 1);
    }
}

#[tokio::test]
async fn a_batch_that_the_service_would_refuse_is_not_sent() {
    let server = Server::scripted(vec![respond(200, vec![])]).await;
    let client = server.client();
    let options = WriteOptions::default();
    let too_many: BatchRequest = (0..1001).map(|_| create()).collect();
    let error = client.execute_batch(too_many, ContinueOnError::Yes, &options).await.unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error:?}");
    let reading = vec![Operation::new(Method::Get, "accounts")];
    let batch = BatchRequest { items: vec![BatchItem::ChangeSet(reading)] };
    client.execute_batch(batch, ContinueOnError::Yes, &options).await.unwrap_err();
    let none = client.execute_batch(BatchRequest::default(), ContinueOnError::Yes, &options).await.unwrap();
    assert!(none.is_empty() && server.arrived().is_empty());
}
