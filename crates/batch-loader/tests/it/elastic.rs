//! Elastic tables: each row is written by itself, in a partition, under a GUID that is ours.

use batch_loader::{Event, LoadTable, Plan, Strategy};
use dataverse_client::wire::metadata::{ColumnType, TableType};
use dataverse_client::{NewColumn, NewLookup, NewTable};
use dataverse_emulator::{FaultKind, FaultRule, Options as EmulatorOptions, Settings};
use staging_schema::{GuidStrategy, Shape, StagedColumn, StagedKind, TargetTable, Value};

use crate::state::with_state;
use crate::world::{Seen, World, is_flipped, lookup, text, waves};

/// Makes the elastic table `new_reading`, whose rows may point to accounts.
pub(crate) async fn define(client: &dataverse_client::Client) {
    let value = NewColumn::new("new_Value", "Value", ColumnType::Integer { min: 0, max: 1_000 });
    let table = NewTable::new("new_Reading", "Reading", "Readings").with_column(value);
    client.define().table(&NewTable { table_type: TableType::Elastic, ..table }).await.unwrap();
    let of_account = NewLookup::new("new_AccountId", "Account", "new_reading", "account");
    client.define().lookup(&of_account).await.unwrap();
}

async fn world(settings: Settings) -> World {
    let world = World::with(EmulatorOptions { settings, ..EmulatorOptions::default() }).await;
    define(&world.client).await;
    world
}

fn reading(more: Vec<StagedColumn>) -> TargetTable {
    let mut columns = vec![text("new_name", 400), StagedColumn::new("new_value", StagedKind::Integer)];
    columns.extend(more);
    with_state("new_reading", columns).with_guid(GuidStrategy::Sequential)
}

async fn loads(world: &World, staged: &TargetTable) -> LoadTable {
    let mut table = world.table(staged.clone()).await;
    table.strategy = Strategy::Sequential;
    table
}

/// So many readings in requests of ten; some names are too long, some values too large.
async fn readings(world: &World, count: usize, too_long: &[usize], too_large: &[usize]) -> Plan {
    let staged = reading(Vec::new());
    let plan = waves(vec![vec![loads(world, &staged).await]]);
    world.prepare(&plan).await;
    let row = |n: usize| -> Vec<Value> {
        let name = if too_long.contains(&n) { "x".repeat(300) } else { format!("r {n:04}") };
        let value = if too_large.contains(&n) { 5_000 } else { 7 };
        vec![format!("r{n}").into(), name.into(), value.into()]
    };
    world.stage(&staged, &["new_name", "new_value"], (0..count).map(row).collect()).await;
    plan
}

