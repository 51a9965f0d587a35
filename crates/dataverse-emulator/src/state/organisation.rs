//! The emulated organisation: its tables' rows, its ids, its versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::deleted::Deleted;
use super::durable::Durable;
use super::elastic::ElasticState;
use super::key::{IdSource, Key};
use super::pointers::Pointers;
use super::row::{Form, TableId};
use super::table_rows::{TableRows, UniqueIndex};
use super::transaction::Caller;
use super::written::Written;
use crate::schema::{Schema, Table};
use crate::settings::Settings;

/// Everything that requests read and write.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) schema: Arc<Schema>,
    rows: Vec<TableRows>,
    version: u64,
    ids: IdSource,
    pub(crate) seeds: Seeds,
    pub(super) elastic: ElasticState,
    pub(super) pointers: Pointers,
    /// For change tracking.
    pub(crate) deleted: Deleted,
    /// The journal, where there is one.
    pub(super) durable: Option<Box<Durable>>,
    /// There was a journal, and it is closed.
    pub(super) is_closed: bool,
    /// What definitions made at run time say beyond the schema.
    pub(crate) written: Written,
    /// Jobs that have not begun; a restart forgets them.
    pub(crate) jobs: Vec<DeleteJob>,
}

/// Rows that a job will delete.
#[derive(Debug)]
pub(crate) struct DeleteJob {
    /// Its `asyncoperation`.
    pub(crate) id: Uuid,
    /// Emulated second at which it begins.
    pub(crate) due: i64,
    pub(crate) caller: Caller,
    pub(crate) found: Vec<(TableId, Vec<Uuid>)>,
}

/// Rows that are there from the start.
#[derive(Debug, Clone)]
pub(crate) struct Seeds {
    pub(crate) organization: Uuid,
    pub(crate) business_unit: Uuid,
    pub(crate) team: Uuid,
    pub(crate) currency: Uuid,
    /// Roles that may do everything.
    pub(crate) roles: Vec<Uuid>,
    /// Application users; the first serves every unknown token.
    pub(crate) users: Vec<Uuid>,
}

impl Organisation {
    pub(crate) fn new(schema: Arc<Schema>, seeds: Seeds, seed: u64, settings: &Settings) -> Self {
        let mut organisation = Self {
            schema: Arc::default(),
            rows: Vec::new(),
            version: 1_000_000,
            ids: IdSource::new(seed),
            seeds,
            elastic: ElasticState::new(settings.elastic_lag_seconds),
            pointers: Pointers::default(),
            deleted: Deleted::default(),
            durable: None,
            is_closed: false,
            written: Written::default(),
            jobs: Vec::new(),
        };
        organisation.set_schema(schema, settings);
        organisation
    }

    /// Takes new table definitions; tables that are already there keep their rows and gain indices.
    pub(crate) fn set_schema(&mut self, schema: Arc<Schema>, settings: &Settings) {
        for table in schema.slots().iter().skip(self.rows.len()) {
            let mut rows = TableRows::default();
            for index in indices(table, &schema, settings.case_insensitive_text) {
                match index {
                    Index::Sorted(column, form) => rows.add_sorted(column, form),
                    // An empty table has no duplicates to refuse.
                    Index::Unique(index) => drop(rows.add_unique(index)),
                }
            }
            self.rows.push(rows);
        }
        self.hide_pointers();
        self.schema = schema;
    }

    pub(crate) fn rows(&self, table: TableId) -> &TableRows {
        &self.rows[usize::from(table)]
    }

    pub(crate) fn rows_mut(&mut self, table: TableId) -> &mut TableRows {
        &mut self.rows[usize::from(table)]
    }

    pub(crate) fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub(crate) fn next_id(&mut self) -> Uuid {
        self.ids.next_id()
    }

    /// The latest version, and how many ids were made.
    pub(crate) fn counters(&self) -> (u64, u64) {
        (self.version, self.ids.position())
    }

    /// Goes on from there. Deletions before are not known, so that delta links from before are refused as expired.
    pub(crate) fn set_counters(&mut self, version: u64, ids: u64) {
        self.version = version;
        self.deleted.begin_at(version);
        self.ids.set_position(ids);
    }

    pub(crate) fn row(&self, table: TableId, id: Uuid) -> Option<&[u8]> {
        self.rows(table).get(Key::from(id))
    }

    /// Forgets every row, seeds included.
    pub(crate) fn clear_rows(&mut self) {
        self.rows.iter_mut().for_each(TableRows::clear);
    }

    /// Rows by table name; empty tables are left out.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.schema
            .tables()
            .map(|table| (table.name.clone(), self.rows(table.id).len() as u64))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

enum Index {
    Sorted(super::row::ColumnId, Form),
    Unique(UniqueIndex),
}

/// Columns by which this emulator, its clients or the service itself look rows up.
const SOUGHT_BY: [(&str, &str); 5] = [
    ("fileattachment", "objectid"),
    ("activityparty", "activityid"),
    ("customeraddress", "parentid"),
    ("leadaddress", "parentid"),
    ("*activity", "regardingobjectid"),
];

fn indices(table: &Table, schema: &Schema, case_insensitive: bool) -> Vec<Index> {
    let mut indices = Vec::new();
    if let Some(column) = table.system.sequence_number {
        indices.push(Index::Sorted(column, Form::Integer));
    }
    for (name, column) in SOUGHT_BY {
        let is_meant = table.name == name || (name == "*activity" && table.activity.is_some());
        if is_meant
            && let Some(column) = table.by_name.get(column)
            && let Some(form) = table.column(*column).kind.form()
        {
            indices.push(Index::Sorted(*column, form));
        }
    }
    // Rows of elastic tables are kept by their only key.
    for key in table.keys.iter().filter(|_| table.elastic.is_none()) {
        indices.push(Index::Unique(unique_index(table, &key.schema_name, &key.columns, case_insensitive)));
    }
    for pair in schema.pairs().iter().filter(|pair| pair.intersect == table.id) {
        let columns = [pair.first_column, pair.second_column];
        let known = indices.iter().any(|index| match index {
            Index::Unique(index) => index.columns().all(|column| columns.contains(&column)),
            Index::Sorted(..) => false,
        });
        if !known {
            let index = unique_index(table, &pair.schema_name, &columns, case_insensitive);
            indices.push(Index::Unique(index));
        }
        if !indices
            .iter()
            .any(|index| matches!(index, Index::Sorted(column, _) if *column == pair.first_column))
            && let Some(form) = table.column(pair.first_column).kind.form()
        {
            indices.push(Index::Sorted(pair.first_column, form));
        }
    }
    indices
}

/// The index that holds an alternate key or a pair.
pub(crate) fn unique_index(
    table: &Table,
    name: &str,
    columns: &[super::row::ColumnId],
    case_insensitive: bool,
) -> UniqueIndex {
    let columns =
        columns.iter().filter_map(|column| Some((*column, table.column(*column).kind.form()?))).collect();
    UniqueIndex::new(name, columns, case_insensitive)
}
