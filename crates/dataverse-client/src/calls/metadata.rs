//! Table definitions (reference §7).

use std::collections::HashMap;

use dataverse_wire::LogicalName;
use dataverse_wire::metadata::TableDefinition;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::send::Request;
use crate::{Client, Error};

/// A table's names, as the list of tables has them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct TableNames {
    /// Lower-case name.
    pub logical_name: String,
    /// Name in URLs; none for tables that the Web API does not serve.
    pub entity_set_name: Option<String>,
    /// Primary key column.
    pub primary_id_attribute: Option<String>,
    /// Keeps the pairs of a many-to-many relationship.
    #[serde(default)]
    pub is_intersect: bool,
}

type Object = Map<String, Value>;

const TABLE: &str = "LogicalName,SchemaName,EntitySetName,LogicalCollectionName,CollectionSchemaName,DisplayName,\
    DisplayCollectionName,PrimaryIdAttribute,PrimaryNameAttribute,ObjectTypeCode,OwnershipType,IsActivity,\
    IsActivityParty,IsIntersect,IsCustomEntity,TableType,ChangeTrackingEnabled,EnforceStateTransitions";
const COLUMN: &str = "LogicalName,SchemaName,AttributeType,AttributeTypeName,DisplayName,IsPrimaryId,IsPrimaryName,\
    IsValidForCreate,IsValidForUpdate,IsValidForRead,RequiredLevel,AttributeOf,SourceType";
const MANY_TO_ONE: &str = "SchemaName,ReferencedEntity,ReferencedAttribute,ReferencingEntity,ReferencingAttribute,\
    ReferencingEntityNavigationPropertyName,ReferencedEntityNavigationPropertyName,CascadeConfiguration";
const MANY_TO_MANY: &str = "SchemaName,IntersectEntityName,Entity1LogicalName,Entity1IntersectAttribute,\
    Entity1NavigationPropertyName,Entity2LogicalName,Entity2IntersectAttribute,Entity2NavigationPropertyName";
const KEY: &str = "SchemaName,LogicalName,KeyAttributes,EntityKeyIndexStatus";

/// What only a cast tells: the precise type names it serves, the class to cast to, and the query.
const CASTS: &[(&[&str], &str, &str)] = &[
    (&["StringType"], "StringAttributeMetadata", "$select=LogicalName,MaxLength,Format"),
    (&["MemoType"], "MemoAttributeMetadata", "$select=LogicalName,MaxLength,Format"),
    (&["IntegerType"], "IntegerAttributeMetadata", "$select=LogicalName,MinValue,MaxValue,Format"),
    (&["DecimalType"], "DecimalAttributeMetadata", "$select=LogicalName,MinValue,MaxValue,Precision"),
    (&["DoubleType"], "DoubleAttributeMetadata", "$select=LogicalName,MinValue,MaxValue,Precision"),
    (&["MoneyType"], "MoneyAttributeMetadata", "$select=LogicalName,MinValue,MaxValue,Precision"),
    (&["DateTimeType"], "DateTimeAttributeMetadata", "$select=LogicalName,Format,DateTimeBehavior"),
    (&["BooleanType"], "BooleanAttributeMetadata", "$select=LogicalName,DefaultValue&$expand=OptionSet"),
    (&["PicklistType"], "PicklistAttributeMetadata", "$select=LogicalName&$expand=OptionSet,GlobalOptionSet"),
    (
        &["MultiSelectPicklistType"],
        "MultiSelectPicklistAttributeMetadata",
        "$select=LogicalName&$expand=OptionSet,GlobalOptionSet",
    ),
    (&["StateType"], "StateAttributeMetadata", "$select=LogicalName&$expand=OptionSet"),
    (&["StatusType"], "StatusAttributeMetadata", "$select=LogicalName&$expand=OptionSet"),
    (
        &["LookupType", "CustomerType", "OwnerType", "PartyListType"],
        "LookupAttributeMetadata",
        "$select=LogicalName,Targets",
    ),
];

/// Metadata queries at the same time: enough to hide the latency of some fifteen, few enough for the service.
const CONCURRENCY: usize = 6;

