//! What is to be loaded, in which order and how.

use std::collections::BTreeMap;
use std::sync::Arc;

use dataverse_client::WriteOptions;
use dataverse_wire::metadata::{ManyToMany, TableDefinition, TableType};
use staging_schema::lookup::Parent;
use staging_schema::{GuidStrategy, Mode, Shape, StagedColumn, StagedKind, TargetTable};

use crate::Error;

/// How rows whose request was lost are recognised, and where their GUIDs come from (design, promises 3 and 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Dataverse makes the GUID; `importsequencenumber` = `base` + RowId finds the row again.
    SequenceNumber {
        /// The range reserved for this table, without the RowId.
        base: i64,
    },
    /// We make the GUID, in SQL Server's order, and keep it in the staged row before the first send.
    Sequential,
    /// Dataverse makes the GUID; the values of these columns, unique in Dataverse, find the row again.
    AlternateKey(Vec<String>),
    /// The source key is a GUID and becomes the row's.
    Source,
    /// Rows are pairs of a many-to-many relationship of this schema name.
    Associate {
        /// Schema name of the relationship.
        relationship: String,
    },
}

/// One table of a plan.
#[derive(Debug, Clone)]
pub struct LoadTable {
    /// What Dataverse says about it.
    pub definition: Arc<TableDefinition>,
    /// What is staged of it.
    pub staged: TargetTable,
    /// How its rows are recognised.
    pub strategy: Strategy,
    /// Lookups that are not filled before the insert, because their parents load later; they are owed until settled.
    pub deferred: Vec<String>,
    /// Lookups that point to rows of the same table; they decide the levels.
    pub self_lookups: Vec<String>,
    /// The tables through which a lookup or a list of parties is resolved, by column. A column that is missing here is
    /// resolved through those of its targets that are in the plan.
    pub parents: BTreeMap<String, Vec<Parent>>,
    /// What is bypassed or suppressed; nothing unless the project says so.
    pub write: WriteOptions,
    /// Rows of one request; none takes the table's profile ([`LoadTable::profile`]).
    pub batch: Option<u32>,
}

/// Where to start with the size of requests, until something was measured (design, promise 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Rows of one request.
    pub rows: u32,
    /// Requests in flight that suit the table.
    pub in_flight: u32,
}

/// Everything that is to be loaded.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Tables of a wave load at the same time; a wave starts when the one before has ended.
    pub waves: Vec<Vec<LoadTable>>,
    /// Groups of tables of one wave that point at each other while their rows do not: they load together in row waves, level by
    /// level across all of them. The lookups among them are the `self_lookups` of each.
    pub row_waves: Vec<Vec<String>>,
    /// Many-to-many tables; they come after all waves.
    pub associations: Vec<LoadTable>,
    /// Tables in the order in which their states are set; empty: activities, then others, then those with closing
    /// actions ([`Plan::state_order`]).
    pub states: Vec<String>,
    /// Entity sets of the tables that lookups point to, beside those of the plan itself: users, teams, matched tables.
    pub entity_sets: BTreeMap<String, String>,
}

/// The column that tells rows of one GUID apart in an elastic table.
pub(crate) const PARTITION: &str = "partitionid";

/// Custom tables are of this size unless they are large.
const MODERATE: Profile = Profile { rows: 100, in_flight: 30 };
/// Tables of the platform.
const OUT_OF_THE_BOX: Profile = Profile { rows: 250, in_flight: 30 };
/// Elastic tables, as the service recommends.
const ELASTIC: Profile = Profile { rows: 100, in_flight: 30 };
/// More than 100 columns or 20 lookups.
const LARGE: Profile = Profile { rows: 20, in_flight: 15 };

impl LoadTable {
    /// A table with its lookups all filled before insert and nothing bypassed. The strategy follows from what is
    /// staged and must be given where Dataverse makes the GUIDs.
    pub fn new(definition: Arc<TableDefinition>, staged: TargetTable, strategy: Strategy) -> Self {
        Self {
            definition,
            staged,
            strategy,
            deferred: Vec::new(),
            self_lookups: Vec::new(),
            parents: BTreeMap::new(),
            write: WriteOptions::default(),
            batch: None,
        }
    }

