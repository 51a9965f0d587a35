//! Tables.

use dataverse_wire::metadata::{ColumnType, Ownership, TableType};
use serde_json::json;
use uuid::Uuid;

use super::{Define, NewColumn, schema_name};
use crate::Error;

/// A table to be made, with its primary name column and, at once, others.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTable {
    /// Name in the maker's spelling, with a publisher's prefix: `new_Project`. In lower case it is the table's name.
    pub schema_name: String,
    /// Label of one row.
    pub label: String,
    /// Label of many.
    pub plural_label: String,
    /// What people are told about it.
    pub description: Option<String>,
    /// Users and teams own rows, or the organisation does.
    pub ownership: Ownership,
    /// Standard, or elastic.
    pub table_type: TableType,
    /// The column that names a row: a text. `<prefix>_Name` of 100 characters unless set.
    pub name_column: NewColumn,
    /// Columns beside it.
    pub columns: Vec<NewColumn>,
    /// Notes and attachments can be added to rows.
    pub has_notes: bool,
    /// Activities can be set regarding rows.
    pub has_activities: bool,
    /// Changes can be asked for; cannot be turned off again.
    pub change_tracking: bool,
}

impl NewTable {
    /// A standard table whose rows are owned by users and teams.
    pub fn new(
        schema_name: impl Into<String>,
        label: impl Into<String>,
        plural_label: impl Into<String>,
    ) -> Self {
        let schema_name = schema_name.into();
        let prefix = schema_name.split_once('_').map_or("new", |(prefix, _)| prefix);
        let name_column =
            NewColumn::new(format!("{prefix}_Name"), "Name", ColumnType::String { max_length: 100 });
        Self {
            schema_name,
            label: label.into(),
            plural_label: plural_label.into(),
            description: None,
            ownership: Ownership::User,
            table_type: TableType::Standard,
            name_column,
            columns: Vec::new(),
            has_notes: false,
            has_activities: false,
            change_tracking: false,
        }
    }

    /// Adds a column.
    #[must_use]
    pub fn with_column(mut self, column: NewColumn) -> Self {
        self.columns.push(column);
        self
    }
}

impl Define {
    /// Makes a table. Its entity set is named by the service: read it back with
    /// [`Client::table_definition`](crate::Client::table_definition).
    ///
    /// # Errors
    /// [`Error::Input`] for names and columns that cannot be, otherwise as every write.
    pub async fn table(&self, table: &NewTable) -> Result<Uuid, Error> {
        schema_name("create table", &table.schema_name)?;
        if !matches!(table.name_column.holds, ColumnType::String { .. }) {
            let reason = format!("{}: the column that names rows is a text", table.name_column.schema_name);
            return Err(Error::Input { operation: "create table", reason });
        }
        let mut name = self.column_body(&table.name_column)?;
        name["IsPrimaryName"] = true.into();
        let mut columns = vec![name];
        for column in &table.columns {
            columns.push(self.column_body(column)?);
        }
        let mut body = json!({
            "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata",
            "SchemaName": table.schema_name,
            "DisplayName": self.label(&table.label),
            "DisplayCollectionName": self.label(&table.plural_label),
            "OwnershipType": table.ownership.as_str(),
            "TableType": table.table_type.as_str(),
            "HasActivities": table.has_activities,
            "HasNotes": table.has_notes,
            "IsActivity": false,
            "ChangeTrackingEnabled": table.change_tracking,
            "Attributes": columns
        });
        if let Some(description) = &table.description {
            body["Description"] = self.label(description);
        }
        self.create("create table", &table.schema_name, "EntityDefinitions".to_owned(), &body).await
    }
}
