//! What columns take and how the service stores it (reference §8).

use dataverse_emulator::{Options, Settings, Strictness};
use serde_json::{Value, json};

use crate::client::{Office, office, office_with};

async fn stored(office: &Office, set: &str, column: &str, value: Value) -> String {
    let id = office.create(set, json!({column: value})).await;
    let text = office.get(&format!("{set}({id})?$select={column}")).await.ok().text();
    let (_, rest) = text.split_once(&format!("\"{column}\":")).unwrap();
    rest.split([',', '}']).next().unwrap().to_owned()
}

#[tokio::test]
async fn texts_are_measured_in_utf_16_units() {
    let office = office().await;
    let fits = "😀".repeat(80); // 160 units, 320 bytes
    office.post("accounts", json!({"name": fits})).await.ok();
    let message =
        office.post("accounts", json!({"name": format!("{fits}x")})).await.refused_with(400, "0x80044331");
    assert_eq!(
        message,
        "A validation error occurred.  The length of the 'name' attribute of the 'account' entity exceeded the \
         maximum allowed length of '160'."
    );
}

#[tokio::test]
async fn empty_text_is_stored_as_null() {
    assert_eq!(stored(&office().await, "accounts", "name", json!("")).await, "null");
    let settings = Settings { empty_text_is_null: false, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    assert_eq!(stored(&office, "accounts", "name", json!("")).await, "\"\"");
}

#[tokio::test]
async fn control_characters_are_refused_but_line_ends_are_not() {
    let office = office().await;
    office.post("accounts", json!({"description": "a\r\n\tb"})).await.ok();
    office.post("accounts", json!({"description": "a\u{1}b"})).await.refused_with(400, "0x80040278");
    let lone = br#"{"name":"a\ud83d"}"#;
    office.send("POST", "accounts", &[], lone).await.refused_with(400, "0x80048d19");
}

#[tokio::test]
async fn money_keeps_its_digits_and_gets_four_decimals() {
    let office = office().await;
    assert_eq!(stored(&office, "accounts", "revenue", json!(12.5)).await, "12.5000");
    let body = br#"{"revenue":100000000000.1234}"#;
    let id = office.send("POST", "accounts", &[], body).await.id();
    let text = office.get(&format!("accounts({id})?$select=revenue,revenue_base,exchangerate")).await.text();
    assert!(text.contains("\"revenue\":100000000000.1234"), "{text}");
    assert!(text.contains("\"revenue_base\":100000000000.1234"), "{text}");
    let body = br#"{"revenue":99999999999999999999}"#;
    office.send("POST", "accounts", &[], body).await.refused_with(400, "0x80041136");
}

#[tokio::test]
async fn a_row_without_amounts_needs_no_currency() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x", "revenue": null})).await;
    let read = format!("accounts({id})?$select=revenue_base,_transactioncurrencyid_value");
    let empty = json!({"revenue_base": null, "_transactioncurrencyid_value": null});
    let held = async |office: &Office| {
        let row = office.get(&read).await.ok().json();
        json!({"revenue_base": row["revenue_base"], "_transactioncurrencyid_value": row["_transactioncurrencyid_value"]})
    };
    assert_eq!(held(&office).await, empty);
    office
        .patch(&format!("accounts({id})"), json!({"revenue": null, "transactioncurrencyid": null}))
        .await
        .ok();
    assert_eq!(held(&office).await, empty);
    office.patch(&format!("accounts({id})"), json!({"revenue": 5})).await.ok();
    assert!(held(&office).await["_transactioncurrencyid_value"].is_string());
    // The currency of an amount that is there cannot be taken away, with the amount it can.
    office.patch(&format!("accounts({id})"), json!({"transactioncurrencyid": null})).await.ok();
    assert!(held(&office).await["_transactioncurrencyid_value"].is_string());
    office
        .patch(&format!("accounts({id})"), json!({"revenue": null, "transactioncurrencyid": null}))
        .await
        .ok();
    assert_eq!(held(&office).await, empty);
}

#[tokio::test]
async fn money_in_a_foreign_currency_has_a_base_amount() {
    let office = office().await;
    let euro = office.get("transactioncurrencies?$filter=isocurrencycode eq 'EUR'").await.rows();
    let euro = euro[0]["transactioncurrencyid"].as_str().unwrap().to_owned();
    let body = json!({"name": "x", "revenue": 92, "transactioncurrencyid@odata.bind": format!("/transactioncurrencies({euro})")});
    let id = office.create("accounts", body).await;
    let text = office.get(&format!("accounts({id})?$select=revenue,revenue_base")).await.text();
    assert!(text.contains("\"revenue_base\":100.0000"), "{text}");
}

