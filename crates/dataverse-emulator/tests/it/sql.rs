//! `?sql=`, as Microsoft's Python SDK describes it.

use serde_json::{Value, json};

use crate::client::{Office, Reply, office};

fn encoded(statement: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    let part = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    statement.bytes().map(part).collect::<Vec<_>>().concat()
}

async fn ask(office: &Office, set: &str, statement: &str) -> Reply {
    office.get(&format!("{set}?sql={}", encoded(statement))).await
}

async fn rows(office: &Office, statement: &str) -> Vec<Value> {
    ask(office, "contacts", statement).await.ok().rows()
}

async fn filled() -> Office {
    let office = office().await;
    let account = office.create("accounts", json!({"name": "Firm"})).await;
    for (number, name) in ["Ada", "Bo", "Cy", "O'D"].iter().enumerate() {
        let mut body = json!({"lastname": name, "numberofchildren": number});
        if number < 2 {
            body["parentcustomerid_account@odata.bind"] = format!("/accounts({account})").into();
            body["firstname"] = "x".into();
        }
        office.create("contacts", body).await;
    }
    office
}

#[tokio::test]
async fn exactly_the_columns_that_are_selected_come_back_nulls_included() {
    let office = filled().await;
    let found =
        rows(&office, "SELECT TOP 3 lastname, firstname AS First FROM contact ORDER BY numberofchildren")
            .await;
    assert_eq!(
        found,
        [
            json!({"lastname": "Ada", "First": "x"}),
            json!({"lastname": "Bo", "First": "x"}),
            json!({"lastname": "Cy", "First": null}),
        ]
    );
}

#[tokio::test]
async fn conditions_of_every_kind_narrow_the_rows() {
    let office = filled().await;
    let names = async |condition: &str| {
        let statement = format!("SELECT lastname FROM contact WHERE {condition} ORDER BY lastname");
        let found = rows(&office, &statement).await;
        found.iter().map(|row| row["lastname"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(",")
    };
    assert_eq!(names("lastname = 'O''D'").await, "O'D");
    assert_eq!(names("numberofchildren >= 1 AND numberofchildren < 3").await, "Bo,Cy");
    assert_eq!(names("numberofchildren BETWEEN 2 AND 3").await, "Cy,O'D");
    assert_eq!(names("lastname LIKE '%o%'").await, "Bo,O'D");
    assert_eq!(names("lastname NOT LIKE 'A%' AND firstname IS NOT NULL").await, "Bo");
    assert_eq!(names("lastname IN ('Ada', 'Cy')").await, "Ada,Cy");
    assert_eq!(names("numberofchildren NOT IN (0, 1, 2)").await, "O'D");
    assert_eq!(names("(lastname = 'Ada' OR lastname = 'Bo') AND numberofchildren <> 0").await, "Bo");
    assert_eq!(names("firstname IS NULL").await, "Cy,O'D");
}

#[tokio::test]
async fn tables_are_joined_and_rows_grouped() {
    let office = filled().await;
    let joined = "SELECT c.lastname, a.name FROM contact c LEFT JOIN account a ON c.parentcustomerid = a.accountid \
                  ORDER BY c.lastname DESC";
    let found = rows(&office, joined).await;
    assert_eq!((found.len(), found[0].clone()), (4, json!({"lastname": "O'D", "name": null})));
    assert_eq!(found[3], json!({"lastname": "Ada", "name": "Firm"}));
    let grouped = "SELECT a.name, COUNT(c.contactid) AS cnt FROM contact c \
                   JOIN account a ON a.accountid = c.parentcustomerid GROUP BY a.name";
    assert_eq!(rows(&office, grouped).await, [json!({"name": "Firm", "cnt": 2})]);
    let totals = "SELECT COUNT(*), SUM(numberofchildren) AS s, MIN(numberofchildren), MAX(numberofchildren) m FROM contact";
    assert_eq!(rows(&office, totals).await, [json!({"count": 4, "s": 6, "min_numberofchildren": 0, "m": 3})]);
}

#[tokio::test]
async fn pages_follow_by_link_or_by_offset() {
    let settings =
        dataverse_emulator::Settings { max_page_rows: 3, ..dataverse_emulator::Settings::default() };
    let options = dataverse_emulator::Options { settings, ..dataverse_emulator::Options::default() };
    let office = crate::client::office_with(options).await;
    for number in 0..7 {
        office.create("contacts", json!({"lastname": format!("n{number}")})).await;
    }
    let first = ask(&office, "contacts", "SELECT lastname FROM contact").await.ok().json();
    assert_eq!(first["value"].as_array().unwrap().len(), 3);
    let link = first["@odata.nextLink"].as_str().unwrap();
    let second = office.get(link.split_once("/api/data/v9.2/").unwrap().1).await.ok().json();
    assert_eq!(second["value"][0]["lastname"], "n3");
    let offset = "SELECT lastname FROM contact ORDER BY lastname OFFSET 2 ROWS FETCH NEXT 2 ROWS ONLY";
    let found = ask(&office, "contacts", offset).await.ok().json();
    assert_eq!(found["value"], json!([{"lastname": "n2"}, {"lastname": "n3"}]));
    assert!(found.get("@odata.nextLink").is_none());
}

#[tokio::test]
async fn what_is_no_plain_select_is_refused() {
    let office = filled().await;
    for statement in [
        "SELECT * FROM contact",
        "DELETE FROM contact",
        "SELECT lastname FROM contact UNION SELECT name FROM account",
        "SELECT nothing FROM contact",
        "SELECT lastname, COUNT(*) FROM contact",
        "SELECT name FROM account",
    ] {
        assert_eq!(ask(&office, "contacts", statement).await.status, 400, "{statement}");
    }
}
