//! FetchXML: built and raw, page by page, against the emulator.

use dataverse_client::wire::write::{RowWriter, TargetsWriter};
use dataverse_client::{Aggregate, Client, Condition, Error, Fetch, Link, Row, WriteOptions};
use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;

use crate::office::start;
use crate::server::{Server, answer};

async fn create(client: &Client, set: &str, write: impl FnOnce(&mut RowWriter)) -> uuid::Uuid {
    let mut row = RowWriter::new();
    write(&mut row);
    client.create(set, row.finish(), &WriteOptions::default()).await.unwrap()
}

async fn fill(client: &Client, count: usize) {
    let table = client.table_definition("task").await.unwrap().unwrap();
    let mut targets = TargetsWriter::new("task");
    for number in 0..count {
        targets.row().text("subject", &format!("<{}> & \"{number}\"", number % 7));
    }
    client.create_multiple(&table, targets.finish(), &WriteOptions::default()).await.unwrap();
}

fn numbers(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.text("subject").unwrap()).collect()
}

#[tokio::test]
async fn all_pages_come_as_pages_and_as_a_stream_of_rows() {
    let (_emulator, client) = start().await;
    fill(&client, 95).await;
    let fetch = Fetch::new("tasks", "task").select(["subject"]).order_by("subject").page_rows(20).count();
    let mut pages = client.fetch(&fetch).unwrap();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        assert_eq!(page.count, Some(95));
        sizes.push(page.rows.len());
    }
    assert_eq!(sizes, [20, 20, 20, 20, 15]);
    assert!(pages.next_page().await.unwrap().is_none());
    let rows: Vec<Row> = client.fetch(&fetch).unwrap().into_rows().try_collect().await.unwrap();
    let mut subjects = numbers(&rows);
    assert!(subjects.is_sorted());
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 95);
    let pages: Vec<_> = client.fetch(&fetch).unwrap().into_stream().collect().await;
    assert_eq!(pages.len(), 5);
}

#[tokio::test]
async fn what_callers_wrote_themselves_is_paged_too() {
    let (_emulator, client) = start().await;
    fill(&client, 25).await;
    let xml = "<?xml version=\"1.0\"?>\n<fetch count='10' >\n <!-- all --> <entity name='task'>\n<attribute name='subject'/></entity>\n</fetch>";
    let rows: Vec<Row> = client.fetch(&Fetch::raw("tasks", xml)).unwrap().all().await.unwrap();
    assert_eq!(rows.len(), 25);
    let second = "<fetch count='10' page='2'><entity name='task'/></fetch>";
    let rows: Vec<Row> = client.fetch(&Fetch::raw("tasks", second)).unwrap().all().await.unwrap();
    assert_eq!(rows.len(), 15, "the pages before were not asked for");
    let error = client.fetch(&Fetch::raw("tasks", "<fetch><entity name='task'></fetch>")).unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error:?}");
    let impossible = Fetch::new("tasks", "task").filter(Condition::new("subject", "eq", ["\u{0}"]));
    assert!(matches!(client.fetch(&impossible), Err(Error::Input { .. })), "XML has no such character");
}

#[tokio::test]
async fn top_and_distinct_and_joins_are_asked_for_by_name() {
    let (_emulator, client) = start().await;
    let account = create(&client, "accounts", |row| {
        row.text("name", "Alpha").text("address1_city", "Graz");
    })
    .await;
    for (first, last) in [("Ada", "L"), ("Bob", "M")] {
        create(&client, "contacts", |row| {
            row.text("firstname", first).text("lastname", last);
            row.bind("parentcustomerid_account", "accounts", &account);
        })
        .await;
    }
    create(&client, "contacts", |row| {
        row.text("firstname", "Cy").text("lastname", "Cy");
    })
    .await;
    let rows = async |fetch: Fetch| client.fetch(&fetch).unwrap().all::<Row>().await.unwrap();

    let joined = Fetch::new("contacts", "contact")
        .select(["firstname"])
        .order_by_descending("firstname")
        .link(Link::inner("account", "accountid", "parentcustomerid").alias("a").select(["name"]));
    let found = rows(joined).await;
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].text("firstname"), found[0].text("a.name")), (Some("Bob"), Some("Alpha")));

    let top = Fetch::new("contacts", "contact").select(["firstname"]).order_by("firstname").top(1);
    assert_eq!(rows(top).await[0].text("firstname"), Some("Ada"));
    let nobody = Link::not_any("contact", "parentcustomerid", "accountid");
    assert_eq!(rows(Fetch::new("accounts", "account").filter(Condition::linked(nobody))).await.len(), 0);
    let somebody = Link::any("contact", "parentcustomerid", "accountid").filter(Condition::new(
        "firstname",
        "eq",
        ["Ada"],
    ));
    assert_eq!(rows(Fetch::new("accounts", "account").filter(Condition::linked(somebody))).await.len(), 1);
    let same = Fetch::new("contacts", "contact").filter(Condition::columns("firstname", "eq", "lastname"));
    assert_eq!(rows(same).await.len(), 1);
    let either = Condition::any([
        Condition::new("firstname", "in", ["Ada"]),
        Condition::all([Condition::is_null("parentcustomerid"), Condition::new("lastname", "like", ["C%"])]),
    ]);
    assert_eq!(rows(Fetch::new("contacts", "contact").filter(either)).await.len(), 2);
    let formatted = Fetch::new("contacts", "contact")
        .select(["parentcustomerid"])
        .filter(Condition::new("firstname", "eq", ["Ada"]))
        .annotations("OData.Community.Display.V1.FormattedValue");
    assert_eq!(rows(formatted).await[0].formatted("_parentcustomerid_value"), Some("Alpha"));
    let cities = Fetch::new("accounts", "account").select(["address1_city"]).distinct();
    assert_eq!(rows(cities).await.len(), 1);
}

