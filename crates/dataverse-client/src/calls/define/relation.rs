//! Relationships: lookups to one table or to several, and many-to-many.

use dataverse_wire::metadata::{CascadeRule, RequiredLevel};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Define, named, schema_name};
use crate::Error;

/// What happens to the rows of a lookup's table when the row that they point to is assigned, deleted and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cascades {
    /// On a change of owner.
    pub assign: CascadeRule,
    /// On delete: cleared, refused or deleted along.
    pub delete: CascadeRule,
}

impl Default for Cascades {
    /// Referential: children stay as they are, and their lookup is cleared when the parent is deleted.
    fn default() -> Self {
        Self { assign: CascadeRule::NoCascade, delete: CascadeRule::RemoveLink }
    }
}

/// A lookup to be made with its relationship, or with one for each table that it may point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLookup {
    /// Name of the column in the maker's spelling: `new_ProjectId`.
    pub schema_name: String,
    /// Label.
    pub label: String,
    /// The table that gets the column.
    pub table: String,
    /// The tables it may point to, at least one.
    pub targets: Vec<String>,
    /// Whether a value is demanded; only forms enforce it.
    pub required: RequiredLevel,
    /// What happens to rows whose parent changes.
    pub cascades: Cascades,
}

impl NewLookup {
    /// A lookup to one table; add others to [`Self::targets`].
    pub fn new(
        schema_name: impl Into<String>,
        label: impl Into<String>,
        table: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        Self {
            schema_name: schema_name.into(),
            label: label.into(),
            table: table.into(),
            targets: vec![target.into()],
            required: RequiredLevel::None,
            cascades: Cascades::default(),
        }
    }

    /// What the relationship to a target is called: `new_project_new_ProjectId`, with the target behind it where there
    /// are several.
    pub fn relationship_name(&self, target: &str) -> String {
        let prefix = self.schema_name.split_once('_').map_or("new", |(prefix, _)| prefix);
        let table = self.table.strip_prefix(&format!("{prefix}_")).unwrap_or(&self.table);
        let column = self.schema_name.split_once('_').map_or(self.schema_name.as_str(), |(_, rest)| rest);
        if self.targets.len() > 1 {
            format!("{prefix}_{table}_{column}_{target}")
        } else {
            format!("{prefix}_{table}_{column}")
        }
    }
}

/// A many-to-many relationship to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewManyToMany {
    /// Its name with a publisher's prefix: `new_project_contact`. Both collections go by it, and the table that keeps the
    /// pairs, in lower case.
    pub schema_name: String,
    /// One table.
    pub table1: String,
    /// The other; may be the same.
    pub table2: String,
}

impl Define {
    /// Makes a lookup with its relationships; the id of the first one.
    ///
    /// Several targets are made in one request, by `CreatePolymorphicLookupAttribute`: all or none.
    ///
    /// # Errors
    /// [`Error::Input`] for names that cannot be, otherwise as every write.
    pub async fn lookup(&self, lookup: &NewLookup) -> Result<Uuid, Error> {
        const OPERATION: &str = "create lookup";
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Made {
            relationship_ids: Vec<Uuid>,
        }
        schema_name(OPERATION, &lookup.schema_name)?;
        let table = named(OPERATION, &lookup.table)?;
        let target = format!("{table}.{}", lookup.schema_name);
        let mut relations = Vec::new();
        for to in &lookup.targets {
            relations.push(relation(lookup, table.as_str(), named(OPERATION, to)?.as_str()));
        }
        let mut column = json!({
            "@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata",
            "AttributeType": "Lookup", "AttributeTypeName": { "Value": "LookupType" },
            "SchemaName": lookup.schema_name, "DisplayName": self.label(&lookup.label),
            "RequiredLevel": {
                "Value": lookup.required.as_str(), "CanBeChanged": true,
                "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"
            }
        });
        match relations.as_mut_slice() {
            [] => {
                let reason = format!("{target} has no table to point to");
                Err(Error::Input { operation: OPERATION, reason })
            }
            [relation] => {
                relation["Lookup"] = column;
                relation["@odata.type"] = "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata".into();
                self.create(OPERATION, &target, "RelationshipDefinitions".to_owned(), relation).await
            }
            _ => {
                column["@odata.type"] = "Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata".into();
                let mut body = json!({ "OneToManyRelationships": relations, "Lookup": column });
                let action = "CreatePolymorphicLookupAttribute";
                if let Some(solution) = &self.solution {
                    body["SolutionUniqueName"] = solution.clone().into();
                }
                let request = self.request(OPERATION, Method::POST, &target, action.to_owned());
                let answer = self.client.send(request.body(body.to_string())).await?;
                let made: Option<Made> = serde_json::from_slice(&answer.body).ok();
                match made.and_then(|made| made.relationship_ids.first().copied()) {
                    Some(id) => Ok(id),
                    None => Err(answer.unreadable("it names no relationship")),
                }
            }
        }
    }

    /// Makes a many-to-many relationship with the table that keeps its pairs.
    ///
    /// # Errors
    /// [`Error::Input`] for names that cannot be, otherwise as every write.
    pub async fn many_to_many(&self, relation: &NewManyToMany) -> Result<Uuid, Error> {
        const OPERATION: &str = "create relationship";
        schema_name(OPERATION, &relation.schema_name)?;
        let (first, second) = (named(OPERATION, &relation.table1)?, named(OPERATION, &relation.table2)?);
        let body = json!({
            "@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata",
            "SchemaName": relation.schema_name,
            "IntersectEntityName": relation.schema_name.to_lowercase(),
            "Entity1LogicalName": first.as_str(),
            "Entity2LogicalName": second.as_str()
        });
        self.create(OPERATION, &relation.schema_name, "RelationshipDefinitions".to_owned(), &body).await
    }
}

fn relation(lookup: &NewLookup, table: &str, target: &str) -> Value {
    json!({
        "SchemaName": lookup.relationship_name(target),
        "ReferencedEntity": target,
        "ReferencingEntity": table,
        "CascadeConfiguration": {
            "Assign": lookup.cascades.assign.as_str(),
            "Delete": lookup.cascades.delete.as_str(),
            "Merge": "NoCascade", "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade"
        }
    })
}
