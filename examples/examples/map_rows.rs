//! Maps a small export into a target table and validates it, without any project around.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use dataverse_wire::metadata::{ColumnDefinition, ColumnType, DateTimeBehavior, TableDefinition};
use row_transform::model::{Owners, TableMapping};
use source_extract::{Options, SourceTable, extract, headers};
use staging_schema::ddl;
use staging_store::contract::ScratchStaging;
use staging_store::{Store, StoreOptions};

const MAPPING: &str = r#"
table = "contact"
source = "People"
key = "Id"
[columns]
lastname = { from = "Name", trim = true, fit = true }
birthdate = { from = "Born", format = "%d.%m.%Y" }
annualincome = { from = "Income", decimal = "," }
"#;

const PEOPLE: &str = "Id,Name,Born,Income,Shoes\n\
    1, Müller ,31.12.1969,\"1.234,50\",43\n\
    2,Meier,31.2.1970,a lot,\n";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A file, or a database on the server that `STAGING_TEST_MSSQL` names; of a project of one's own: `StoreOptions::sqlite`.
    let staging = ScratchStaging::new().await?;
    let folder = staging.folder();
    std::fs::write(folder.join("People.csv"), PEOPLE)?;
    let day = ColumnType::DateTime { behavior: DateTimeBehavior::DateOnly, date_only_format: true };
    let contact = TableDefinition::new("contact", "contacts", "contactid")
        .with_column(ColumnDefinition::new("lastname", ColumnType::String { max_length: 50 }))
        .with_column(ColumnDefinition::new("birthdate", day))
        .with_column(ColumnDefinition::new(
            "annualincome",
            ColumnType::Money { min: 0.0, max: 100_000_000.0, precision: 2 },
        ));

    let tables = [SourceTable::named("People")];
    let columns = headers(folder, &tables).map_err(|mut errors| errors.remove(0))?;
    let mapping: TableMapping = toml::from_str(MAPPING)?;
    let plan = row_transform::plan(&[mapping], &Owners::default(), &[contact], &columns)
        .map_err(|problems| anyhow::anyhow!("{}", problems[0]))?;

    let options = StoreOptions { functions: row_transform::functions(), ..staging.options() };
    let store = Store::open(options).await?;
    for table in plan.tables() {
        store.execute_all(&ddl::target_table(table.target())).await?;
    }
    extract(&store, folder, &tables[0], &Options::at(jiff::Timestamp::now())).await?;
    for staged in row_transform::stage(&store, &plan, "contact").await? {
        println!("{} from {}: {} rows, {} new", staged.table, staged.source, staged.rows, staged.inserted);
    }
    row_transform::validate(&store, &plan, "contact").await?;
    for finding in row_transform::findings(&store, &plan, "contact", 100).await? {
        let column = finding.column.as_deref().unwrap_or("the row");
        println!("{} {}, {column}: {}", finding.table, finding.source_key, finding.rule.explanation());
    }
    for unmapped in row_transform::unmapped_columns(&store, &plan).await? {
        println!("{}.{} is mapped nowhere: {} values", unmapped.source, unmapped.column, unmapped.values);
    }
    Ok(())
}
