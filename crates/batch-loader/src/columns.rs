//! Which staged columns go into a body, and how each cell is written.

use dataverse_wire::write::Fields;
use staging_schema::{StagedColumn, StagedKind, ValueRef};
use staging_store::RowView;
use uuid::Uuid;

use crate::Error;
use crate::plan::{LoadTable, Plan};

/// The columns of one kind of write, in the order in which a chunk is read.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    names: Vec<String>,
    cells: Vec<Cell>,
}

/// How one column is written.
#[derive(Debug, Clone)]
struct Cell {
    /// Logical name.
    name: String,
    /// Position of its value among the columns read.
    at: usize,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Text,
    DateTime,
    Integer,
    Double,
    Number,
    Boolean,
    Guid,
    /// A status that may be sent while the row is active: those of state 0.
    ActiveStatus {
        allowed: Vec<i64>,
        state_at: Option<usize>,
        unplaced: Vec<i64>,
    },
    Lookup {
        navigations: Vec<Navigation>,
        table_at: Option<usize>,
        key_at: usize,
        is_owner: bool,
    },
}

/// How a lookup is bound to rows of one table.
#[derive(Debug, Clone)]
struct Navigation {
    table: String,
    property: String,
    entity_set: String,
}

/// What NULL means in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// Not sent.
    Omitted,
    /// Sent, to clear what was there.
    Cleared,
}

/// A row that cannot be written as it is staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unwritable {
    pub(crate) column: String,
    pub(crate) message: String,
}

impl Columns {
    /// No column at all; [`Columns::read_also`] adds some that are read.
    pub(crate) fn none() -> Self {
        Self { names: Vec::new(), cells: Vec::new() }
    }

    /// Everything that may be set when a row is created; the row starts active.
    pub(crate) fn for_create(table: &LoadTable, plan: &Plan) -> Result<Self, Error> {
        Self::of(table, plan, |column| {
            table.definition.column(&column.name).is_some_and(|known| known.valid_for_create)
        })
    }

    /// Everything that may be set when a row is changed; states have a pass of their own.
    pub(crate) fn for_update(table: &LoadTable, plan: &Plan) -> Result<Self, Error> {
        Self::of(table, plan, |column| {
            column.kind != StagedKind::Status
                && table.definition.column(&column.name).is_some_and(|known| known.valid_for_update)
        })
    }

    /// The lookups that may be owed.
    pub(crate) fn for_lookups(table: &LoadTable, plan: &Plan) -> Result<Self, Error> {
        Self::of(table, plan, |column| {
            column.is_lookup()
                && table.definition.column(&column.name).is_some_and(|known| known.valid_for_update)
        })
    }

    /// The columns of a natural key.
    pub(crate) fn for_key(table: &LoadTable, plan: &Plan, key: &[String]) -> Result<Self, Error> {
        Self::of(table, plan, |column| key.contains(&column.name))
    }

    fn of(table: &LoadTable, plan: &Plan, goes_in: impl Fn(&StagedColumn) -> bool) -> Result<Self, Error> {
        let mut columns = Self::none();
        for column in table.staged.columns.iter().filter(|column| goes_in(column)) {
            let Some(form) = columns.form(table, plan, column)? else { continue };
            let at = columns.place(&column.name);
            columns.cells.push(Cell { name: column.name.clone(), at, form });
        }
        Ok(columns)
    }

    /// Positions of lookups to rows that others may point to as well; owners and currencies are everybody's.
    pub(crate) fn parents(&self) -> Vec<usize> {
        let lookups = self.cells.iter().filter(|cell| {
            matches!(cell.form, Form::Lookup { is_owner: false, .. }) && cell.name != "transactioncurrencyid"
        });
        lookups.map(|cell| cell.at).collect()
    }

