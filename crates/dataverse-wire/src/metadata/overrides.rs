//! Corrections of metadata, each with its source.
//!
//! A file is `{"overrides":[…]}`. Each entry has a `source` that says why, and either
//! - `table` and `column` with what it sets: `required`, `max_length`, `min`, `max`, `precision`, `behavior`,
//!   `valid_for_create`, `valid_for_update`, `targets`, `options` (each with `value`, what changes, and `add` or
//!   `remove`) or `replace_options` (the whole list);
//! - `table` with `add_column` (a column in the shape of the Web API) and, for lookups, `many_to_one`;
//! - `table` with `keys`, `is_activity_party` or `enforce_state_transitions`;
//! - `add_table` (a whole table in the shape of the Web API).
//!
//! What is to be added and is there already is left as it is, and so is what is to be removed and is gone: one file
//! serves a bare list of tables and a live organisation. The same name with another type or label is an error.

use std::collections::HashSet;

use serde::Deserialize;

use super::json::{RawColumn, RawKey, RawManyToOne, many_to_one};
use super::{
    AlternateKey, ChoiceOption, ColumnDefinition, ColumnType, DateTimeBehavior, RequiredLevel,
    TableDefinition,
};
use crate::Error;

/// A list of corrections.
///
/// ```
/// use dataverse_wire::metadata::{ColumnDefinition, ColumnType, Overrides, TableDefinition};
/// let mut tables = vec![TableDefinition::new("incident", "incidents", "incidentid")
///     .with_column(ColumnDefinition::new("customerid", ColumnType::Customer { targets: vec![] }))];
/// let overrides = Overrides::parse(br#"{"overrides":[
///     {"table":"incident","column":"customerid","required":"SystemRequired","source":"refused without it"}]}"#)?;
/// overrides.apply(&mut tables)?;
/// assert!(tables[0].column("customerid").unwrap().required.is_enforced());
/// # Ok::<(), dataverse_wire::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Overrides {
    entries: Vec<Override>,
}

/// One correction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Where the correction comes from, for people.
    pub source: String,
    #[serde(default)]
    table: Option<String>,
    #[serde(default)]
    column: Option<String>,
    required: Option<RequiredName>,
    max_length: Option<u32>,
    min: Option<f64>,
    max: Option<f64>,
    precision: Option<u8>,
    behavior: Option<BehaviorName>,
    valid_for_create: Option<bool>,
    valid_for_update: Option<bool>,
    targets: Option<Vec<String>>,
    #[serde(default)]
    options: Vec<OptionOverride>,
    replace_options: Option<Vec<WholeOption>>,
    #[serde(default)]
    keys: Vec<RawKey>,
    is_activity_party: Option<bool>,
    enforce_state_transitions: Option<bool>,
    add_column: Option<RawColumn>,
    #[serde(default)]
    many_to_one: Vec<RawManyToOne>,
    add_table: Option<TableDefinition>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct RequiredName(RequiredLevel);

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct BehaviorName(DateTimeBehavior);

impl TryFrom<String> for RequiredName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        RequiredLevel::from_name(&name).map(Self).ok_or_else(|| format!("`{name}` is no required level"))
    }
}

impl TryFrom<String> for BehaviorName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        DateTimeBehavior::from_name(&name)
            .map(Self)
            .ok_or_else(|| format!("`{name}` is no date-time behaviour"))
    }
}

/// An option of a list that replaces what is there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeOption {
    value: i32,
    label: String,
    state: Option<i32>,
    default_status: Option<i32>,
    transitions: Option<String>,
}

impl From<WholeOption> for ChoiceOption {
    fn from(option: WholeOption) -> Self {
        Self {
            value: option.value,
            label: option.label,
            state: option.state,
            default_status: option.default_status,
            transitions: option.transitions,
        }
    }
}

/// An option to change, add or remove.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionOverride {
    value: i32,
    label: Option<String>,
    state: Option<i32>,
    default_status: Option<i32>,
    transitions: Option<String>,
    /// The option is not there yet.
    #[serde(default)]
    add: bool,
    /// The option is to go.
    #[serde(default)]
    remove: bool,
}

