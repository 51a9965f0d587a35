//! Documented facts that belong to no other file here: headers, binds, required columns, transitions, orders, errors.

use dataverse_emulator::{Options, Settings, Strictness, tables_from};
use serde_json::{Value, json};

use crate::client::{Office, office, office_with};

#[tokio::test]
async fn headers_that_tune_the_service_change_no_answer() {
    let office = office().await;
    let headers = [
        ("If-None-Match", "null"),
        ("Consistency", "Strong"),
        ("MSCRM.SuppressDuplicateDetection", "true"),
        ("MSCRM.BypassCustomPluginExecution", "true"),
        ("MSCRM.BypassBusinessLogicExecution", "CustomSync,CustomAsync"),
        ("MSCRM.SuppressCallbackRegistrationExpanderJob", "true"),
        ("MSCRM.SolutionUniqueName", "MySolution"),
    ];
    let reply = office.send("POST", "accounts?tag=load-7", &headers, br#"{"name":"x"}"#).await;
    assert_eq!(reply.status, 204);
    let reply = office.send("GET", "accounts?tag=load-7&$select=name", &headers, b"").await;
    assert_eq!(reply.rows()[0]["name"], "x");
    assert_eq!(reply.header("odata-version"), "4.0");
    assert_eq!(reply.header("content-type"), "application/json; odata.metadata=minimal");
}

#[tokio::test]
async fn a_bind_takes_a_path_with_or_without_slash_and_a_whole_url() {
    let office = office().await;
    let contact = office.create("contacts", json!({"lastname": "x"})).await;
    let url = format!("{}/api/data/v9.2/contacts({contact})", office.emulator.url());
    for bind in [format!("/contacts({contact})"), format!("contacts({contact})"), url] {
        let id = office.create("accounts", json!({"name": "a", "primarycontactid@odata.bind": bind})).await;
        let row = office.get(&format!("accounts({id})")).await.json();
        assert_eq!(row["_primarycontactid_value"], contact, "{bind}");
    }
    let both = json!({"name": "a", "primarycontactid@odata.bind": format!("contacts({contact})")});
    let id = office.create("accounts", both).await;
    for cleared in [json!({"primarycontactid@odata.bind": null}), json!({"primarycontactid": null})] {
        office.patch(&format!("accounts({id})"), cleared).await.ok();
        let row = office.get(&format!("accounts({id})")).await.json();
        assert_eq!(row["_primarycontactid_value"], Value::Null);
    }
}

#[tokio::test]
async fn rows_that_are_there_are_bound_to_a_new_parent_in_one_go() {
    let office = office().await;
    let mut tasks = Vec::new();
    for subject in ["one", "two"] {
        tasks.push(format!("/tasks({})", office.create("tasks", json!({"subject": subject})).await));
    }
    let id = office.create("accounts", json!({"name": "a", "Account_Tasks@odata.bind": tasks})).await;
    assert_eq!(office.get(&format!("accounts({id})/Account_Tasks")).await.rows().len(), 2);
}

async fn with_columns(attributes: Value, more: Value) -> Office {
    let mut table = json!({
        "LogicalName": "new_thing", "SchemaName": "new_Thing", "EntitySetName": "new_things",
        "PrimaryIdAttribute": "new_thingid", "Attributes": attributes
    });
    table.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let metadata = tables_from(json!({"value": [table]}).to_string().as_bytes()).unwrap();
    office_with(Options { metadata, ..Options::default() }).await
}

#[tokio::test]
async fn a_system_required_column_is_demanded_and_cannot_be_cleared_and_an_application_required_one_can() {
    let column = |name: &str, level: &str| {
        json!({
            "@odata.type": "#Microsoft.Dynamics.CRM.StringAttributeMetadata", "LogicalName": name,
            "AttributeType": "String", "MaxLength": 50, "RequiredLevel": {"Value": level}
        })
    };
    let columns = json!([
        {"LogicalName": "new_thingid", "AttributeType": "Uniqueidentifier", "IsPrimaryId": true},
        column("new_must", "SystemRequired"), column("new_should", "ApplicationRequired")
    ]);
    let office = with_columns(columns, json!({})).await;
    office.post("new_things", json!({"new_should": "x"})).await.refused_with(400, "0x80040203");
    let id = office.create("new_things", json!({"new_must": "x"})).await;
    let target = format!("new_things({id})");
    office.patch(&target, json!({"new_must": null})).await.refused_with(400, "0x80040203");
    office.patch(&target, json!({"new_should": null, "new_must": "y"})).await.ok();
}

#[tokio::test]
async fn only_transitions_that_are_allowed_change_a_status() {
    let label = |text: &str| json!({"UserLocalizedLabel": {"Label": text, "LanguageCode": 1033}});
    let to = |target: i64| {
        format!(
            "<allowedtransitions xmlns=\"https://schemas.microsoft.com/crm/2009/WebServices\"><allowedtransition \
             sourcestatusid=\"1\" tostatusid=\"{target}\"/></allowedtransitions>"
        )
    };
    let columns = json!([
        {"LogicalName": "new_thingid", "AttributeType": "Uniqueidentifier", "IsPrimaryId": true},
        {"@odata.type": "#Microsoft.Dynamics.CRM.StateAttributeMetadata", "LogicalName": "statecode",
            "AttributeType": "State", "IsValidForUpdate": true, "OptionSet": {"Options": [
                {"Value": 0, "Label": label("Active"), "DefaultStatus": 1},
                {"Value": 1, "Label": label("Inactive"), "DefaultStatus": 3}]}},
        {"@odata.type": "#Microsoft.Dynamics.CRM.StatusAttributeMetadata", "LogicalName": "statuscode",
            "AttributeType": "Status", "IsValidForUpdate": true, "OptionSet": {"Options": [
                {"Value": 1, "State": 0, "Label": label("New"), "TransitionData": to(2)},
                {"Value": 2, "State": 0, "Label": label("Doing")},
                {"Value": 3, "State": 1, "Label": label("Done")}]}}
    ]);
    let office = with_columns(columns, json!({"EnforceStateTransitions": true})).await;
    let id = office.create("new_things", json!({})).await;
    let target = format!("new_things({id})");
    let refused = office.patch(&target, json!({"statecode": 1, "statuscode": 3})).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    office.patch(&target, json!({"statuscode": 2})).await.ok();
}

/// A quote or an order, ready to be closed.
async fn draft(office: &Office, set: &str) -> String {
    let account = office.create("accounts", json!({"name": "a"})).await;
    let body = json!({"name": "q", "customerid_account@odata.bind": format!("accounts({account})")});
    let id = office.create(set, body).await;
    if set == "quotes" {
        office.patch(&format!("quotes({id})"), json!({"statecode": 1, "statuscode": 2})).await.ok();
    }
    id
}

#[tokio::test]
async fn quotes_and_orders_are_closed_by_their_messages() {
    let office = office().await;
    for (set, path, parameter, lookup, status, state) in [
        ("quotes", "WinQuote", "QuoteClose", "quoteid", 4, 2),
        ("quotes", "CloseQuote", "QuoteClose", "quoteid", 5, 3),
        ("salesorders", "CancelSalesOrder", "OrderClose", "salesorderid", 4, 2),
        (
            "salesorders",
            "salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder",
            "OrderClose",
            "salesorderid",
            100_001,
            3,
        ),
    ] {
        let id = draft(&office, set).await;
        let close = json!({"subject": "s", format!("{lookup}@odata.bind"): format!("/{set}({id})")});
        let reply = office.post(path, json!({"Status": status, parameter: close})).await;
        assert!(reply.status == 204, "{path}: {}", reply.text());
        let row = office.get(&format!("{set}({id})?$select=statecode,statuscode")).await.json();
        assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(state), &json!(status)), "{path}");
    }
}

