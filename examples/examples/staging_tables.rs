//! Prints the staging tables of a small project for both engines.
//!
//! `cargo run --example staging_tables`

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use staging_schema::{Dialect, StagedColumn, StagedKind, TargetTable, ddl};

fn main() -> Result<(), staging_schema::Error> {
    let account =
        StagedKind::Lookup { targets: vec!["account".into()], multi_table: false, multi_source: false };
    let contact = TargetTable::new(
        "contact",
        vec![
            StagedColumn::new("fullname", StagedKind::Text { max: 160 }),
            StagedColumn::new("creditlimit", StagedKind::Money { precision: 2 }),
            StagedColumn::new("gendercode", StagedKind::Choice),
            StagedColumn::new("parentcustomerid", account),
            StagedColumn::new("ownerid", StagedKind::Owner),
            StagedColumn::new("statecode", StagedKind::State),
        ],
    )?;
    for dialect in Dialect::ALL {
        println!("-- {dialect:?}\n");
        for statement in ddl::target_table(&contact) {
            println!("{};\n", statement.text(dialect));
        }
    }
    Ok(())
}