    /// Logical name.
    pub fn name(&self) -> &str {
        &self.staged.logical_name
    }

    /// Where to start, judged by what is staged.
    pub fn profile(&self) -> Profile {
        let columns = self.staged.columns.len();
        let lookups = self.staged.lookups().count();
        if columns > 100 || lookups > 20 {
            LARGE
        } else if self.is_elastic() {
            ELASTIC
        } else if self.definition.is_custom {
            MODERATE
        } else {
            OUT_OF_THE_BOX
        }
    }

    /// Rows of one request.
    pub(crate) fn rows_per_request(&self) -> usize {
        let rows = self.batch.unwrap_or(self.profile().rows).max(1);
        usize::try_from(rows).unwrap_or(usize::MAX).min(dataverse_wire::limits::BATCH_OPERATIONS)
    }

    /// Whether its rows live in Cosmos DB: each is written by itself, in a partition (reference §10).
    pub(crate) fn is_elastic(&self) -> bool {
        self.definition.table_type == TableType::Elastic
    }

    /// The column that says in which partition a row of an elastic table lives, where it is staged.
    pub(crate) fn partition_column(&self) -> Option<&StagedColumn> {
        self.staged.column(PARTITION).filter(|_| self.is_elastic())
    }

    /// How large requests may grow by themselves.
    pub(crate) fn most_rows(&self) -> u32 {
        if self.is_elastic() { ELASTIC.rows } else { u32::MAX }
    }

    /// Whether the GUIDs are known before the rows are created.
    pub(crate) fn makes_ids(&self) -> bool {
        matches!(self.strategy, Strategy::Sequential | Strategy::Source)
    }

    /// Whether rows of this table are inserted at all.
    pub(crate) fn inserts(&self) -> bool {
        self.staged.mode == Mode::Load && self.staged.shape == Shape::Standard
    }

