//! From table definitions to compiled tables.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use dataverse_wire::metadata::{ColumnDefinition, ColumnType, DateTimeBehavior, TableDefinition};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive as _;

use super::column::{Column, Kind, StatusOption};
use super::content::{self, Content};
use super::elastic;
use super::set::Schema;
use super::table::{Activity, AlternateKey, Property, SystemColumns, Table};
use crate::state::key::named_id;
use crate::state::row::{ColumnId, TableId};

/// Demanded by the metadata, but filled by the platform when left out.
const FILLED_BY_PLATFORM: [&str; 11] = [
    "administratorid",
    "defaultodbfoldername",
    "invoicenumber",
    "objectid",
    "ordernumber",
    "organizationid",
    "ownerid",
    "owningbusinessunit",
    "quotenumber",
    "ticketnumber",
    "transactioncurrencyid",
];

/// Compiles `definitions` behind the tables of `existing`; one of the same name takes its number.
pub(crate) fn build(existing: &Schema, mut definitions: Vec<TableDefinition>) -> Schema {
    content::complete(existing, &mut definitions);
    let mut slots: Vec<Option<Arc<Table>>> = existing.slots().iter().cloned().map(Some).collect();
    let mut ids: HashMap<String, TableId> =
        existing.tables().map(|table| (table.name.clone(), table.id)).collect();
    let mut fresh = Vec::with_capacity(definitions.len());
    let mut intersects = Vec::new();
    let known: HashSet<String> =
        ids.keys().cloned().chain(definitions.iter().map(|table| table.logical_name.clone())).collect();
    let mut made: HashSet<String> = HashSet::new();
    for definition in &definitions {
        for relation in &definition.many_to_many {
            let name = &relation.intersect_table;
            if !known.contains(name) && made.insert(name.clone()) {
                intersects.push(intersect_table(name, &relation.column1, &relation.column2));
            }
        }
    }
    for definition in definitions.into_iter().chain(intersects) {
        let id = if let Some(id) = ids.get(&definition.logical_name) {
            *id
        } else {
            // Table numbers are 16 bits wide: no organisation has 65,536 tables.
            let id = TableId::try_from(slots.len()).unwrap_or(TableId::MAX);
            ids.insert(definition.logical_name.clone(), id);
            slots.push(None);
            id
        };
        fresh.push((id, definition));
    }
    // Tables that were compiled before may point to tables that are there only now.
    let is_new = |name: &String| !existing.tables().any(|table| table.name == *name);
    let points_to_new = |table: &Table| {
        table.definition.lookups().any(|lookup| {
            lookup.column_type.targets().iter().any(|target| is_new(target) && ids.contains_key(target))
        })
    };
    for table in existing.tables().filter(|table| points_to_new(table)) {
        if !fresh.iter().any(|(id, _)| *id == table.id) {
            fresh.push((table.id, table.definition.clone()));
        }
    }
    for (id, definition) in fresh {
        let table = compile(id, definition, &ids);
        slots[usize::from(id)] = Some(Arc::new(table));
    }
    Schema::of(slots.into_iter().flatten().collect())
}

/// The table behind an N:N relationship that the metadata does not describe.
fn intersect_table(name: &str, column1: &str, column2: &str) -> TableDefinition {
    let mut definition = TableDefinition::new(name, format!("{name}set"), format!("{name}id"));
    definition.is_intersect = true;
    definition.ownership = dataverse_wire::metadata::Ownership::None;
    for column in [column1, column2] {
        definition = definition.with_column(ColumnDefinition::new(column, ColumnType::UniqueIdentifier));
    }
    definition.with_column(ColumnDefinition::new("versionnumber", ColumnType::BigInt))
}

