//! Lambda operators: conditions on the rows of a collection.

use std::cell::OnceCell;
use std::collections::HashMap;

use uuid::Uuid;

use super::ast::Ast;
use super::bind::{Binder, Condition, Path};
use super::evaluate::Evaluator;
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Property, Schema, Table};
use crate::state::row::{Cell, ColumnId, TableId};
use crate::state::{Key, sort_key};
use crate::write::pair_rows;

/// `any` or `all` over the rows of a collection.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    /// The primary key of the row that has the collection.
    pub(super) parent: Path,
    collection: Collection,
    /// The table of its rows.
    table: TableId,
    all: bool,
    /// None for `any()`.
    condition: Option<Condition>,
    /// Children by parent, where no index finds them.
    index: OnceCell<HashMap<Uuid, Vec<Key>>>,
}

impl Members {
    /// Finds a collection, perhaps behind lookups, and binds the condition on its rows.
    pub(super) fn bind(
        binder: &Binder<'_>,
        path: &str,
        all: bool,
        inner: Option<&(String, Box<Ast>)>,
    ) -> Result<Self, Refusal> {
        let (lookups, name) =
            path.rsplit_once('/').map_or((None, path), |(lookups, name)| (Some(lookups), name));
        let parent = match lookups {
            None => Path { hops: Vec::new(), table: binder.table.id, column: binder.table.primary },
            Some(lookups) => binder.parent(lookups)?,
        };
        let schema = binder.schema;
        let owner = schema.table(parent.table);
        let (collection, table) =
            find(schema, owner, name).ok_or_else(|| refusal::no_query_property(owner, name))?;
        if let Collection::Children { table, column } = collection {
            binder.settings.must_keep(schema.table(table), column)?;
        }
        let condition = match inner {
            None => None,
            Some((variable, ast)) => {
                let plain = ast.without_variable(variable).ok_or_else(|| {
                    refusal::bad_query(format_args!(
                        "The paths within a lambda operator begin with its variable '{variable}'."
                    ))
                })?;
                Some(Binder { table: schema.table(table), ..*binder }.bind(&plain)?)
            }
        };
        Ok(Self { parent, collection, table, all, condition, index: OnceCell::new() })
    }

    /// Whether the operator holds for the parent with this primary key.
    pub(super) fn hold(&self, evaluator: &Evaluator<'_>, parent: &Cell<'_>) -> bool {
        // A parent that is not there has no rows: none of them fits, and all of them do.
        let Cell::Id(id) = *parent else { return self.all };
        let rows = evaluator.organisation.rows(self.table);
        let holds = |key: Key| {
            let row = rows.get(key);
            row.is_some_and(|row| {
                self.condition.as_ref().is_none_or(|it| evaluator.holds(it, self.table, key, row))
            })
        };
        let keys = self.keys(evaluator, id);
        if self.all { keys.into_iter().all(holds) } else { keys.into_iter().any(holds) }
    }

    fn keys(&self, evaluator: &Evaluator<'_>, id: Uuid) -> Vec<Key> {
        let organisation = evaluator.organisation;
        match self.collection {
            Collection::Pairs { pair, from_first } => {
                let pair = organisation.schema.pair(pair);
                pair_rows(organisation, pair, from_first, id).into_iter().map(Key::from).collect()
            }
            Collection::Children { table, column } => {
                let rows = organisation.rows(table);
                if rows.is_sorted_by(column)
                    && let Some(wanted) = sort_key(Cell::Id(id))
                {
                    return rows.in_range(column, &(wanted..=wanted));
                }
                let index = self.index.get_or_init(|| children(evaluator, table, column));
                index.get(&id).cloned().unwrap_or_default()
            }
        }
    }
}

fn children(evaluator: &Evaluator<'_>, table: TableId, column: ColumnId) -> HashMap<Uuid, Vec<Key>> {
    let definition = evaluator.organisation.schema.table(table);
    let mut index: HashMap<Uuid, Vec<Key>> = HashMap::new();
    for (key, row) in evaluator.organisation.rows(table).after(None) {
        if let Cell::Lookup(_, parent) = definition.read(key, row, column) {
            index.entry(parent).or_default().push(key);
        }
    }
    index
}

fn find(schema: &Schema, owner: &Table, name: &str) -> Option<(Collection, TableId)> {
    if owner.properties.get(name) == Some(&Property::Parties) {
        let parties = schema.named("activityparty")?;
        let column = *parties.by_name.get("activityid")?;
        return Some((Collection::Children { table: parties.id, column }, parties.id));
    }
    let collection = schema.collection(owner.id, name)?;
    let table = match collection {
        Collection::Children { table, .. } => table,
        Collection::Pairs { pair, from_first } => {
            let pair = schema.pair(pair);
            if from_first { pair.second } else { pair.first }
        }
    };
    Some((collection, table))
}
