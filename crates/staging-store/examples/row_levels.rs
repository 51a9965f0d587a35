//! How long the levels of rows take, for `docs/benchmarks-sequencing.md`: on a SQLite file, or on the server that
//! `STAGING_TEST_MSSQL` names, and beside it a recursive query as people write it.
//!
//! `row_levels ROWS CHAIN [cycle|waves]`: so many rows, of which the last `CHAIN` are one below the other, and the others a tree
//! in which each has four children. `cycle`: the chain hangs below three rows that point at each other. `waves`: the rows
//! are those of two tables in turn, and the tree is left out.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::time::Instant;

use staging_schema::row_wave::Group;
use staging_schema::{Dialect, StagedColumn, StagedKind, Statement, TargetTable, control};
use staging_store::contract::ScratchStaging;
use staging_store::{Computed, Store};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Where the key of a row's parent is staged.
const KEY: &str = "parentid_SourceKey";

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (rows, chain) = match arguments.as_slice() {
        [rows, chain, ..] => (rows.parse::<u64>()?, chain.parse::<u64>()?),
        _ => return Err("row_levels ROWS CHAIN [cycle|waves]".into()),
    };
    let shape = arguments.get(2).map(String::as_str);
    let staging = ScratchStaging::new().await?;
    let store = Store::open(staging.options()).await?;
    let engine = store.dialect().engine();
    if shape == Some("waves") {
        waves(&store, rows).await?;
    } else {
        let table = table("tree", "tree")?;
        store.ensure_tables(std::slice::from_ref(&table)).await?;
        let parent = |row: u64| match (row, shape) {
            (0, Some("cycle")) => Some(2),
            (1 | 2, Some("cycle")) => Some(row - 1),
            (3, Some("cycle")) => None,
            (row, Some("cycle")) if row == rows - chain => Some(0),
            (0, _) => None,
            (row, _) if row >= rows - chain => Some(row - 1),
            (row, _) => Some((row - 1) / 4),
        };
        stage(&store, &table, (0..rows).map(|row| (row, parent(row)))).await?;
        let start = Instant::now();
        let levels = store.compute_levels(&table, &["parentid"], None).await?;
        println!("{engine}: {rows} rows, {levels:?}: {:.2} s", start.elapsed().as_secs_f64());
        // On a cycle the query by hand would never end.
        if shape.is_none() {
            by_hand(&store, &table).await?;
        }
    }
    store.close().await?;
    Ok(())
}

fn table(name: &str, parent: &str) -> Outcome<TargetTable> {
    let targets = vec![parent.to_owned()];
    let kind = StagedKind::Lookup { targets, multi_table: false, multi_source: false };
    Ok(TargetTable::new(name, vec![StagedColumn::new("parentid", kind)])?)
}

async fn stage(
    store: &Store,
    table: &TargetTable,
    rows: impl Iterator<Item = (u64, Option<u64>)>,
) -> Outcome {
    let mut appender = store.append(&table.name(), [control::SOURCE_TABLE, control::SOURCE_KEY, KEY]);
    let mut batch = appender.batch();
    for (row, parent) in rows {
        batch.push_text("Source");
        batch.push_display(row);
        batch.push_option(parent.map(|parent| parent.to_string()).as_deref());
        if appender.is_full(&batch) {
            batch = appender.push(batch).await?;
        }
    }
    appender.push(batch).await?;
    appender.finish().await?;
    Ok(())
}

/// One chain that goes back and forth between two tables.
async fn waves(store: &Store, rows: u64) -> Outcome {
    let (even, odd) = (table("even", "odd")?, table("odd", "even")?);
    store.ensure_tables(&[even.clone(), odd.clone()]).await?;
    for (table, rest) in [(&even, 0), (&odd, 1)] {
        let own = (0..rows).filter(|row| row % 2 == rest);
        stage(store, table, own.map(|row| (row, row.checked_sub(1)))).await?;
    }
    let start = Instant::now();
    let waves = store.compute_row_waves(&Group::new([&even, &odd]), Computed::Written).await?;
    let (engine, seconds) = (store.dialect().engine(), start.elapsed().as_secs_f64());
    println!("{engine}: {rows} rows of two tables, {} levels: {seconds:.2} s", waves.levels.len());
    Ok(())
}

/// The same levels by one recursive query over an index that is made for it.
async fn by_hand(store: &Store, table: &TargetTable) -> Outcome {
    let name = |d: Dialect| d.table(&table.name());
    let key = |d: Dialect| d.quote(control::SOURCE_KEY);
    let recursion = |d: Dialect| {
        format!(
            "{} l (SourceKey, Level) AS (SELECT t.{key}, 0 FROM {name} AS t WHERE t.{KEY} IS NULL UNION ALL \
             SELECT t.{key}, l.Level + 1 FROM l JOIN {name} AS t ON t.{KEY} = l.SourceKey)",
            if d == Dialect::Sqlite { "WITH RECURSIVE" } else { "WITH" },
            key = key(d),
            name = name(d),
        )
    };
    let index = Statement::new(|d| format!("CREATE INDEX by_hand_parent ON {} ({KEY})", name(d)), Vec::new());
    let compute = Statement::new(
        |d| match d {
            Dialect::Sqlite => {
                format!("CREATE TABLE by_hand AS {} SELECT SourceKey, Level FROM l", recursion(d))
            }
            Dialect::Mssql => format!(
                "{} SELECT SourceKey, Level INTO dbo.by_hand FROM l OPTION (MAXRECURSION 0)",
                recursion(d)
            ),
        },
        Vec::new(),
    );
    let start = Instant::now();
    store.execute(&index).await?;
    store.execute(&compute).await?;
    let (engine, seconds) = (store.dialect().engine(), start.elapsed().as_secs_f64());
    let count = |d| format!("SELECT COUNT(*) FROM {}by_hand", if d == Dialect::Mssql { "dbo." } else { "" });
    let found = store.count(&Statement::new(count, Vec::new())).await?;
    println!("{engine}: {found} rows by hand: {seconds:.2} s");
    Ok(())
}
