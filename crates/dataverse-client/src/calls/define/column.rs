//! Columns of every kind that can be made by themselves.

use dataverse_wire::metadata::{ChoiceOption, ColumnType, RequiredLevel};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Define, named, schema_name};
use crate::Error;

/// A column to be made. What it holds is said as definitions say it; lookups come with their relationship, see
/// [`super::NewLookup`].
#[derive(Debug, Clone, PartialEq)]
pub struct NewColumn {
    /// Name in the maker's spelling, with a publisher's prefix: `new_Code`. In lower case it is the column's name.
    pub schema_name: String,
    /// Label.
    pub label: String,
    /// What people are told about it.
    pub description: Option<String>,
    /// Whether a value is demanded; only forms enforce it.
    pub required: RequiredLevel,
    /// What it holds. Options of a choice without value are not possible here: give each its number.
    pub holds: ColumnType,
    /// Of a choice: the global one whose options it takes, by the id that [`Define::choice`] gave.
    pub global_choice: Option<Uuid>,
    /// Of a text: `Email`, `Url`, `Phone`, `Json`; of a whole number: `Duration`, `Language`, `TimeZone`.
    pub format: Option<String>,
    /// Of a text: the pattern by which the service numbers rows, such as `P-{SEQNUM:5}`.
    pub auto_number: Option<String>,
    /// Of a file or image: the most that it takes, in KB; the service's own limit where none.
    pub max_kilobytes: Option<u32>,
}

impl NewColumn {
    /// A column that nobody demands.
    pub fn new(schema_name: impl Into<String>, label: impl Into<String>, holds: ColumnType) -> Self {
        Self {
            schema_name: schema_name.into(),
            label: label.into(),
            description: None,
            required: RequiredLevel::None,
            holds,
            global_choice: None,
            format: None,
            auto_number: None,
            max_kilobytes: None,
        }
    }

    /// A choice that takes its options from a global one.
    pub fn of_choice(schema_name: impl Into<String>, label: impl Into<String>, choice: Uuid) -> Self {
        let holds = ColumnType::Choice { options: Vec::new() };
        Self { global_choice: Some(choice), ..Self::new(schema_name, label, holds) }
    }
}

impl Define {
    /// Adds a column to a table.
    ///
    /// # Errors
    /// [`Error::Input`] for kinds that cannot be made, or not by themselves; otherwise as every write.
    pub async fn column(&self, table: &str, column: &NewColumn) -> Result<Uuid, Error> {
        let table = named("create column", table)?;
        let body = self.column_body(column)?;
        let path = format!("EntityDefinitions(LogicalName='{table}')/Attributes");
        self.create("create column", &format!("{table}.{}", column.schema_name), path, &body).await
    }

    /// The column in the service's form.
    pub(super) fn column_body(&self, column: &NewColumn) -> Result<Value, Error> {
        schema_name("create column", &column.schema_name)?;
        let (class, mut body) = self.kind(column)?;
        body["@odata.type"] = format!("Microsoft.Dynamics.CRM.{class}AttributeMetadata").into();
        body["SchemaName"] = column.schema_name.clone().into();
        body["DisplayName"] = self.label(&column.label);
        body["RequiredLevel"] = json!({
            "Value": column.required.as_str(), "CanBeChanged": true,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"
        });
        if let Some(description) = &column.description {
            body["Description"] = self.label(description);
        }
        Ok(body)
    }

    /// The metadata class, and what only it has.
    fn kind(&self, column: &NewColumn) -> Result<(&'static str, Value), Error> {
        let format = |otherwise: &str| column.format.clone().unwrap_or_else(|| otherwise.to_owned());
        Ok(match &column.holds {
            ColumnType::String { max_length } => {
                let mut body = json!({ "MaxLength": max_length, "FormatName": { "Value": format("Text") } });
                if let Some(pattern) = &column.auto_number {
                    body["AutoNumberFormat"] = pattern.clone().into();
                }
                ("String", body)
            }
            ColumnType::Memo { max_length } => {
                ("Memo", json!({ "MaxLength": max_length, "Format": format("TextArea") }))
            }
            ColumnType::Integer { min, max } => {
                ("Integer", json!({ "MinValue": min, "MaxValue": max, "Format": format("None") }))
            }
            ColumnType::BigInt => ("BigInt", json!({})),
            ColumnType::Decimal { min, max, precision } => ("Decimal", number(*min, *max, *precision)),
            ColumnType::Double { min, max, precision } => ("Double", number(*min, *max, *precision)),
            ColumnType::Money { min, max, precision } => {
                let mut body = number(*min, *max, *precision);
                // The precision is the column's own, not that of the currency.
                body["PrecisionSource"] = 0.into();
                ("Money", body)
            }
            ColumnType::Boolean { true_label, false_label, default } => (
                "Boolean",
                json!({
                    "DefaultValue": default.unwrap_or_default(),
                    "OptionSet": {
                        "@odata.type": "Microsoft.Dynamics.CRM.BooleanOptionSetMetadata",
                        "OptionSetType": "Boolean", "IsGlobal": false,
                        "TrueOption": { "Value": 1, "Label": self.label(true_label) },
                        "FalseOption": { "Value": 0, "Label": self.label(false_label) }
                    }
                }),
            ),
            ColumnType::DateTime { behavior, date_only_format } => (
                "DateTime",
                json!({
                    "Format": if *date_only_format { "DateOnly" } else { "DateAndTime" },
                    "DateTimeBehavior": { "Value": behavior.as_str() }
                }),
            ),
            ColumnType::Choice { options } => ("Picklist", self.options_of(column, options)),
            ColumnType::MultiChoice { options } => ("MultiSelectPicklist", self.options_of(column, options)),
            ColumnType::File => (
                "File",
                column.max_kilobytes.map_or_else(|| json!({}), |most| json!({ "MaxSizeInKB": most })),
            ),
            ColumnType::Image => {
                let most = column.max_kilobytes.unwrap_or(10_240);
                ("Image", json!({ "MaxSizeInKB": most, "CanStoreFullImage": true }))
            }
            ColumnType::Lookup { .. } => {
                return Err(cannot(column, "a lookup is made with its relationship: use Define::lookup"));
            }
            other => {
                let reason = format!("columns of the type {} are the platform's own", other.type_name());
                return Err(cannot(column, reason));
            }
        })
    }

    fn options_of(&self, column: &NewColumn, options: &[ChoiceOption]) -> Value {
        if let Some(choice) = column.global_choice {
            return json!({ "GlobalOptionSet@odata.bind": format!("/GlobalOptionSetDefinitions({choice})") });
        }
        json!({
            "OptionSet": {
                "@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata",
                "OptionSetType": "Picklist", "IsGlobal": false, "Options": self.options_body(options)
            }
        })
    }

    pub(super) fn options_body(&self, options: &[ChoiceOption]) -> Vec<Value> {
        options
            .iter()
            .map(|option| json!({ "Value": option.value, "Label": self.label(&option.label) }))
            .collect()
    }
}

fn number(min: f64, max: f64, precision: u8) -> Value {
    json!({ "MinValue": min, "MaxValue": max, "Precision": precision })
}

fn cannot(column: &NewColumn, reason: impl Into<String>) -> Error {
    let reason = format!("{}: {}", column.schema_name, reason.into());
    Error::Input { operation: "create column", reason }
}
