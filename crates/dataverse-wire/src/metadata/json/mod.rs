//! The JSON of `EntityDefinitions` (reference §7.2), read without an intermediate tree and written back.

mod read;
mod write;

use serde::{Deserialize, Serialize};

use super::TableDefinition;
use crate::Error;

pub(super) use read::many_to_one;

/// Language of labels that are written back; the definitions keep the text of the user's language only.
const ENGLISH: i32 = 1033;

/// Reads `{"value":[…]}`, a bare array or a single definition.
///
/// # Errors
/// [`Error::Definitions`] if the text is not JSON of that shape. Properties that are not known here are skipped.
pub fn parse_definitions(json: &[u8]) -> Result<Vec<TableDefinition>, Error> {
    #[derive(Deserialize)]
    struct Document {
        value: Option<Vec<TableDefinition>>,
    }
    let failed = |source| Error::Definitions { source };
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    if json.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(json).map_err(failed);
    }
    let document: Document = serde_json::from_slice(json).map_err(failed)?;
    match document.value {
        Some(tables) => Ok(tables),
        None => Ok(vec![serde_json::from_slice(json).map_err(failed)?]),
    }
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawTable {
    logical_name: String,
    schema_name: Option<String>,
    entity_set_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_collection_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection_schema_name: Option<String>,
    #[serde(default)]
    display_name: RawLabel,
    #[serde(default)]
    display_collection_name: RawLabel,
    primary_id_attribute: Option<String>,
    primary_name_attribute: Option<String>,
    ownership_type: Option<String>,
    object_type_code: Option<i64>,
    is_activity: Option<bool>,
    is_activity_party: Option<bool>,
    is_intersect: Option<bool>,
    is_custom_entity: Option<bool>,
    table_type: Option<String>,
    enforce_state_transitions: Option<bool>,
    change_tracking_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_id: Option<String>,
    #[serde(default)]
    attributes: Vec<RawColumn>,
    #[serde(default)]
    many_to_one_relationships: Vec<RawManyToOne>,
    #[serde(default)]
    many_to_many_relationships: Vec<RawManyToMany>,
    #[serde(default)]
    keys: Vec<RawKey>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawColumn {
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    odata_type: Option<String>,
    logical_name: String,
    schema_name: Option<String>,
    attribute_type: Option<String>,
    attribute_type_name: Option<Valued>,
    #[serde(default)]
    display_name: RawLabel,
    #[serde(default)]
    is_primary_id: Option<bool>,
    #[serde(default)]
    is_primary_name: Option<bool>,
    required_level: Option<Valued>,
    is_valid_for_create: Option<bool>,
    is_valid_for_update: Option<bool>,
    is_valid_for_read: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_time_behavior: Option<Valued>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_value: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option_set: Option<RawOptionSet>,
    #[serde(skip_serializing)]
    global_option_set: Option<RawOptionSet>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Valued {
    value: String,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawOptionSet {
    is_global: Option<bool>,
    option_set_type: Option<String>,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Vec<RawOption>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    true_option: Option<RawOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    false_option: Option<RawOption>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawOption {
    value: i32,
    #[serde(default)]
    label: RawLabel,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_status: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transition_data: Option<String>,
}

/// A label: the user's language if the service resolved it, otherwise the first that it has.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Option<ReadLabel>", into = "WrittenLabel")]
struct RawLabel(Option<String>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReadLabel {
    user_localized_label: Option<Localized>,
    localized_labels: Option<Vec<Localized>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenLabel {
    localized_labels: Vec<Localized>,
    user_localized_label: Option<Localized>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Localized {
    label: Option<String>,
    #[serde(default)]
    language_code: i32,
}

impl From<Option<ReadLabel>> for RawLabel {
    fn from(read: Option<ReadLabel>) -> Self {
        let Some(read) = read else { return Self(None) };
        let first = read.localized_labels.unwrap_or_default().into_iter().next();
        Self(read.user_localized_label.or(first).and_then(|localized| localized.label))
    }
}

impl From<RawLabel> for WrittenLabel {
    fn from(label: RawLabel) -> Self {
        let localized = label.0.map(|text| Localized { label: Some(text), language_code: ENGLISH });
        Self { localized_labels: localized.iter().cloned().collect(), user_localized_label: localized }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawManyToOne {
    schema_name: Option<String>,
    referenced_entity: Option<String>,
    referenced_attribute: Option<String>,
    referencing_entity: Option<String>,
    referencing_attribute: Option<String>,
    referencing_entity_navigation_property_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referenced_entity_navigation_property_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cascade_configuration: Option<RawCascade>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawCascade {
    assign: Option<String>,
    delete: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawManyToMany {
    schema_name: Option<String>,
    intersect_entity_name: Option<String>,
    entity1_logical_name: String,
    entity1_intersect_attribute: Option<String>,
    entity1_navigation_property_name: Option<String>,
    entity2_logical_name: String,
    entity2_intersect_attribute: Option<String>,
    entity2_navigation_property_name: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawKey {
    schema_name: Option<String>,
    logical_name: Option<String>,
    #[serde(default)]
    key_attributes: Vec<String>,
    entity_key_index_status: Option<String>,
}