    /// Checks what can be known without asking anybody.
    pub fn check(&self) -> Result<(), Error> {
        let complaint = |complaint: String| Err(Error::Plan { table: self.name().to_owned(), complaint });
        if self.definition.logical_name != self.staged.logical_name {
            return complaint(format!("its definition is that of {}", self.definition.logical_name));
        }
        if self.definition.table_type == TableType::Virtual {
            return complaint("virtual tables hold no rows of their own".to_owned());
        }
        if self.is_elastic() && self.staged.shape == Shape::Intersect {
            return complaint("elastic tables have no many-to-many relationships".to_owned());
        }
        if let Some(unknown) = self.staged.columns.iter().find(|column| {
            !matches!(column.kind, StagedKind::Parties { .. })
                && self.definition.column(&column.name).is_none()
        }) {
            return complaint(format!("the target has no column {}", unknown.name));
        }
        let makes_ids = self.staged.guid != GuidStrategy::Server;
        match &self.strategy {
            Strategy::Associate { relationship } if self.staged.shape != Shape::Intersect => {
                complaint(format!("it is staged as rows, not as pairs of {relationship}"))
            }
            Strategy::Associate { .. } => Ok(()),
            _ if self.staged.shape == Shape::Intersect => {
                complaint("pairs are loaded by the strategy associate alone".to_owned())
            }
            _ if !self.inserts() => Ok(()),
            Strategy::SequenceNumber { .. } | Strategy::AlternateKey(_) if self.is_elastic() => {
                complaint("rows of elastic tables get GUIDs from us; use sequential or source".to_owned())
            }
            Strategy::SequenceNumber { .. } if !self.definition.has_sequence_number() => {
                complaint("it has no importsequencenumber; use sequential or an alternate key".to_owned())
            }
            Strategy::AlternateKey(columns) if columns.is_empty() => {
                complaint("its alternate key has no columns".to_owned())
            }
            Strategy::AlternateKey(columns) => {
                match columns.iter().find(|name| self.staged.column(name).is_none()) {
                    Some(missing) => complaint(format!("column {missing} of its key is not staged")),
                    None => Ok(()),
                }
            }
            _ if makes_ids != self.makes_ids() => {
                complaint("strategy and staged GUID column do not agree".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Plan {
    /// All tables, waves first.
    pub fn tables(&self) -> impl Iterator<Item = &LoadTable> {
        self.waves.iter().flatten().chain(&self.associations)
    }

    /// Checks what can be known without asking anybody.
    pub fn check(&self) -> Result<(), Error> {
        self.tables().try_for_each(LoadTable::check)?;
        for pairs in &self.associations {
            self.relationship(pairs)?;
        }
        for group in &self.row_waves {
            let is_there = |wave: &Vec<LoadTable>| {
                group.iter().all(|name| wave.iter().any(|table| table.name() == name && table.inserts()))
            };
            if !self.waves.iter().any(is_there) {
                return Err(Error::Plan {
                    table: group.join(", "),
                    complaint: "tables of a group of row waves load in one wave".to_owned(),
                });
            }
        }
        self.check_partitions()?;
        match self.waves.iter().flatten().find(|table| table.staged.shape == Shape::Intersect) {
            Some(pairs) => Err(Error::Plan {
                table: pairs.name().to_owned(),
                complaint: "pairs belong to the associations, after all waves".to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// A lookup names a GUID alone, and so cannot point to a row in a partition of its own (reference §10).
    fn check_partitions(&self) -> Result<(), Error> {
        let is_parted = |name: &String| {
            self.tables().any(|table| table.name() == name && table.partition_column().is_some())
        };
        for table in self.tables() {
            for column in table.staged.lookups() {
                let StagedKind::Lookup { targets, .. } = &column.kind else { continue };
                if let Some(target) = targets.iter().find(|name| is_parted(name)) {
                    let complaint = format!(
                        "its lookup {} points to {target}, whose rows are staged with partitions; lookups cannot name them",
                        column.name
                    );
                    return Err(Error::Plan { table: table.name().to_owned(), complaint });
                }
            }
        }
        Ok(())
    }

    /// The relationship that an association writes. The definitions of both its ends name it, that of the table of pairs
    /// need not.
    pub(crate) fn relationship(&self, pairs: &LoadTable) -> Result<&ManyToMany, Error> {
        let complaint = |complaint| Error::Plan { table: pairs.name().to_owned(), complaint };
        let Strategy::Associate { relationship } = &pairs.strategy else {
            return Err(complaint("pairs are loaded by the strategy associate alone".to_owned()));
        };
        self.tables()
            .flat_map(|table| &table.definition.many_to_many)
            .find(|known| known.schema_name == *relationship)
            .ok_or_else(|| complaint(format!("no table of the plan knows the relationship {relationship}")))
    }

    /// The entity set of a table, if it is known here.
    pub(crate) fn entity_set(&self, table: &str) -> Option<&str> {
        let planned = self.tables().find(|known| known.name() == table);
        planned
            .map(|known| known.definition.entity_set_name.as_str())
            .or_else(|| self.entity_sets.get(table).map(String::as_str))
    }

    /// Tables in the order in which their states are set (reference §9): activities first, because a case with open
    /// activities cannot be closed; tables with closing actions last; quotes and orders at the very end.
    pub fn state_order(&self) -> Vec<&LoadTable> {
        let rank = |table: &LoadTable| match self.states.iter().position(|name| name == table.name()) {
            Some(position) => (0, position),
            None if table.definition.is_activity => (1, 0),
            None => match table.name() {
                "lead" => (3, 0),
                "incident" => (3, 1),
                "opportunity" => (3, 2),
                "salesorder" | "invoice" => (4, 0),
                "quote" => (4, 1),
                _ => (2, 0),
            },
        };
        let mut tables: Vec<&LoadTable> =
            self.waves.iter().flatten().filter(|table| table.staged.state_column().is_some()).collect();
        tables.sort_by_key(|table| rank(table));
        tables
    }
}
