//! Lookups, parties, owners, keys and levels.

use staging_schema::lookup::{
    FallbackOwner, Fill, Parent, follow_aliases, orphans, preload, preload_parties, resolve_owner,
    unmapped_owners,
};
use staging_schema::row_wave::Group;
use staging_schema::{StagedColumn, StagedKind, Statement, TableName, TargetTable, Value, control, settle};

use super::stage::{ALL, lookup, plain, stage};
use crate::{Computed, RowWaves, Store};

async fn give_ids(store: &Store, table: &TargetTable, first: u32, rows: u32) {
    let ids: Vec<_> = (1..=rows).map(|n| (i64::from(n), id(first + n))).collect();
    let given = store.execute(&settle::assign_ids(table, &ids)).await.expect("GUIDs");
    assert_eq!(given, u64::from(rows));
}

fn id(n: u32) -> String {
    format!("00000000-0000-0000-0000-{n:012}")
}

async fn column(store: &Store, table: &TableName, column: &str) -> Vec<Value> {
    let read = Statement::new(
        |d| format!("SELECT {} FROM {} ORDER BY 1", d.quote(column), d.table(table)),
        Vec::new(),
    );
    store.query(&read).await.expect("cells").into_iter().flat_map(crate::Row::into_values).collect()
}

/// The column's values in the order of RowIds; SQL Server spells GUIDs in capitals.
async fn found(store: &Store, table: &TargetTable, column: &str) -> Vec<Option<String>> {
    let read = Statement::new(
        |d| {
            format!(
                "SELECT {} FROM {} ORDER BY {}",
                d.as_text(&d.quote(column)),
                d.table(&table.name()),
                d.quote(control::ROW_ID)
            )
        },
        Vec::new(),
    );
    let rows = store.query(&read).await.expect("cells");
    rows.iter().map(|row| row.get(0).as_text().map(str::to_lowercase)).collect()
}

async fn insert(store: &Store, table: &TableName, columns: &[&str], cells: &[&str]) {
    let mut appender = store.append(table, columns.iter().copied());
    let mut batch = appender.batch();
    for cell in cells {
        batch.push_text(cell);
    }
    appender.push(batch).await.expect("rows");
    appender.finish().await.expect("rows");
}

