//! What goes over the wire for each call.

use dataverse_client::wire::literal::{Reference, RowKey};
use dataverse_client::wire::metadata::{TableDefinition, TableType};
use dataverse_client::{
    Associated, BulkMessage, Bypass, Deleted, Impersonation, IncidentResolution, OpportunityClose,
    QualifyLead, Row, WriteOptions,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{Reaction, Server, answer, created, fault};

const ID: Uuid = Uuid::from_u128(0x1111_1111_1111_1111_1111_1111_1111_1111);
const ROW: &str = "(11111111-1111-1111-1111-111111111111)";

#[tokio::test]
async fn every_request_carries_the_documented_headers() {
    let server = Server::scripted(vec![created()]).await;
    let options = WriteOptions {
        bypass: Bypass::Sync,
        suppress_flows: true,
        impersonate: Some(Impersonation::EntraObject(ID)),
        tag: Some("load & go".to_owned()),
        ..WriteOptions::default()
    };
    assert_eq!(server.client().create("accounts", r#"{"name":"x"}"#, &options).await.unwrap(), ID);
    let request = &server.arrived()[0];
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/api/data/v9.2/accounts?tag=load%20%26%20go")
    );
    assert_eq!(request.body, br#"{"name":"x"}"#);
    for (name, value) in [
        ("authorization", "Bearer token"),
        ("accept", "application/json"),
        ("odata-version", "4.0"),
        ("odata-maxversion", "4.0"),
        ("content-type", "application/json; charset=utf-8"),
        ("mscrm.bypassbusinesslogicexecution", "CustomSync"),
        ("mscrm.suppresscallbackregistrationexpanderjob", "true"),
        ("callerobjectid", "11111111-1111-1111-1111-111111111111"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert!(request.header("accept-encoding").unwrap().contains("gzip"));
    assert!(request.header("user-agent").unwrap().starts_with("dataverse-client/"));
}

#[tokio::test]
async fn rows_are_read_by_id_and_by_alternate_key() {
    let server = Server::scripted(vec![
        answer(200, r#"{"@odata.etag":"W/\"1\"","name":"x"}"#),
        fault(404, "0x80060891", "A record with the specified key values does not exist in account entity"),
        fault(404, "0x8006088A", "Resource not found for the segment 'acounts'."),
    ])
    .await;
    let client = server.client();
    let row: Option<Row> =
        client.retrieve("accounts", &RowKey::Id(ID), &["name", "_ownerid_value"]).await.unwrap();
    assert_eq!(row.unwrap()["name"], "x");
    let key = RowKey::text("accountnumber", "O'Hara & Co");
    assert_eq!(client.retrieve::<Row>("accounts", &key, &[]).await.unwrap(), None);
    assert!(
        client.retrieve::<Row>("acounts", &key, &[]).await.is_err(),
        "a wrong table is not a missing row"
    );
    let targets: Vec<String> = server.arrived().iter().map(|request| request.target.clone()).collect();
    assert_eq!(targets[0], format!("/api/data/v9.2/accounts{ROW}?$select=name,_ownerid_value"));
    assert_eq!(targets[1], "/api/data/v9.2/accounts(accountnumber='O''Hara%20%26%20Co')");
}

#[tokio::test]
async fn associating_twice_and_removing_what_is_gone_are_no_errors() {
    let server = Server::scripted(vec![
        answer(204, ""),
        fault(412, "0x80040237", "Cannot insert duplicate key."),
        answer(204, ""),
        fault(404, "0x80040217", "Does Not Exist"),
    ])
    .await;
    let client = server.client();
    let lead = Reference::new("leads", ID);
    let contact = Reference::new("contacts", ID);
    let options = WriteOptions::default();
    let collection = "contactleads_association";
    for expected in [Associated::Made, Associated::WasThere] {
        assert_eq!(client.associate(&lead, collection, &contact, &options).await.unwrap(), expected);
    }
    for expected in [Deleted::Removed, Deleted::WasGone] {
        assert_eq!(client.disassociate(&lead, collection, &contact, &options).await.unwrap(), expected);
    }
    let arrived = server.arrived();
    assert_eq!(arrived[0].target, format!("/api/data/v9.2/leads{ROW}/{collection}/$ref"));
    let body: Value = serde_json::from_slice(&arrived[0].body).unwrap();
    assert_eq!(body, json!({ "@odata.id": format!("{}/api/data/v9.2/contacts{ROW}", server.url()) }));
    assert_eq!(arrived[2].method, "DELETE");
    assert_eq!(arrived[2].target, format!("/api/data/v9.2/leads{ROW}/{collection}{ROW}/$ref"));
}

#[tokio::test]
async fn closing_actions_have_the_documented_bodies() {
    let server = Server::scripted(vec![answer(204, "")]).await;
    let client = server.client();
    let options = WriteOptions::default();
    let resolution = IncidentResolution { subject: "done".to_owned(), minutes: Some(5) };
    client.close_incident(ID, 5, &resolution, &options).await.unwrap();
    let close = OpportunityClose {
        subject: "won".to_owned(),
        actual_end: Some("2024-01-02T03:04:05Z".parse().unwrap()),
        actual_revenue: Some("10.50".to_owned()),
    };
    client.win_opportunity(ID, 3, &close, &options).await.unwrap();
    client.lose_opportunity(ID, 4, &OpportunityClose::default(), &options).await.unwrap();
    client.qualify_lead(ID, 3, QualifyLead::default(), &options).await.unwrap();
    client.add_list_members(ID, "contact", "contactid", &[ID], &options).await.unwrap();

    let sent: Vec<(String, Value)> = server
        .arrived()
        .iter()
        .map(|request| {
            let target = request.target.trim_start_matches("/api/data/v9.2/").to_owned();
            (target, serde_json::from_slice(&request.body).unwrap())
        })
        .collect();
    let crm = "Microsoft.Dynamics.CRM.";
    let expected = [
        (
            "CloseIncident".to_owned(),
            json!({"IncidentResolution": {"@odata.type": format!("{crm}incidentresolution"),
            "subject": "done", "incidentid@odata.bind": format!("/incidents{ROW}"), "timespent": 5}, "Status": 5}),
        ),
        (
            "WinOpportunity".to_owned(),
            json!({"Status": 3, "OpportunityClose": {"@odata.type": format!("{crm}opportunityclose"),
            "subject": "won", "opportunityid@odata.bind": format!("/opportunities{ROW}"),
            "actualend": "2024-01-02T03:04:05Z", "actualrevenue": 10.5}}),
        ),
        (
            "LoseOpportunity".to_owned(),
            json!({"Status": 4, "OpportunityClose": {"@odata.type": format!("{crm}opportunityclose"),
            "subject": "", "opportunityid@odata.bind": format!("/opportunities{ROW}")}}),
        ),
        (
            format!("leads{ROW}/{crm}QualifyLead"),
            json!({"CreateAccount": false, "CreateContact": false,
            "CreateOpportunity": false, "Status": 3}),
        ),
        (
            "AddListMembersList".to_owned(),
            json!({"List": {"@odata.type": format!("{crm}list"), "listid": ID},
            "Members": [{"@odata.type": format!("{crm}contact"), "contactid": ID}]}),
        ),
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn support_for_a_bulk_message_is_asked_once_and_never_for_upserts() {
    let server = Server::start(|request, _| {
        let is_update = request.target.contains("UpdateMultiple");
        let is_lead = request.target.contains("lead");
        let row = if is_update && is_lead { "" } else { r#"{"sdkmessagefilterid":"x"}"# };
        answer(200, &format!(r#"{{"value":[{row}]}}"#))
    })
    .await;
    let client = server.client();
    let account = TableDefinition::new("account", "accounts", "accountid");
    let lead = TableDefinition::new("lead", "leads", "leadid");
    for _ in 0..2 {
        assert!(client.supports_bulk(&account, BulkMessage::Create).await.unwrap());
        assert!(client.supports_bulk(&account, BulkMessage::Upsert).await.unwrap());
        assert!(!client.supports_bulk(&lead, BulkMessage::Upsert).await.unwrap());
        assert!(!client.supports_bulk(&lead, BulkMessage::Delete).await.unwrap());
    }
    let elastic = TableDefinition { table_type: TableType::Elastic, ..account };
    assert!(client.supports_bulk(&elastic, BulkMessage::Delete).await.unwrap());
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 4);
    assert!(arrived.iter().all(|request| !request.target.contains("UpsertMultiple")));
    // The URL library encodes quotes in queries; to the service it is the same.
    assert_eq!(
        arrived[0].target.replace("%27", "'"),
        "/api/data/v9.2/sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid%2Fname%20eq%20@message\
         %20and%20primaryobjecttypecode%20eq%20@table&@message='CreateMultiple'&@table='account'"
    );
}

#[tokio::test]
async fn ids_of_a_bulk_create_come_in_the_order_of_the_rows() {
    let ids = [Uuid::from_u128(3), Uuid::from_u128(1), Uuid::from_u128(2)];
    let server = Server::scripted(vec![answer(200, &json!({ "Ids": ids }).to_string())]).await;
    let table = TableDefinition::new("account", "accounts", "accountid");
    let created = server.client().create_multiple(&table, "{}", &WriteOptions::default()).await.unwrap();
    assert_eq!(created, ids);
    assert_eq!(server.arrived()[0].target, "/api/data/v9.2/accounts/Microsoft.Dynamics.CRM.CreateMultiple");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_before_anything_is_sent() {
    use dataverse_client::{Client, Options, StaticToken};
    let credential = std::sync::Arc::new(StaticToken::new("t"));
    for url in ["file:///tmp/x", "data:text/plain,x"] {
        assert!(Client::new(Options::new(url.parse().unwrap(), credential.clone())).is_err(), "{url}");
    }
    let options =
        Options::new("https://org.crm.dynamics.com/some/path?x=1".parse().unwrap(), credential.clone());
    assert_eq!(Client::new(options.clone()).unwrap().root(), "https://org.crm.dynamics.com/api/data/v9.2/");
    assert!(Client::new(Options { api_version: "9".to_owned(), ..options.clone() }).is_err());
    assert!(
        Client::new(Options {
            root_certificates: vec![b"-----BEGIN CERTIFICATE-----\nx".to_vec()],
            ..options
        })
        .is_err()
    );
}

#[tokio::test]
async fn an_upsert_that_returns_a_row_is_read_into_the_callers_type() {
    #[derive(serde::Deserialize)]
    struct Account {
        name: String,
    }
    let server = Server::scripted(vec![Reaction::Answer {
        status: 201,
        headers: vec![("Preference-Applied", "return=representation".to_owned())],
        body: br#"{"name":"x"}"#.to_vec(),
    }])
    .await;
    let options = WriteOptions::default();
    let account: Account =
        server.client().create_returning("accounts", "{}", &["name"], &options).await.unwrap();
    assert_eq!(account.name, "x");
    let request = &server.arrived()[0];
    assert_eq!(request.header("prefer"), Some("return=representation"));
    assert_eq!(request.target, "/api/data/v9.2/accounts?$select=name");
}

#[tokio::test]
async fn many_who_ask_for_support_at_once_share_one_answer() {
    let server = Server::scripted(vec![answer(200, r#"{"value":[{"sdkmessagefilterid":"x"}]}"#)]).await;
    let client = server.client();
    let account = TableDefinition::new("account", "accounts", "accountid");
    let asked = (0..20).map(|_| client.supports_bulk(&account, BulkMessage::Create));
    assert!(futures::future::join_all(asked).await.into_iter().all(|supported| supported.unwrap()));
    assert_eq!(server.arrived().len(), 1);
}
