//! Columns, made and changed.

use std::sync::Arc;

use dataverse_wire::metadata::{
    ColumnDefinition, ColumnType, ManyToOne, TableDefinition, TableType, parse_definitions,
};
use serde_json::{Value, json};

use super::super::definition::attribute_id;
use super::super::exchange::Answer;
use super::super::path::Segment;
use super::{Defining, decoded_key, exists, not_found, option_set};
use crate::refusal::{self, Refusal};
use crate::schema::{Content, Table};

pub(super) fn create(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let table = defining.table(path)?;
    let mut body = defining.body()?;
    let set = option_set::of_column(defining, &table.name, &mut body)?;
    let column = read_column(&table.definition, body.clone())?;
    if table.definition.columns.contains_key(&column.logical_name) {
        return Err(exists("An attribute", &column.logical_name));
    }
    if matches!(column.column_type, ColumnType::Lookup { .. }) {
        let text = "A lookup is created with its relationship: post it to RelationshipDefinitions.";
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    let id = attribute_id(&table.name, &column.logical_name);
    let mut definition = table.definition.clone();
    definition.columns.insert(column.logical_name.clone(), column);
    add_companions(&mut definition);
    defining.adopt(vec![definition]);
    defining.organisation.written.keep(id, &body);
    if let Some((name, set)) = set {
        defining.organisation.written.keep_option_set(&name, set);
    }
    let set = format!("EntityDefinitions({})/Attributes", table.metadata_id);
    Ok(defining.created(&set, id))
}

/// Replaces a column's definition; type and names stay as they are.
pub(super) fn update(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let table = defining.table(path)?;
    let known = column_of(&table, &path[1])?.clone();
    let id = attribute_id(&table.name, &known.logical_name);
    let mut body = defining.body()?;
    body["LogicalName"] = known.logical_name.clone().into();
    body["SchemaName"] = known.schema_name.clone().into();
    let before = served(defining, &table, &known);
    // What bounds values is told by each definition; one that leaves it out means the bounds there are.
    for name in ["MaxLength", "MinValue", "MaxValue", "Precision", "Targets", "OptionSet", "DateTimeBehavior"]
    {
        if body[name].is_null() && !before[name].is_null() {
            body[name] = before[name].clone();
        }
    }
    defining.merge_labels(&before, &mut body);
    let set = option_set::of_column(defining, &table.name, &mut body)?;
    let mut column = read_column(&table.definition, body.clone())?;
    if std::mem::discriminant(&column.column_type) != std::mem::discriminant(&known.column_type) {
        let text = format!("The type of the column '{}' cannot be changed.", known.logical_name);
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    column.is_primary_id = known.is_primary_id;
    column.attribute_of = known.attribute_of;
    let mut definition = table.definition.clone();
    definition.columns.insert(column.logical_name.clone(), column);
    defining.adopt(vec![definition]);
    defining.organisation.written.keep(id, &body);
    if let Some((name, set)) = set {
        defining.organisation.written.keep_option_set(&name, set);
    }
    Ok(Answer::no_content())
}

pub(super) fn delete(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let table = defining.table(path)?;
    let column = column_of(&table, &path[1])?;
    let name = column.logical_name.clone();
    if column.is_primary_id || table.definition.primary_name.as_deref() == Some(name.as_str()) {
        let text = format!("The column '{name}' of '{}' cannot be deleted.", table.name);
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    if let Some(key) = table.definition.keys.iter().find(|key| key.columns.contains(&name)) {
        let text =
            format!("The column '{name}' cannot be deleted: the alternate key {} has it.", key.schema_name);
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    let mut definition = without_column(&table.definition, &name);
    let content = table.column_named(&name).and_then(|column| column.content);
    for ending in content.map_or(&[][..], Content::endings) {
        definition = without_column(&definition, &format!("{name}{ending}"));
    }
    defining.adopt(vec![definition]);
    let written = &mut defining.organisation.written;
    written.forget(attribute_id(&table.name, &name));
    written.forget_option_set(&format!("{}_{name}", table.name));
    Ok(Answer::no_content())
}

/// Columns keep their numbers, since rows are stored by them: a deleted one stays as a nameless gap.
pub(super) fn without_column(definition: &TableDefinition, name: &str) -> TableDefinition {
    let mut definition = definition.clone();
    definition.columns = definition
        .columns
        .into_iter()
        .enumerate()
        .map(|(index, (known, column))| {
            if known != name {
                return (known, column);
            }
            let gap = format!("~{index}");
            let mut column =
                ColumnDefinition::new(gap.clone(), ColumnType::Virtual("VirtualType".to_owned()));
            column.valid_for_read = false;
            (gap, column)
        })
        .collect();
    definition.many_to_one.retain(|relation| relation.column != name);
    definition
}

/// The column as it is served, with its option set.
fn served(defining: &Defining<'_>, table: &Table, column: &ColumnDefinition) -> Value {
    super::super::definition::attributes(table, &defining.organisation.written)
        .into_iter()
        .find(|value| value["LogicalName"] == column.logical_name.as_str())
        .unwrap_or_default()
}

fn column_of<'t>(table: &'t Arc<Table>, segment: &Segment) -> Result<&'t ColumnDefinition, Refusal> {
    let key = decoded_key(segment);
    let columns = &table.definition.columns;
    columns
        .values()
        .filter(|column| !column.logical_name.starts_with('~'))
        .find(|column| {
            let name = &column.logical_name;
            key.ends_with(&format!("='{name}'"))
                || attribute_id(&table.name, name).to_string() == key.to_lowercase()
        })
        .ok_or_else(|| not_found(&format!("the attribute {key} of {}", table.name)))
}

/// Column types that elastic tables do not have (reference §10).
fn check_elastic(column: &ColumnDefinition) -> Result<(), Refusal> {
    let kind = match &column.column_type {
        ColumnType::Money { .. } => "Currency",
        ColumnType::File => "File",
        ColumnType::Customer { .. } => "Customer",
        _ => return Ok(()),
    };
    let text =
        format!("Columns of type {kind} are not supported by elastic tables: {}.", column.logical_name);
    Err(refusal::refusal(400, 0x8004_0203, text))
}

/// A column as posted.
pub(super) fn read_column(table: &TableDefinition, mut body: Value) -> Result<ColumnDefinition, Refusal> {
    let name = body["SchemaName"].as_str().unwrap_or_default().to_lowercase();
    if name.is_empty() {
        return Err(refusal::payload("Attributes", "An attribute needs a SchemaName."));
    }
    if body["LogicalName"].is_null() {
        body["LogicalName"] = name.into();
    }
    // Format decides of text columns by another name than of all others.
    if body["Format"].is_null() && body["FormatName"]["Value"].is_string() {
        body["Format"] = body["FormatName"]["Value"].clone();
    }
    let holder = json!({
        "LogicalName": table.logical_name, "EntitySetName": table.entity_set_name,
        "PrimaryIdAttribute": table.primary_id, "Attributes": [body]
    });
    let parsed = parse_definitions(holder.to_string().as_bytes())
        .map_err(|error| refusal::payload("Attributes", error))?;
    let column = parsed
        .into_iter()
        .next()
        .and_then(|table| table.columns.into_values().next())
        .ok_or_else(|| refusal::payload("Attributes", "No attribute was read."))?;
    if table.table_type == TableType::Elastic {
        check_elastic(&column)?;
    }
    if matches!(&column.column_type, ColumnType::Virtual(name) if name == "VirtualType") {
        return Err(refusal::payload(
            "Attributes",
            "The @odata.type of the attribute is missing or unknown.",
        ));
    }
    Ok(column)
}

/// Columns that come with others: amounts in base currency, the currency and its rate.
pub(super) fn add_companions(definition: &mut TableDefinition) {
    let amounts: Vec<ColumnDefinition> = definition
        .columns
        .values()
        .filter(|column| matches!(column.column_type, ColumnType::Money { .. }))
        .filter(|column| !column.logical_name.ends_with("_base"))
        .cloned()
        .collect();
    if amounts.is_empty() {
        return;
    }
    for amount in amounts {
        let name = format!("{}_base", amount.logical_name);
        if !definition.columns.contains_key(&name) {
            let mut base = ColumnDefinition::new(name.clone(), amount.column_type);
            base.schema_name = format!("{}_Base", amount.schema_name);
            base.display_name = amount.display_name.map(|label| format!("{label} (Base)"));
            base.valid_for_create = false;
            base.valid_for_update = false;
            definition.columns.insert(name, base);
        }
    }
    if !definition.columns.contains_key("exchangerate") {
        let rate = ColumnType::Decimal { min: 1e-10, max: 1e11, precision: 10 };
        let mut rate = ColumnDefinition::new("exchangerate", rate);
        "ExchangeRate".clone_into(&mut rate.schema_name);
        rate.valid_for_create = false;
        rate.valid_for_update = false;
        definition.columns.insert("exchangerate".to_owned(), rate);
    }
    if !definition.columns.contains_key("transactioncurrencyid") {
        let targets = vec!["transactioncurrency".to_owned()];
        let mut currency = ColumnDefinition::new("transactioncurrencyid", ColumnType::Lookup { targets });
        "TransactionCurrencyId".clone_into(&mut currency.schema_name);
        definition.columns.insert("transactioncurrencyid".to_owned(), currency);
        let name = format!("TransactionCurrency_{}", definition.schema_name);
        definition.many_to_one.push(ManyToOne {
            schema_name: name.clone(),
            referencing_table: definition.logical_name.clone(),
            column: "transactioncurrencyid".to_owned(),
            referenced_table: "transactioncurrency".to_owned(),
            referenced_column: "transactioncurrencyid".to_owned(),
            navigation_property: "transactioncurrencyid".to_owned(),
            collection_property: Some(name),
            cascade: None,
        });
    }
}