/// Single, multi-table and multi-source lookups find their parents; merged parents are followed to their survivor;
/// orphans stay empty and are counted.
pub async fn lookups_find_their_parents(store: &Store) {
    let people = plain(store, "people", vec![]).await;
    let firms = plain(store, "firms", vec![]).await;
    stage(store, &people, &[], &[&[Some("p1")], &[Some("p2")], &[Some("same")]]).await;
    stage(store, &firms, &[], &[&[Some("f1")], &[Some("same")]]).await;
    // The same key from another source.
    let keys = [control::SOURCE_TABLE, control::SOURCE_KEY];
    insert(store, &people.name(), &keys, &["Other", "p1"]).await;
    give_ids(store, &people, 100, 4).await;
    give_ids(store, &firms, 200, 2).await;
    let aliases = TableName::migration("KeyAlias");
    let alias = ["TargetTable", "SourceKey", "SurvivorKey"];
    insert(store, &aliases, &alias, &["people", "old", "older", "people", "older", "p2"]).await;
    store.execute(&follow_aliases()).await.expect("followed");
    let sources =
        StagedKind::Lookup { targets: vec!["people".into()], multi_table: false, multi_source: true };
    let tables = StagedKind::Lookup {
        targets: vec!["people".into(), "firms".into()],
        multi_table: true,
        multi_source: false,
    };
    let columns = vec![
        StagedColumn::new("whoid", sources),
        StagedColumn::new("whatid", tables),
        lookup("firmid", "firms"),
    ];
    let table = plain(store, "things", columns).await;
    let staged =
        ["whoid_SourceKey", "whoid_SourceTable", "whatid_SourceKey", "whatid_Table", "firmid_SourceKey"];
    stage(
        store,
        &table,
        &staged,
        &[
            &[Some("1"), Some("p1"), Some("Other"), Some("same"), Some("people"), Some("f1")],
            &[Some("2"), Some("p1"), Some("Source"), Some("same"), Some("firms"), Some("same")],
            &[Some("3"), Some("old"), Some("Source"), Some("f1"), Some("planets"), Some("nowhere")],
            &[Some("4"), None, None, None, None, None],
        ],
    )
    .await;
    let from = |name: &str, source: Option<&str>| Parent {
        table: name.to_owned(),
        source: source.map(str::to_owned),
    };
    let both = [from("people", Some("Source")), from("firms", None)];
    let run = |statement| async move { store.execute(&statement).await.expect("a preload") };
    assert_eq!(
        run(preload(&table, &[Fill::new("whoid", [from("people", None)])], &ALL).expect("a lookup")).await,
        3
    );
    assert_eq!(run(preload(&table, &[Fill::new("whatid", both)], &ALL).expect("a lookup")).await, 2);
    assert_eq!(
        run(preload(&table, &[Fill::new("firmid", [from("firms", None)])], &ALL).expect("a lookup")).await,
        2
    );
    assert_eq!(found(store, &table, "whoid").await, [Some(id(104)), Some(id(101)), Some(id(102)), None]);
    assert_eq!(found(store, &table, "whatid").await, [Some(id(103)), Some(id(202)), None, None]);
    assert_eq!(found(store, &table, "firmid").await, [Some(id(201)), Some(id(202)), None, None]);
    let lost = store
        .query(&orphans(&table, "firmid", &[from("firms", None)]).expect("a lookup"))
        .await
        .expect("orphans");
    assert_eq!(lost[0].values(), [Value::from("nowhere"), Value::from(1)]);
    preload(&table, &[Fill::new("firmid", [])], &ALL).expect_err("a lookup needs a parent");
    preload(&table, &[Fill::new("name", [from("firms", None)])], &ALL).expect_err("there is no such lookup");
}

/// Parties are resolved by table and key in the child table.
pub async fn parties_find_their_rows(store: &Store) {
    let people = plain(store, "partypeople", vec![]).await;
    stage(store, &people, &[], &[&[Some("p1")]]).await;
    give_ids(store, &people, 300, 1).await;
    let parties = StagedKind::Parties { targets: vec!["partypeople".into()] };
    let table = plain(store, "mails", vec![StagedColumn::new("to", parties)]).await;
    stage(store, &table, &[], &[&[Some("m1")]]).await;
    let columns = ["RowId", "Part", "Position", "PartyTable", "PartySourceKey"];
    insert(
        store,
        &table.party(),
        &columns,
        &["1", "to", "1", "partypeople", "p1", "1", "to", "2", "partypeople", "?"],
    )
    .await;
    let fill = preload_parties(&table, &[Parent::new("partypeople")], &ALL).expect("parties");
    assert_eq!(store.execute(&fill).await.expect("a preload"), 1);
    assert_eq!(store.execute(&fill).await.expect("a preload"), 0, "nothing the second time");
    assert_eq!(column(store, &table.party(), "PartyId").await.iter().filter(|id| !id.is_null()).count(), 1);
}