/// Rows that went out, and those of them that were sent apart.
fn sent(seen: &Seen) -> (usize, usize) {
    let events = seen.0.lock().unwrap();
    let sendings = events.iter().filter_map(|event| match event {
        Event::Sending { rows, isolates, .. } => Some((*rows, if *isolates { *rows } else { 0 })),
        _ => None,
    });
    sendings.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

#[tokio::test]
async fn bad_rows_have_errors_of_their_own_and_good_rows_of_their_requests_are_sent_once() {
    for (all_rows, as_500) in [(false, false), (true, false), (false, true), (true, true)] {
        let world = world(Settings {
            elastic_details_of_all_rows: all_rows,
            elastic_failure_as_500: as_500,
            ..Settings::default()
        })
        .await;
        let plan = readings(&world, 30, &[3, 14], &[7]).await;
        let seen = Seen::default();
        let report = world.load_seen(&plan, &seen).await.unwrap();
        let of_table = &report.tables["new_reading"];
        assert_eq!((of_table.loaded, of_table.adopted, of_table.errors), (27, 0, 3));
        let errors = world.errors("new_reading").await;
        let told: Vec<(i64, Option<&str>)> =
            errors.iter().map(|(row, _, column, _)| (*row, column.as_deref())).collect();
        let named = [(4, Some("new_name")), (8, Some("new_value")), (15, Some("new_name"))];
        assert_eq!(told, named, "{errors:?}");
        // A reason that can only be that row's is believed; the others are asked for one by one.
        let tells_none = as_500 || is_flipped() && !all_rows;
        let apart = if tells_none { 3 } else { 2 };
        assert_eq!(sent(&seen), (30 + apart, apart));
        assert_eq!(world.values("new_readings", "new_name").await.len(), 27);
    }
}

#[tokio::test]
async fn rows_that_are_throttled_among_others_are_sent_again_alone() {
    let world = world(Settings::default()).await;
    let plan = readings(&world, 30, &[], &[]).await;
    // Every fourth row of a request: those that are repeated are too few to be struck again.
    let struck = FaultRule::new(FaultKind::PartialFailure).on_path("new_readings*CreateMultiple");
    world.faults([FaultRule { rows: 4, ..struck }]);
    let seen = Seen::default();
    let report = world.load_seen(&plan, &seen).await.unwrap();
    assert_eq!((report.tables["new_reading"].loaded, report.tables["new_reading"].errors), (30, 0));
    assert_eq!(sent(&seen), (36, 6));
    assert_eq!(
        world.emulator.stats().by_kind["CreateMultiple"],
        8,
        "ten, ten, five and five rows, and what was struck"
    );
    assert_eq!(world.values("new_readings", "new_name").await.len(), 30);
}

#[tokio::test]
async fn rows_whose_answer_was_lost_are_looked_for_one_by_one() {
    let world = world(Settings::default()).await;
    let plan = readings(&world, 40, &[14], &[25]).await;
    let on_creates = |kind| FaultRule::new(kind).on_path("new_readings*CreateMultiple");
    world.faults([
        FaultRule { rows: 3, ..on_creates(FaultKind::PartialFailure).times(1) },
        on_creates(FaultKind::LoseAnswer).every(2).times(3),
    ]);
    let report = world.load(&plan).await.unwrap();
    let of_table = &report.tables["new_reading"];
    assert_eq!((of_table.loaded + of_table.adopted, of_table.errors), (38, 2));
    assert!(of_table.adopted > 0);
    let mut names = world.values("new_readings", "new_name").await;
    names.dedup();
    assert_eq!((names.len(), world.emulator.stats().rows["new_reading"]), (38, 38));
}

#[tokio::test]
async fn a_read_that_lags_behind_loses_no_row_and_doubles_none() {
    // The token that would let us read what we wrote was in the answer that was lost.
    let world = world(Settings { elastic_lag_seconds: 2, ..Settings::default() }).await;
    let plan = readings(&world, 20, &[], &[]).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("new_readings*CreateMultiple").times(2)]);
    let report = world.load(&plan).await.unwrap();
    let of_table = &report.tables["new_reading"];
    assert_eq!((of_table.adopted, of_table.errors), (20, 0));
    assert_eq!(world.emulator.stats().rows["new_reading"], 20);
    let settled =
        "SELECT COUNT(*) FROM target_new_reading WHERE DataMigration_ClientId = DataMigration_DataverseId";
    assert_eq!(world.count(settled).await, 20);
}

