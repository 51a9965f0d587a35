//! Create, read, update, delete (reference §2.1–§2.5).

use dataverse_emulator::{Options, Settings, Strictness};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{office, office_with};

#[tokio::test]
async fn who_am_i_tells_user_business_unit_and_organisation() {
    let office = office().await.with_token("user-2");
    let reply = office.get("WhoAmI()").await.ok();
    let who = reply.json();
    assert_eq!(who["OrganizationId"], office.emulator.organization_id().to_string());
    assert_eq!(reply.header("x-ms-dop-hint"), "4");
    let users = office.get("systemusers?$select=domainname,_businessunitid_value").await.rows();
    let me = users.iter().find(|user| user["systemuserid"] == who["UserId"]).unwrap();
    assert_eq!(me["domainname"], "user-2@emulated.example");
    assert_eq!(me["_businessunitid_value"], who["BusinessUnitId"]);
}

#[tokio::test]
async fn any_other_token_is_the_first_user_and_none_is_refused() {
    let one = office().await;
    let first = one.get("WhoAmI").await.json()["UserId"].clone();
    let one = one.with_token("eyJ0eXAi");
    assert_eq!(one.get("WhoAmI").await.json()["UserId"], first);
    let one = one.with_token("");
    let reply = one.get("WhoAmI").await;
    reply.refused_with(401, "0x80044300");
    assert!(reply.header("www-authenticate").starts_with("Bearer authorization_uri="));
    one.with_token("user-99").get("WhoAmI").await.refused_with(403, "0x80072560");
}

#[tokio::test]
async fn who_am_i_is_no_action() {
    let reply = office().await.post("WhoAmI", json!({})).await;
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("No HTTP resource was found that matches the request URI"));
}

#[tokio::test]
async fn a_create_answers_204_with_the_rows_url() {
    let office = office().await;
    let reply = office.post("accounts", json!({"name": "Contoso"})).await;
    assert_eq!(reply.status, 204);
    let id = reply.id();
    assert_eq!(
        reply.header("odata-entityid"),
        format!("{}/api/data/v9.2/accounts({id})", office.emulator.url())
    );
}

#[tokio::test]
async fn a_create_with_representation_answers_201_without_the_url() {
    let office = office().await;
    let headers = [("Prefer", "return=representation")];
    let body = json!({"name": "Contoso", "revenue": 5_000_000});
    let reply =
        office.send("POST", "accounts?$select=name,revenue", &headers, body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("preference-applied"), "return=representation");
    assert_eq!(reply.header("odata-entityid"), "");
    let row = reply.json();
    assert_eq!(row["name"], "Contoso");
    assert!(row["@odata.etag"].as_str().unwrap().starts_with("W/\""));
    assert!(row["accountid"].is_string());
    assert!(reply.text().contains("\"revenue\":5000000.0000"), "money has four decimals: {}", reply.text());
}

#[tokio::test]
async fn the_version_that_was_asked_is_the_version_that_answers() {
    let office = office().await;
    let body = br#"{"name":"x"}"#;
    let reply = office.send("POST", "/api/data/v9.0/accounts", &[], body).await;
    assert!(reply.header("odata-entityid").contains("/api/data/v9.0/accounts("));
    assert_eq!(office.get("/api/data/v8.2/accounts").await.status, 404);
}

#[tokio::test]
async fn names_are_case_sensitive() {
    let office = office().await;
    let message = office.get("Accounts").await.refused_with(404, "0x8006088a");
    assert_eq!(message, "Resource not found for the segment 'Accounts'.");
    let message = office.post("accounts", json!({"Name": "x"})).await.refused_with(400, "0x80048d19");
    assert!(message.contains("Invalid property 'Name' was found in entity 'Microsoft.Dynamics.CRM.account'"));
}

#[tokio::test]
async fn a_bind_by_the_columns_name_is_an_undeclared_property() {
    let office = office().await;
    let account = office.create("accounts", json!({"name": "x"})).await;
    let body = json!({"lastname": "y", "parentcustomerid@odata.bind": format!("/accounts({account})")});
    let message = office.post("contacts", body).await.refused_with(400, "0x80048d19");
    assert!(
        message.contains("An undeclared property 'parentcustomerid' which only has property annotations")
    );
    let body =
        json!({"lastname": "y", "parentcustomerid_account@odata.bind": format!("/accounts({account})")});
    office.post("contacts", body).await.ok();
}

