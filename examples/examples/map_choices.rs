//! Finds out what the texts of a choice mean, and leaves to people what it cannot know.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use dataverse_wire::metadata::{ChoiceOption, ColumnDefinition, ColumnType, TableDefinition};
use optionset_mapping::{Separators, apply, propose, unmapped};
use staging_schema::{Dialect, StagedColumn, StagedKind, Statement, TargetTable, ddl};
use staging_store::Store;
use staging_store::contract::ScratchStaging;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A file, or a database on the server that `STAGING_TEST_MSSQL` names; of a project of one's own: `StoreOptions::sqlite`.
    let staging = ScratchStaging::new().await?;
    let store = Store::open(staging.options()).await?;
    let target = TargetTable::new("incident", vec![StagedColumn::new("statuscode", StagedKind::Status)])?;
    store.execute_all(&ddl::target_table(&target)).await?;
    for (key, status) in [("1", "In Progress"), ("2", "in_progress"), ("3", "Closed"), ("4", "Closed")] {
        let insert = |d: Dialect| {
            let (table, key, status) = (d.table(&target.name()), d.param(1), d.param(2));
            format!(
                "INSERT INTO {table} (DataMigration_SourceTable, DataMigration_SourceKey, statuscode_Text) \
                 VALUES ('Case', {key}, {status})"
            )
        };
        let case = Statement::new(insert, vec![key.into(), status.into()]);
        store.execute(&case).await?;
    }
    let options = vec![ChoiceOption::new(1, "In Progress"), ChoiceOption::new(5, "Problem Solved")];
    let definition = TableDefinition::new("incident", "incidents", "incidentid")
        .with_column(ColumnDefinition::new("statuscode", ColumnType::Status { options }));

    let separators = Separators::new();
    let proposed = propose(&store, &target, &definition, &separators).await?;
    println!("{} as labelled, {} similar, {} open", proposed.exact, proposed.similar, proposed.open);
    let changed = apply(&store, &target, &separators).await?;
    println!("{changed} rows have their value");
    for left in unmapped(&store, &target, &separators).await? {
        println!("{:?} of {} rows: decide in migration.OptionSetMapping", left.text, left.rows);
    }
    Ok(())
}
