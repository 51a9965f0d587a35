//! Table definitions (reference §7).

use std::collections::HashMap;

use dataverse_wire::LogicalName;
use dataverse_wire::metadata::TableDefinition;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::RequestSummary;
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

/// Metadata queries at the same time: enough to hide the latency of some ten a table, well below the 52 that a user may
/// have (reference §5.1).
const CONCURRENCY: usize = 16;

#[derive(Deserialize)]
struct Listed<T> {
    value: Vec<T>,
}

/// Definitions of tables.
impl Client {
    /// The names of all tables. One answer, whatever their number: metadata is not paged.
    ///
    /// # Errors
    /// As every read.
    pub async fn table_names(&self) -> Result<Vec<TableNames>, Error> {
        let path = "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,IsIntersect";
        let listed: Listed<TableNames> = self
            .send(self.of_definitions(Request::get("metadata", "EntityDefinitions", path)))
            .await?
            .json()?;
        Ok(listed.value)
    }

    /// Everything about one table: columns with the properties of their types, relationships and alternate keys. None if
    /// there is no such table.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that no table can have, otherwise as every read.
    pub async fn table_definition(&self, table: &str) -> Result<Option<TableDefinition>, Error> {
        Ok(self.table_definitions(&[table]).await?.pop().flatten())
    }

    /// Everything about several tables, in the order given; none where there is no such table. One query a table, and
    /// one for each kind of column that it has; up to sixteen are on their way at a time.
    ///
    /// The result serialises in the service's own form: keep it, and read it back instead of asking again.
    ///
    /// # Errors
    /// As [`Self::table_definition`].
    pub async fn table_definitions<S: AsRef<str> + Sync>(
        &self,
        tables: &[S],
    ) -> Result<Vec<Option<TableDefinition>>, Error> {
        let mut names = Vec::with_capacity(tables.len());
        for table in tables {
            let name: LogicalName = table.as_ref().parse().map_err(|error: dataverse_wire::Error| {
                Error::Input { operation: "metadata", reason: error.to_string() }
            })?;
            names.push(name.to_string());
        }
        let heads: Vec<_> = names.iter().map(|name| head(self.clone(), name.clone())).collect();
        let mut heads: Vec<Option<Head>> =
            futures::stream::iter(heads).buffered(CONCURRENCY).try_collect().await?;

        // Only casts that some column needs are asked for.
        let mut casts = Vec::new();
        for (position, head) in heads.iter().enumerate() {
            let Some(head) = head else { continue };
            for (types, class, query) in CASTS {
                if head.columns.iter().any(|column| types.contains(&type_of(column))) {
                    casts.push(cast(self.clone(), position, names[position].clone(), class, query));
                }
            }
        }
        let mut casts = futures::stream::iter(casts).buffer_unordered(CONCURRENCY);
        while let Some((position, typed)) = casts.try_next().await? {
            if let Some(head) = &mut heads[position] {
                merge(&mut head.columns, typed);
            }
        }
        heads.into_iter().map(|head| head.map(Head::into_definition).transpose()).collect()
    }
}

/// A table without what only casts tell.
struct Head {
    definition: Object,
    columns: Vec<Object>,
    summary: RequestSummary,
}

impl Head {
    fn into_definition(mut self) -> Result<TableDefinition, Error> {
        self.definition.insert("Attributes".to_owned(), self.columns.into());
        TableDefinition::deserialize(Value::Object(self.definition))
            .map_err(|error| Error::Unreadable { request: Box::new(self.summary), reason: error.to_string() })
    }
}

async fn head(client: Client, table: String) -> Result<Option<Head>, Error> {
    let path = format!(
        "EntityDefinitions(LogicalName='{table}')?$select={TABLE}&$expand=Attributes($select={COLUMN}),\
         ManyToOneRelationships($select={MANY_TO_ONE}),ManyToManyRelationships($select={MANY_TO_MANY}),\
         Keys($select={KEY})"
    );
    let answer = match client.send(client.of_definitions(Request::get("metadata", table, path))).await {
        Ok(answer) => answer,
        Err(error) if error.fault().is_some_and(|fault| fault.status == 404) => return Ok(None),
        Err(error) => return Err(error),
    };
    let summary = answer.summary.clone();
    let mut definition: Object = answer.json()?;
    let Some(Ok(columns)) = definition.remove("Attributes").map(Vec::<Object>::deserialize) else {
        let reason = "it has no list of columns".to_owned();
        return Err(Error::Unreadable { request: Box::new(summary), reason });
    };
    Ok(Some(Head { definition, columns, summary }))
}

async fn cast(
    client: Client,
    position: usize,
    table: String,
    class: &str,
    query: &str,
) -> Result<(usize, Vec<Object>), Error> {
    let path =
        format!("EntityDefinitions(LogicalName='{table}')/Attributes/Microsoft.Dynamics.CRM.{class}?{query}");
    let listed: Listed<Object> =
        client.send(client.of_definitions(Request::get("metadata", table, path))).await?.json()?;
    Ok((position, listed.value))
}

/// The precise type name: the coarse one calls multi-selects `Virtual` (reference §7.3).
fn type_of(column: &Object) -> &str {
    let precise = column.get("AttributeTypeName").and_then(|name| name.get("Value"));
    precise.and_then(Value::as_str).unwrap_or_default()
}

/// Adds what the casts told to the columns of the same name; the class that a cast carries is kept, the rest of a
/// column is not replaced.
fn merge(columns: &mut [Object], typed: Vec<Object>) {
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
