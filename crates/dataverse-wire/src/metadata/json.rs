//! The JSON of `EntityDefinitions` (reference §7.2), read without an intermediate tree and written back.

use serde::{Deserialize, Serialize};

use super::column::OptionSetName;
use super::{
    AlternateKey, Cascade, CascadeRule, ChoiceOption, ColumnDefinition, ColumnType, DateTimeBehavior,
    KeyStatus, ManyToMany, ManyToOne, Ownership, RequiredLevel, TableDefinition, TableType,
};
use crate::{Error, limits};

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

impl From<RawTable> for TableDefinition {
    fn from(raw: RawTable) -> Self {
        let logical_name = raw.logical_name;
        let primary_id = raw.primary_id_attribute.unwrap_or_else(|| format!("{logical_name}id"));
        let columns = raw.attributes.into_iter().map(|column| {
            let mut column = ColumnDefinition::from(column);
            column.is_primary_id = column.is_primary_id || column.logical_name == primary_id;
            let has_options = matches!(column.column_type, ColumnType::Boolean { .. })
                || !column.column_type.options().is_empty();
            if has_options && column.option_set.is_none() {
                column.option_set = Some(own_option_set(&logical_name, &column.logical_name));
            }
            (column.logical_name.clone(), column)
        });
        Self {
            columns: columns.collect(),
            primary_id,
            schema_name: raw.schema_name.unwrap_or_else(|| logical_name.clone()),
            entity_set_name: raw.entity_set_name.unwrap_or_default(),
            primary_name: raw.primary_name_attribute.filter(|name| !name.is_empty()),
            ownership: raw.ownership_type.as_deref().and_then(Ownership::from_name).unwrap_or_default(),
            object_type_code: raw.object_type_code,
            is_activity: raw.is_activity.unwrap_or_default(),
            is_activity_party: raw.is_activity_party.unwrap_or_default(),
            is_intersect: raw.is_intersect.unwrap_or_default(),
            is_custom: raw.is_custom_entity.unwrap_or_default(),
            table_type: raw.table_type.as_deref().and_then(TableType::from_name).unwrap_or_default(),
            display_name: raw.display_name.0,
            display_collection_name: raw.display_collection_name.0,
            logical_collection_name: raw.logical_collection_name,
            collection_schema_name: raw.collection_schema_name,
            enforce_state_transitions: raw.enforce_state_transitions.unwrap_or_default(),
            change_tracking: raw.change_tracking_enabled.unwrap_or_default(),
            metadata_id: raw.metadata_id,
            many_to_one: raw
                .many_to_one_relationships
                .into_iter()
                .filter_map(|relation| many_to_one(relation, &logical_name))
                .collect(),
            many_to_many: raw.many_to_many_relationships.into_iter().map(many_to_many).collect(),
            keys: raw.keys.into_iter().map(AlternateKey::from).collect(),
            logical_name,
        }
    }
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// None for a relationship without a lookup column: it cannot be written.
pub(super) fn many_to_one(raw: RawManyToOne, table: &str) -> Option<ManyToOne> {
    let column = raw.referencing_attribute?;
    Some(ManyToOne {
        schema_name: raw.schema_name.unwrap_or_default(),
        referencing_table: raw.referencing_entity.unwrap_or_else(|| table.to_owned()),
        referenced_table: raw.referenced_entity?,
        referenced_column: raw.referenced_attribute.unwrap_or_default(),
        navigation_property: raw.referencing_entity_navigation_property_name.unwrap_or_default(),
        column,
        collection_property: raw.referenced_entity_navigation_property_name,
        cascade: raw.cascade_configuration.map(|cascade| {
            let rule =
                |name: Option<String>| name.as_deref().and_then(CascadeRule::from_name).unwrap_or_default();
            Cascade { assign: rule(cascade.assign), delete: rule(cascade.delete) }
        }),
    })
}

fn many_to_many(raw: RawManyToMany) -> ManyToMany {
    let schema_name = raw.schema_name.unwrap_or_default();
    let navigation = |name: Option<String>| name.unwrap_or_else(|| schema_name.clone());
    ManyToMany {
        intersect_table: raw.intersect_entity_name.unwrap_or_else(|| schema_name.to_lowercase()),
        column1: raw.entity1_intersect_attribute.unwrap_or_else(|| format!("{}id", raw.entity1_logical_name)),
        navigation1: navigation(raw.entity1_navigation_property_name),
        table1: raw.entity1_logical_name,
        column2: raw.entity2_intersect_attribute.unwrap_or_else(|| format!("{}id", raw.entity2_logical_name)),
        navigation2: navigation(raw.entity2_navigation_property_name),
        table2: raw.entity2_logical_name,
        schema_name,
    }
}

impl From<RawKey> for AlternateKey {
    fn from(raw: RawKey) -> Self {
        let schema_name = raw.schema_name.or_else(|| raw.logical_name.clone()).unwrap_or_default();
        Self {
            logical_name: raw.logical_name.unwrap_or_else(|| schema_name.to_lowercase()),
            schema_name,
            columns: raw.key_attributes,
            status: raw.entity_key_index_status.as_deref().and_then(KeyStatus::from_name).unwrap_or_default(),
        }
    }
}

impl From<RawOption> for ChoiceOption {
    fn from(raw: RawOption) -> Self {
        Self {
            value: raw.value,
            label: raw.label.0.unwrap_or_default(),
            state: raw.state,
            default_status: raw.default_status,
            transitions: raw.transition_data,
        }
    }
}

impl From<ChoiceOption> for RawOption {
    fn from(option: ChoiceOption) -> Self {
        Self {
            value: option.value,
            label: RawLabel(Some(option.label).filter(|label| !label.is_empty())),
            state: option.state,
            default_status: option.default_status,
            transition_data: option.transitions,
        }
    }
}

impl From<RawColumn> for ColumnDefinition {
    fn from(mut raw: RawColumn) -> Self {
        let required = raw.required_level.take().and_then(|level| RequiredLevel::from_name(&level.value));
        let set = raw.option_set.take().or(raw.global_option_set.take());
        let option_set = set.as_ref().and_then(|set| {
            Some(OptionSetName { name: set.name.clone()?, is_global: set.is_global.unwrap_or_default() })
        });
        let column_type = column_type(&mut raw, set.unwrap_or_default());
        let is_date_time = matches!(column_type, ColumnType::DateTime { .. });
        Self {
            schema_name: raw.schema_name.unwrap_or_else(|| raw.logical_name.clone()),
            logical_name: raw.logical_name,
            column_type,
            required: required.unwrap_or_default(),
            valid_for_create: raw.is_valid_for_create.unwrap_or(true),
            valid_for_update: raw.is_valid_for_update.unwrap_or(true),
            valid_for_read: raw.is_valid_for_read.unwrap_or(true),
            is_primary_id: raw.is_primary_id.unwrap_or_default(),
            attribute_of: raw.attribute_of,
            display_name: raw.display_name.0,
            format: raw.format.filter(|_| !is_date_time),
            source_type: raw.source_type,
            option_set,
        }
    }
}

/// The precise type name where the metadata has one; the coarse one calls multi-selects, files and images `Virtual`.
fn type_name(raw: &RawColumn) -> String {
    if let Some(name) = &raw.attribute_type_name {
        return name.value.clone();
    }
    let cast = raw.odata_type.as_deref().and_then(|name| {
        name.trim_start_matches('#')
            .strip_prefix("Microsoft.Dynamics.CRM.")?
            .strip_suffix("AttributeMetadata")
    });
    match (raw.attribute_type.as_deref(), cast) {
        (None | Some("Virtual"), Some(cast @ ("MultiSelectPicklist" | "File" | "Image"))) => {
            format!("{cast}Type")
        }
        (Some(coarse), _) => format!("{coarse}Type"),
        (None, Some("UniqueIdentifier")) => "UniqueidentifierType".to_owned(),
        (None, Some(cast)) if !cast.is_empty() => format!("{cast}Type"),
        (None, _) => "VirtualType".to_owned(),
    }
}

fn column_type(raw: &mut RawColumn, set: RawOptionSet) -> ColumnType {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "limits of integers are whole numbers, written as floats"
    )]
    let whole = |limit: Option<f64>, otherwise: i32| limit.map_or(i64::from(otherwise), |limit| limit as i64);
    let number = |otherwise: f64| (raw.min_value.unwrap_or(-otherwise), raw.max_value.unwrap_or(otherwise));
    let name = type_name(raw);
    let options = |set: RawOptionSet| -> Vec<ChoiceOption> {
        set.options.unwrap_or_default().into_iter().map(ChoiceOption::from).collect()
    };
    match name.as_str() {
        "StringType" => ColumnType::String { max_length: raw.max_length.unwrap_or(limits::STRING_LENGTH) },
        "MemoType" => ColumnType::Memo { max_length: raw.max_length.unwrap_or(limits::MEMO_LENGTH) },
        "IntegerType" => {
            ColumnType::Integer { min: whole(raw.min_value, i32::MIN), max: whole(raw.max_value, i32::MAX) }
        }
        "BigIntType" => ColumnType::BigInt,
        "DecimalType" => {
            let (min, max) = number(100_000_000_000.0);
            ColumnType::Decimal { min, max, precision: raw.precision.unwrap_or(10) }
        }
        "DoubleType" => {
            let (min, max) = number(100_000_000_000.0);
            ColumnType::Double { min, max, precision: raw.precision.unwrap_or(5) }
        }
        "MoneyType" => {
            let (min, max) = number(922_337_203_685_477.0);
            ColumnType::Money { min, max, precision: raw.precision.unwrap_or(4) }
        }
        "BooleanType" => {
            let label =
                |option: Option<RawOption>| option.and_then(|option| option.label.0).unwrap_or_default();
            ColumnType::Boolean {
                true_label: label(set.true_option),
                false_label: label(set.false_option),
                default: raw.default_value,
            }
        }
        "DateTimeType" => {
            let behavior = raw.date_time_behavior.take();
            ColumnType::DateTime {
                behavior: behavior
                    .and_then(|named| DateTimeBehavior::from_name(&named.value))
                    .unwrap_or_default(),
                date_only_format: raw.format.as_deref() == Some("DateOnly"),
            }
        }
        "PicklistType" => ColumnType::Choice { options: options(set) },
        "MultiSelectPicklistType" => ColumnType::MultiChoice { options: options(set) },
        "StateType" => ColumnType::State { options: options(set) },
        "StatusType" => ColumnType::Status { options: options(set) },
        "LookupType" => ColumnType::Lookup { targets: raw.targets.take().unwrap_or_default() },
        "CustomerType" => ColumnType::Customer { targets: raw.targets.take().unwrap_or_default() },
        "OwnerType" => ColumnType::Owner { targets: raw.targets.take().unwrap_or_default() },
        "PartyListType" => ColumnType::PartyList { targets: raw.targets.take().unwrap_or_default() },
        "UniqueidentifierType" => ColumnType::UniqueIdentifier,
        "ImageType" => ColumnType::Image,
        "FileType" => ColumnType::File,
        _ => ColumnType::Virtual(name),
    }
}

