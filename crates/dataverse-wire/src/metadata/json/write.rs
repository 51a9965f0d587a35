//! From definitions back to the JSON's form.

use super::super::{ChoiceOption, ColumnDefinition, ColumnType, OptionSetName, TableDefinition};
use super::{
    RawCascade, RawColumn, RawKey, RawLabel, RawManyToMany, RawManyToOne, RawOption, RawOptionSet, RawTable,
    Valued,
};

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
pub(super) fn own_option_set(table: &str, column: &str) -> OptionSetName {
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

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
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