#[tokio::test]
async fn aggregates_give_groups() {
    let (_emulator, client) = start().await;
    for (city, employees) in [("Graz", 5), ("Graz", 7), ("Linz", 7)] {
        create(&client, "accounts", |row| {
            row.text("name", "x").text("address1_city", city).integer("numberofemployees", employees);
        })
        .await;
    }
    let fetch = Fetch::new("accounts", "account")
        .group_by("address1_city", "city")
        .aggregate("numberofemployees", Aggregate::Sum, "employees")
        .aggregate("accountid", Aggregate::Count, "accounts")
        .order_by_alias("city");
    let rows: Vec<Row> = client.fetch(&fetch).unwrap().all().await.unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.text("city"), row.integer("employees"), row.integer("accounts")))
        .collect();
    assert_eq!(found, [(Some("Graz"), Some(12), Some(2)), (Some("Linz"), Some(7), Some(1))]);
    let fetch = Fetch::new("accounts", "account")
        .group_by_date("createdon", "year", "year")
        .aggregate("numberofemployees", Aggregate::CountDistinct, "sizes")
        .aggregate("numberofemployees", Aggregate::Average, "average");
    let rows: Vec<Row> = client.fetch(&fetch).unwrap().all().await.unwrap();
    assert_eq!((rows.len(), rows[0].integer("sizes"), rows[0].integer("average")), (1, Some(2), Some(6)));
}

#[tokio::test]
async fn without_a_cookie_pages_are_counted_and_a_failed_page_can_be_asked_for_again() {
    let more = r#"{"value":[{"n":1}],"@Microsoft.Dynamics.CRM.morerecords":true}"#;
    let refused = crate::server::fault(403, "0x80040220", "missing prvReadAccount privilege");
    let server =
        Server::scripted(vec![answer(200, more), refused, answer(200, r#"{"value":[{"n":2}]}"#)]).await;
    let client = server.client();
    let mut pages = client.fetch(&Fetch::new("accounts", "account")).unwrap();
    assert_eq!(pages.next_page().await.unwrap().unwrap().rows.len(), 1);
    pages.next_page().await.unwrap_err();
    assert_eq!(pages.next_page().await.unwrap().unwrap().rows.len(), 1);
    assert!(pages.next_page().await.unwrap().is_none());
    let arrived = server.arrived();
    assert!(
        arrived[1].target.contains("page%3D=%222%22") || arrived[1].target.contains("page=%222%22"),
        "{}",
        arrived[1].target
    );
    assert_eq!(arrived[1].target, arrived[2].target);
    let prefer = arrived[0].header("prefer").unwrap();
    assert!(prefer.contains("fetchxmlpagingcookie") && prefer.contains("morerecords"), "{prefer}");
}

#[tokio::test]
async fn a_fetch_too_long_for_a_url_travels_in_a_batch() {
    let (_emulator, client) = start().await;
    create(&client, "accounts", |row| {
        row.text("name", "n7");
    })
    .await;
    let names: Vec<String> = (0..3_000).map(|number| format!("n{number}")).collect();
    let fetch = Fetch::new("accounts", "account").filter(Condition::new("name", "in", names));
    assert_eq!(client.fetch(&fetch).unwrap().all::<Row>().await.unwrap().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any text that a column can hold comes back by a condition on it, through XML, URL and cookies.
    #[test]
    fn any_text_is_found_by_its_own_value(texts in proptest::collection::hash_set("[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}]{1,40}", 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_emulator, client) = start().await;
            let texts: std::collections::BTreeSet<&str> =
                texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
            for text in &texts {
                create(&client, "accounts", |row| { row.text("name", text); }).await;
            }
            for text in &texts {
                let fetch = Fetch::new("accounts", "account")
                    .select(["name"])
                    .filter(Condition::new("name", "eq", [text]))
                    .order_by("name")
                    .page_rows(1);
                let rows: Vec<Row> = client.fetch(&fetch).unwrap().all().await.unwrap();
                assert!(rows.iter().any(|row| row.text("name") == Some(text)), "{text:?}: {rows:?}");
                let fetch = Fetch::new("accounts", "account").select(["name"]).filter(Condition::new("name", "in", [text]));
                assert_eq!(client.fetch(&fetch).unwrap().all::<Row>().await.unwrap().len(), rows.len());
            }
            // All of them, with the text in the cookie of every page.
            let fetch = Fetch::new("accounts", "account").select(["name"]).order_by("name").page_rows(1);
            assert_eq!(client.fetch(&fetch).unwrap().all::<Row>().await.unwrap().len(), texts.len());
        });
    }
}