/// An owner comes from the mapping, then from a matched user, then from the fallback; rows have one in any case.
pub async fn owners_fall_back(store: &Store) {
    let users = plain(store, "systemusers", vec![]).await;
    stage(store, &users, &[], &[&[Some("u1")], &[Some("u2")]]).await;
    give_ids(store, &users, 400, 2).await;
    let table = plain(store, "owned", vec![StagedColumn::new("ownerid", StagedKind::Owner)]).await;
    let rows: [&[Option<&str>]; 4] =
        [&[Some("1"), Some("u1")], &[Some("2"), Some("u2")], &[Some("3"), Some("left")], &[Some("4"), None]];
    stage(store, &table, &["ownerid_SourceKey"], &rows).await;
    let mapping = TableName::migration("OwnerMapping");
    insert(store, &mapping, &["SourceOwner", "OwnerTable", "OwnerId"], &["u1", "team", &id(900)]).await;
    let unmapped = store.query(&unmapped_owners(&table, "ownerid").expect("an owner")).await.expect("owners");
    assert_eq!(unmapped.len(), 2);
    let fallback = FallbackOwner { table: "systemuser".to_owned(), id: id(999) };
    let through = [Parent::new("systemusers")];
    let resolve = resolve_owner(&table, "ownerid", &through, &fallback, &ALL).expect("an owner");
    assert_eq!(store.execute(&resolve).await.expect("owners"), 4);
    assert_eq!(store.execute(&resolve).await.expect("owners"), 0, "nothing the second time");
    assert_eq!(found(store, &table, "ownerid").await, [900, 402, 999, 999].map(|n| Some(id(n))));
    let tables = found(store, &table, "ownerid_Table").await;
    assert_eq!(tables, ["team", "systemusers", "systemuser", "systemuser"].map(|name| Some(name.to_owned())));
}

/// Keys that differ by case only are two rows; a key that is there already is refused.
pub async fn keys_are_compared_byte_by_byte(store: &Store) {
    let table = plain(store, "keyed", vec![lookup("otherid", "keyed")]).await;
    stage(
        store,
        &table,
        &["otherid_SourceKey"],
        &[&[Some("001Aa"), Some("001aA")], &[Some("001aA"), Some("001AA")]],
    )
    .await;
    give_ids(store, &table, 500, 2).await;
    let fill = preload(&table, &[Fill::new("otherid", [Parent::new("keyed")])], &ALL).expect("a lookup");
    assert_eq!(store.execute(&fill).await.expect("a preload"), 1);
    assert_eq!(found(store, &table, "otherid").await, [Some(id(502)), None]);
    let mut appender = store.append(&table.name(), [control::SOURCE_TABLE, control::SOURCE_KEY]);
    let mut batch = appender.batch();
    batch.push_text("Source");
    batch.push_text("001Aa");
    appender.push(batch).await.expect("handed over");
    assert!(appender.finish().await.expect_err("the key is there").is_constraint());
}

/// Levels: none, children, orphans, a cycle of two, a row that is its own parent, and what hangs below a cycle.
pub async fn levels_follow_parents_and_cycles_have_none(store: &Store) {
    let table = plain(store, "tree", vec![lookup("parentid", "tree")]).await;
    let rows: [&[Option<&str>]; 9] = [
        &[Some("grandchild"), Some("child")],
        &[Some("child"), Some("root")],
        &[Some("root"), None],
        &[Some("orphan"), Some("nowhere")],
        &[Some("a"), Some("b")],
        &[Some("b"), Some("a")],
        &[Some("below"), Some("a")],
        &[Some("deeper"), Some("below")],
        &[Some("self"), Some("self")],
    ];
    stage(store, &table, &["parentid_SourceKey"], &rows).await;
    let levels = store.compute_levels(&table, &["parentid"], None).await.expect("levels");
    assert_eq!((levels.deepest, levels.on_cycles), (2, 3));
    let expected = [Some(2), Some(1), Some(0), Some(0), None, None, Some(1), Some(2), None];
    let expected = expected.map(|level: Option<i64>| level.map(|level| level.to_string()));
    assert_eq!(found(store, &table, control::LEVEL).await, expected);
    assert_eq!(store.compute_levels(&table, &["parentid"], None).await.expect("levels"), levels);
}

