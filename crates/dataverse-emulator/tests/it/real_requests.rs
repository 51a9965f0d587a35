//! Requests as real clients send them, replayed from what was captured on their wires.

use dataverse_emulator::{Options, Settings};
use serde_json::json;

use crate::client::{Office, office_with};

const ONE: &str = "11111111-1111-1111-1111-111111111111";
const TWO: &str = "11111111-1111-1111-1111-111111111112";

async fn prepared() -> Office {
    let office = office_with(Options { settings: Settings::default(), ..Options::default() }).await;
    let key = json!({"SchemaName": "new_number", "KeyAttributes": ["accountnumber"]});
    office.post("EntityDefinitions(LogicalName='account')/Keys", key).await.ok();
    for id in [ONE, TWO] {
        office.create("accounts", json!({"accountid": id, "name": "A"})).await;
    }
    for set in ["contacts", "leads"] {
        let key = format!("{}id", &set[..set.len() - 1]);
        office.create(set, json!({key: ONE, "lastname": "L"})).await;
    }
    office
}

/// Microsoft's Python SDK 1.1.0.
#[tokio::test]
async fn what_the_python_sdk_sends_is_understood() {
    let office = prepared().await;
    for (method, target, headers, body, expected) in [
        (
            "GET",
            "EntityDefinitions?%24select=LogicalName%2CEntitySetName%2CPrimaryIdAttribute&%24filter=LogicalName+eq+%27account%27",
            "",
            "",
            200,
        ),
        (
            "GET",
            "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)",
            "",
            "",
            200,
        ),
        (
            "POST",
            "accounts",
            "",
            r#"{"name": "Contoso", "primarycontactid@odata.bind": "/contacts(11111111-1111-1111-1111-111111111111)"}"#,
            204,
        ),
        (
            "POST",
            "accounts/Microsoft.Dynamics.CRM.CreateMultiple",
            "",
            r#"{"Targets": [{"name": "A", "@odata.type": "Microsoft.Dynamics.CRM.account"}, {"name": "B", "@odata.type": "Microsoft.Dynamics.CRM.account"}]}"#,
            200,
        ),
        (
            "PATCH",
            "accounts(11111111-1111-1111-1111-111111111111)",
            "If-Match: *",
            r#"{"telephone1": "1"}"#,
            204,
        ),
        (
            "POST",
            "accounts/Microsoft.Dynamics.CRM.UpdateMultiple",
            "",
            r#"{"Targets": [{"accountid": "11111111-1111-1111-1111-111111111111", "telephone1": "1", "@odata.type": "Microsoft.Dynamics.CRM.account"}, {"accountid": "11111111-1111-1111-1111-111111111112", "telephone1": "1", "@odata.type": "Microsoft.Dynamics.CRM.account"}]}"#,
            204,
        ),
        (
            "GET",
            "accounts(11111111-1111-1111-1111-111111111111)?$select=name&$expand=primarycontactid",
            "Prefer: odata.include-annotations=\"*\"",
            "",
            200,
        ),
        (
            "GET",
            "accounts?%24select=name&%24filter=statecode+eq+0&%24orderby=name+asc&%24top=5&%24count=true",
            "",
            "",
            200,
        ),
        ("GET", "accounts?%24select=name", "Prefer: odata.maxpagesize=2", "", 200),
        ("PATCH", "accounts(accountnumber='A1')", "", r#"{"name": "U"}"#, 204),
        (
            "POST",
            "accounts/Microsoft.Dynamics.CRM.UpsertMultiple",
            "",
            r#"{"Targets": [{"name": "U", "@odata.type": "Microsoft.Dynamics.CRM.account", "@odata.id": "accounts(accountnumber='A1')"}, {"name": "V", "@odata.type": "Microsoft.Dynamics.CRM.account", "@odata.id": "accounts(accountnumber='A2')"}]}"#,
            204,
        ),
        ("DELETE", "accounts(11111111-1111-1111-1111-111111111111)", "If-Match: *", "", 204),
        ("GET", "EntityDefinitions?$filter=IsPrivate%20eq%20false", "", "", 200),
    ] {
        let headers: Vec<(&str, &str)> = headers.split_once(": ").into_iter().collect();
        let reply = office.send(method, target, &headers, body.as_bytes()).await;
        assert_eq!(reply.status, expected, "{method} {target}: {}", reply.text());
    }
}

/// npm `dynamics-web-api` 2.5.0.
#[tokio::test]
async fn what_dynamics_web_api_sends_is_understood() {
    let office = prepared().await;
    let url = office.emulator.url();
    let reference = format!(r#"{{"@odata.id":"{url}/api/data/v9.2/contacts({ONE})"}}"#);
    let filter = "accounts?$select=name&$filter=name%20eq%20%27A%27&$count=true&$top=3&$orderby=name";
    for (method, target, headers, body, expected) in [
        ("POST", "accounts?$select=name", "Prefer: return=representation", r#"{"name":"A"}"#, 201),
        ("PATCH", &format!("accounts({ONE})"), "If-Match: *", r#"{"name":"B"}"#, 204),
        ("PUT", &format!("accounts({ONE})/name"), "", r#"{"value":"C"}"#, 204),
        (
            "GET",
            &format!("accounts({ONE})?$select=name&$expand=primarycontactid($select=fullname)"),
            "Prefer: odata.include-annotations=\"*\"",
            "",
            200,
        ),
        ("GET", filter, "Prefer: odata.maxpagesize=2", "", 200),
        ("POST", &format!("leads({ONE})/contactleads_association/$ref"), "", &reference, 204),
        ("DELETE", &format!("leads({ONE})/contactleads_association({ONE})/$ref"), "", "", 204),
        ("PUT", &format!("accounts({ONE})/primarycontactid/$ref"), "", &reference, 204),
        ("DELETE", &format!("accounts({ONE})"), "", "", 204),
        ("GET", "WhoAmI()", "", "", 200),
        (
            "GET",
            "EntityDefinitions?$select=LogicalName&$filter=LogicalName%20eq%20%27account%27",
            "",
            "",
            200,
        ),
        ("GET", "EntityDefinitions(LogicalName='account')?$expand=Attributes", "", "", 200),
        ("GET", "RelationshipDefinitions/Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", "", "", 200),
        ("GET", "GlobalOptionSetDefinitions", "", "", 200),
    ] {
        let headers: Vec<(&str, &str)> = headers.split_once(": ").into_iter().collect();
        let reply = office.send(method, target, &headers, body.as_bytes()).await;
        assert_eq!(reply.status, expected, "{method} {target}: {}", reply.text());
    }
    let batch = format!(
        "\n--dwa_batch_1\nContent-Type: multipart/mixed;boundary=changeset_1\n\n--changeset_1\n\
         Content-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: 1\n\n\
         POST {url}/api/data/v9.2/contacts HTTP/1.1\nContent-Type: application/json\n\n{{\"lastname\":\"L\"}}\n\n\
         --changeset_1\nContent-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: 100001\n\n\
         POST {url}/api/data/v9.2/accounts HTTP/1.1\nContent-Type: application/json\n\n\
         {{\"name\":\"cs\",\"primarycontactid@odata.bind\":\"$1\"}}\n\n--changeset_1--\n\n--dwa_batch_1--\n"
    )
    .replace('\n', "\r\n");
    let headers = [("Content-Type", "multipart/mixed;boundary=dwa_batch_1")];
    let reply = office.send("POST", "$batch", &headers, batch.as_bytes()).await.ok();
    assert_eq!(reply.text().matches("HTTP/1.1 204").count(), 2, "{}", reply.text());
    assert!(reply.text().contains("Content-ID: 100001"));
}