fn compile(id: TableId, mut definition: TableDefinition, ids: &HashMap<String, TableId>) -> Table {
    elastic::complete(&mut definition);
    let by_name: HashMap<String, ColumnId> = definition
        .columns
        .keys()
        .enumerate()
        .map(|(index, name)| (name.clone(), ColumnId::try_from(index).unwrap_or(ColumnId::MAX)))
        .collect();
    let mut columns: Vec<Column> =
        definition.columns.values().map(|column| compile_column(column, &definition, ids)).collect();
    let named = |name: &str| by_name.get(name).copied();
    if let Some(owner) = named("ownerid") {
        for (view, target) in [("owninguser", "systemuser"), ("owningteam", "team")] {
            if let (Some(column), Some(table)) = (named(view), ids.get(target)) {
                let column = &mut columns[usize::from(column)];
                column.kind = Kind::Lookup { targets: vec![*table], owner: true };
                column.property = format!("_{view}_value");
                column.view_of = Some((owner, *table));
            }
        }
    }
    let system = SystemColumns {
        created_on: named("createdon"),
        created_by: named("createdby"),
        created_on_behalf_by: named("createdonbehalfby"),
        modified_on: named("modifiedon"),
        modified_by: named("modifiedby"),
        modified_on_behalf_by: named("modifiedonbehalfby"),
        overridden_created_on: named("overriddencreatedon"),
        sequence_number: named("importsequencenumber"),
        owner: named("ownerid")
            .filter(|owner| matches!(columns[usize::from(*owner)].kind, Kind::Lookup { owner: true, .. })),
        owning_business_unit: lookup_named("owningbusinessunit", &by_name, &columns),
        state: named("statecode"),
        status: named("statuscode"),
        version: named("versionnumber"),
        currency: lookup_named("transactioncurrencyid", &by_name, &columns),
        exchange_rate: named("exchangerate"),
        organization: lookup_named("organizationid", &by_name, &columns),
        activity_type: named("activitytypecode").filter(|_| definition.is_activity),
        first_name: named("firstname"),
        last_name: named("lastname"),
        full_name: named("fullname"),
    };
    let properties = compile_properties(&definition, &columns, &by_name, ids);
    let keys = definition
        .keys
        .iter()
        .filter_map(|key| {
            let columns: Option<Vec<ColumnId>> = key.columns.iter().map(|column| named(column)).collect();
            Some(AlternateKey {
                schema_name: key.schema_name.clone(),
                columns: columns?,
                metadata_id: named_id(2, &format!("{}.{}", definition.logical_name, key.schema_name)),
                active_from: i64::MIN,
            })
        })
        .collect();
    let money = (0..)
        .zip(&columns)
        .filter(|(_, column)| matches!(column.kind, Kind::Money { .. }) && !column.name.ends_with("_base"))
        .map(|(id, column)| (id, named(&format!("{}_base", column.name))))
        .collect();
    let primary = named(&definition.primary_id).unwrap_or_default();
    let metadata_id = definition
        .metadata_id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| named_id(2, &definition.logical_name));
    Table {
        id,
        name: definition.logical_name.clone(),
        entity_set: definition.entity_set_name.clone(),
        metadata_id,
        primary,
        primary_name: definition.primary_name.as_deref().and_then(named),
        system,
        money,
        keys,
        activity: definition.party_collection().map(|parties_property| Activity { parties_property }),
        is_intersect: definition.is_intersect,
        elastic: elastic::columns(&definition, named),
        gone: false,
        columns,
        by_name,
        properties,
        definition,
    }
}

fn lookup_named(name: &str, by_name: &HashMap<String, ColumnId>, columns: &[Column]) -> Option<ColumnId> {
    let id = by_name.get(name).copied()?;
    matches!(columns[usize::from(id)].kind, Kind::Lookup { .. }).then_some(id)
}

fn compile_column(
    column: &ColumnDefinition,
    table: &TableDefinition,
    ids: &HashMap<String, TableId>,
) -> Column {
    let content = content::content_of(column);
    let kind = match content {
        Some(Content::Image) => Kind::Image,
        // The id of its attachment.
        Some(Content::File) => Kind::Id,
        None => compile_kind(&column.column_type, ids),
    };
    let is_lookup = matches!(kind, Kind::Lookup { .. });
    let is_text = matches!(kind, Kind::Text { .. });
    // Choices, numbers and yes/no columns get the platform's defaults; names and parents do not.
    let nobody_fills_it = is_lookup || is_text || matches!(kind, Kind::DateTime | Kind::Date);
    let required = column.required.is_enforced()
        && column.valid_for_create
        && !column.is_primary_id
        && nobody_fills_it
        && !table.is_intersect
        && !FILLED_BY_PLATFORM.contains(&column.logical_name.as_str());
    Column {
        name: column.logical_name.clone(),
        property: if is_lookup {
            format!("_{}_value", column.logical_name)
        } else {
            column.logical_name.clone()
        },
        required,
        create: column.valid_for_create && content != Some(Content::File),
        update: column.valid_for_update && content != Some(Content::File),
        read: (column.is_selectable() || content.is_some() && column.valid_for_read) && kind.form().is_some(),
        content,
        view_of: None,
        kind,
    }
}