#[tokio::test]
async fn a_row_may_bring_its_id_but_not_twice() {
    let office = office().await;
    let id = "00000000-0000-0000-0000-000000000001";
    assert_eq!(office.create("accounts", json!({"accountid": id, "name": "x"})).await, id);
    office.post("accounts", json!({"accountid": id, "name": "y"})).await.refused_with(412, "0x80040237");
    assert_eq!(office.emulator.stats().duplicates_refused, 1);
}

#[tokio::test]
async fn a_missing_row_is_404_in_the_services_words() {
    let office = office().await;
    let id = "00000000-0000-0000-0000-000000000001";
    let message = office.get(&format!("accounts({id})")).await.refused_with(404, "0x80040217");
    assert_eq!(message, format!("account With Id = {id} Does Not Exist"));
    office.delete(&format!("accounts({id})")).await.refused_with(404, "0x80040217");
}

#[tokio::test]
async fn a_patch_creates_what_is_missing_unless_if_match_forbids_it() {
    let office = office().await;
    let target = "accounts(00000000-0000-0000-0000-000000000002)";
    let body = br#"{"name":"x"}"#;
    office.send("PATCH", target, &[("If-Match", "*")], body).await.refused_with(404, "0x80040217");
    office.send("PATCH", target, &[("If-None-Match", "*")], body).await.ok();
    let message =
        office.send("PATCH", target, &[("If-None-Match", "*")], body).await.refused_with(412, "0x80040237");
    assert_eq!(message, "A record with matching key values already exists.");
    assert_eq!(office.patch(target, json!({"name": "y"})).await.status, 204);
    assert_eq!(office.get(target).await.json()["name"], "y");
}

#[tokio::test]
async fn a_version_that_is_not_the_rows_own_is_412() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x"})).await;
    let target = format!("accounts({id})");
    let tag = office.get(&target).await.json()["@odata.etag"].as_str().unwrap().to_owned();
    let body = br#"{"name":"y"}"#;
    office.send("PATCH", &target, &[("If-Match", &tag)], body).await.ok();
    office.send("PATCH", &target, &[("If-Match", &tag)], body).await.refused_with(412, "0x80060882");
    office.send("DELETE", &target, &[("If-Match", &tag)], b"").await.refused_with(412, "0x80060882");
    let now = office.get(&target).await.json()["@odata.etag"].as_str().unwrap().to_owned();
    assert_ne!(now, tag, "each write changes the version");
    assert_eq!(office.send("GET", &target, &[("If-None-Match", &now)], b"").await.status, 304);
}

