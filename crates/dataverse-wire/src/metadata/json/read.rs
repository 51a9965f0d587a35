//! From the JSON's form to definitions.

use super::super::{
    AlternateKey, Cascade, CascadeRule, ChoiceOption, ColumnDefinition, ColumnType, DateTimeBehavior,
    KeyStatus, ManyToMany, ManyToOne, OptionSetName, Ownership, RequiredLevel, TableDefinition, TableType,
};
use super::write::own_option_set;
use super::{RawColumn, RawKey, RawManyToMany, RawManyToOne, RawOption, RawOptionSet, RawTable};
use crate::limits;

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

/// None for a relationship without a lookup column: it cannot be written.
pub(in crate::metadata) fn many_to_one(raw: RawManyToOne, table: &str) -> Option<ManyToOne> {
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
