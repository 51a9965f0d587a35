//! Finds out what the texts of a choice mean, and leaves to people what it cannot know.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use dataverse_wire::metadata::{ChoiceOption, ColumnDefinition, ColumnType, TableDefinition};
use optionset_mapping::{Separators, apply, propose, unmapped};
use staging_schema::{StagedColumn, StagedKind, Statement, TargetTable, ddl};
use staging_store::{Store, StoreOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await?;
    let target = TargetTable::new("incident", vec![StagedColumn::new("statuscode", StagedKind::Status)])?;
    store.execute_all(&ddl::target_table(&target)).await?;
    for (key, status) in [("1", "In Progress"), ("2", "in_progress"), ("3", "Closed"), ("4", "Closed")] {
        let case = Statement::same(
            "INSERT INTO target_incident (DataMigration_SourceTable, DataMigration_SourceKey, statuscode_Text) VALUES ('Case', ?1, ?2)",
            vec![key.into(), status.into()],
        );
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
