//! Relationships of both kinds, and the lookups that come with 1:N.

use std::sync::Arc;

use dataverse_wire::metadata::{ColumnType, ManyToMany, ManyToOne, parse_definitions};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::definition::attribute_id;
use super::super::exchange::Answer;
use super::super::path::Segment;
use super::column::{read_column, without_column};
use super::table::drop_table;
use super::{Defining, decoded_key, exists, not_found};
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::state::key::named_id;

/// The id under which a relationship is served.
pub(in crate::route) fn relation_id(schema_name: &str) -> Uuid {
    named_id(2, &format!("relationship {schema_name}"))
}

/// `OneToManyRelationshipMetadata` with its lookup, or `ManyToManyRelationshipMetadata`.
pub(super) fn create(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let body = defining.body()?;
    let kind = body["@odata.type"].as_str().unwrap_or_default();
    let id = if kind.ends_with("ManyToManyRelationshipMetadata") {
        many_to_many(defining, &body)?
    } else {
        let lookup = body["Lookup"].clone();
        if lookup.is_null() {
            return Err(refusal::payload("RelationshipDefinitions", "A 1:N relationship needs its Lookup."));
        }
        one_to_many(defining, &body, &lookup, false)?
    };
    Ok(defining.created("RelationshipDefinitions", id))
}

