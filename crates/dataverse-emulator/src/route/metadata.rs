//! `EntityDefinitions` and its kin, read (reference §7.2).

use std::sync::Arc;

use dataverse_wire::metadata::{KeyStatus, TableDefinition};
use serde_json::{Map, Value, json};

use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::path::Segment;
use crate::query::{QueryOptions, matches_json, parse_filter, split};
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table};
use crate::state::key::named_id;

/// Answers a GET of definitions. There are no pages: everything comes at once.
pub(super) fn read(context: &Context<'_>, request: &Request, path: &[Segment]) -> Result<Answer, Refusal> {
    let schema = context.service.schema();
    let options = QueryOptions::parse(request.query())?;
    let serving = Serving { context, schema: &schema, options: &options };
    let Some((first, rest)) = path.split_first() else { return Err(refusal::no_segment("")) };
    match first.name.as_str() {
        "EntityDefinitions" => match &first.key {
            None if rest.is_empty() => serving.tables(),
            None => Err(refusal::no_segment(&rest[0].name)),
            Some(key) => serving.table(find_table(&schema, key)?, rest),
        },
        "RelationshipDefinitions" => serving.relationships(first, rest),
        _ => serving.option_sets(first),
    }
}

/// The table that a key such as `LogicalName='account'` or a metadata id names.
pub(super) fn find_table<'s>(schema: &'s Schema, key: &str) -> Result<&'s Arc<Table>, Refusal> {
    let decoded = dataverse_wire::literal::percent_decode(key).unwrap_or_default();
    let name = named(&decoded, "LogicalName");
    let found = if let Some(name) = name {
        schema.named(name)
    } else {
        let id = decoded.strip_prefix("MetadataId=").unwrap_or(&decoded).parse().ok();
        schema.tables().find(|table| Some(table.metadata_id) == id)
    };
    found.ok_or_else(|| {
        let name = name.unwrap_or(&decoded);
        refusal::refusal(
            404,
            0x8004_0217,
            format!("Could not find an entity with name {name} and object type code ."),
        )
    })
}

/// The text of `Name='text'`.
fn named<'k>(key: &'k str, property: &str) -> Option<&'k str> {
    key.strip_prefix(property)?.trim_start().strip_prefix('=')?.trim().strip_prefix('\'')?.strip_suffix('\'')
}

struct Serving<'a> {
    context: &'a Context<'a>,
    schema: &'a Schema,
    options: &'a QueryOptions,
}