impl From<TableDefinition> for RawTable {
    fn from(table: TableDefinition) -> Self {
        let primary_name = table.primary_name.clone();
        let logical_name = table.logical_name.clone();
        let attributes = table.columns.into_values().map(|column| {
            let is_primary_name = primary_name.as_deref() == Some(column.logical_name.as_str());
            raw_column(column, &logical_name, is_primary_name)
        });
        Self {
            attributes: attributes.collect(),
            logical_name: table.logical_name,
            schema_name: Some(table.schema_name),
            entity_set_name: Some(table.entity_set_name),
            logical_collection_name: table.logical_collection_name,
            collection_schema_name: table.collection_schema_name,
            display_name: RawLabel(table.display_name),
            display_collection_name: RawLabel(table.display_collection_name),
            primary_id_attribute: Some(table.primary_id),
            primary_name_attribute: table.primary_name,
            ownership_type: Some(table.ownership.as_str().to_owned()),
            object_type_code: table.object_type_code,
            is_activity: Some(table.is_activity),
            is_activity_party: Some(table.is_activity_party),
            is_intersect: Some(table.is_intersect),
            is_custom_entity: Some(table.is_custom),
            table_type: Some(table.table_type.as_str().to_owned()),
            enforce_state_transitions: Some(table.enforce_state_transitions),
            change_tracking_enabled: Some(table.change_tracking),
            metadata_id: table.metadata_id,
            many_to_one_relationships: table
                .many_to_one
                .into_iter()
                .map(|relation| RawManyToOne {
                    schema_name: non_empty(relation.schema_name),
                    referenced_entity: Some(relation.referenced_table),
                    referenced_attribute: Some(relation.referenced_column),
                    referencing_entity: Some(relation.referencing_table),
                    referencing_attribute: Some(relation.column),
                    referencing_entity_navigation_property_name: non_empty(relation.navigation_property),
                    referenced_entity_navigation_property_name: relation.collection_property,
                    cascade_configuration: relation.cascade.map(|cascade| RawCascade {
                        assign: Some(cascade.assign.as_str().to_owned()),
                        delete: Some(cascade.delete.as_str().to_owned()),
                    }),
                })
                .collect(),
            many_to_many_relationships: table
                .many_to_many
                .into_iter()
                .map(|relation| RawManyToMany {
                    schema_name: Some(relation.schema_name),
                    intersect_entity_name: Some(relation.intersect_table),
                    entity1_logical_name: relation.table1,
                    entity1_intersect_attribute: Some(relation.column1),
                    entity1_navigation_property_name: Some(relation.navigation1),
                    entity2_logical_name: relation.table2,
                    entity2_intersect_attribute: Some(relation.column2),
                    entity2_navigation_property_name: Some(relation.navigation2),
                })
                .collect(),
            keys: table
                .keys
                .into_iter()
                .map(|key| RawKey {
                    schema_name: Some(key.schema_name),
                    logical_name: Some(key.logical_name),
                    key_attributes: key.columns,
                    entity_key_index_status: Some(key.status.as_str().to_owned()),
                })
                .collect(),
        }
    }
}

