//! States are set last, and no case or opportunity is closed twice.

use batch_loader::Plan;
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::{StagedColumn, StagedKind, TargetTable, Value};

use crate::world::{World, lookup, text, waves};

pub(crate) fn with_state(name: &str, mut columns: Vec<StagedColumn>) -> TargetTable {
    columns.push(StagedColumn::new("statecode", StagedKind::State));
    columns.push(StagedColumn::new("statuscode", StagedKind::Status));
    TargetTable::new(name, columns).unwrap()
}

#[tokio::test]
async fn rows_are_created_active_and_closed_after_everything_else() {
    let world = World::start().await;
    let account = with_state("account", vec![text("name", 160)]);
    let plan = waves(vec![vec![world.table(account.clone()).await]]);
    world.prepare(&plan).await;
    let rows: Vec<Vec<Value>> = (0..20)
        .map(|n: i64| {
            vec![format!("k{n}").into(), format!("A {n}").into(), (n % 2).into(), (1 + n % 2).into()]
        })
        .collect();
    world.stage(&account, &["name", "statecode", "statuscode"], rows).await;
    world.load(&plan).await.unwrap();
    assert_eq!(world.values("accounts", "statecode").await, vec!["0"; 20]);
    let report = world.settle(&plan).await.unwrap();
    assert_eq!((report.tables["account"].updated, report.tables["account"].errors), (10, 0));
    let shown = world.shown("accounts", &["statecode", "statuscode"]).await;
    assert_eq!(shown.iter().filter(|row| row["statecode"] == "1" && row["statuscode"] == "2").count(), 10);
    assert_eq!(world.settle(&plan).await.unwrap().tables["account"].requests, 0);
}

async fn sales(world: &World) -> Plan {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let customer = StagedKind::Lookup {
        targets: vec!["account".to_owned(), "contact".to_owned()],
        multi_table: true,
        multi_source: false,
    };
    let customer = |name: &str| StagedColumn::new(name, customer.clone());
    let opportunity = with_state(
        "opportunity",
        vec![
            text("name", 300),
            customer("customerid"),
            StagedColumn::new("actualclosedate", StagedKind::Date),
        ],
    );
    let incident = with_state("incident", vec![text("title", 200), customer("customerid")]);
    let task = with_state("task", vec![text("subject", 200), regarding()]);
    let mut plan = waves(vec![
        vec![world.table(account.clone()).await],
        vec![world.table(opportunity.clone()).await, world.table(incident.clone()).await],
        vec![world.table(task.clone()).await],
    ]);
    plan.entity_sets.insert("contact".to_owned(), "contacts".to_owned());
    world.prepare(&plan).await;
    world.stage(&account, &["name"], vec![vec!["a".into(), "A".into()]]).await;
    let columns =
        ["name", "customerid_SourceKey", "customerid_Table", "actualclosedate", "statecode", "statuscode"];
    let rows: Vec<Vec<Value>> = (0..9)
        .map(|n: i64| {
            let (state, status) = [(0, 1), (1, 3), (2, 4)][usize::try_from(n % 3).unwrap()];
            let key: Value = format!("o{n}").into();
            vec![
                key,
                format!("O {n}").into(),
                "a".into(),
                "account".into(),
                "2024-05-06".into(),
                state.into(),
                status.into(),
            ]
        })
        .collect();
    world.stage(&opportunity, &columns, rows).await;
    let columns = ["title", "customerid_SourceKey", "customerid_Table", "statecode", "statuscode"];
    let cases: Vec<Vec<Value>> = (0..6)
        .map(|n: i64| {
            let (state, status) = [(0, 1), (1, 5), (2, 6)][usize::try_from(n % 3).unwrap()];
            vec![
                format!("i{n}").into(),
                format!("I {n}").into(),
                "a".into(),
                "account".into(),
                state.into(),
                status.into(),
            ]
        })
        .collect();
    world.stage(&incident, &columns, cases).await;
    let columns = ["subject", "regardingobjectid_SourceKey", "statecode", "statuscode"];
    // Open activities would keep their case from being closed.
    let tasks = (0..6).map(|n: i64| {
        vec![format!("t{n}").into(), format!("T {n}").into(), format!("i{n}").into(), 1.into(), 5.into()]
    });
    world.stage(&task, &columns, tasks.collect()).await;
    plan
}

fn regarding() -> StagedColumn {
    lookup("regardingobjectid", "incident")
}

async fn states(world: &World, set: &str) -> Vec<String> {
    world.values(set, "statecode").await
}

#[tokio::test]
async fn cases_and_opportunities_are_closed_by_their_actions() {
    let world = World::start().await;
    let plan = sales(&world).await;
    world.load(&plan).await.unwrap();
    let report = world.settle(&plan).await.unwrap();
    for (table, closed) in [("opportunity", 6), ("incident", 4), ("task", 6)] {
        let table_report = &report.tables[table];
        assert_eq!(
            (table_report.updated, table_report.errors),
            (closed, 0),
            "{table}: {:?}",
            world.errors(table).await
        );
    }
    assert_eq!(states(&world, "opportunities").await, ["0", "0", "0", "1", "1", "1", "2", "2", "2"]);
    assert_eq!(states(&world, "incidents").await, ["0", "0", "1", "1", "2", "2"]);
    assert_eq!(world.emulator.stats().rows.get("opportunityclose"), Some(&6));
    assert_eq!(world.emulator.stats().rows.get("incidentresolution"), Some(&2));
}

#[tokio::test]
async fn a_closing_whose_answer_was_lost_is_not_repeated() {
    let world = World::start().await;
    let plan = sales(&world).await;
    world.load(&plan).await.unwrap();
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("$batch").every(2).times(2)]);
    world.settle(&plan).await.unwrap();
    assert_eq!(states(&world, "opportunities").await, ["0", "0", "0", "1", "1", "1", "2", "2", "2"]);
    assert_eq!(world.emulator.stats().rows.get("opportunityclose"), Some(&6), "one close activity each");
    assert_eq!(world.emulator.stats().rows.get("incidentresolution"), Some(&2), "one resolution each");
}