#[tokio::test]
async fn doubles_are_rounded_to_the_precision_of_their_column() {
    let office = office().await;
    assert_eq!(stored(&office, "accounts", "address1_latitude", json!(47.639_583_4)).await, "47.63958");
    office.post("accounts", json!({"address1_latitude": 91})).await.refused_with(400, "0x80044330");
}

#[tokio::test]
async fn integers_have_a_range() {
    let office = office().await;
    let message =
        office.post("accounts", json!({"numberofemployees": -1})).await.refused_with(400, "0x8004432f");
    assert!(message.contains("'numberofemployees' on record of type 'account'"));
    assert_eq!(stored(&office, "accounts", "numberofemployees", json!("200")).await, "200");
}

#[tokio::test]
async fn a_choice_takes_only_its_options() {
    let office = office().await;
    let message =
        office.post("accounts", json!({"industrycode": 4711})).await.refused_with(400, "0x8004431a");
    assert!(message.starts_with(
        "A validation error occurred. The value 4711 of 'industrycode' on record of type 'account' is outside the \
         valid range. Accepted Values: 1,2,3"
    ));
    office.post("accounts", json!({"industrycode": "Accounting"})).await.refused_with(400, "0x80048d19");
}

#[tokio::test]
async fn yes_and_no_are_json_booleans_and_may_be_null() {
    let office = office().await;
    assert_eq!(stored(&office, "accounts", "donotemail", json!(true)).await, "true");
    assert_eq!(stored(&office, "accounts", "donotemail", json!(null)).await, "null");
    office.post("accounts", json!({"donotemail": 1})).await.refused_with(400, "0x80048d19");
}

#[tokio::test]
async fn instants_become_utc_in_whole_seconds() {
    let office = office().await;
    let given = json!("2021-04-04T12:00:00.987-08:00");
    assert_eq!(stored(&office, "tasks", "scheduledend", given).await, "\"2021-04-04T20:00:00Z\"");
    assert_eq!(
        stored(&office, "tasks", "scheduledend", json!("2021-04-04T12:00:00")).await,
        "\"2021-04-04T12:00:00Z\""
    );
    let settings = Settings { date_time_without_offset: Strictness::Refuse, ..Settings::default() };
    let strict = office_with(Options { settings, ..Options::default() }).await;
    strict
        .post("tasks", json!({"scheduledend": "2021-04-04T12:00:00"}))
        .await
        .refused_with(400, "0x80048d19");
}

#[tokio::test]
async fn there_is_no_time_before_1753() {
    let office = office().await;
    let message = office
        .post("tasks", json!({"scheduledend": "1752-12-31T23:59:59Z"}))
        .await
        .refused_with(400, "0x80040239");
    assert!(message.starts_with("The date-time format is invalid, or value is outside the supported range."));
    assert_eq!(
        stored(&office, "tasks", "scheduledend", json!("1753-01-01T00:00:00Z")).await,
        "\"1753-01-01T00:00:00Z\""
    );
}

#[tokio::test]
async fn date_only_columns_hold_days() {
    let office = office().await;
    assert_eq!(stored(&office, "contacts", "birthdate", json!("1980-02-29")).await, "\"1980-02-29\"");
    office
        .post("contacts", json!({"birthdate": "1980-02-29T00:00:00Z"}))
        .await
        .refused_with(400, "0x80048d19");
    office.post("contacts", json!({"birthdate": "1981-02-29"})).await.refused_with(400, "0x80048d19");
}

#[tokio::test]
async fn one_mistake_is_told_at_a_time_in_the_order_of_the_payload() {
    let office = office().await;
    let body = br#"{"industrycode":4711,"name":5}"#;
    office.send("POST", "accounts", &[], body).await.refused_with(400, "0x8004431a");
    let body = br#"{"name":5,"industrycode":4711}"#;
    office.send("POST", "accounts", &[], body).await.refused_with(400, "0x80048d19");
}

#[tokio::test]
async fn a_persons_full_name_follows_first_and_last_name() {
    let office = office().await;
    let id = office.create("contacts", json!({"firstname": "Ada", "lastname": "Lovelace"})).await;
    let target = format!("contacts({id})?$select=fullname");
    assert_eq!(office.get(&target).await.json()["fullname"], "Ada Lovelace");
    office.patch(&format!("contacts({id})"), json!({"lastname": "King"})).await.ok();
    assert_eq!(office.get(&target).await.json()["fullname"], "Ada King");
}