/// One lookup to several tables, with a relationship for each (documented in the multi-table lookup article).
pub(super) fn create_polymorphic(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let body = defining.body()?;
    let relations = body["OneToManyRelationships"].as_array().cloned().unwrap_or_default();
    let mut lookup = body["Lookup"].clone();
    if relations.is_empty() || lookup.is_null() {
        let text = "CreatePolymorphicLookupAttribute takes OneToManyRelationships and a Lookup.";
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    // All of them or none: what can go wrong is looked at before anything is done.
    for relation in &relations {
        ends(defining, relation)?;
    }
    lookup["@odata.type"] = "Microsoft.Dynamics.CRM.LookupAttributeMetadata".into();
    lookup["AttributeTypeName"] = json!({ "Value": "LookupType" });
    let mut ids = Vec::new();
    for relation in &relations {
        ids.push(one_to_many(defining, relation, &lookup, true)?);
    }
    let table = relations[0]["ReferencingEntity"].as_str().unwrap_or_default();
    let column = lookup["SchemaName"].as_str().unwrap_or_default().to_lowercase();
    Ok(Answer::value(&json!({
        "@odata.context": format!(
            "{}$metadata#Microsoft.Dynamics.CRM.CreatePolymorphicLookupAttributeResponse", defining.context.root),
        "RelationshipIds": ids,
        "AttributeId": attribute_id(table, &column),
    })))
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

fn schema_name(defining: &Defining<'_>, body: &Value) -> Result<String, Refusal> {
    let name = text(body, "SchemaName");
    if name.is_empty() {
        return Err(refusal::payload("RelationshipDefinitions", "A relationship needs a SchemaName."));
    }
    let schema = defining.schema();
    let is_taken = schema.tables().any(|table| {
        let definition = &table.definition;
        definition.many_to_one.iter().any(|it| it.schema_name.eq_ignore_ascii_case(&name))
            || definition.many_to_many.iter().any(|it| it.schema_name.eq_ignore_ascii_case(&name))
    });
    if is_taken { Err(exists("A relationship", &name)) } else { Ok(name) }
}

/// Parent and child of a 1:N relationship.
fn ends(defining: &Defining<'_>, body: &Value) -> Result<(Arc<Table>, Arc<Table>), Refusal> {
    schema_name(defining, body)?;
    Ok((defining.named(&text(body, "ReferencedEntity"))?, defining.named(&text(body, "ReferencingEntity"))?))
}

fn one_to_many(
    defining: &mut Defining<'_>,
    body: &Value,
    lookup: &Value,
    is_one_of_several: bool,
) -> Result<Uuid, Refusal> {
    let (parent, child) = ends(defining, body)?;
    let schema_name = text(body, "SchemaName");
    let mut column = read_column(&child.definition, lookup.clone())?;
    let mut definition = child.definition.clone();
    let known = definition.columns.get(&column.logical_name).cloned();
    let mut targets = known.as_ref().map(|known| known.column_type.targets().to_vec()).unwrap_or_default();
    if targets.contains(&parent.name) {
        return Err(exists("A relationship of the lookup", &column.logical_name));
    }
    targets.push(parent.name.clone());
    let is_multi = known.is_some() || is_one_of_several;
    column = known.unwrap_or(column);
    column.column_type = ColumnType::Lookup { targets };
    let navigation =
        if is_multi { format!("{}_{}", column.schema_name, parent.name) } else { column.schema_name.clone() };
    let mut relation = read_relation(body, &column.logical_name, &child.name)?;
    relation.referenced_column.clone_from(&parent.definition.primary_id);
    if relation.navigation_property.is_empty() {
        relation.navigation_property = navigation;
    }
    relation.collection_property.get_or_insert_with(|| schema_name.clone());
    definition.many_to_one.push(relation);
    let attribute = attribute_id(&child.name, &column.logical_name);
    definition.columns.insert(column.logical_name.clone(), column);
    defining.adopt(vec![definition]);
    let id = relation_id(&schema_name);
    defining.organisation.written.keep(id, body);
    defining.organisation.written.keep(attribute, lookup);
    Ok(id)
}

fn read_relation(body: &Value, column: &str, child: &str) -> Result<ManyToOne, Refusal> {
    let mut body = body.clone();
    body["ReferencingAttribute"] = column.into();
    let holder = json!({ "LogicalName": child, "ManyToOneRelationships": [body] });
    parse_definitions(holder.to_string().as_bytes())
        .map_err(|error| refusal::payload("RelationshipDefinitions", error))?
        .into_iter()
        .next()
        .and_then(|table| table.many_to_one.into_iter().next())
        .ok_or_else(|| refusal::payload("RelationshipDefinitions", "No relationship was read."))
}

fn many_to_many(defining: &mut Defining<'_>, body: &Value) -> Result<Uuid, Refusal> {
    let schema_name = schema_name(defining, body)?;
    let first = defining.named(&text(body, "Entity1LogicalName"))?;
    let second = defining.named(&text(body, "Entity2LogicalName"))?;
    if first.elastic.is_some() != second.elastic.is_some() {
        let text = format!("Many-to-many of elastic and standard tables is not supported: {schema_name}.");
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    let or = |name: &str, otherwise: String| {
        Some(text(body, name)).filter(|it| !it.is_empty()).unwrap_or(otherwise)
    };
    let intersect = or("IntersectEntityName", schema_name.clone()).to_lowercase();
    if defining.schema().named(&intersect).is_some() {
        return Err(exists("An entity", &intersect));
    }
    let (column1, column2) = if first.id == second.id {
        (format!("{}idone", first.name), format!("{}idtwo", second.name))
    } else {
        (format!("{}id", first.name), format!("{}id", second.name))
    };
    let relation = ManyToMany {
        intersect_table: intersect,
        column1: or("Entity1IntersectAttribute", column1),
        navigation1: or("Entity1NavigationPropertyName", schema_name.clone()),
        table1: first.name.clone(),
        column2: or("Entity2IntersectAttribute", column2),
        navigation2: or("Entity2NavigationPropertyName", schema_name.clone()),
        table2: second.name.clone(),
        schema_name: schema_name.clone(),
    };
    let mut definitions = Vec::new();
    for table in [&first, &second].into_iter().take(if first.id == second.id { 1 } else { 2 }) {
        let mut definition = table.definition.clone();
        definition.many_to_many.push(relation.clone());
        definitions.push(definition);
    }
    defining.adopt(definitions);
    let id = relation_id(&schema_name);
    defining.organisation.written.keep(id, body);
    Ok(id)
}

/// What a path names: a relationship of a child table, or one between two.
enum Found {
    OneToMany(Arc<Table>, ManyToOne),
    ManyToMany(ManyToMany),
}

fn find(defining: &Defining<'_>, path: &[Segment]) -> Result<Found, Refusal> {
    let key = decoded_key(&path[0]);
    let is_meant = |name: &str| {
        key.ends_with(&format!("='{name}'")) || relation_id(name).to_string() == key.to_lowercase()
    };
    let schema = defining.schema();
    for table in schema.tables() {
        if let Some(relation) = table.definition.many_to_one.iter().find(|it| is_meant(&it.schema_name)) {
            return Ok(Found::OneToMany(Arc::clone(table), relation.clone()));
        }
        if let Some(relation) = table.definition.many_to_many.iter().find(|it| is_meant(&it.schema_name)) {
            return Ok(Found::ManyToMany(relation.clone()));
        }
    }
    Err(not_found(&format!("the relationship {key}")))
}

/// Replaces what may change: cascades, labels, menu behaviour.
pub(super) fn update(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let mut body = defining.body()?;
    let (id, table, relation) = match find(defining, path)? {
        Found::OneToMany(table, relation) => (relation_id(&relation.schema_name), table, relation),
        Found::ManyToMany(relation) => {
            let id = relation_id(&relation.schema_name);
            keep(defining, id, &mut body);
            return Ok(Answer::no_content());
        }
    };
    body["SchemaName"] = relation.schema_name.clone().into();
    body["ReferencedEntity"] = relation.referenced_table.clone().into();
    let posted = read_relation(&body, &relation.column, &table.name)?;
    let mut definition = table.definition.clone();
    for known in definition.many_to_one.iter_mut().filter(|it| it.schema_name == relation.schema_name) {
        known.cascade = posted.cascade.or(known.cascade);
    }
    defining.adopt(vec![definition]);
    keep(defining, id, &mut body);
    Ok(Answer::no_content())
}

fn keep(defining: &mut Defining<'_>, id: Uuid, body: &mut Value) {
    let mut before = json!({});
    defining.organisation.written.complete(id, &mut before);
    defining.merge_labels(&before, body);
    defining.organisation.written.keep(id, body);
}

/// A 1:N relationship goes with its lookup, unless that points to other tables too; an N:N one with its pairs.
pub(super) fn delete(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    match find(defining, path)? {
        Found::OneToMany(table, relation) => {
            let ends = [relation.referenced_table.as_str(), table.name.as_str()];
            may_go(defining, &relation.schema_name, ends)?;
            let mut definition = table.definition.clone();
            definition.many_to_one.retain(|known| known.schema_name != relation.schema_name);
            let is_last = !definition.many_to_one.iter().any(|known| known.column == relation.column);
            if is_last {
                definition = without_column(&definition, &relation.column);
            } else if let Some(column) = definition.columns.get_mut(&relation.column)
                && let ColumnType::Lookup { targets } = &mut column.column_type
            {
                targets.retain(|target| *target != relation.referenced_table);
            }
            defining.adopt(vec![definition]);
            defining.organisation.written.forget(relation_id(&relation.schema_name));
            if is_last {
                defining.organisation.written.forget(attribute_id(&table.name, &relation.column));
            }
        }
        Found::ManyToMany(relation) => {
            may_go(defining, &relation.schema_name, [relation.table1.as_str(), relation.table2.as_str()])?;
            let schema = defining.schema();
            let definitions = schema
                .tables()
                .filter(|table| table.definition.many_to_many.contains(&relation))
                .map(|table| {
                    let mut definition = table.definition.clone();
                    definition.many_to_many.retain(|known| *known != relation);
                    definition
                })
                .collect();
            if let Some(intersect) = schema.named(&relation.intersect_table) {
                drop_table(defining, intersect);
            }
            defining.adopt(definitions);
            defining.organisation.written.forget(relation_id(&relation.schema_name));
        }
    }
    Ok(Answer::no_content())
}

/// Relationships between standard tables stay, unless they were made here.
fn may_go(defining: &Defining<'_>, schema_name: &str, ends: [&str; 2]) -> Result<(), Refusal> {
    let schema = defining.schema();
    let is_of_custom_table =
        ends.iter().any(|name| schema.named(name).is_some_and(|table| table.definition.is_custom));
    if is_of_custom_table || defining.organisation.written.has(relation_id(schema_name)) {
        return Ok(());
    }
    let text = format!("The relationship {schema_name} cannot be deleted.");
    Err(refusal::refusal(400, 0x8004_0203, text))
}
