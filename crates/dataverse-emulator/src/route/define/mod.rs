//! Definitions made, changed and deleted at run time (reference §7.5).

mod column;
mod key;
mod option;
mod option_set;
mod relation;
mod table;

use std::sync::{Arc, PoisonError};

pub(super) use key::listed as key_list;
pub(super) use relation::relation_id;

use dataverse_wire::metadata::TableDefinition;
use serde_json::Value;
use uuid::Uuid;

use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::metadata::find_table;
use super::path::Segment;
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table, build};
use crate::state::{DefinitionChange, Organisation, merge_labels};

/// Messages that change definitions.
const MESSAGES: [&str; 9] = [
    "PublishAllXml",
    "PublishXml",
    "CreateEntities",
    "CreatePolymorphicLookupAttribute",
    "ReactivateEntityKey",
    "InsertOptionValue",
    "InsertStatusValue",
    "UpdateOptionValue",
    "DeleteOptionValue",
];

/// Whether a path that is not read leads to the definitions.
pub(super) fn is_definition(name: &str) -> bool {
    matches!(name, "EntityDefinitions" | "RelationshipDefinitions" | "GlobalOptionSetDefinitions")
        || MESSAGES.contains(&name)
}

/// Changes the definitions. One change at a time: customisation is serialised by the organisation's lock.
pub(super) fn define(context: &Context<'_>, request: &Request, path: &[Segment]) -> Result<Answer, Refusal> {
    let mut organisation = context.service.organisation().write().unwrap_or_else(PoisonError::into_inner);
    let answer = change(Defining { context, organisation: &mut organisation, request }, path)?;
    if organisation.is_durable() {
        let change = DefinitionChange {
            caller: context.caller,
            method: request.method.clone(),
            target: request.target.clone(),
            merges_labels: merges_labels(request),
            body: request.body.to_vec(),
        };
        organisation.log_definition(change).map_err(|reason| refusal::not_kept(&reason))?;
    }
    Ok(answer)
}

/// `MSCRM.MergeLabels: true`: languages that the body does not name stay.
fn merges_labels(request: &Request) -> bool {
    request.headers.get("mscrm.mergelabels").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn change(mut defining: Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let names: Vec<&str> = path.iter().map(|segment| segment.name.as_str()).collect();
    // A cast at the end says no more than the body's type does.
    let names = match names.as_slice() {
        [names @ .., cast] if cast.starts_with("Microsoft.Dynamics.CRM.") => names,
        names => names,
    };
    match (defining.request.method.as_str(), names) {
        ("POST", ["PublishAllXml" | "PublishXml"]) => Ok(Answer::no_content()),
        ("POST", ["EntityDefinitions"]) => table::create(&mut defining),
        ("POST", ["CreateEntities"]) => table::create_several(&mut defining),
        ("PUT", ["EntityDefinitions"]) => table::update(&mut defining, path),
        ("DELETE", ["EntityDefinitions"]) => table::delete(&mut defining, path),
        ("POST", ["EntityDefinitions", "Attributes"]) => column::create(&mut defining, path),
        ("PUT", ["EntityDefinitions", "Attributes"]) => column::update(&mut defining, path),
        ("DELETE", ["EntityDefinitions", "Attributes"]) => column::delete(&mut defining, path),
        ("POST", ["EntityDefinitions", "Keys"]) => key::create(&mut defining, path),
        ("DELETE", ["EntityDefinitions", "Keys"]) => key::delete(&mut defining, path),
        ("POST", ["ReactivateEntityKey"]) => key::reactivate(&mut defining),
        ("POST", ["RelationshipDefinitions"]) => relation::create(&mut defining),
        ("POST", ["CreatePolymorphicLookupAttribute"]) => relation::create_polymorphic(&mut defining),
        ("PUT", ["RelationshipDefinitions"]) => relation::update(&mut defining, path),
        ("DELETE", ["RelationshipDefinitions"]) => relation::delete(&mut defining, path),
        ("POST", ["GlobalOptionSetDefinitions"]) => option_set::create(&mut defining),
        ("PUT", ["GlobalOptionSetDefinitions"]) => option_set::update(&mut defining, path),
        ("DELETE", ["GlobalOptionSetDefinitions"]) => option_set::delete(&mut defining, path),
        ("POST", ["InsertOptionValue" | "InsertStatusValue"]) => option::insert(&mut defining),
        ("POST", ["UpdateOptionValue"]) => option::update(&mut defining),
        ("POST", ["DeleteOptionValue"]) => option::delete(&mut defining),
        // Definitions are replaced as a whole: PUT, never PATCH.
        (method, names) => Err(refusal::wrong_method(method, &names.join("/"))),
    }
}

/// A change of the definitions, under the organisation's lock.
struct Defining<'a> {
    context: &'a Context<'a>,
    organisation: &'a mut Organisation,
    request: &'a Request,
}