#[tokio::test]
async fn a_draft_quote_is_not_closed_before_it_was_active() {
    for (setting, status) in [(Strictness::Refuse, 400), (Strictness::Tolerate, 204)] {
        let settings = Settings { close_of_draft_quote: setting, ..Settings::default() };
        let office = office_with(Options { settings, ..Options::default() }).await;
        let account = office.create("accounts", json!({"name": "a"})).await;
        let body = json!({"name": "q", "customerid_account@odata.bind": format!("accounts({account})")});
        let id = office.create("quotes", body).await;
        let close = json!({"subject": "s", "quoteid@odata.bind": format!("/quotes({id})")});
        let reply = office.post("WinQuote", json!({"Status": 4, "QuoteClose": close})).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        let closes = office.get("quotecloses?$select=subject").await.json();
        assert_eq!(closes["value"].as_array().unwrap().len(), usize::from(status == 204));
    }
}

#[tokio::test]
async fn errors_tell_more_to_who_asks_for_annotations() {
    let office = office().await;
    let target = "accounts(00000000-0000-0000-0000-00000000dead)";
    assert_eq!(office.get(target).await.json()["error"].as_object().unwrap().len(), 2);
    let prefer = [("Prefer", "odata.include-annotations=\"*\"")];
    let error = office.send("GET", target, &prefer, b"").await.json()["error"].clone();
    for name in ["ErrorDetails.OperationStatus", "ErrorDetails.SubErrorCode", "HelpLink", "TraceText"] {
        assert!(error[format!("@Microsoft.PowerApps.CDS.{name}")].is_string(), "{name}");
    }
    assert_eq!(error["@Microsoft.PowerApps.CDS.InnerError.Message"], error["message"]);
}

#[tokio::test]
async fn a_failed_part_of_a_batch_names_its_request() {
    let office = office().await;
    let body = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
                GET /api/data/v9.2/nothing HTTP/1.1\r\nAccept: application/json\r\n\r\n--b--\r\n";
    let content_type = [("Content-Type", "multipart/mixed; boundary=\"b\"")];
    let reply = office.send("POST", "$batch", &content_type, body.as_bytes()).await;
    assert_eq!(reply.status, 404, "the status of the first part that failed");
    let text = reply.text();
    assert!(text.contains("HTTP/1.1 404 Not Found") && text.contains("REQ_ID: "), "{text}");
    assert!(reply.header("content-type").contains("batchresponse_"));
}

#[test]
fn the_table_of_facts_names_tests_that_are_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let facts = std::fs::read_to_string(root.join("../../docs/emulator-facts.md")).unwrap();
    let mut named = 0;
    for quoted in facts.split('`').skip(1).step_by(2) {
        let Some((file, test)) = quoted.split_once(": ").filter(|(file, _)| *file != "file") else {
            continue;
        };
        let path = root.join(format!("tests/it/{file}.rs"));
        let Ok(source) = std::fs::read_to_string(&path) else { continue };
        assert!(source.contains(&format!("fn {test}()")), "{file} has no test {test}");
        named += 1;
    }
    assert!(named > 90, "{named} tests are named");
}
