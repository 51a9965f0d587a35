//! Turns the lookup columns of an organisation's metadata into an edge list for `dv-sequence`, with drawn row counts.
//!
//! ```console
//! $ cargo run --example lookup_edges_from_metadata < fixtures/metadata/lookup-edges-standard.csv > standard.csv
//! $ dv-sequence --graph standard.csv --ignore ownerid,transactioncurrencyid
//! ```
//!
//! Metadata says what points where, not how often. The counts are drawn from hashes of the names, so that everybody gets the same:
//! a table has between 100 and 1,100,000 rows (small ones as likely as large ones), a lookup is filled in 1, 5, 20, 50 or 100 percent of them (in all of them when the
//! platform demands it), and a multi-table lookup points to its targets in equal parts.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use anyhow::Context;

/// A lookup column: whether the platform demands it, and its targets.
type Lookups = BTreeMap<(String, String), (bool, Vec<String>)>;

fn main() -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let header = lines.next().context("the input is empty")??;
    let position =
        |name: &str| header.split(',').position(|it| it == name).with_context(|| format!("no column {name}"));
    let (table, column, target) = (position("table")?, position("column")?, position("target")?);
    let (kind, required, creatable) =
        (position("attribute_type")?, position("required_level")?, position("valid_for_create")?);
    let mut lookups = Lookups::new();
    for line in lines {
        let line = line?;
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |i: usize| cells.get(i).copied().unwrap_or_default();
        // Nobody writes the others; parties travel with their activity.
        if cell(creatable) == "True" && cell(kind) != "PartyList" {
            let entry = lookups.entry((cell(table).to_owned(), cell(column).to_owned())).or_default();
            entry.0 = cell(required) == "SystemRequired";
            entry.1.push(cell(target).to_owned());
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "table,column,target,required,filled_rows")?;
    for ((table, column), (required, targets)) in &lookups {
        let filled = filled_rows(table, column, *required);
        let targets_count = u64::try_from(targets.len())?;
        for (i, target) in (0..).zip(targets) {
            let rows = filled / targets_count + u64::from(i < filled % targets_count);
            writeln!(out, "{table},{column},{target},{required},{rows}")?;
        }
    }
    Ok(())
}

fn filled_rows(table: &str, column: &str, required: bool) -> u64 {
    // Factors of 1, 2 and 5 on a random power of ten.
    let rows = [
        100_u64, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    ][usize::from(hash(table).to_le_bytes()[2] % 13)];
    // A few rows more or less, so that sums of different lookups differ.
    let rows = rows + hash(table) % (rows / 10);
    let percent = if required {
        100
    } else {
        [1, 5, 20, 50, 100][usize::from(hash(&format!("{table}.{column}")).to_le_bytes()[2] % 5)]
    };
    (rows * percent).div_ceil(100)
}

/// FNV-1a, finished with a multiplication so that short names spread.
fn hash(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
}