#[tokio::test]
async fn a_patch_with_representation_tells_created_from_updated() {
    let office = office().await;
    let target = "accounts(00000000-0000-0000-0000-000000000003)?$select=accountid";
    let headers = [("Prefer", "return=representation")];
    assert_eq!(office.send("PATCH", target, &headers, br#"{"name":"x"}"#).await.status, 201);
    assert_eq!(office.send("PATCH", target, &headers, br#"{"name":"y"}"#).await.status, 200);
}

#[tokio::test]
async fn a_collection_takes_neither_patch_nor_delete() {
    let office = office().await;
    assert_eq!(office.patch("accounts", json!({})).await.status, 405);
    assert_eq!(office.delete("accounts").await.status, 405);
}

#[tokio::test]
async fn single_properties_are_read_set_and_cleared() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x", "description": "d"})).await;
    office.put(&format!("accounts({id})/name"), json!({"value": "y"})).await.ok();
    assert_eq!(office.get(&format!("accounts({id})/name")).await.json()["value"], "y");
    assert_eq!(office.get(&format!("accounts({id})/name/$value")).await.text(), "y");
    office.delete(&format!("accounts({id})/description")).await.ok();
    assert_eq!(office.get(&format!("accounts({id})/description")).await.status, 204, "null has no content");
}

#[tokio::test]
async fn the_platform_fills_who_and_when() {
    let office = office().await.with_token("user-2");
    let me = office.get("WhoAmI").await.json()["UserId"].clone();
    let id = office.create("accounts", json!({"name": "x"})).await;
    let row = office.get(&format!("accounts({id})")).await.json();
    for column in ["_createdby_value", "_modifiedby_value", "_ownerid_value", "_owninguser_value"] {
        assert_eq!(row[column], me, "{column}");
    }
    assert!(row["_owningteam_value"].is_null());
    assert_eq!(row["statecode"], 0);
    assert_eq!(row["statuscode"], 1);
    assert!(row["createdon"].as_str().unwrap().ends_with('Z'));
    assert!(row["versionnumber"].is_number());
    assert_eq!(row["donotemail"], false, "yes/no columns start with their default");
}

#[tokio::test]
async fn the_original_date_becomes_createdon_and_the_import_takes_its_place() {
    let office = office().await;
    let body = json!({"name": "x", "overriddencreatedon": "2010-05-06T07:08:09Z"});
    let id = office.create("accounts", body).await;
    let row =
        office.get(&format!("accounts({id})?$select=createdon,overriddencreatedon,modifiedon")).await.json();
    assert_eq!(row["createdon"], "2010-05-06T07:08:09Z");
    assert_eq!(row["overriddencreatedon"], row["modifiedon"]);
}

#[tokio::test]
async fn an_impersonated_user_is_createdby_and_the_caller_stands_behind() {
    let office = office().await;
    let me = office.get("WhoAmI").await.json()["UserId"].clone();
    let users = office.get("systemusers?$select=systemuserid").await.rows();
    let other = users.iter().map(|user| &user["systemuserid"]).find(|id| **id != me).unwrap();
    let headers = [("MSCRMCallerID", other.as_str().unwrap())];
    let id = office.send("POST", "accounts", &headers, br#"{"name":"x"}"#).await.id();
    let row = office.get(&format!("accounts({id})")).await.json();
    assert_eq!(row["_createdby_value"], *other);
    assert_eq!(row["_createdonbehalfby_value"], me);
    for header in ["CallerObjectId", "MSCRMCallerID"] {
        let headers = [(header, "00000000-0000-0000-0000-00000000dead")];
        office.send("POST", "accounts", &headers, br#"{"name":"x"}"#).await.refused_with(403, "0x80040225");
    }
}

#[tokio::test]
async fn the_caller_object_is_the_users_in_entra_and_not_the_row() {
    let office = office().await;
    let users = office.get("systemusers?$select=systemuserid,azureactivedirectoryobjectid").await.rows();
    let other = &users[1];
    let headers = [("CallerObjectId", other["azureactivedirectoryobjectid"].as_str().unwrap())];
    let id = office.send("POST", "accounts", &headers, br#"{"name":"x"}"#).await.id();
    let row = office.get(&format!("accounts({id})")).await.json();
    assert_eq!(row["_createdby_value"], other["systemuserid"]);
    let headers = [("CallerObjectId", other["systemuserid"].as_str().unwrap())];
    office.send("POST", "accounts", &headers, br#"{"name":"x"}"#).await.refused_with(403, "0x80040225");
}

#[tokio::test]
async fn columns_that_clients_may_not_write_are_ignored_by_default() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x", "createdon": "1999-01-01T00:00:00Z"})).await;
    let row = office.get(&format!("accounts({id})?$select=createdon")).await.json();
    assert!(!row["createdon"].as_str().unwrap().starts_with("1999"));
}

#[tokio::test]
async fn columns_that_clients_may_not_write_are_refused_when_the_knob_says_so() {
    let settings = Settings { unwritable_columns: Strictness::Refuse, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    let body = json!({"name": "x", "createdon": "1999-01-01T00:00:00Z"});
    assert!(office.post("accounts", body).await.refused_with(400, "0x80040203").contains("createdon"));
}

#[tokio::test]
async fn a_case_needs_a_customer() {
    let office = office().await;
    let message = office.post("incidents", json!({"title": "x"})).await.refused_with(400, "0x80040203");
    assert!(message.starts_with("You should specify a parent contact or account."));
    let contact = office.create("contacts", json!({"lastname": "y"})).await;
    let body = json!({"title": "x", "customerid_contact@odata.bind": format!("/contacts({contact})")});
    let id = office.create("incidents", body).await;
    let body = json!({"customerid_contact": null});
    office.patch(&format!("incidents({id})"), body).await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn a_lookup_to_nothing_is_404() {
    let office = office().await;
    let id = "00000000-0000-0000-0000-00000000dead";
    let body = json!({"name": "x", "primarycontactid@odata.bind": format!("/contacts({id})")});
    let message = office.post("accounts", body).await.refused_with(404, "0x80040217");
    assert_eq!(message, format!("contact With Id = {id} Does Not Exist"));
}

#[tokio::test]
async fn rows_are_owned_by_users_and_teams_by_one_property() {
    let office = office().await;
    let team = office.get("teams?$select=teamid").await.rows()[0]["teamid"].as_str().unwrap().to_owned();
    let body = json!({"name": "x", "ownerid@odata.bind": format!("/teams({team})")});
    let id = office.create("accounts", body).await;
    let row = office.get(&format!("accounts({id})")).await.json();
    assert_eq!(row["_owningteam_value"], team);
    assert!(row["_owninguser_value"].is_null());
    assert!(row["_owningbusinessunit_value"].is_string());
}

#[tokio::test]
async fn users_that_are_created_are_disabled_stubs_who_may_own_only_with_a_role() {
    let office = office().await;
    let unit = office.get("WhoAmI").await.json()["BusinessUnitId"].as_str().unwrap().to_owned();
    let body = json!({
        "domainname": "gone@contoso.com", "firstname": "Gone", "lastname": "Away", "isdisabled": false,
        "businessunitid@odata.bind": format!("/businessunits({unit})")
    });
    let user = office.create("systemusers", body).await;
    let row = office.get(&format!("systemusers({user})?$select=isdisabled,fullname")).await.json();
    assert_eq!((row["isdisabled"].clone(), row["fullname"].clone()), (json!(true), json!("Gone Away")));
    let owned = json!({"name": "x", "ownerid@odata.bind": format!("/systemusers({user})")});
    let message = office.post("accounts", owned.clone()).await.refused_with(403, "0x8004022b");
    assert!(message.starts_with("The specified owner has been disabled."));
    let role = office.get("roles?$filter=name eq 'Basic User'").await.rows()[0]["roleid"].clone();
    let reference = json!({"@odata.id": format!("roles({})", role.as_str().unwrap())});
    office.post(&format!("systemusers({user})/systemuserroles_association/$ref"), reference).await.ok();
    office.post("accounts", owned).await.ok();
}

#[tokio::test]
async fn deep_inserts_create_parents_and_children_in_one_go() {
    let office = office().await;
    let body = json!({
        "name": "x",
        "primarycontactid": {"lastname": "boss"},
        "contact_customer_accounts": [{"lastname": "one"}, {"lastname": "two"}]
    });
    let id = office.create("accounts", body).await;
    let row =
        office.get(&format!("accounts({id})?$select=name&$expand=primarycontactid($select=lastname)")).await;
    assert_eq!(row.json()["primarycontactid"]["lastname"], "boss");
    let children =
        office.get(&format!("accounts({id})/contact_customer_accounts?$select=lastname")).await.rows();
    assert_eq!(children.len(), 2);
    let body = json!({"name": "bad", "contact_customer_accounts": [{"lastname": "one"}, {"lastname": "x".repeat(500)}]});
    office.post("accounts", body).await.refused_with(400, "0x80044331");
    assert_eq!(office.get("accounts/$count").await.text(), "1", "nothing of a refused deep insert stays");
}

#[tokio::test]
async fn a_reset_gives_a_fresh_organisation() {
    let office = office().await;
    office.create("accounts", json!({"name": "x"})).await;
    office.send("POST", "/emulator/reset", &[], b"").await.ok();
    assert_eq!(office.get("accounts/$count").await.text(), "0");
    let stats = office.get("/emulator/stats").await.json();
    assert_eq!(stats["rows"]["account"], serde_json::Value::Null);
    assert_eq!(stats["requests"], 1);
}

#[tokio::test]
async fn the_usual_requests_work_with_every_doubtful_fact_turned_the_other_way() {
    let office = office_with(Options { settings: Settings::flipped(), ..Options::default() }).await;
    let contact = office.create("contacts", json!({"firstname": "Ada", "lastname": "L"})).await;
    let row = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.account", "name": "x", "importsequencenumber": 1,
        "overriddencreatedon": "2010-05-06T07:08:09Z", "primarycontactid@odata.bind": format!("/contacts({contact})")
    });
    let target = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
    let ids = office.post(target, json!({"Targets": [row]})).await.ok().json()["Ids"].clone();
    let found = office.get("accounts?$select=name&$filter=importsequencenumber eq 1").await.ok().rows();
    assert_eq!(found[0]["accountid"], ids[0]);
    let target = format!("accounts({})", ids[0].as_str().unwrap());
    office.patch(&target, json!({"statecode": 1, "statuscode": 2})).await.ok();
    assert_eq!(office.get(&target).await.json()["createdon"], "2010-05-06T07:08:09Z");
}

#[tokio::test]
async fn header_names_are_spelled_as_the_service_spells_them() {
    let office = office().await;
    let request = office.request("POST", "accounts", &[], br#"{"name":"x"}"#);
    let mut stream = tokio::net::TcpStream::connect(office.address()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    for name in ["OData-EntityId", "OData-Version", "Location"] {
        assert!(text.contains(&format!("\r\n{name}: ")), "{name} is missing in {text}");
    }
}
