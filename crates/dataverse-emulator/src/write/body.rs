//! Reading JSON bodies straight into rows: no tree of values in between.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use dataverse_wire::fault::ServiceCode;
use dataverse_wire::literal::RowKey;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::key_text::KeyText;
use super::reference::{ContentIds, Reference, read_reference};
use super::value::{Scalar, keeps_digits, set_digits, set_value};
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Kind, Property, Schema, Table};
use crate::settings::Settings;
use crate::state::row::{Cell, ColumnId, Draft, TableId};

/// A row as its sender described it: checked for itself, not yet against the organisation.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowDraft {
    /// The primary key, when the body names one.
    pub(crate) id: Option<Uuid>,
    pub(crate) cells: Draft,
    /// Lookups bound by alternate key: resolved when the row takes effect.
    pub(crate) by_key: Vec<(ColumnId, Reference)>,
    /// Activity parties.
    pub(crate) parties: Option<Vec<Self>>,
    /// New parents (deep insert), which are created first.
    pub(crate) parents: Vec<(ColumnId, TableId, Self)>,
    /// New children and rows to be bound, by the collection they were sent in.
    pub(crate) children: Vec<(Collection, Child)>,
    /// The item said which table it is of.
    pub(crate) typed: bool,
    /// A value that the table cannot hold, in a row that is refused by itself: those of elastic tables.
    pub(crate) refused: Option<Refusal>,
    /// `@odata.id`: which row an item of UpdateMultiple or UpsertMultiple means.
    pub(crate) target: Option<RowKey>,
}

/// An element of a collection in a body.
#[derive(Debug, Clone)]
pub(crate) enum Child {
    /// Sent along.
    New(RowDraft),
    /// There already: `coll@odata.bind`.
    Bound(Reference),
}

/// What reading needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) settings: &'a Settings,
    pub(crate) content_ids: &'a ContentIds,
}

/// Reads one row.
pub(crate) fn read_row(reader: Reader<'_>, table: &Table, body: &[u8]) -> Result<RowDraft, Refusal> {
    if body.is_empty() {
        return Ok(RowDraft::default());
    }
    let refused = RefCell::new(None);
    let seed = RowSeed { reader, table, refused: &refused };
    read(body, &table.entity_set, seed, &refused)
}

/// Reads `{"Targets":[…]}`.
pub(crate) fn read_targets(reader: Reader<'_>, table: &Table, body: &[u8]) -> Result<Vec<RowDraft>, Refusal> {
    read_list(reader, table, body, "Targets")
}

/// Reads `{"value":[…]}` of activity parties.
pub(crate) fn read_parties(reader: Reader<'_>, table: &Table, body: &[u8]) -> Result<Vec<RowDraft>, Refusal> {
    read_list(reader, table, body, "value")
}

fn read_list(
    reader: Reader<'_>,
    table: &Table,
    body: &[u8],
    name: &'static str,
) -> Result<Vec<RowDraft>, Refusal> {
    let refused = RefCell::new(None);
    let seed = ListSeed { row: RowSeed { reader, table, refused: &refused }, name };
    read(body, &table.entity_set, seed, &refused)
}

fn read<'de, S: DeserializeSeed<'de>>(
    body: &'de [u8],
    entity_set: &str,
    seed: S,
    refused: &RefCell<Option<Refusal>>,
) -> Result<S::Value, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let outcome = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    outcome.map_err(|error| refused.take().unwrap_or_else(|| refusal::payload(entity_set, error)))
}

struct ListSeed<'a> {
    row: RowSeed<'a>,
    name: &'static str,
}

impl<'de> DeserializeSeed<'de> for ListSeed<'_> {
    type Value = Vec<RowDraft>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_> {
    type Value = Vec<RowDraft>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the array '{}'", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == self.name {
                rows = Some(map.next_value_seed(RowsSeed(self.row))?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        rows.ok_or_else(|| A::Error::custom(format_args!("the parameter '{}' is missing", self.name)))
    }
}

/// An array of rows of one table.
struct RowsSeed<'a>(RowSeed<'a>);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = Vec<RowDraft>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = Vec<RowDraft>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element_seed(self.0)? {
            rows.push(row);
        }
        Ok(rows)
    }
}

