//! `$filter`, `$orderby`, pages, counts and aggregates (reference §13).

use dataverse_emulator::{Options, Settings};
use serde_json::{Value, json};

use crate::client::{Office, office, office_with};

async fn names(office: &Office, filter: &str) -> Vec<String> {
    let target = format!("accounts?$select=name&$orderby=name&$filter={}", filter.replace('#', "%23"));
    let rows = office.get(&target).await.ok().rows();
    rows.iter().map(|row| row["name"].as_str().unwrap_or("null").to_owned()).collect()
}

async fn stocked() -> Office {
    let office = office().await;
    let contact = office.create("contacts", json!({"firstname": "Ada", "lastname": "L"})).await;
    let euro = office.get("transactioncurrencies?$filter=isocurrencycode eq 'EUR'").await.rows();
    let euro = format!("/transactioncurrencies({})", euro[0]["transactioncurrencyid"].as_str().unwrap());
    for body in [
        json!({"name": "Alpha", "revenue": 10.5, "numberofemployees": 5, "industrycode": 1, "importsequencenumber": 1}),
        json!({"name": "Beta", "revenue": 9, "numberofemployees": 50, "industrycode": 2, "importsequencenumber": 2,
               "primarycontactid@odata.bind": format!("/contacts({contact})")}),
        json!({"name": "O'Hara & Söhne", "donotemail": true, "importsequencenumber": 3, "description": "x",
               "transactioncurrencyid@odata.bind": euro}),
    ] {
        office.create("accounts", body).await;
    }
    office
}