impl Serving<'_> {
    fn tables(&self) -> Result<Answer, Refusal> {
        let expand = self.options.expand.as_deref();
        let mut values = Vec::new();
        for table in self.schema.tables() {
            let head = table_head(table);
            if self.meets_filter(&head)? {
                values.push(self.table_value(table, head, expand)?);
            }
        }
        Ok(self.list("EntityDefinitions", &values))
    }

    fn table(&self, table: &Table, rest: &[Segment]) -> Result<Answer, Refusal> {
        let (part, tail) = match rest {
            [] => {
                let mut value = self.table_value(table, table_head(table), self.options.expand.as_deref())?;
                let context = format!("{}$metadata#EntityDefinitions/$entity", self.context.root);
                if let Value::Object(map) = &mut value {
                    map.insert("@odata.context".to_owned(), context.into());
                }
                return Ok(Answer::value(&value));
            }
            [part, tail @ ..] => (part, tail),
        };
        // A cast of the table itself: `EntityDefinitions(…)/Microsoft.Dynamics.CRM.EntityMetadata`.
        if part.name == "Microsoft.Dynamics.CRM.EntityMetadata" {
            return self.table(table, tail);
        }
        let mut values = self.part(table, &part.name)?;
        if let Some(key) = &part.key {
            let decoded = dataverse_wire::literal::percent_decode(key).unwrap_or_default();
            values.retain(|value| {
                ["LogicalName", "SchemaName"]
                    .iter()
                    .any(|name| named(&decoded, name).is_some_and(|wanted| value[*name] == wanted))
                    || value["MetadataId"] == decoded.as_str()
            });
        }
        if let [cast] = tail {
            let wanted = format!("#{}", cast.name);
            values.retain(|value| value["@odata.type"] == wanted.as_str());
        }
        let mut kept = Vec::new();
        for value in values {
            if self.meets_filter(&value)? {
                let expand = self.options.expand.as_deref();
                kept.push(selected(value, self.options.select.as_deref(), expand, part.name == "Attributes"));
            }
        }
        if part.key.is_some() {
            return match kept.into_iter().next() {
                Some(value) => Ok(Answer::value(&value)),
                None => Err(refusal::refusal(
                    404,
                    0x8004_0217,
                    format!("Could not find {} of {} with the key given.", part.name, table.name),
                )),
            };
        }
        Ok(self.list(&format!("EntityDefinitions('{}')/{}", table.name, part.name), &kept))
    }

    fn table_value(&self, table: &Table, head: Value, expand: Option<&str>) -> Result<Value, Refusal> {
        let mut value = selected(head, self.options.select.as_deref(), None, false);
        for item in expand.map(|text| split(text, ',')).unwrap_or_default() {
            let (name, inner) = item.trim().split_once('(').unwrap_or((item.trim(), ""));
            let inner = QueryOptions::parse(&inner.trim_end_matches(')').replace(';', "&"))?;
            let mut parts = Vec::new();
            for part in self.part(table, name)? {
                let meets = match &inner.filter {
                    Some(filter) => matches_json(&parse_filter(filter)?, &part)?,
                    None => true,
                };
                if meets {
                    let expand = inner.expand.as_deref();
                    parts.push(selected(part, inner.select.as_deref(), expand, name == "Attributes"));
                }
            }
            value[name] = Value::Array(parts);
        }
        Ok(value)
    }

    /// Columns, relationships or keys of a table.
    fn part(&self, table: &Table, name: &str) -> Result<Vec<Value>, Refusal> {
        Ok(match name {
            "Attributes" => attributes(table),
            "Keys" => keys(table, self.context.caller.now),
            "ManyToOneRelationships" => relations(&table.definition, "ManyToOneRelationships"),
            "ManyToManyRelationships" => {
                let mut seen: Vec<Value> = Vec::new();
                for other in self.schema.tables() {
                    for relation in &other.definition.many_to_many {
                        let is_ours = relation.table1 == table.name || relation.table2 == table.name;
                        let known =
                            seen.iter().any(|value| value["SchemaName"] == relation.schema_name.as_str());
                        if is_ours && !known {
                            let all = relations(&other.definition, "ManyToManyRelationships");
                            seen.extend(
                                all.into_iter().filter(|v| v["SchemaName"] == relation.schema_name.as_str()),
                            );
                        }
                    }
                }
                seen
            }
            "OneToManyRelationships" => self
                .schema
                .tables()
                .filter(|other| {
                    other.definition.many_to_one.iter().any(|it| it.referenced_table == table.name)
                })
                .flat_map(|other| relations(&other.definition, "ManyToOneRelationships"))
                .filter(|value| value["ReferencedEntity"] == table.name.as_str())
                .collect(),
            other => return Err(refusal::no_segment(other)),
        })
    }

    fn relationships(&self, first: &Segment, rest: &[Segment]) -> Result<Answer, Refusal> {
        let mut all: Vec<Value> = Vec::new();
        for table in self.schema.tables() {
            for part in ["ManyToOneRelationships", "ManyToManyRelationships"] {
                for value in relations(&table.definition, part) {
                    let is_told_twice = part == "ManyToManyRelationships"
                        && all.iter().any(|it| it["SchemaName"] == value["SchemaName"]);
                    if !is_told_twice {
                        all.push(value);
                    }
                }
            }
        }
        if let Some(key) = &first.key {
            let decoded = dataverse_wire::literal::percent_decode(key).unwrap_or_default();
            let found = all.into_iter().find(|value| {
                named(&decoded, "SchemaName").is_some_and(|name| value["SchemaName"] == name)
                    || value["MetadataId"] == decoded.as_str()
            });
            return found.map(|value| Answer::value(&value)).ok_or_else(|| {
                refusal::refusal(404, 0x8004_0217, format!("Could not find the relationship {decoded}."))
            });
        }
        if let [cast] = rest {
            let wanted = format!("#{}", cast.name);
            all.retain(|value| value["@odata.type"] == wanted.as_str());
        }
        let mut kept = Vec::new();
        for value in all {
            if self.meets_filter(&value)? {
                kept.push(selected(value, self.options.select.as_deref(), None, false));
            }
        }
        Ok(self.list("RelationshipDefinitions", &kept))
    }

    /// Choices that several columns share.
    fn option_sets(&self, first: &Segment) -> Result<Answer, Refusal> {
        let mut sets: Vec<Value> = Vec::new();
        for table in self.schema.tables() {
            for column in table.definition.columns.values() {
                let Some(set) = column.option_set.as_ref().filter(|set| set.is_global) else { continue };
                if sets.iter().any(|known| known["Name"] == set.name.as_str()) {
                    continue;
                }
                let mut only = shallow(&table.definition);
                only.columns = [(column.logical_name.clone(), column.clone())].into_iter().collect();
                let mut options = parts_of(&only, "Attributes")[0]["OptionSet"].take();
                options["MetadataId"] = named_id(2, &set.name).to_string().into();
                sets.push(options);
            }
        }
        let Some(key) = &first.key else { return Ok(self.list("GlobalOptionSetDefinitions", &sets)) };
        let decoded = dataverse_wire::literal::percent_decode(key).unwrap_or_default();
        sets.into_iter()
            .find(|set| named(&decoded, "Name").is_some_and(|name| set["Name"] == name))
            .map(|set| Answer::value(&set))
            .ok_or_else(|| {
                refusal::refusal(404, 0x8004_0217, format!("Could not find the option set {decoded}."))
            })
    }

    fn meets_filter(&self, value: &Value) -> Result<bool, Refusal> {
        match &self.options.filter {
            Some(text) => matches_json(&parse_filter(text)?, value),
            None => Ok(true),
        }
    }

    fn list(&self, what: &str, values: &[Value]) -> Answer {
        Answer::value(&json!({
            "@odata.context": format!("{}$metadata#{what}", self.context.root), "value": values
        }))
    }
}