    fn form(&mut self, table: &LoadTable, plan: &Plan, column: &StagedColumn) -> Result<Option<Form>, Error> {
        Ok(Some(match &column.kind {
            StagedKind::Text { .. } | StagedKind::Date | StagedKind::MultiChoice => Form::Text,
            StagedKind::DateTime => Form::DateTime,
            StagedKind::Integer | StagedKind::BigInt | StagedKind::Choice => Form::Integer,
            StagedKind::Double { .. } => Form::Double,
            StagedKind::Decimal { .. } | StagedKind::Money { .. } => Form::Number,
            StagedKind::Boolean => Form::Boolean,
            StagedKind::Guid => Form::Guid,
            StagedKind::State | StagedKind::Parties { .. } => return Ok(None),
            StagedKind::Status => {
                let of_state = |wanted: Option<i32>| {
                    let statuses = table.definition.statuses().iter();
                    statuses
                        .filter(|option| option.state == wanted)
                        .map(|option| option.value.into())
                        .collect()
                };
                let state_at = table.staged.state_column().map(|state| self.place(&state.name));
                Form::ActiveStatus { allowed: of_state(Some(0)), state_at, unplaced: of_state(None) }
            }
            StagedKind::Lookup { .. } | StagedKind::Owner => {
                let navigations = navigations(table, plan, column)?;
                let key = column.source_key_column().unwrap_or_default();
                let key_at = self.place(&key);
                let table_at = column.table_column().map(|name| self.place(&name));
                Form::Lookup { navigations, table_at, key_at, is_owner: column.kind == StagedKind::Owner }
            }
        }))
    }

    fn place(&mut self, name: &str) -> usize {
        if let Some(at) = self.names.iter().position(|known| known == name) {
            return at;
        }
        self.names.push(name.to_owned());
        self.names.len() - 1
    }

    /// Physical columns to read, in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Adds a physical column that is read but not written; returns its position.
    pub(crate) fn read_also(&mut self, name: &str) -> usize {
        self.place(name)
    }

    /// Writes a row whose columns start at `offset`.
    pub(crate) fn write<B: AsMut<Vec<u8>>>(
        &self,
        row: RowView<'_>,
        offset: usize,
        empty: Empty,
        to: &mut Fields<B>,
    ) -> Result<(), Unwritable> {
        self.cells.iter().try_for_each(|cell| cell.write(row, offset, empty, to))
    }

    /// Writes those lookups of a row that are named, if they have a value.
    pub(crate) fn write_named<B: AsMut<Vec<u8>>>(
        &self,
        row: RowView<'_>,
        offset: usize,
        wanted: &str,
        to: &mut Fields<B>,
    ) -> Result<(), Unwritable> {
        let is_wanted = |cell: &&Cell| wanted.split(',').any(|name| name == cell.name);
        self.cells.iter().filter(is_wanted).try_for_each(|cell| cell.write(row, offset, Empty::Omitted, to))
    }

    /// Lookups of a row that have a source key and no GUID.
    pub(crate) fn owed(&self, row: RowView<'_>, offset: usize) -> Vec<String> {
        let is_owed = |cell: &&Cell| match cell.form {
            Form::Lookup { key_at, is_owner: false, .. } => {
                row.get(offset + cell.at).is_null() && !row.get(offset + key_at).is_null()
            }
            _ => false,
        };
        self.cells.iter().filter(is_owed).map(|cell| cell.name.clone()).collect()
    }

    /// What a row read back from Dataverse must hold to be ours: every cell that can be compared without knowing the
    /// service's roundings. Each entry is the column and the property that shows it.
    pub(crate) fn comparable(&self) -> impl Iterator<Item = Comparable<'_>> {
        self.cells.iter().filter_map(|cell| {
            let (property, kind) = match &cell.form {
                // The service swaps it with the date of the import (reference §8.3).
                _ if cell.name == "overriddencreatedon" => return None,
                Form::Text => (cell.name.clone(), CompareAs::Text),
                Form::DateTime => (cell.name.clone(), CompareAs::DateTime),
                Form::Integer => (cell.name.clone(), CompareAs::Integer),
                Form::Boolean => (cell.name.clone(), CompareAs::Boolean),
                Form::Lookup { is_owner: false, .. } => (format!("_{}_value", cell.name), CompareAs::Lookup),
                Form::Guid => (cell.name.clone(), CompareAs::Guid),
                // Rounded, set again later, or given to somebody else by rules of the service.
                Form::Double
                | Form::Number
                | Form::ActiveStatus { .. }
                | Form::Lookup { is_owner: true, .. } => {
                    return None;
                }
            };
            Some(Comparable { column: &cell.name, property, at: cell.at, kind })
        })
    }
}

/// A cell that can be compared with what Dataverse shows.
#[derive(Debug)]
pub(crate) struct Comparable<'a> {
    pub(crate) column: &'a str,
    pub(crate) property: String,
    pub(crate) at: usize,
    pub(crate) kind: CompareAs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareAs {
    Text,
    DateTime,
    Integer,
    Boolean,
    Guid,
    Lookup,
}