#[tokio::test]
async fn comparisons_hold_for_every_kind_of_column() {
    let office = stocked().await;
    for (filter, expected) in [
        ("name eq 'alpha'", &["Alpha"][..]),
        ("name ne 'alpha'", &["Beta", "O'Hara & Söhne"]),
        ("name eq 'O''Hara %26 S%C3%B6hne'", &["O'Hara & Söhne"]),
        ("name gt 'b'", &["Beta", "O'Hara & Söhne"]),
        ("revenue gt 9", &["Alpha"]),
        ("revenue ge 9.0", &["Alpha", "Beta"]),
        ("revenue eq null", &["O'Hara & Söhne"]),
        ("revenue ne null", &["Alpha", "Beta"]),
        ("numberofemployees lt 50", &["Alpha"]),
        ("industrycode eq 2", &["Beta"]),
        ("donotemail eq true", &["O'Hara & Söhne"]),
        ("donotemail eq false", &["Alpha", "Beta"]),
        ("createdon gt 2020-01-01T00:00:00Z", &["Alpha", "Beta", "O'Hara & Söhne"]),
        ("createdon lt 2020-01-01", &[]),
        ("contains(name,'lph')", &["Alpha"]),
        ("startswith(name,'B') or endswith(name,'hne')", &["Beta", "O'Hara & Söhne"]),
        ("not (name eq 'Alpha') and (revenue eq 9 or revenue eq 10)", &["Beta"]),
        ("primarycontactid/fullname eq 'Ada L'", &["Beta"]),
        ("_primarycontactid_value ne null", &["Beta"]),
        ("transactioncurrencyid/isocurrencycode eq 'EUR'", &["O'Hara & Söhne"]),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='importsequencenumber',PropertyValues=['1','3'])",
            &["Alpha", "O'Hara & Söhne"],
        ),
        (
            "Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=['5','10'])",
            &["Alpha"],
        ),
        ("importsequencenumber ge 2 and importsequencenumber le 3 and name ne 'Beta'", &["O'Hara & Söhne"]),
        ("statecode eq 0 and description eq 'X'", &["O'Hara & Söhne"]),
    ] {
        assert_eq!(names(&office, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn rows_are_found_by_lists_of_ids() {
    let office = stocked().await;
    let rows = office.get("accounts?$select=accountid&$filter=name ne 'Beta'").await.rows();
    let ids: Vec<&str> = rows.iter().map(|row| row["accountid"].as_str().unwrap()).collect();
    let either = format!("accountid eq {} or accountid eq {}", ids[0], ids[1]);
    assert_eq!(names(&office, &either).await, ["Alpha", "O'Hara & Söhne"]);
    let list = format!(
        "Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=['{}','{}'])",
        ids[0], ids[1]
    );
    assert_eq!(names(&office, &list).await, ["Alpha", "O'Hara & Söhne"]);
}

#[tokio::test]
async fn what_the_table_does_not_have_cannot_be_asked_for() {
    let office = office().await;
    let message = office.get("accounts?$select=nonsense").await.refused_with(400, "0x80060888");
    assert_eq!(
        message,
        "Could not find a property named 'nonsense' on type 'Microsoft.Dynamics.CRM.account'."
    );
    office.get("accounts?$filter=nonsense eq 1").await.refused_with(400, "0x80060888");
    office.get("accounts?$filter=name eq 5").await.refused_with(400, "0x80060888");
    office.get("accounts?$filter=name eq 'x").await.refused_with(400, "0x80060888");
    office.get("accounts?$skip=5").await.refused_with(400, "0x80060888");
}

#[tokio::test]
async fn lookups_are_served_by_value_and_annotated_when_asked() {
    let office = stocked().await;
    let target = "accounts?$select=_primarycontactid_value,industrycode&$filter=name eq 'Beta'";
    let plain = office.get(target).await.rows();
    assert!(plain[0].as_object().unwrap().keys().all(|key| !key.contains("OData.Community")));
    let headers = [("Prefer", "odata.include-annotations=\"*\"")];
    let row = office.send("GET", target, &headers, b"").await.rows()[0].clone();
    assert_eq!(row["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"], "Ada L");
    assert_eq!(row["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "contact");
    assert_eq!(
        row["_primarycontactid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"],
        "primarycontactid"
    );
    assert!(row["industrycode@OData.Community.Display.V1.FormattedValue"].is_string());
    let headers = [("Prefer", "odata.include-annotations=\"Microsoft.Dynamics.CRM.lookup*\"")];
    let row = office.send("GET", target, &headers, b"").await.rows()[0].clone();
    assert_eq!(row["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"], Value::Null);
    assert_eq!(row["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "contact");
}

async fn fill(office: &Office, count: usize) {
    let rows: Vec<Value> = (0..count)
        .map(|n| {
            json!({"@odata.type": "Microsoft.Dynamics.CRM.task", "subject": format!("t{:05}", (n * 7919) % count),
                   "importsequencenumber": n})
        })
        .collect();
    office.post("tasks/Microsoft.Dynamics.CRM.CreateMultiple", json!({ "Targets": rows })).await.ok();
}

/// Follows next links to the end and gives the subjects in order.
async fn all(office: &Office, first: &str, page: &str) -> (Vec<String>, usize) {
    let prefer = format!("odata.maxpagesize={page}");
    let headers = [("Prefer", prefer.as_str())];
    let (mut subjects, mut pages) = (Vec::new(), 0);
    let mut target = first.to_owned();
    loop {
        let reply = office.send("GET", &target, &headers, b"").await.ok();
        pages += 1;
        subjects.extend(reply.rows().iter().map(|row| row["subject"].as_str().unwrap().to_owned()));
        match reply.json()["@odata.nextLink"].as_str() {
            Some(link) => link.strip_prefix(&office.emulator.url()).unwrap().clone_into(&mut target),
            None => return (subjects, pages),
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let office = office().await;
    fill(&office, 1_050).await;
    let (mut subjects, pages) = all(&office, "tasks?$select=subject", "100").await;
    assert_eq!(pages, 11);
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 1_050);
    let reply =
        office.send("GET", "tasks?$select=subject", &[("Prefer", "odata.maxpagesize=100")], b"").await;
    assert_eq!(reply.header("preference-applied"), "odata.maxpagesize=100");
    let link = reply.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(link.contains("$skiptoken=%3Ccookie%20pagenumber"), "{link}");
}

#[tokio::test]
async fn ordered_pages_come_in_order() {
    let office = office().await;
    fill(&office, 500).await;
    let (subjects, pages) =
        all(&office, "tasks?$select=subject&$orderby=subject desc&$filter=importsequencenumber lt 450", "60")
            .await;
    assert_eq!(pages, 8);
    assert_eq!(subjects.len(), 450);
    assert!(subjects.windows(2).all(|pair| pair[0] > pair[1]));
}

#[tokio::test]
async fn no_page_is_larger_than_five_thousand_rows() {
    let office = office().await;
    fill(&office, 5_001).await;
    let reply =
        office.send("GET", "tasks?$select=activityid", &[("Prefer", "odata.maxpagesize=9000")], b"").await;
    assert_eq!(reply.rows().len(), 5_000);
    assert!(reply.json()["@odata.nextLink"].is_string());
    assert_eq!(office.get("tasks/$count").await.text(), "5000", "counts are capped as well");
    assert_eq!(office.get("tasks?$count=true&$top=1").await.json()["@odata.count"], 5_000);
    let exact = office.get("RetrieveTotalRecordCount(EntityNames=@p)?@p=[%22task%22]").await.json();
    assert_eq!(exact["EntityRecordCountCollection"]["Values"], json!([5_001]));
    let counted = office.get("tasks?$apply=aggregate($count as n)").await.rows();
    assert_eq!(counted, [json!({"n": 5_001})]);
}

#[tokio::test]
async fn top_takes_the_first_and_gives_no_link() {
    let office = office().await;
    fill(&office, 20).await;
    let reply = office.get("tasks?$select=subject&$orderby=subject&$top=3").await;
    let subjects: Vec<Value> = reply.rows().iter().map(|row| row["subject"].clone()).collect();
    assert_eq!(subjects, ["t00000", "t00001", "t00002"]);
    assert_eq!(reply.json()["@odata.nextLink"], Value::Null);
}

#[tokio::test]
async fn groups_are_counted_and_summed() {
    let office = stocked().await;
    let rows = office
        .get("accounts?$apply=filter(revenue ne null)/groupby((statecode),aggregate($count as n,revenue with sum as total,\
              numberofemployees with max as most,revenue with average as mean))")
        .await
        .ok()
        .rows();
    assert_eq!(rows, [json!({"statecode": 0, "n": 2, "total": 19.5, "most": 50, "mean": 9.75})]);
    let rows =
        office.get("accounts?$apply=groupby((transactioncurrencyid/isocurrencycode))").await.ok().rows();
    let codes: Vec<&Value> = rows.iter().map(|row| &row["transactioncurrencyid_isocurrencycode"]).collect();
    assert_eq!(codes.len(), 2, "{rows:?}");
}

#[tokio::test]
async fn an_aggregate_over_too_many_rows_is_refused() {
    let settings = Settings { aggregate_cap: 10, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    fill(&office, 11).await;
    let message = office.get("tasks?$apply=aggregate($count as n)").await.refused_with(400, "0x8004e023");
    assert!(message.starts_with("The maximum record limit of 10 is exceeded."));
}

#[tokio::test]
async fn the_service_document_lists_the_entity_sets() {
    let office = office().await;
    let sets = office.get("").await.ok().rows();
    assert!(sets.len() >= 170);
    assert!(sets.iter().any(|set| set["name"] == "accounts" && set["kind"] == "EntitySet"));
    let organisation = office.get("organizations?$select=name").await.rows();
    assert_eq!(organisation[0]["organizationid"], office.emulator.organization_id().to_string());
}