impl Defining<'_> {
    fn body(&self) -> Result<Value, Refusal> {
        let mut body = serde_json::from_slice(&self.request.body)
            .map_err(|error| refusal::payload("metadata", error))?;
        plain_types(&mut body);
        Ok(body)
    }

    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.organisation.schema)
    }

    /// The table that a path such as `EntityDefinitions(LogicalName='account')/…` starts with.
    fn table(&self, path: &[Segment]) -> Result<Arc<Table>, Refusal> {
        let key = path[0].key.as_deref().ok_or_else(|| refusal::no_segment("EntityDefinitions"))?;
        find_table(&self.organisation.schema, key).cloned()
    }

    /// The table of this name.
    fn named(&self, name: &str) -> Result<Arc<Table>, Refusal> {
        self.organisation.schema.named(name).cloned().ok_or_else(|| {
            refusal::refusal(400, 0x8004_1102, format!("The entity with a name = '{name}' was not found."))
        })
    }

    /// Keeps labels of languages that the body does not name, where the request asks for that.
    fn merge_labels(&self, old: &Value, new: &mut Value) {
        if merges_labels(self.request) {
            merge_labels(old, new);
        }
    }

    fn created(&self, set: &str, id: Uuid) -> Answer {
        Answer::no_content().with("odata-entityid", format!("{}{set}({id})", self.context.root))
    }

    /// Puts changed definitions into force, and keeps activation times of keys that were there.
    fn adopt(&mut self, definitions: Vec<TableDefinition>) {
        let before = self.schema();
        let schema = build(&before, definitions);
        let slots: Vec<Arc<Table>> = schema
            .slots()
            .iter()
            .map(|table| match before.named(&table.name).filter(|known| !Arc::ptr_eq(known, table)) {
                Some(known) => {
                    let mut table = Table::clone(table);
                    for key in &mut table.keys {
                        if let Some(known) = known.keys.iter().find(|it| it.schema_name == key.schema_name) {
                            key.active_from = known.active_from;
                        }
                    }
                    Arc::new(table)
                }
                None => Arc::clone(table),
            })
            .collect();
        self.replace(slots);
    }

    /// Puts compiled tables into force.
    fn replace(&mut self, slots: Vec<Arc<Table>>) {
        self.organisation.set_schema(Arc::new(Schema::of(slots)), self.context.service.settings());
    }

    /// Changes one compiled table.
    fn change(&mut self, table: &Table, change: impl Fn(&mut Table)) {
        let slots = self.organisation.schema.slots().iter().map(|known| {
            if known.id != table.id {
                return Arc::clone(known);
            }
            let mut changed = Table::clone(known);
            change(&mut changed);
            Arc::new(changed)
        });
        let slots = slots.collect();
        self.replace(slots);
    }
}

/// A key in a path, decoded: an id, or `Name='text'`.
fn decoded_key(segment: &Segment) -> String {
    segment.key.as_deref().and_then(dataverse_wire::literal::percent_decode).unwrap_or_default()
}

fn exists(what: &str, name: &str) -> Refusal {
    refusal::refusal(400, 0x8004_0203, format!("{what} with the specified name {name} already exists."))
}

fn not_found(what: &str) -> Refusal {
    refusal::refusal(404, 0x8004_0217, format!("Could not find {what}."))
}

/// Actions take `ComplexStringAttributeMetadata` where collections take `StringAttributeMetadata`.
fn plain_types(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if name == "@odata.type" => {
                        if text.contains("Microsoft.Dynamics.CRM.Complex") {
                            *text = text.replace("Microsoft.Dynamics.CRM.Complex", "Microsoft.Dynamics.CRM.");
                        }
                    }
                    value => plain_types(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_types),
        _ => {}
    }
}