/// A long chain below a cycle has its levels from there, leaves that hang on it included.
pub async fn deep_chains_below_a_cycle_count_from_it(store: &Store) {
    const CHAIN: usize = 250;
    const ROWS: usize = 3_000;
    let table = plain(store, "deep", vec![lookup("parentid", "deep")]).await;
    // The cycle is rows 0 to 2, the chain 3 to CHAIN + 2, each after its parent; the leaves hang on the chain in turn.
    let parent = |row: usize| match row {
        0..3 => (row + 1) % 3,
        3 => 0,
        row if row < CHAIN + 3 => row - 1,
        row => 3 + row % CHAIN,
    };
    let expected = |row: usize| match row {
        0..3 => None,
        row if row < CHAIN + 3 => Some(row - 2),
        row => Some(parent(row) - 1),
    };
    let columns = [control::SOURCE_TABLE, control::SOURCE_KEY, "parentid_SourceKey"];
    let mut appender = store.append(&table.name(), columns);
    let mut batch = appender.batch();
    for row in (0..ROWS).rev() {
        batch.push_text("Source");
        batch.push_display(row);
        batch.push_display(parent(row));
    }
    appender.push(batch).await.expect("rows are taken");
    appender.finish().await.expect("rows are appended");
    let levels = store.compute_levels(&table, &["parentid"], None).await.expect("levels");
    assert_eq!((levels.deepest as usize, levels.on_cycles), (CHAIN + 1, 3));
    let expected: Vec<_> = (0..ROWS).rev().map(|row| expected(row).map(|level| level.to_string())).collect();
    assert_eq!(found(store, &table, control::LEVEL).await, expected);
}

/// Across tables: a chain that goes back and forth between two has a level per row; a cycle of rows leaves them without.
pub async fn row_waves_run_across_tables(store: &Store) {
    let house = plain(store, "house", vec![lookup("ownerid", "person"), lookup("nextid", "house")]).await;
    let person = plain(store, "person", vec![lookup("homeid", "house")]).await;
    let rows: [&[Option<&str>]; 4] = [
        &[Some("h1"), None, None],
        &[Some("h2"), Some("p1"), Some("h1")],
        &[Some("h3"), Some("p2"), None],
        &[Some("h4"), Some("nobody"), Some("h3")],
    ];
    stage(store, &house, &["ownerid_SourceKey", "nextid_SourceKey"], &rows).await;
    let rows: [&[Option<&str>]; 3] =
        [&[Some("p1"), Some("h1")], &[Some("p2"), Some("h2")], &[Some("p3"), None]];
    stage(store, &person, &["homeid_SourceKey"], &rows).await;
    let group = Group::new([&house, &person]);
    let expected = vec![vec![1, 1], vec![0, 1], vec![1, 0], vec![0, 1], vec![1, 0], vec![1, 0]];
    let counted = store.compute_row_waves(&group, Computed::Counted).await.expect("row waves");
    assert_eq!(counted, RowWaves { levels: expected, without: 0 });
    let zero = Some("0".to_owned());
    assert_eq!(found(store, &house, control::LEVEL).await, vec![zero; 4], "only counted");
    assert_eq!(store.compute_row_waves(&group, Computed::Written).await.expect("row waves"), counted);
    let levels = |levels: &[i64]| levels.iter().map(|level| Some(level.to_string())).collect::<Vec<_>>();
    assert_eq!(found(store, &house, control::LEVEL).await, levels(&[0, 2, 4, 5]));
    assert_eq!(found(store, &person, control::LEVEL).await, levels(&[1, 3, 0]));

    let close = Statement::new(
        |d| {
            let key = d.quote("homeid_SourceKey");
            let source = d.quote(control::SOURCE_KEY);
            d.update(
                &person.name(),
                &format!("{key} = {}", d.literal("h3")),
                &format!("t.{source} = {}", d.literal("p1")),
            )
        },
        Vec::new(),
    );
    store.execute(&close).await.expect("a cycle");
    let cyclic = store.compute_row_waves(&group, Computed::Written).await.expect("row waves");
    assert_eq!(cyclic.without, 5, "h2, h3, h4, p1 and p2");
    assert_eq!(found(store, &house, control::LEVEL).await, levels(&[0, 2, 4, 5]), "nothing was written");
}