/// One row of a table.
#[derive(Clone, Copy)]
struct RowSeed<'a> {
    reader: Reader<'a>,
    table: &'a Table,
    /// Why reading stopped, where that is not the JSON reader's own complaint.
    refused: &'a RefCell<Option<Refusal>>,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = RowDraft;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl RowSeed<'_> {
    fn refuse<E: serde::de::Error>(&self, refusal: Refusal) -> E {
        let error = E::custom(&refusal.message);
        self.refused.replace(Some(refusal));
        error
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = RowDraft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of {}", self.table.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let table = self.table;
        let mut row = RowDraft { cells: Draft::with_capacity(24), ..RowDraft::default() };
        while let Some(KeyText(key)) = map.next_key::<KeyText<'de>>()? {
            match table.properties.get(key.as_ref()) {
                Some(Property::Value(column)) => self.value(*column, &mut row, &mut map)?,
                Some(Property::Bind { column, targets }) => {
                    let value = map.next_value::<Scalar<'de>>()?;
                    self.bind(*column, targets, &value, &mut row).map_err(|refusal| self.refuse(refusal))?;
                }
                Some(Property::LookupValue(column)) => {
                    map.next_value::<IgnoredAny>()?;
                    if self.reader.settings.unwritable_columns.refuses() {
                        let refusal = refusal::not_writable(table, table.column(*column), "create or update");
                        return Err(self.refuse(refusal));
                    }
                }
                Some(Property::Navigation { column, targets }) => {
                    self.parent(*column, targets, &mut row, &mut map)?;
                }
                Some(Property::Parties) => {
                    let Some(parties) = self.reader.schema.named("activityparty") else {
                        return Err(self.refuse(refusal::no_property(table, &key)));
                    };
                    let seed = Self { table: parties, ..self };
                    row.parties = Some(map.next_value_seed(RowsSeed(seed))?);
                }
                None => self.other(&key, &mut row, &mut map)?,
            }
        }
        Ok(row)
    }
}

