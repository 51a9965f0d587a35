//! What the service refuses, with its codes and its wording.
//!
//! Codes and texts are those of the Microsoft documentation where it gives them (reference §8–§12); a text
//! that no document gives still names table, column, value and limit.

use dataverse_wire::fault::{RowFault, ServiceCode, ServiceFault};
use uuid::Uuid;

use crate::schema::{Column, Table};

/// A refusal, ready to be answered. Boxed: most calls succeed, and their results stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(Box<ServiceFault>);

impl std::ops::Deref for Refusal {
    type Target = ServiceFault;

    fn deref(&self) -> &ServiceFault {
        &self.0
    }
}

impl Refusal {
    /// The same with another status.
    pub(crate) fn with_status(&self, status: u16) -> Self {
        Self(Box::new(ServiceFault::clone(self).with_status(status)))
    }

    /// What became of single rows.
    pub(crate) fn set_rows(&mut self, rows: Vec<RowFault>) {
        self.0.rows = rows;
    }
}

/// One row of an elastic table that came too fast.
pub(crate) fn throttled_row() -> Refusal {
    refusal(429, 0x8005_F103, "Too many requests.")
}

pub(crate) fn refusal(status: u16, code: u32, message: impl Into<String>) -> Refusal {
    Refusal(Box::new(ServiceFault::new(ServiceCode(code), message).with_status(status)))
}

/// The emulator's own trouble: its data folder takes nothing more.
pub(crate) fn not_kept(reason: &str) -> Refusal {
    tracing::error!(reason, "the data folder takes nothing more");
    refusal(500, 0x8004_0216, format!("The emulator could not write to its data folder: {reason}"))
}

/// `UploadingAndDownloadingInMultipleChunksNotSupported`.
pub(crate) fn no_chunks() -> Refusal {
    refusal(
        400,
        0x8009_0017,
        "Downloading in multiple chunks is not supported for the files stored in the database.",
    )
}

/// `ObjectDoesNotExist`.
pub(crate) fn no_row(table: &str, id: Uuid) -> Refusal {
    refusal(404, 0x8004_0217, format!("{table} With Id = {id} Does Not Exist"))
}

/// `ObjectDoesNotExist`, as UpdateMultiple words it.
pub(crate) fn no_rows(table: &str, id: Uuid) -> Refusal {
    refusal(404, 0x8004_0217, format!("{table} With Ids = {id} Do Not Exist"))
}

/// `RecordNotFoundByEntityKey`.
pub(crate) fn no_row_by_key(table: &str) -> Refusal {
    refusal(
        404,
        0x8006_0891,
        format!("A record with the specified key values does not exist in {table} entity"),
    )
}

/// `EntityKeyNotDefined`, in the words of a URL that names columns of no key.
pub(crate) fn no_such_key(table: &str) -> Refusal {
    refusal(
        400,
        0x8006_0890,
        format!(
            "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table}'. Ensure that the \
             names and number of key properties match the declared or alternate key properties for the resource \
             'Microsoft.Dynamics.CRM.{table}'."
        ),
    )
}

/// `DuplicateRecord`: the primary key is taken.
pub(crate) fn duplicate_id() -> Refusal {
    refusal(412, 0x8004_0237, "Cannot insert duplicate key.")
}

/// `DuplicateRecordEntityKey`, with the tail from which some clients recover the row that is there.
pub(crate) fn duplicate_key(table: &Table, key: &str, values: &[(String, String)], id: Uuid) -> Refusal {
    let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
    let attributes: Vec<String> =
        values.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
    let attributes = attributes.concat();
    refusal(
        412,
        0x8006_0892,
        format!(
            "A record that has the attribute values {} already exists. The entity key {key} on table {} requires \
             that this set of attributes contains unique values. Select unique values and try again. \
             <DuplicateAttributes>{attributes}</DuplicateAttributes><Id>{id}</Id>",
            names.join(", "),
            table.name,
        ),
    )
}

/// A body that is no JSON, or not of the shape the table has.
pub(crate) fn payload(entity_set: &str, detail: impl std::fmt::Display) -> Refusal {
    refusal(
        400,
        0x8004_8D19,
        format!(
            "Error identified in Payload provided by the user for Entity :'{entity_set}', For more information on \
             this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  \
             InnerException : Microsoft.OData.ODataException: {detail}"
        ),
    )
}

/// A property that the table does not have.
pub(crate) fn no_property(table: &Table, property: &str) -> Refusal {
    payload(
        &table.entity_set,
        format_args!(
            "Invalid property '{property}' was found in entity 'Microsoft.Dynamics.CRM.{}'. The property is not \
             declared on the type.",
            table.name
        ),
    )
}

/// `x@odata.bind` where `x` is no navigation property.
pub(crate) fn no_navigation(table: &Table, property: &str) -> Refusal {
    payload(
        &table.entity_set,
        format_args!(
            "An undeclared property '{property}' which only has property annotations in the payload but no property \
             value was found in the payload. In OData, only declared navigation properties and declared named \
             streams can be represented as properties without values."
        ),
    )
}

