//! What definitions say beyond what this emulator acts on: kept as it was posted, served as it is kept.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::key::named_id;

/// Descriptions, labels in several languages, option sets, by the definition that has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    extras: HashMap<Uuid, Map<String, Value>>,
    /// Option sets of one column and those that columns share, whole, by name.
    option_sets: IndexMap<String, Value>,
}

/// The properties that follow from the compiled definition, or are collections of their own.
const COMPILED: [&str; 44] = [
    "@odata.context",
    "@odata.type",
    "Attributes",
    "AttributeOf",
    "AttributeType",
    "AttributeTypeName",
    "ChangeTrackingEnabled",
    "DateTimeBehavior",
    "DefaultValue",
    "EnforceStateTransitions",
    "Entity1IntersectAttribute",
    "Entity1LogicalName",
    "Entity2IntersectAttribute",
    "Entity2LogicalName",
    "EntityLogicalName",
    "EntitySetName",
    "GlobalOptionSet",
    "GlobalOptionSet@odata.bind",
    "IntersectEntityName",
    "IsCustomEntity",
    "IsIntersect",
    "IsPrimaryId",
    "IsPrimaryName",
    "Keys",
    "LogicalName",
    "Lookup",
    "MaxLength",
    "MaxValue",
    "MetadataId",
    "MinValue",
    "ObjectTypeCode",
    "OptionSet",
    "OwnershipType",
    "Precision",
    "PrimaryIdAttribute",
    "PrimaryNameAttribute",
    "ReferencedAttribute",
    "ReferencedEntity",
    "ReferencingAttribute",
    "ReferencingEntity",
    "SchemaName",
    "SourceType",
    "TableType",
    "Targets",
];

impl Written {
    /// Keeps what a posted definition says beyond the compiled one, in place of what was kept before.
    pub(crate) fn keep(&mut self, id: Uuid, body: &Value) {
        let Value::Object(map) = body else { return };
        let mut extras: Map<String, Value> = map
            .iter()
            .filter(|(name, value)| !COMPILED.contains(&name.as_str()) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        extras.values_mut().for_each(complete_labels);
        self.extras.insert(id, extras);
    }

    /// Whether a definition was made or changed at run time.
    pub(crate) fn has(&self, id: Uuid) -> bool {
        self.extras.contains_key(&id)
    }

    /// One property of a definition, as it was posted.
    pub(crate) fn said(&self, id: Uuid, name: &str) -> Option<&Value> {
        self.extras.get(&id)?.get(name)
    }

    pub(crate) fn forget(&mut self, id: Uuid) {
        self.extras.remove(&id);
    }

    /// Adds what was kept to a definition that is about to be served.
    pub(crate) fn complete(&self, id: Uuid, value: &mut Value) {
        let (Some(extras), Value::Object(map)) = (self.extras.get(&id), value) else { return };
        for (name, extra) in extras {
            match (map.get_mut(name), extra) {
                // A managed property such as RequiredLevel: its compiled value stays.
                (Some(Value::Object(known)), Value::Object(extra)) if known.contains_key("Value") => {
                    for (name, part) in extra {
                        known.entry(name.clone()).or_insert_with(|| part.clone());
                    }
                }
                _ => {
                    map.insert(name.clone(), extra.clone());
                }
            }
        }
    }

    pub(crate) fn option_set(&self, name: &str) -> Option<&Value> {
        self.option_sets.get(name)
    }

    pub(crate) fn option_sets(&self) -> impl Iterator<Item = &Value> {
        self.option_sets.values()
    }

    pub(crate) fn keep_option_set(&mut self, name: &str, set: Value) {
        self.option_sets.insert(name.to_owned(), set);
    }

    pub(crate) fn forget_option_set(&mut self, name: &str) {
        self.option_sets.shift_remove(name);
    }
}

/// The id under which an option set is served.
pub(crate) fn option_set_id(name: &str) -> Uuid {
    named_id(2, name)
}

/// Gives every label the form in which it is served: with the text of the user's language, which is English here.
pub(crate) fn complete_labels(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("@odata.type");
            if let Some(Value::Array(labels)) = map.get_mut("LocalizedLabels") {
                for label in labels.iter_mut().filter_map(Value::as_object_mut) {
                    label.remove("@odata.type");
                    label.entry("IsManaged").or_insert(false.into());
                }
                let own = labels
                    .iter()
                    .find(|label| label["LanguageCode"] == 1033)
                    .or(labels.first())
                    .cloned()
                    .unwrap_or(Value::Null);
                map.insert("UserLocalizedLabel".to_owned(), own);
            } else {
                map.values_mut().for_each(complete_labels);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(complete_labels),
        _ => {}
    }
}

/// Carries labels of languages that `new` does not name over from `old`: what `MSCRM.MergeLabels: true` asks for.
pub(crate) fn merge_labels(old: &Value, new: &mut Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            if let (Some(Value::Array(before)), Some(Value::Array(after))) =
                (old.get("LocalizedLabels"), new.get_mut("LocalizedLabels"))
            {
                for label in before {
                    let is_said = after.iter().any(|it| it["LanguageCode"] == label["LanguageCode"]);
                    if !is_said {
                        after.push(label.clone());
                    }
                }
                return;
            }
            for (name, value) in new {
                if let Some(before) = old.get(name) {
                    merge_labels(before, value);
                }
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for item in new {
                if let Some(before) =
                    old.iter().find(|it| !it["Value"].is_null() && it["Value"] == item["Value"])
                {
                    merge_labels(before, item);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merging_keeps_languages_that_are_not_named() {
        let old = json!({"DisplayName": {"LocalizedLabels": [
            {"Label": "Account", "LanguageCode": 1033}, {"Label": "Firma", "LanguageCode": 1031}]}});
        let mut new =
            json!({"DisplayName": {"LocalizedLabels": [{"Label": "Client", "LanguageCode": 1033}]}});
        merge_labels(&old, &mut new);
        let labels = new["DisplayName"]["LocalizedLabels"].as_array().unwrap();
        assert_eq!(labels.len(), 2);
        assert_eq!(labels[0]["Label"], "Client");
    }

    #[test]
    fn labels_are_served_with_the_text_of_the_user() {
        let mut value = json!([{"Label": {"LocalizedLabels": [
            {"Label": "Rot", "LanguageCode": 1031}, {"Label": "Red", "LanguageCode": 1033}]}}]);
        complete_labels(&mut value);
        assert_eq!(value[0]["Label"]["UserLocalizedLabel"]["Label"], "Red");
    }
}