fn compile_kind(column_type: &ColumnType, ids: &HashMap<String, TableId>) -> Kind {
    let targets = || column_type.targets().iter().filter_map(|name| ids.get(name).copied()).collect();
    let options = || {
        let mut options: Vec<(i32, String)> =
            column_type.options().iter().map(|option| (option.value, option.label.clone())).collect();
        options.sort_by_key(|(value, _)| *value);
        options.dedup_by_key(|(value, _)| *value);
        options.into_boxed_slice()
    };
    match column_type {
        ColumnType::String { max_length } | ColumnType::Memo { max_length } => {
            Kind::Text { max: *max_length }
        }
        ColumnType::Integer { min, max } => Kind::Integer { min: *min, max: *max },
        ColumnType::BigInt => Kind::BigInt,
        ColumnType::Decimal { min, max, precision } => Kind::Decimal {
            min: Decimal::from_f64(*min),
            max: Decimal::from_f64(*max),
            precision: u32::from(*precision),
        },
        ColumnType::Money { min, max, .. } => {
            Kind::Money { min: Decimal::from_f64(*min), max: Decimal::from_f64(*max) }
        }
        ColumnType::Double { min, max, precision } => {
            Kind::Double { min: Some(*min), max: Some(*max), precision: u32::from(*precision) }
        }
        ColumnType::Boolean { true_label, false_label, default } => Kind::Boolean {
            default: *default,
            labels: [(0, false_label.clone()), (1, true_label.clone())].into(),
        },
        ColumnType::DateTime { behavior: DateTimeBehavior::DateOnly, .. } => Kind::Date,
        ColumnType::DateTime { .. } => Kind::DateTime,
        ColumnType::Choice { .. } => Kind::Choice { options: options() },
        ColumnType::MultiChoice { .. } => Kind::MultiChoice { options: options() },
        ColumnType::State { .. } => Kind::State { options: options() },
        ColumnType::Status { options } => Kind::Status {
            options: options
                .iter()
                .map(|option| StatusOption {
                    value: option.value,
                    state: option.state,
                    label: option.label.clone(),
                })
                .collect(),
        },
        ColumnType::Lookup { .. } | ColumnType::Customer { .. } => {
            Kind::Lookup { targets: targets(), owner: false }
        }
        ColumnType::Owner { .. } => Kind::Lookup { targets: targets(), owner: true },
        ColumnType::UniqueIdentifier => Kind::Id,
        ColumnType::Virtual(name) if name == "EntityNameType" => Kind::Name,
        ColumnType::PartyList { .. } => Kind::Elsewhere { parties: true },
        ColumnType::Image | ColumnType::File | ColumnType::Virtual(_) => Kind::Elsewhere { parties: false },
    }
}

fn compile_properties(
    definition: &TableDefinition,
    columns: &[Column],
    by_name: &HashMap<String, ColumnId>,
    ids: &HashMap<String, TableId>,
) -> HashMap<String, Property> {
    let mut properties = HashMap::with_capacity(columns.len() * 2);
    for (name, id) in by_name {
        let column = &columns[usize::from(*id)];
        if matches!(column.kind, Kind::Lookup { .. }) {
            properties.insert(column.property.clone(), Property::LookupValue(*id));
        } else if !matches!(column.kind, Kind::Elsewhere { .. }) {
            properties.insert(name.clone(), Property::Value(*id));
        }
    }
    let mut navigations: HashMap<String, (ColumnId, Vec<TableId>)> = HashMap::new();
    for navigation in definition.navigations() {
        if let (Some(column), Some(target)) = (by_name.get(&navigation.column), ids.get(&navigation.target)) {
            navigations.entry(navigation.property).or_insert_with(|| (*column, Vec::new())).1.push(*target);
        }
    }
    for lookup in definition.lookups().filter(|column| column.column_type.targets().is_empty()) {
        // Targets unknown: any table will do.
        if let Some(column) = by_name.get(&lookup.logical_name) {
            navigations.entry(lookup.logical_name.clone()).or_insert((*column, Vec::new()));
        }
    }
    for (name, (column, targets)) in navigations {
        properties.insert(format!("{name}@odata.bind"), Property::Bind { column, targets: targets.clone() });
        properties.insert(name, Property::Navigation { column, targets });
    }
    if let Some(parties) = definition.party_collection() {
        properties.insert(parties, Property::Parties);
    }
    properties
}