/// Keeps what `$select` names, and what is always there; `OptionSet` and its kin only when expanded.
fn selected(value: Value, select: Option<&str>, expand: Option<&str>, is_attribute: bool) -> Value {
    let Value::Object(map) = value else { return value };
    let expanded: Vec<&str> = expand
        .map(|text| {
            split(text, ',').into_iter().map(|item| item.trim().split('(').next().unwrap_or("")).collect()
        })
        .unwrap_or_default();
    let names: Option<Vec<&str>> = select.map(|select| select.split(',').map(str::trim).collect());
    let mut kept: Map<String, Value> = map
        .into_iter()
        .filter(|(name, _)| {
            let is_option_set = name == "OptionSet" && is_attribute;
            if is_option_set {
                return expanded.iter().any(|it| matches!(*it, "OptionSet" | "GlobalOptionSet"));
            }
            let always = name == "MetadataId" || name.starts_with('@');
            always || names.as_ref().is_none_or(|names| names.contains(&name.as_str()))
        })
        .collect();
    if is_attribute && let Some(set) = kept.remove("OptionSet") {
        // Exactly one of the two is not null.
        let is_global = set["IsGlobal"] == true;
        let (own, global) = if is_global { (Value::Null, set) } else { (set, Value::Null) };
        if expanded.contains(&"OptionSet") {
            kept.insert("OptionSet".to_owned(), own);
        }
        if expanded.contains(&"GlobalOptionSet") {
            kept.insert("GlobalOptionSet".to_owned(), global);
        }
    }
    Value::Object(kept)
}

