//! `EntityDefinitions` and its kin, read (reference §7.2).

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::define::key_list;
use super::definition::{attributes, parts_of, relations, selected, shallow, table_head};
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::path::Segment;
use crate::query::{QueryOptions, matches_json, parse_filter, split};
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table};
use crate::state::{Written, option_set_id};

/// Answers a GET of definitions. There are no pages: everything comes at once.
pub(super) fn read(context: &Context<'_>, request: &Request, path: &[Segment]) -> Result<Answer, Refusal> {
    let options = QueryOptions::parse(request.query())?;
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let schema = Arc::clone(&organisation.schema);
    let serving = Serving { context, schema: &schema, written: &organisation.written, options: &options };
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
    written: &'a Written,
    options: &'a QueryOptions,
}

impl Serving<'_> {
    fn tables(&self) -> Result<Answer, Refusal> {
        let expand = self.options.expand.as_deref();
        let mut values = Vec::new();
        for table in self.schema.tables() {
            let head = table_head(table, self.written);
            if self.meets_filter(&head)? {
                values.push(self.table_value(table, head, expand)?);
            }
        }
        Ok(self.list("EntityDefinitions", &values))
    }

    fn table(&self, table: &Table, rest: &[Segment]) -> Result<Answer, Refusal> {
        let (part, tail) = match rest {
            [] => {
                let mut value =
                    self.table_value(table, table_head(table, self.written), self.options.expand.as_deref())?;
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
        if part.name == "ManyToManyRelationships" {
            self.refuse_of_other_kind()?;
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
            "Attributes" => attributes(table, self.written),
            "Keys" => key_list(table, self.written, self.context.caller.now),
            "ManyToOneRelationships" => relations(&table.definition, "ManyToOneRelationships", self.written),
            "ManyToManyRelationships" => {
                let mut seen: Vec<Value> = Vec::new();
                for other in self.schema.tables() {
                    for relation in &other.definition.many_to_many {
                        let is_ours = relation.table1 == table.name || relation.table2 == table.name;
                        let known =
                            seen.iter().any(|value| value["SchemaName"] == relation.schema_name.as_str());
                        if is_ours && !known {
                            let all = relations(&other.definition, "ManyToManyRelationships", self.written);
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
                .flat_map(|other| relations(&other.definition, "ManyToOneRelationships", self.written))
                .filter(|value| value["ReferencedEntity"] == table.name.as_str())
                .collect(),
            other => return Err(refusal::no_segment(other)),
        })
    }

    fn relationships(&self, first: &Segment, rest: &[Segment]) -> Result<Answer, Refusal> {
        let mut all: Vec<Value> = Vec::new();
        for table in self.schema.tables() {
            for part in ["ManyToOneRelationships", "ManyToManyRelationships"] {
                for value in relations(&table.definition, part, self.written) {
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
            if cast.name.ends_with("ManyToManyRelationshipMetadata") {
                self.refuse_of_other_kind()?;
            }
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
        let sets = global_option_sets(self.schema, self.written);
        let select = self.options.select.as_deref();
        let served = |set: Value| {
            let mut set = selected(set, select, None, false);
            set["@odata.type"] = "#Microsoft.Dynamics.CRM.OptionSetMetadata".into();
            set
        };
        let Some(key) = &first.key else {
            let sets: Vec<Value> = sets.into_iter().map(served).collect();
            return Ok(self.list("GlobalOptionSetDefinitions", &sets));
        };
        let decoded = dataverse_wire::literal::percent_decode(key).unwrap_or_default();
        sets.into_iter()
            .find(|set| {
                named(&decoded, "Name").is_some_and(|name| set["Name"] == name)
                    || set["MetadataId"] == decoded.to_lowercase().as_str()
            })
            .map(|set| Answer::value(&served(set)))
            .ok_or_else(|| {
                refusal::refusal(404, 0x8004_0217, format!("Could not find the option set {decoded}."))
            })
    }

    /// The two kinds of relationships share few properties; one of the other kind is no property of this one.
    fn refuse_of_other_kind(&self) -> Result<(), Refusal> {
        let selected = self.options.select.as_deref().unwrap_or_default();
        match selected.split(',').map(str::trim).find(|name| name.starts_with("Referenc")) {
            Some(name) => Err(refusal::refusal(
                400,
                0x8006_0888,
                format!(
                    "Could not find a property named '{name}' on type \
                     'Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata'."
                ),
            )),
            None => Ok(()),
        }
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

/// Every global option set: those of the tables' columns, and those made at run time.
pub(super) fn global_option_sets(schema: &Schema, written: &Written) -> Vec<Value> {
    let mut sets: Vec<Value> = written.option_sets().filter(|set| set["IsGlobal"] == true).cloned().collect();
    for table in schema.tables() {
        for column in table.definition.columns.values() {
            let Some(set) = column.option_set.as_ref().filter(|set| set.is_global) else { continue };
            if sets.iter().any(|known| known["Name"] == set.name.as_str()) {
                continue;
            }
            let mut only = shallow(&table.definition);
            only.columns = [(column.logical_name.clone(), column.clone())].into_iter().collect();
            let mut options = parts_of(&only, "Attributes")[0]["OptionSet"].take();
            options["MetadataId"] = option_set_id(&set.name).to_string().into();
            sets.push(options);
        }
    }
    sets
}
