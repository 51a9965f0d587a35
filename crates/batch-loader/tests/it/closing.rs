//! Quotes and orders are closed by their actions, none of them twice.

use batch_loader::Plan;
use dataverse_client::WriteOptions;
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::{StagedColumn, StagedKind, TargetTable, Value};
use uuid::Uuid;

use crate::state::with_state;
use crate::world::{World, lookup, text, waves};

/// States and statuses, as they are staged.
const QUOTES: [(i64, i64); 8] = [(0, 1), (1, 2), (1, 3), (2, 4), (2, 4), (3, 5), (3, 6), (3, 7)];
const ORDERS: [(i64, i64); 8] =
    [(0, 1), (0, 2), (1, 3), (2, 4), (2, 4), (3, 100_001), (3, 100_002), (4, 100_003)];

fn customer() -> StagedColumn {
    let kind = StagedKind::Lookup {
        targets: vec!["account".to_owned(), "contact".to_owned()],
        multi_table: true,
        multi_source: false,
    };
    StagedColumn::new("customerid", kind)
}

/// Loaded quotes and orders whose states are still to be set.
async fn loaded(world: &World) -> Plan {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let closed = StagedColumn::new("closedon", StagedKind::Date);
    let quote = with_state("quote", vec![text("name", 300), customer(), closed]);
    let order = with_state("salesorder", vec![text("name", 300), customer(), lookup("quoteid", "quote")]);
    let mut plan = waves(vec![
        vec![world.table(account.clone()).await],
        vec![world.table(quote.clone()).await],
        vec![world.table(order.clone()).await],
    ]);
    plan.entity_sets.insert("contact".to_owned(), "contacts".to_owned());
    world.prepare(&plan).await;
    world.stage(&account, &["name"], vec![vec!["a".into(), "A".into()]]).await;
    for (table, more, states) in [(&quote, "closedon", QUOTES), (&order, "quoteid_SourceKey", ORDERS)] {
        let columns = ["name", "customerid_SourceKey", "customerid_Table", "statecode", "statuscode", more];
        let row = |(n, (state, status)): (usize, (i64, i64))| -> Vec<Value> {
            let more = if more == "closedon" { "2024-05-06".to_owned() } else { format!("q{n}") };
            let prefix = &table.logical_name[..1];
            vec![
                format!("{prefix}{n}").into(),
                format!("{prefix} {n}").into(),
                "a".into(),
                "account".into(),
                state.into(),
                status.into(),
                more.into(),
            ]
        };
        world.stage(table, &columns, states.into_iter().enumerate().map(row).collect()).await;
    }
    world.load(&plan).await.unwrap();
    plan
}

async fn shown(world: &World, set: &str) -> Vec<(i64, i64)> {
    let rows = world.shown(set, &["name", "statecode", "statuscode"]).await;
    let number = |text: &String| text.parse().unwrap();
    rows.iter().map(|row| (number(&row["statecode"]), number(&row["statuscode"]))).collect()
}

async fn closings(world: &World) -> [Vec<String>; 2] {
    [world.values("quotecloses", "subject").await, world.values("ordercloses", "subject").await]
}

fn once_each() -> [Vec<String>; 2] {
    let words = |words: &[(&str, usize)]| {
        words.iter().flat_map(|(word, times)| vec![format!("{word} before migration"); *times]).collect()
    };
    [words(&[("Closed", 3), ("Won", 2)]), words(&[("Cancelled", 2), ("Fulfilled", 2)])]
}

#[tokio::test]
async fn quotes_and_orders_are_closed_by_their_actions_and_other_states_are_updated() {
    let world = World::start().await;
    let plan = loaded(&world).await;
    let report = world.settle(&plan).await.unwrap();
    for (table, changed) in [("quote", 7), ("salesorder", 6)] {
        let of_table = &report.tables[table];
        let errors = world.errors(table).await;
        assert_eq!((of_table.updated, of_table.errors), (changed, 0), "{table}: {errors:?}");
    }
    assert_eq!(shown(&world, "quotes").await, QUOTES);
    assert_eq!(shown(&world, "salesorders").await, ORDERS);
    assert_eq!(closings(&world).await, once_each());
    // When a quote was closed is told by its closing activity.
    let ends = world.values("quotecloses", "actualend").await;
    assert!(ends.len() == 5 && ends.iter().all(|end| end.starts_with("2024-05-06")), "{ends:?}");
    assert_eq!(world.settle(&plan).await.unwrap().tables["quote"].requests, 0);
}