/// A table without its columns and relationships.
fn table_head(table: &Table) -> Value {
    let definition = &table.definition;
    let head = TableDefinition {
        columns: indexmap::IndexMap::new(),
        many_to_one: Vec::new(),
        many_to_many: Vec::new(),
        keys: Vec::new(),
        metadata_id: Some(table.metadata_id.to_string()),
        ..shallow(definition)
    };
    let mut value = serde_json::to_value(head).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        for part in ["Attributes", "ManyToOneRelationships", "ManyToManyRelationships", "Keys"] {
            map.remove(part);
        }
        for (name, said) in [
            ("IsPrivate", false),
            ("IsOptimisticConcurrencyEnabled", !definition.is_intersect),
            ("IsAuditEnabled", false),
            ("IsStateModelAware", table.system.state.is_some()),
            ("HasNotes", false),
            ("IsManaged", !definition.is_custom),
        ] {
            map.entry(name).or_insert(said.into());
        }
        map.entry("DataProviderId").or_insert(Value::Null);
    }
    value
}

/// The scalar properties of a definition; cloning hundreds of columns only to drop them would cost.
fn shallow(definition: &TableDefinition) -> TableDefinition {
    let mut copy = TableDefinition::new(
        definition.logical_name.clone(),
        definition.entity_set_name.clone(),
        definition.primary_id.clone(),
    );
    copy.schema_name.clone_from(&definition.schema_name);
    copy.primary_name.clone_from(&definition.primary_name);
    copy.ownership = definition.ownership;
    copy.object_type_code = definition.object_type_code;
    copy.is_activity = definition.is_activity;
    copy.is_activity_party = definition.is_activity_party;
    copy.is_intersect = definition.is_intersect;
    copy.is_custom = definition.is_custom;
    copy.table_type = definition.table_type;
    copy.display_name.clone_from(&definition.display_name);
    copy.display_collection_name.clone_from(&definition.display_collection_name);
    copy.logical_collection_name.clone_from(&definition.logical_collection_name);
    copy.collection_schema_name.clone_from(&definition.collection_schema_name);
    copy.enforce_state_transitions = definition.enforce_state_transitions;
    copy.change_tracking = definition.change_tracking;
    copy
}

fn attributes(table: &Table) -> Vec<Value> {
    let mut copy = shallow(&table.definition);
    copy.columns = table
        .definition
        .columns
        .iter()
        .filter(|(name, _)| !name.starts_with('~'))
        .map(|(name, column)| (name.clone(), column.clone()))
        .collect();
    let mut values = parts_of(&copy, "Attributes");
    for value in &mut values {
        let name = value["LogicalName"].as_str().unwrap_or_default().to_owned();
        value["MetadataId"] = attribute_id(&table.name, &name).to_string().into();
        value["EntityLogicalName"] = table.name.clone().into();
    }
    values
}

pub(super) fn attribute_id(table: &str, column: &str) -> uuid::Uuid {
    named_id(2, &format!("{table}.{column}"))
}

fn keys(table: &Table, now: i64) -> Vec<Value> {
    table
        .keys
        .iter()
        .map(|key| {
            let columns: Vec<&str> = key.columns.iter().map(|id| table.column(*id).name.as_str()).collect();
            let status = if now >= key.active_from { KeyStatus::Active } else { KeyStatus::Pending };
            json!({
                "MetadataId": key.metadata_id,
                "SchemaName": key.schema_name,
                "LogicalName": key.schema_name.to_lowercase(),
                "EntityLogicalName": table.name,
                "KeyAttributes": columns,
                "EntityKeyIndexStatus": status.as_str(),
            })
        })
        .collect()
}

fn relations(definition: &TableDefinition, part: &str) -> Vec<Value> {
    let mut copy = shallow(definition);
    let kind = if part == "ManyToManyRelationships" {
        copy.many_to_many.clone_from(&definition.many_to_many);
        "ManyToMany"
    } else {
        copy.many_to_one.clone_from(&definition.many_to_one);
        "OneToMany"
    };
    let mut values = parts_of(&copy, part);
    for value in &mut values {
        let name = value["SchemaName"].as_str().unwrap_or_default().to_owned();
        value["@odata.type"] = format!("#Microsoft.Dynamics.CRM.{kind}RelationshipMetadata").into();
        value["RelationshipType"] = format!("{kind}Relationship").into();
        value["MetadataId"] = named_id(2, &format!("relationship {name}")).to_string().into();
    }
    values
}

fn parts_of(definition: &TableDefinition, part: &str) -> Vec<Value> {
    match serde_json::to_value(definition).unwrap_or_default().get_mut(part).map(Value::take) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}