/// Where the rows live, with what they hold.
async fn parted(world: &World) -> Vec<[String; 4]> {
    let columns = ["partitionid", "new_name", "new_value", "statecode", "_new_accountid_value"];
    let shown = world.shown("new_readings", &columns).await;
    let has_account = |row: &crate::world::Shown| row.contains_key("_new_accountid_value").to_string();
    let cell = |row: &crate::world::Shown, name: &str| row.get(name).cloned().unwrap_or_default();
    let mut rows: Vec<[String; 4]> = shown
        .iter()
        .map(|row| {
            let value = format!("{} {}", cell(row, "new_value"), cell(row, "statecode"));
            [cell(row, "new_name"), cell(row, "partitionid"), value, has_account(row)]
        })
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn every_pass_finds_a_row_in_its_partition() {
    let world = world(Settings::default()).await;
    let staged = reading(vec![text("partitionid", 1_024), lookup("new_accountid", "account")]);
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let mut table = loads(&world, &staged).await;
    table.deferred = vec!["new_accountid".to_owned()];
    // Accounts come later, so that the lookups are owed.
    let plan = waves(vec![vec![table], vec![world.table(account.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&account, &["name"], vec![vec!["a".into(), "A".into()]]).await;
    let columns = ["new_name", "new_value", "statecode", "partitionid", "new_accountid_SourceKey"];
    // The last lives in the partition of its own GUID.
    let rows = (0_i64..6).map(|n| -> Vec<Value> {
        let partition = if n == 5 { Value::Null } else { format!("device {}'s", n % 2).into() };
        let state = i64::from(n == 1);
        vec![format!("r{n}").into(), format!("r {n}").into(), n.into(), state.into(), partition, "a".into()]
    });
    world.stage(&staged, &columns, rows.collect()).await;
    world.load(&plan).await.unwrap();
    let report = world.settle(&plan).await.unwrap();
    assert_eq!(report.tables["new_reading"].errors, 0, "{:?}", world.errors("new_reading").await);
    let change = |flag: &str, more: &str, rows: &str| {
        format!(
            "UPDATE target_new_reading SET DataMigration_ActionFlag = '{flag}', DataMigration_Generation = 2, \
             DataMigration_ProcessingFlag = 'U'{more} WHERE DataMigration_RowId {rows}"
        )
    };
    world.execute(&change("U", ", new_value = new_value + 100", "IN (1, 2, 6)")).await;
    // One value is beyond what the column takes, and one row is gone.
    world.execute(&change("U", ", new_value = 5000", "= 3")).await;
    world.execute(&change("D", "", "= 4")).await;
    let seen = Seen::default();
    let report = world.settle_seen(&plan, &seen).await.unwrap();
    assert_eq!(report.tables["new_reading"].errors, 1, "{:?}", world.errors("new_reading").await);
    let shown = parted(&world).await;
    let row = |n: u32, partition: &str, value: &str| {
        [format!("r {n}"), partition.to_owned(), value.to_owned(), "true".to_owned()]
    };
    let own = shown[4][1].clone();
    let expected = [
        row(0, "device 0's", "100 0"),
        row(1, "device 1's", "101 1"),
        row(2, "device 0's", "2 0"),
        row(4, "device 0's", "4 0"),
        row(5, &own, "105 0"),
    ];
    assert_eq!(shown, expected);
    assert!(own.parse::<uuid::Uuid>().is_ok());
    let kinds = world.emulator.stats().by_kind;
    assert!(kinds.contains_key("UpdateMultiple") && kinds.contains_key("DeleteMultiple"), "{kinds:?}");
}

#[tokio::test]
async fn what_an_elastic_table_cannot_do_is_said_before_anything_is_sent() {
    let world = world(Settings::default()).await;
    let complaint = |plan: Plan| {
        let world = &world;
        async move { world.load(&plan).await.unwrap_err().to_string() }
    };
    let mut numbered = world.table(reading(Vec::new())).await;
    numbered.staged.guid = GuidStrategy::Server;
    let said = complaint(waves(vec![vec![numbered]])).await;
    assert!(said.contains("new_reading") && said.contains("sequential"), "{said}");

    let pairs = reading(Vec::new()).with_shape(Shape::Intersect);
    let said = complaint(waves(vec![vec![loads(&world, &pairs).await]])).await;
    assert!(said.contains("many-to-many"), "{said}");

    let of_reading = NewLookup::new("new_ReadingId", "Reading", "account", "new_reading");
    world.client.define().lookup(&of_reading).await.unwrap();
    let account =
        TargetTable::new("account", vec![text("name", 160), lookup("new_readingid", "new_reading")]).unwrap();
    let parted = reading(vec![text("partitionid", 1_024)]);
    let plan = |staged: TargetTable| {
        let (world, account) = (&world, account.clone());
        async move { waves(vec![vec![loads(world, &staged).await], vec![world.table(account).await]]) }
    };
    let said = complaint(plan(parted).await).await;
    assert!(said.contains("new_readingid") && said.contains("partitions"), "{said}");
    plan(reading(Vec::new())).await.check().unwrap();
}