/// The coarse type and the class of the service's metadata for a precise type name (reference §7.3).
fn coarse_and_class(name: &str) -> (String, String) {
    let stem = name.strip_suffix("Type").unwrap_or(name);
    let coarse = match stem {
        "MultiSelectPicklist" | "File" | "Image" => "Virtual",
        other => other,
    };
    let class = match stem {
        "Uniqueidentifier" => "UniqueIdentifier",
        "Owner" | "Customer" | "PartyList" => "Lookup",
        "Virtual" => "",
        other => other,
    };
    (coarse.to_owned(), format!("#Microsoft.Dynamics.CRM.{class}AttributeMetadata"))
}

/// What the service calls the option set of one column alone.
fn own_option_set(table: &str, column: &str) -> OptionSetName {
    OptionSetName { name: format!("{table}_{column}"), is_global: false }
}

fn raw_column(column: ColumnDefinition, table: &str, is_primary_name: bool) -> RawColumn {
    let precise = column.column_type.type_name().to_owned();
    let (coarse, class) = coarse_and_class(&precise);
    let set_name = column.option_set.unwrap_or_else(|| own_option_set(table, &column.logical_name));
    let option_set = |kind: &str, options: Vec<ChoiceOption>| RawOptionSet {
        is_global: Some(set_name.is_global),
        option_set_type: Some(kind.to_owned()),
        name: Some(set_name.name.clone()),
        options: Some(options.into_iter().map(RawOption::from).collect()),
        ..RawOptionSet::default()
    };
    let mut raw = RawColumn {
        odata_type: Some(class),
        attribute_type: Some(coarse),
        attribute_type_name: Some(Valued { value: precise }),
        schema_name: Some(column.schema_name),
        display_name: RawLabel(column.display_name),
        is_primary_id: Some(column.is_primary_id),
        is_primary_name: Some(is_primary_name),
        required_level: Some(Valued { value: column.required.as_str().to_owned() }),
        is_valid_for_create: Some(column.valid_for_create),
        is_valid_for_update: Some(column.valid_for_update),
        is_valid_for_read: Some(column.valid_for_read),
        attribute_of: column.attribute_of,
        source_type: column.source_type,
        format: column.format,
        logical_name: column.logical_name,
        ..RawColumn::default()
    };
    match column.column_type {
        ColumnType::String { max_length } | ColumnType::Memo { max_length } => {
            raw.max_length = Some(max_length);
        }
        #[expect(clippy::cast_precision_loss, reason = "limits of 32-bit integers are exact as floats")]
        ColumnType::Integer { min, max } => {
            raw.min_value = Some(min as f64);
            raw.max_value = Some(max as f64);
        }
        ColumnType::Decimal { min, max, precision }
        | ColumnType::Double { min, max, precision }
        | ColumnType::Money { min, max, precision } => {
            raw.min_value = Some(min);
            raw.max_value = Some(max);
            raw.precision = Some(precision);
        }
        ColumnType::Boolean { true_label, false_label, default } => {
            raw.default_value = default;
            raw.option_set = Some(RawOptionSet {
                true_option: Some(ChoiceOption::new(1, true_label).into()),
                false_option: Some(ChoiceOption::new(0, false_label).into()),
                options: None,
                ..option_set("Boolean", Vec::new())
            });
        }
        ColumnType::DateTime { behavior, date_only_format } => {
            raw.date_time_behavior = Some(Valued { value: behavior.as_str().to_owned() });
            raw.format = Some(if date_only_format { "DateOnly" } else { "DateAndTime" }.to_owned());
        }
        ColumnType::Choice { options } | ColumnType::MultiChoice { options } => {
            raw.option_set = Some(option_set("Picklist", options));
        }
        ColumnType::State { options } => raw.option_set = Some(option_set("State", options)),
        ColumnType::Status { options } => raw.option_set = Some(option_set("Status", options)),
        ColumnType::Lookup { targets }
        | ColumnType::Customer { targets }
        | ColumnType::Owner { targets }
        | ColumnType::PartyList { targets } => raw.targets = Some(targets),
        ColumnType::BigInt
        | ColumnType::UniqueIdentifier
        | ColumnType::Image
        | ColumnType::File
        | ColumnType::Virtual(_) => {}
    }
    raw
}