impl Cell {
    fn write<B: AsMut<Vec<u8>>>(
        &self,
        row: RowView<'_>,
        offset: usize,
        empty: Empty,
        to: &mut Fields<B>,
    ) -> Result<(), Unwritable> {
        let value = row.get(offset + self.at);
        let unwritable = |message: String| Unwritable { column: self.name.clone(), message };
        if value.is_null() {
            match (&self.form, empty) {
                (_, Empty::Omitted) | (Form::ActiveStatus { .. }, _) => {}
                (Form::Lookup { navigations, key_at, .. }, Empty::Cleared) => {
                    // A lookup that is owed keeps what it has until its parent arrives.
                    if let Some(navigation) = navigations.first()
                        && row.get(offset + key_at).is_null()
                    {
                        to.unbind(&navigation.property);
                    }
                }
                (_, Empty::Cleared) => {
                    to.null(&self.name);
                }
            }
            return Ok(());
        }
        let wrong =
            || unwritable(format!("a value of kind {} is staged where another is expected", value.kind()));
        match &self.form {
            Form::Text | Form::DateTime => {
                to.text(&self.name, value.as_text().ok_or_else(wrong)?);
            }
            Form::Integer => {
                to.integer(&self.name, value.as_integer().ok_or_else(wrong)?);
            }
            Form::Double => {
                to.double(&self.name, value.as_real().ok_or_else(wrong)?);
            }
            Form::Number => {
                match value {
                    ValueRef::Integer(whole) => to.integer(&self.name, whole),
                    other => to.number(&self.name, other.as_text().ok_or_else(wrong)?),
                };
            }
            Form::Boolean => {
                to.boolean(&self.name, value.as_integer().ok_or_else(wrong)? != 0);
            }
            Form::Guid => {
                let id = guid(value).ok_or_else(|| unwritable("it is not a GUID".to_owned()))?;
                to.guid(&self.name, &id);
            }
            Form::ActiveStatus { allowed, state_at, unplaced } => {
                let status = value.as_integer().ok_or_else(wrong)?;
                let state = state_at.and_then(|at| row.get(offset + at).as_integer()).unwrap_or(0);
                if state == 0 && (allowed.contains(&status) || unplaced.contains(&status)) {
                    to.integer(&self.name, status);
                }
            }
            Form::Lookup { navigations, table_at, .. } => {
                let id = guid(value).ok_or_else(|| unwritable("it is not a GUID".to_owned()))?;
                let named = table_at.map(|at| row.get(offset + at).as_text().unwrap_or_default());
                let navigation = match named {
                    None => navigations.first(),
                    Some(table) => navigations.iter().find(|navigation| navigation.table == table),
                };
                let Some(navigation) = navigation else {
                    return Err(unwritable(match named {
                        Some("") => "the row does not say which table it points to".to_owned(),
                        Some(table) => format!("it cannot point to the table {table}"),
                        None => "no table is known that it points to".to_owned(),
                    }));
                };
                to.bind(&navigation.property, &navigation.entity_set, &id);
            }
        }
        Ok(())
    }
}

/// The navigation properties of a lookup, for each table that its mapping names.
fn navigations(table: &LoadTable, plan: &Plan, column: &StagedColumn) -> Result<Vec<Navigation>, Error> {
    let complaint = |complaint: String| Error::Plan { table: table.name().to_owned(), complaint };
    let owners = ["systemuser".to_owned(), "team".to_owned()];
    let targets = match &column.kind {
        StagedKind::Lookup { targets, .. } => targets.as_slice(),
        _ => owners.as_slice(),
    };
    let mut found = Vec::with_capacity(targets.len());
    for target in targets {
        let property = table
            .definition
            .navigation_property(&column.name, target)
            .ok_or_else(|| complaint(format!("column {} cannot point to {target}", column.name)))?;
        let entity_set = match (plan.entity_set(target), target.as_str()) {
            (Some(set), _) => set.to_owned(),
            (None, "systemuser") => "systemusers".to_owned(),
            (None, "team") => "teams".to_owned(),
            (None, _) => {
                return Err(complaint(format!(
                    "the entity set of {target}, to which column {} points, is not in the plan",
                    column.name
                )));
            }
        };
        found.push(Navigation { table: target.clone(), property, entity_set });
    }
    Ok(found)
}

/// A GUID as staging keeps it.
pub(crate) fn guid(value: ValueRef<'_>) -> Option<Uuid> {
    value.as_text().and_then(|text| Uuid::try_parse(text).ok())
}