/// A value of the wrong JSON type.
pub(crate) fn wrong_type(table: &Table, column: &Column, value: &str, expected: &str) -> Refusal {
    payload(
        &table.entity_set,
        format_args!(
            "Cannot convert the literal '{value}' to the expected type '{expected}' for property '{}'.",
            column.name
        ),
    )
}

/// `StringLengthTooLong`; both blanks are the service's.
pub(crate) fn too_long(table: &Table, column: &Column, max: u32) -> Refusal {
    refusal(
        400,
        0x8004_4331,
        format!(
            "A validation error occurred.  The length of the '{}' attribute of the '{}' entity exceeded the maximum \
             allowed length of '{max}'.",
            column.name, table.name
        ),
    )
}

/// `InvalidCharactersInField`.
pub(crate) fn bad_characters(column: &Column) -> Refusal {
    refusal(400, 0x8004_0278, format!("The field '{}' contains one or more invalid characters.", column.name))
}

/// A number outside the column's range.
pub(crate) fn out_of_range(
    code: u32,
    table: &Table,
    column: &Column,
    value: impl std::fmt::Display,
    range: &str,
) -> Refusal {
    refusal(
        400,
        code,
        format!(
            "A validation error occurred. The value {value} of '{}' on record of type '{}' is outside the valid \
             range. {range}",
            column.name, table.name
        ),
    )
}

/// `InvalidDateTime`.
pub(crate) fn date_out_of_range(column: &Column) -> Refusal {
    refusal(
        400,
        0x8004_0239,
        format!(
            "The date-time format is invalid, or value is outside the supported range. Attribute: '{}'.",
            column.name
        ),
    )
}

/// A column that the platform demands.
pub(crate) fn missing(table: &Table, column: &Column) -> Refusal {
    if table.name == "incident" && column.name == "customerid" {
        return refusal(
            400,
            0x8004_0203,
            "You should specify a parent contact or account. (incident.customerid)",
        );
    }
    refusal(
        400,
        0x8004_0203,
        format!("Required field '{}' is missing on record of type '{}'.", column.name, table.name),
    )
}

/// A column that exists and may not be written.
pub(crate) fn not_writable(table: &Table, column: &Column, operation: &str) -> Refusal {
    refusal(
        400,
        0x8004_0203,
        format!("The property '{}' of entity '{}' is not valid for {operation}.", column.name, table.name),
    )
}

/// `InvalidStateCodeStatusCode`: the pair does not fit.
pub(crate) fn bad_status(table: &Table, status: i64, state: i64, id: Uuid) -> Refusal {
    refusal(
        400,
        0x8004_8408,
        format!(
            "{status} is not a valid status code for state code {}State.{} on {} with Id {id}.",
            table.definition.schema_name,
            table.state_label(state),
            table.name
        ),
    )
}

/// `InvalidOwnerID`, `ownernotenabled` and kin.
pub(crate) fn owner_disabled(id: Uuid) -> Refusal {
    refusal(403, 0x8004_022B, format!("The specified owner has been disabled. Owner Id: {id}"))
}

/// A segment that names nothing.
pub(crate) fn no_segment(segment: &str) -> Refusal {
    refusal(404, 0x8006_088A, format!("Resource not found for the segment '{segment}'."))
}

/// A property in `$select`, `$filter` and so on that the table does not have.
pub(crate) fn no_query_property(table: &Table, property: &str) -> Refusal {
    refusal(
        400,
        0x8006_0888,
        format!(
            "Could not find a property named '{property}' on type 'Microsoft.Dynamics.CRM.{}'.",
            table.name
        ),
    )
}

/// A query that cannot be read.
pub(crate) fn bad_query(detail: impl std::fmt::Display) -> Refusal {
    refusal(400, 0x8006_0888, detail.to_string())
}

/// `QueryBuilderNoEntity`.
pub(crate) fn no_table(name: &str) -> Refusal {
    refusal(
        400,
        0x8004_1102,
        format!(
            "The entity with a name = '{name}' with namemapping = 'Logical' was not found in the MetadataCache."
        ),
    )
}

/// `QueryBuilderNoAttribute`.
pub(crate) fn no_column(table: &str, name: &str) -> Refusal {
    refusal(
        400,
        0x8004_1103,
        format!(
            "'{table}' entity doesn't contain attribute with Name = '{name}' and NameMapping = 'Logical'."
        ),
    )
}

/// What the real service has, and this emulator does not yet.
pub(crate) fn not_emulated(what: impl std::fmt::Display) -> Refusal {
    refusal(501, 0x8004_0219, format!("{what} is not implemented by this emulator."))
}

/// A method that the resource does not take.
pub(crate) fn wrong_method(method: &str, what: &str) -> Refusal {
    refusal(
        405,
        0x8004_023B,
        format!("The requested resource does not support http method '{method}': {what}."),
    )
}
