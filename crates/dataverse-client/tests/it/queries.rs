//! The query builder against the emulator: conditions, counts, aggregates.

use dataverse_client::wire::write::RowWriter;
use dataverse_client::{Apply, Client, Filter, Query, Row, WriteOptions};
use futures::TryStreamExt;
use proptest::prelude::*;

use crate::office::start;

async fn create(client: &Client, write: impl FnOnce(&mut RowWriter)) {
    let mut row = RowWriter::new();
    write(&mut row);
    client.create("accounts", row.finish(), &WriteOptions::default()).await.unwrap();
}

async fn names(client: &Client, filter: Filter) -> Vec<String> {
    let query = Query::new("accounts").select(["name"]).filter(filter).order_by("name");
    let rows: Vec<Row> = client.query(&query).into_rows().try_collect().await.unwrap();
    rows.iter().map(|row| row.text("name").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn conditions_of_the_builder_find_what_they_say() {
    let (_emulator, client) = start().await;
    for (name, employees) in [("Alpha", Some(5)), ("Beta", Some(50)), ("O'Hara", None)] {
        create(&client, |row| {
            row.text("name", name);
            if let Some(employees) = employees {
                row.integer("numberofemployees", employees);
            }
        })
        .await;
    }
    for (filter, expected) in [
        (Filter::not_eq("name", "Alpha"), &["Beta", "O'Hara"][..]),
        (Filter::above("numberofemployees", 5), &["Beta"]),
        (Filter::below("numberofemployees", 50), &["Alpha"]),
        (Filter::at_most("numberofemployees", 50), &["Alpha", "Beta"]),
        (Filter::contains("name", "'"), &["O'Hara"]),
        (Filter::starts_with("name", "Al"), &["Alpha"]),
        (Filter::ends_with("name", "ta"), &["Beta"]),
        (Filter::is_null("numberofemployees").not(), &["Alpha", "Beta"]),
        (Filter::any_of("name", ["Alpha", "O'Hara"]), &["Alpha", "O'Hara"]),
    ] {
        assert_eq!(names(&client, filter.clone()).await, expected, "{}", filter.as_str());
    }
    let query = Query::new("accounts").select(["name"]).count().page_rows(2);
    assert_eq!(client.query(&query).next_page().await.unwrap().unwrap().count, Some(3));
}

#[tokio::test]
async fn conditions_may_look_at_the_rows_of_a_collection() {
    let (_emulator, client) = start().await;
    for (name, parent) in [("Parent", None), ("Child", Some("Parent")), ("Other", None)] {
        let found = match parent {
            Some(parent) => {
                client.query(&Query::new("accounts").filter(Filter::eq("name", parent))).all::<Row>().await
            }
            None => Ok(Vec::new()),
        };
        let parent = found.unwrap().first().and_then(|row| row.id("accountid"));
        create(&client, |row| {
            row.text("name", name);
            if let Some(parent) = parent {
                row.bind("parentaccountid", "accounts", &parent);
            }
        })
        .await;
    }
    let children = "account_parent_account";
    assert_eq!(names(&client, Filter::has_any(children)).await, ["Parent"]);
    assert_eq!(names(&client, Filter::has_any(children).not()).await, ["Child", "Other"]);
    assert_eq!(names(&client, Filter::any(children, Filter::eq("o/name", "Child"))).await, ["Parent"]);
    assert_eq!(names(&client, Filter::all(children, Filter::eq("o/name", "X"))).await, ["Child", "Other"]);
}

#[tokio::test]
async fn aggregates_count_and_sum_by_group() {
    let (_emulator, client) = start().await;
    for (city, employees) in [("Graz", 5), ("Graz", 7), ("Linz", 9)] {
        create(&client, |row| {
            row.text("name", "x").text("address1_city", city).integer("numberofemployees", employees);
        })
        .await;
    }
    let apply = Apply::new()
        .filter(Filter::at_most("numberofemployees", 7))
        .group_by(["address1_city"])
        .count("accounts")
        .sum("numberofemployees", "total")
        .average("numberofemployees", "average")
        .min("numberofemployees", "least")
        .max("numberofemployees", "most");
    let rows: Vec<Row> = client.query(&Query::new("accounts").apply(apply)).all().await.unwrap();
    assert_eq!(rows.len(), 1);
    let number = |name: &str| rows[0].integer(name).unwrap();
    assert_eq!(rows[0].text("address1_city"), Some("Graz"));
    assert_eq!(
        (number("accounts"), number("total"), number("average"), number("least"), number("most")),
        (2, 12, 6, 5, 7)
    );
    assert_eq!(client.count("accounts", Some(&Filter::eq("address1_city", "Linz"))).await.unwrap(), 1);
    assert_eq!(client.count("accounts", None).await.unwrap(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any literal survives the way through OData and URL.
    #[test]
    fn any_literal_finds_the_row_that_has_it(
        text in "[^\u{0}-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}]{1,60}",
        integer in 0_i32..1_000_000_000,
        number in -90.0_f64..90.0,
        second in -6_000_000_000_i64..200_000_000_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_emulator, client) = start().await;
            let text = text.trim();
            if text.is_empty() {
                return;
            }
            let latitude = (number * 100_000.0).round() / 100_000.0;
            let instant = jiff::Timestamp::from_second(second).unwrap();
            create(&client, |row| {
                row.text("name", text)
                    .integer("numberofemployees", i64::from(integer))
                    .number("address1_latitude", &latitude.to_string())
                    .text("overriddencreatedon", &instant.to_string());
            })
            .await;
            create(&client, |row| { row.text("name", "another one"); }).await;
            let found = names(&client, Filter::eq("name", text)).await;
            assert!(found.contains(&text.to_owned()), "{text:?} {found:?}");
            for filter in [
                Filter::contains("name", text),
                Filter::starts_with("name", text),
                Filter::any_of("name", [text, "nobody"]),
                Filter::eq("numberofemployees", integer),
                Filter::eq("address1_latitude", latitude),
                Filter::eq("createdon", instant),
                Filter::eq("name", text).and(Filter::is_null("description")).or(Filter::eq("donotemail", true)),
            ] {
                assert!(names(&client, filter.clone()).await.contains(&text.to_owned()), "{}", filter.as_str());
            }
            assert_eq!(client.count("accounts", Some(&Filter::eq("name", text))).await.unwrap(), 1);
        });
    }
}
