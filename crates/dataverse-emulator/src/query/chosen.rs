//! Rows of an expanded collection: which of them, in which order, how many.

use super::bind::{Binder, Condition, Path};
use super::evaluate::{Evaluator, order_cells};
use super::parse::parse_filter;
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::settings::Settings;
use crate::state::row::{Cell, TableId};
use crate::state::{Key, Organisation};

/// `$filter`, `$orderby` and `$top` inside of `$expand`.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    table: TableId,
    settings: Settings,
    condition: Option<Condition>,
    order: Vec<(Path, bool)>,
    top: Option<usize>,
}

impl Chosen {
    pub(super) fn new(table: &Table, settings: &Settings) -> Self {
        Self { table: table.id, settings: settings.clone(), condition: None, order: Vec::new(), top: None }
    }

    /// Takes one of the three options; false for any other.
    pub(super) fn take(&mut self, binder: Binder<'_>, option: &str, value: &str) -> Result<bool, Refusal> {
        match option {
            "$filter" => self.condition = Some(binder.bind(&parse_filter(value)?)?),
            "$orderby" => self.order = order(binder, value)?,
            "$top" => {
                let top = value.trim().parse();
                self.top = Some(top.map_err(|_| {
                    refusal::bad_query(format_args!("Invalid value '{value}' for $top query option found."))
                })?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The keys that are served.
    pub(crate) fn of(&self, organisation: &Organisation, mut keys: Vec<Key>) -> Vec<Key> {
        let evaluator = Evaluator { organisation, settings: &self.settings };
        let rows = organisation.rows(self.table);
        if let Some(condition) = &self.condition {
            keys.retain(|key| {
                rows.get(*key).is_some_and(|row| evaluator.holds(condition, self.table, *key, row))
            });
        }
        sort(evaluator, self.table, &self.order, &mut keys);
        keys.truncate(self.top.unwrap_or(usize::MAX));
        keys
    }
}

/// Orders rows by columns, and by their keys where those are alike.
pub(super) fn sort(evaluator: Evaluator<'_>, table: TableId, order: &[(Path, bool)], keys: &mut [Key]) {
    if order.is_empty() {
        return;
    }
    let rows = evaluator.organisation.rows(table);
    let cell =
        |key: Key, path: &Path| rows.get(key).map_or(Cell::Null, |row| evaluator.read(table, key, row, path));
    keys.sort_by(|left, right| {
        order
            .iter()
            .map(|(path, descending)| {
                let order = order_cells(&cell(*left, path), &cell(*right, path));
                if *descending { order.reverse() } else { order }
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| left.cmp(right))
    });
}

/// Reads `name desc,createdon`.
pub(super) fn order(binder: Binder<'_>, text: &str) -> Result<Vec<(Path, bool)>, Refusal> {
    let mut order = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (path, descending) = match item.split_once(' ').map(|(path, word)| (path, word.trim())) {
            Some((path, "desc")) => (path, true),
            Some((path, "asc")) => (path, false),
            Some(_) => {
                return Err(refusal::bad_query(format_args!("Syntax error in $orderby at '{item}'.")));
            }
            None => (item, false),
        };
        order.push((binder.path(path)?, descending));
    }
    Ok(order)
}