#[tokio::test]
async fn a_closing_of_a_quote_or_an_order_whose_answer_was_lost_is_not_repeated() {
    let world = World::start().await;
    let plan = loaded(&world).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("$batch").times(2)]);
    world.settle(&plan).await.unwrap();
    assert_eq!(world.emulator.stats().faults.get("lose_answer"), Some(&2), "one of each table");
    assert_eq!(shown(&world, "quotes").await, QUOTES);
    assert_eq!(shown(&world, "salesorders").await, ORDERS);
    assert_eq!(closings(&world).await, once_each());
}

#[tokio::test]
async fn a_closing_that_commits_late_is_not_overtaken_by_another() {
    let world = World::start().await;
    let plan = loaded(&world).await;
    let late = FaultRule::new(FaultKind::CommitLate).on_path("$batch").times(2);
    world.faults([late.delayed_by(world.options.request_timeout + world.options.quiet_time / 3)]);
    world.settle(&plan).await.unwrap();
    assert_eq!(world.emulator.stats().faults.get("commit_late"), Some(&2), "one of each table");
    assert_eq!(closings(&world).await, once_each());
}

#[tokio::test]
async fn a_quote_is_activated_only_where_it_is_a_draft_and_nothing_is_half_done() {
    let world = World::start().await;
    let plan = loaded(&world).await;
    // Somebody has activated the others since.
    let quotes = plan.tables().find(|table| table.name() == "quote").unwrap();
    let name = |n: usize| format!("q {n}");
    let ids = world.shown("quotes", &["name", "quoteid"]).await;
    for row in ids.iter().filter(|row| row["name"] != name(0)) {
        let id: Uuid = row["quoteid"].parse().unwrap();
        let body = r#"{"statecode":1,"statuscode":2}"#;
        let set = quotes.definition.entity_set_name.as_str();
        world.client.update(set, &id.into(), body, &WriteOptions::default()).await.unwrap();
    }
    world.settle(&plan).await.unwrap();
    assert_eq!(shown(&world, "quotes").await, QUOTES);
    assert_eq!(closings(&world).await, once_each());
}

#[tokio::test]
async fn a_draft_whose_closing_is_refused_stays_a_draft_and_says_why() {
    let world = World::start().await;
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let quote = with_state("quote", vec![text("name", 300), customer()]);
    let mut plan =
        waves(vec![vec![world.table(account.clone()).await], vec![world.table(quote.clone()).await]]);
    plan.entity_sets.insert("contact".to_owned(), "contacts".to_owned());
    world.prepare(&plan).await;
    world.stage(&account, &["name"], vec![vec!["a".into(), "A".into()]]).await;
    let columns = ["name", "customerid_SourceKey", "customerid_Table", "statecode", "statuscode"];
    // The status of the second belongs to another state.
    let rows = [(0_i64, 4_i64), (1, 5), (2, 4)].map(|(n, status)| -> Vec<Value> {
        let key = format!("q{n}");
        vec![key.into(), format!("q {n}").into(), "a".into(), "account".into(), 2.into(), status.into()]
    });
    world.stage(&quote, &columns, rows.into()).await;
    world.load(&plan).await.unwrap();
    let report = world.settle(&plan).await.unwrap();
    assert_eq!((report.tables["quote"].updated, report.tables["quote"].errors), (2, 1));
    assert_eq!(shown(&world, "quotes").await, [(2, 4), (0, 1), (2, 4)]);
    let errors = world.errors("quote").await;
    assert!(errors.len() == 1 && errors[0].1 == "state" && errors[0].3.contains('5'), "{errors:?}");
}