#[derive(Deserialize)]
struct Listed<T> {
    value: Vec<T>,
}

impl Client {
    /// The names of all tables. One answer, whatever their number: metadata is not paged.
    ///
    /// # Errors
    /// As every read.
    pub async fn table_names(&self) -> Result<Vec<TableNames>, Error> {
        let path = "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,IsIntersect";
        let listed: Listed<TableNames> =
            self.send(Request::get("metadata", "EntityDefinitions", path)).await?.json()?;
        Ok(listed.value)
    }

    /// Everything about one table: columns with the properties of their types, relationships and alternate keys, merged
    /// from some fifteen queries. None if there is no such table.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that no table can have, otherwise as every read.
    pub async fn table_definition(&self, table: &str) -> Result<Option<TableDefinition>, Error> {
        let name: LogicalName = table.parse().map_err(|error: dataverse_wire::Error| Error::Input {
            operation: "metadata",
            reason: error.to_string(),
        })?;
        let root = format!("EntityDefinitions(LogicalName='{name}')");
        let get = |path: String| Request::get("metadata", table, path);
        let answer = match self.send(get(format!("{root}?$select={TABLE}"))).await {
            Ok(answer) => answer,
            Err(error) if error.fault().is_some_and(|fault| fault.status == 404) => return Ok(None),
            Err(error) => return Err(error),
        };
        let summary = answer.summary.clone();
        let mut definition: Object = answer.json()?;
        let mut columns = self.list(get(format!("{root}/Attributes?$select={COLUMN}"))).await?;

        // Only casts that some column needs are asked for.
        let casts = CASTS
            .iter()
            .filter(|(types, _, _)| columns.iter().any(|column| types.contains(&type_of(column))));
        let casts = casts.map(|(_, class, query)| {
            let path = format!("{root}/Attributes/Microsoft.Dynamics.CRM.{class}?{query}");
            self.list(get(path))
        });
        let typed: Vec<Vec<Object>> =
            futures::stream::iter(casts).buffered(CONCURRENCY).try_collect().await?;
        merge(&mut columns, typed.into_iter().flatten());

        let parts = [
            ("ManyToOneRelationships", MANY_TO_ONE),
            ("ManyToManyRelationships", MANY_TO_MANY),
            ("Keys", KEY),
        ];
        let lists = parts.map(|(part, select)| self.list(get(format!("{root}/{part}?$select={select}"))));
        let lists: Vec<Vec<Object>> =
            futures::stream::iter(lists).buffered(CONCURRENCY).try_collect().await?;
        for ((part, _), list) in parts.into_iter().zip(lists) {
            definition.insert(part.to_owned(), list.into());
        }
        definition.insert("Attributes".to_owned(), columns.into());
        TableDefinition::deserialize(Value::Object(definition))
            .map(Some)
            .map_err(|error| Error::Unreadable { request: Box::new(summary), reason: error.to_string() })
    }

    async fn list(&self, request: Request) -> Result<Vec<Object>, Error> {
        let listed: Listed<Object> = self.send(request).await?.json()?;
        Ok(listed.value)
    }
}

/// The precise type name: the coarse one calls multi-selects `Virtual` (reference §7.3).
fn type_of(column: &Object) -> &str {
    let precise = column.get("AttributeTypeName").and_then(|name| name.get("Value"));
    precise.and_then(Value::as_str).unwrap_or_default()
}

/// Adds what the casts told to the columns of the same name; the class that a cast carries is kept, the rest of a
/// column is not replaced.
fn merge(columns: &mut [Object], typed: impl Iterator<Item = Object>) {
    let name_of =
        |column: &Object| column.get("LogicalName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let positions: HashMap<String, usize> =
        columns.iter().enumerate().map(|(position, column)| (name_of(column), position)).collect();
    for cast in typed {
        let Some(&position) = positions.get(&name_of(&cast)) else { continue };
        for (name, value) in cast {
            let is_known = matches!(columns[position].get(&name), Some(present) if !present.is_null());
            if !is_known || name == "@odata.type" {
                columns[position].insert(name, value);
            }
        }
    }
}