impl Overrides {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Overrides`] with line and column for text that is not of the documented form.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            overrides: Vec<Override>,
        }
        let file: File = serde_json::from_slice(json).map_err(|source| Error::Overrides { source })?;
        Ok(Self { entries: file.overrides })
    }

    /// The corrections, in order.
    pub fn entries(&self) -> &[Override] {
        &self.entries
    }

    /// Applies all corrections, in order; on failure `tables` may hold the ones before.
    ///
    /// # Errors
    /// [`Error::Override`] for a table, column or option that is not there, one that is already there and should be
    /// added, and a setting that the column's type does not have.
    pub fn apply(&self, tables: &mut Vec<TableDefinition>) -> Result<(), Error> {
        for (index, entry) in self.entries.iter().enumerate() {
            entry.apply(tables).map_err(|reason| Error::Override {
                number: index + 1,
                table: entry.table_name().to_owned(),
                column: entry.column.clone().unwrap_or_default(),
                reason,
            })?;
        }
        Ok(())
    }
}

impl Override {
    fn table_name(&self) -> &str {
        let added = self.add_table.as_ref().map(|table| table.logical_name.as_str());
        self.table.as_deref().or(added).unwrap_or_default()
    }

    fn apply(&self, tables: &mut Vec<TableDefinition>) -> Result<(), String> {
        if self.source.trim().is_empty() {
            return Err("it names no source".to_owned());
        }
        if let Some(added) = &self.add_table {
            return add_table(added, tables);
        }
        let name = self.table.as_deref().ok_or("it names no table")?;
        let table = tables
            .iter_mut()
            .find(|table| table.logical_name == name)
            .ok_or("there is no such table in the metadata")?;
        if self.changes_nothing() {
            return Err("it changes nothing".to_owned());
        }
        self.apply_to_table(table)?;
        match &self.column {
            Some(column) => {
                let column = table.columns.get_mut(column).ok_or("there is no such column in the table")?;
                self.apply_to_column(column)
            }
            None if self.has_column_settings() => {
                Err("it sets something of a column but names none".to_owned())
            }
            None => Ok(()),
        }
    }

    fn has_column_settings(&self) -> bool {
        self.required.is_some()
            || self.max_length.is_some()
            || self.min.is_some()
            || self.max.is_some()
            || self.precision.is_some()
            || self.behavior.is_some()
            || self.valid_for_create.is_some()
            || self.valid_for_update.is_some()
            || self.targets.is_some()
            || self.replace_options.is_some()
            || !self.options.is_empty()
    }

    fn changes_nothing(&self) -> bool {
        !self.has_column_settings()
            && self.keys.is_empty()
            && self.is_activity_party.is_none()
            && self.enforce_state_transitions.is_none()
            && self.add_column.is_none()
            && self.many_to_one.is_empty()
    }

    fn apply_to_table(&self, table: &mut TableDefinition) -> Result<(), String> {
        if let Some(raw) = &self.add_column {
            let column = ColumnDefinition::from(raw.clone());
            match table.column(&column.logical_name) {
                None => {
                    table.columns.insert(column.logical_name.clone(), column);
                }
                Some(present) if present.column_type.type_name() == column.column_type.type_name() => {}
                Some(present) => {
                    return Err(format!(
                        "column {} is already there as {}",
                        column.logical_name,
                        present.column_type.type_name()
                    ));
                }
            }
        }
        for raw in &self.many_to_one {
            let relation =
                many_to_one(raw.clone(), &table.logical_name).ok_or("a relationship names no column")?;
            if !table.column(&relation.column).is_some_and(|column| column.column_type.is_lookup()) {
                return Err(format!("relationship {} names no lookup of the table", relation.schema_name));
            }
            let is_there = table.many_to_one.iter().any(|known| {
                known.column == relation.column && known.referenced_table == relation.referenced_table
            });
            if !is_there {
                table.many_to_one.push(relation);
            }
        }
        for key in &self.keys {
            let key = AlternateKey::from(key.clone());
            if let Some(unknown) = key.columns.iter().find(|column| table.column(column).is_none()) {
                return Err(format!("alternate key {} names an unknown column {unknown}", key.schema_name));
            }
            if key.columns.is_empty() || key.schema_name.is_empty() {
                return Err("an alternate key needs a SchemaName and KeyAttributes".to_owned());
            }
            match table.keys.iter().find(|known| known.logical_name == key.logical_name) {
                None => table.keys.push(key),
                Some(present) if present.columns == key.columns => {}
                Some(_) => {
                    return Err(format!("alternate key {} is there with other columns", key.schema_name));
                }
            }
        }
        table.is_activity_party = self.is_activity_party.unwrap_or(table.is_activity_party);
        table.enforce_state_transitions =
            self.enforce_state_transitions.unwrap_or(table.enforce_state_transitions);
        Ok(())
    }

    fn apply_to_column(&self, column: &mut ColumnDefinition) -> Result<(), String> {
        column.required = self.required.map_or(column.required, |level| level.0);
        column.valid_for_create = self.valid_for_create.unwrap_or(column.valid_for_create);
        column.valid_for_update = self.valid_for_update.unwrap_or(column.valid_for_update);
        let mut used = HashSet::new();
        #[expect(clippy::cast_possible_truncation, reason = "limits of integers are whole numbers")]
        match &mut column.column_type {
            ColumnType::String { max_length } | ColumnType::Memo { max_length } => {
                set(max_length, self.max_length, "max_length", &mut used);
            }
            ColumnType::Integer { min, max } => {
                set(min, self.min.map(|limit| limit as i64), "min", &mut used);
                set(max, self.max.map(|limit| limit as i64), "max", &mut used);
            }
            ColumnType::Decimal { min, max, precision }
            | ColumnType::Double { min, max, precision }
            | ColumnType::Money { min, max, precision } => {
                set(min, self.min, "min", &mut used);
                set(max, self.max, "max", &mut used);
                set(precision, self.precision, "precision", &mut used);
            }
            ColumnType::DateTime { behavior, .. } => {
                set(behavior, self.behavior.map(|named| named.0), "behavior", &mut used);
            }
            ColumnType::Lookup { targets }
            | ColumnType::Customer { targets }
            | ColumnType::Owner { targets }
            | ColumnType::PartyList { targets } => {
                set(targets, self.targets.clone(), "targets", &mut used);
            }
            _ => {}
        }
        if let Some(options) = column.column_type.options_mut() {
            used.insert("options");
            if let Some(whole) = &self.replace_options {
                *options = whole.iter().cloned().map(ChoiceOption::from).collect();
            }
            for change in &self.options {
                change.apply(options)?;
            }
        }
        let given = [
            ("max_length", self.max_length.is_some()),
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("precision", self.precision.is_some()),
            ("behavior", self.behavior.is_some()),
            ("targets", self.targets.is_some()),
            ("options", self.replace_options.is_some() || !self.options.is_empty()),
        ];
        match given.into_iter().find(|(name, is_given)| *is_given && !used.contains(name)) {
            Some((name, _)) => Err(format!("a column of {} has no {name}", column.column_type.type_name())),
            None => Ok(()),
        }
    }
}

fn add_table(added: &TableDefinition, tables: &mut Vec<TableDefinition>) -> Result<(), String> {
    if let Some(present) = tables.iter().find(|table| table.logical_name == added.logical_name) {
        return if present.entity_set_name == added.entity_set_name && present.primary_id == added.primary_id {
            Ok(())
        } else {
            Err("a table of this name is there with another entity set or primary id".to_owned())
        };
    }
    if added.entity_set_name.is_empty() {
        return Err("the added table has no EntitySetName".to_owned());
    }
    if added.column(&added.primary_id).is_none() {
        return Err(format!("the added table has no column for its primary id {}", added.primary_id));
    }
    tables.push(added.clone());
    Ok(())
}

fn set<T>(place: &mut T, value: Option<T>, name: &'static str, used: &mut HashSet<&'static str>) {
    used.insert(name);
    if let Some(value) = value {
        *place = value;
    }
}

impl OptionOverride {
    fn apply(&self, options: &mut Vec<ChoiceOption>) -> Result<(), String> {
        let position = options.iter().position(|option| option.value == self.value);
        match (position, self.add, self.remove) {
            (_, true, true) => Err(format!("option {} is both added and removed", self.value)),
            (Some(position), true, false) => {
                let is_same = self.label.as_ref().is_none_or(|label| *label == options[position].label);
                if is_same {
                    Ok(())
                } else {
                    Err(format!("option {} is there with another label", self.value))
                }
            }
            (None, false, true) => Ok(()),
            (None, false, false) => Err(format!("there is no option {}", self.value)),
            (Some(position), false, true) => {
                options.remove(position);
                Ok(())
            }
            (Some(position), false, false) => {
                self.change(&mut options[position]);
                Ok(())
            }
            (None, true, false) => {
                let mut option = ChoiceOption::new(self.value, "");
                self.change(&mut option);
                options.push(option);
                Ok(())
            }
        }
    }

    fn change(&self, option: &mut ChoiceOption) {
        if let Some(label) = &self.label {
            option.label.clone_from(label);
        }
        option.state = self.state.or(option.state);
        option.default_status = self.default_status.or(option.default_status);
        option.transitions = self.transitions.clone().or(option.transitions.take());
    }
}