impl RowSeed<'_> {
    fn value<'de, A: MapAccess<'de>>(
        &self,
        column: ColumnId,
        row: &mut RowDraft,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let (table, settings) = (self.table, self.reader.settings);
        let definition = table.column(column);
        let done = if keeps_digits(definition) {
            let raw = map.next_value::<&'de RawValue>()?.get();
            if raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
                set_digits(table, column, raw, &mut row.cells)
            } else {
                let value = serde_json::from_str::<Scalar<'_>>(raw).map_err(A::Error::custom)?;
                set_value(table, column, &value, settings, &mut row.cells)
            }
        } else {
            let value = map.next_value::<Scalar<'de>>()?;
            set_value(table, column, &value, settings, &mut row.cells)
        };
        if let Err(refusal) = done {
            // What cannot be read at all spoils the whole body, whatever the table.
            if table.elastic.is_none() || refusal.code == ServiceCode::PAYLOAD {
                return Err(self.refuse(refusal));
            }
            row.refused.get_or_insert(refusal);
        }
        if column == table.primary {
            match row.cells.get(column, crate::state::row::Form::Id) {
                Some(Cell::Id(id)) => row.id = Some(id),
                _ => row.id = None,
            }
            row.cells.forget(column);
        }
        Ok(())
    }

    fn bind(
        &self,
        column: ColumnId,
        targets: &[TableId],
        value: &Scalar<'_>,
        row: &mut RowDraft,
    ) -> Result<(), Refusal> {
        let text = match value {
            Scalar::Null => {
                row.cells.clear(column);
                return Ok(());
            }
            Scalar::Text(text) => text,
            other => {
                let definition = self.table.column(column);
                return Err(refusal::wrong_type(self.table, definition, &other.to_string(), "Edm.String"));
            }
        };
        let reference = read_reference(self.reader.schema, text, self.reader.content_ids)?;
        if !targets.is_empty()
            && !targets.contains(&reference.table)
            && !self.is_activity(targets, reference.table)
        {
            return Err(refusal::payload(
                &self.table.entity_set,
                format_args!(
                    "The reference '{text}' does not name a row that '{}' may point to.",
                    self.table.column(column).name
                ),
            ));
        }
        match reference.key {
            RowKey::Id(id) => row.cells.set(column, Cell::Lookup(reference.table, id)),
            RowKey::Alternate(_) => row.by_key.push((column, reference)),
        }
        Ok(())
    }

    /// `activitypointer` stands for every activity.
    fn is_activity(&self, targets: &[TableId], table: TableId) -> bool {
        let schema = self.reader.schema;
        schema.table(table).activity.is_some()
            && targets.iter().any(|target| schema.table(*target).name == "activitypointer")
    }

    /// A navigation property by its own name: null clears it, an object is a parent to create.
    fn parent<'de, A: MapAccess<'de>>(
        &self,
        column: ColumnId,
        targets: &[TableId],
        row: &mut RowDraft,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let raw = map.next_value::<&'de RawValue>()?.get();
        if raw == "null" {
            row.cells.clear(column);
            return Ok(());
        }
        let schema = self.reader.schema;
        let target = match targets {
            [only] => Some(*only),
            _ => None,
        };
        let Some(target) = target.filter(|_| raw.starts_with('{')) else {
            let name = self.table.column(column).name.clone();
            return Err(self.refuse(refusal::no_property(self.table, &name)));
        };
        let parent =
            read_row(self.reader, schema.table(target), raw.as_bytes()).map_err(|r| self.refuse(r))?;
        row.parents.push((column, target, parent));
        Ok(())
    }

    /// Annotations, collections, and what the table does not have.
    fn other<'de, A: MapAccess<'de>>(
        &self,
        key: &str,
        row: &mut RowDraft,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let (schema, table) = (self.reader.schema, self.table);
        match key {
            "@odata.type" => {
                let value = map.next_value::<Cow<'de, str>>()?;
                let named = value.trim_start_matches('#').strip_prefix("Microsoft.Dynamics.CRM.");
                if named != Some(table.name.as_str()) {
                    let detail = format!("The type '{value}' is not Microsoft.Dynamics.CRM.{}.", table.name);
                    return Err(self.refuse(refusal::payload(&table.entity_set, detail)));
                }
                row.typed = true;
                return Ok(());
            }
            "@odata.id" => {
                let value = map.next_value::<Cow<'de, str>>()?;
                let reference =
                    read_reference(schema, &value, self.reader.content_ids).map_err(|r| self.refuse(r))?;
                row.target = Some(reference.key);
                return Ok(());
            }
            _ => {}
        }
        if let Some(name) = key.strip_suffix("@odata.bind") {
            let Some(collection) = schema.collection(table.id, name) else {
                return Err(self.refuse(refusal::no_navigation(table, name)));
            };
            for text in map.next_value::<Vec<Cow<'de, str>>>()? {
                let reference =
                    read_reference(schema, &text, self.reader.content_ids).map_err(|r| self.refuse(r))?;
                row.children.push((collection, Child::Bound(reference)));
            }
            return Ok(());
        }
        if key.contains('@') {
            map.next_value::<IgnoredAny>()?; // Annotations that were read with a row may be sent back.
            return Ok(());
        }
        if let Some(collection) = schema.collection(table.id, key) {
            let other = match collection {
                Collection::Children { table, .. } => table,
                Collection::Pairs { pair, from_first } => {
                    let pair = schema.pair(pair);
                    if from_first { pair.second } else { pair.first }
                }
            };
            let seed = RowSeed { table: schema.table(other), ..*self };
            for child in map.next_value_seed(RowsSeed(seed))? {
                row.children.push((collection, Child::New(child)));
            }
            return Ok(());
        }
        if let Some(column) = table.column_named(key) {
            if matches!(column.kind, Kind::Elsewhere { parties: true }) {
                return Err(self.refuse(refusal::no_property(table, key)));
            }
            if !matches!(column.kind, Kind::Lookup { .. }) {
                // Files, calculated values: there, but never written.
                map.next_value::<IgnoredAny>()?;
                if self.reader.settings.unwritable_columns.refuses() {
                    return Err(self.refuse(refusal::not_writable(table, column, "create or update")));
                }
                return Ok(());
            }
        }
        Err(self.refuse(refusal::no_property(table, key)))
    }
}
