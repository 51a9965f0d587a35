//! What the caller knows about its schema: tables, lookups, counts.

use serde::{Deserialize, Serialize};

/// Everything that decides an order: build one from metadata and staging counts, or from an edge list.
///
/// The order in which tables and lookups are listed has no influence on the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LookupGraph {
    /// The tables to load; a lookup to any other table is outside the migration and ignored.
    pub tables: Vec<Table>,
    /// The lookups of these tables, one entry per column and target.
    pub lookups: Vec<Lookup>,
    /// Which rows have which lookups filled together; makes the cost of deferring several lookups of one table exact.
    pub combinations: Vec<Combination>,
    /// N:N tables, loaded as associations after both of their ends.
    pub associations: Vec<Association>,
    /// Lookups that play no part in the order.
    pub ignore: Vec<Ignore>,
    /// What is known of the rows of tables that point at each other.
    pub row_levels: Vec<RowLevels>,
}

/// One table to load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name, unique in the graph.
    pub name: String,
    /// How many rows it has, where known; shown in pictures, used for counting requests.
    #[serde(default)]
    pub rows: Option<u64>,
    /// How many of its rows end in an inactive state, which is set after everything else is written.
    #[serde(default)]
    pub inactive_rows: u64,
    /// A special table goes to the very end (closing activities, posts): after every ordinary table.
    #[serde(default)]
    pub special: bool,
}

impl Table {
    /// A table with `rows` rows.
    pub fn new(name: impl Into<String>, rows: u64) -> Self {
        Self { rows: Some(rows), ..Self::uncounted(name) }
    }

    /// A table whose rows nobody counted.
    pub fn uncounted(name: impl Into<String>) -> Self {
        Self { name: name.into(), rows: None, inactive_rows: 0, special: false }
    }

    /// States that `rows` of its rows are to be set inactive at the end.
    #[must_use]
    pub fn inactive(mut self, rows: u64) -> Self {
        self.inactive_rows = rows;
        self
    }

    /// Puts the table at the very end.
    #[must_use]
    pub fn at_the_end(mut self) -> Self {
        self.special = true;
        self
    }
}

/// One lookup column with one of its targets. A multi-table lookup has one entry per target.
///
/// A self-reference is a lookup whose table and target agree: its rows are loaded level by level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The table that has the column.
    pub table: String,
    /// The column.
    pub column: String,
    /// The table it points to.
    pub target: String,
    /// In how many rows it is filled and points to this target: what a second write would cost.
    pub rows: u64,
    /// Whether the *platform* refuses a row without it (`SystemRequired`); a form's wish (`ApplicationRequired`) does not count.
    #[serde(default)]
    pub required: bool,
    /// When it can be written.
    #[serde(default)]
    pub writable: Writable,
    /// Whether the target is the row's parent, so that ownership and access cascade. Among equally cheap plans, one that defers fewer of these is taken.
    #[serde(default)]
    pub parental: bool,
    /// Self-references only: how many rows sit on a cycle of rows, and so need a second write in spite of levels.
    #[serde(default)]
    pub rows_on_cycles: u64,
}

impl Lookup {
    /// A lookup that may be left empty, filled in `rows` rows.
    pub fn new(
        table: impl Into<String>,
        column: impl Into<String>,
        target: impl Into<String>,
        rows: u64,
    ) -> Self {
        Self {
            table: table.into(),
            column: column.into(),
            target: target.into(),
            rows,
            required: false,
            writable: Writable::default(),
            parental: false,
            rows_on_cycles: 0,
        }
    }

    /// The platform refuses rows without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// It can be written with the row's creation and never again.
    #[must_use]
    pub fn create_only(mut self) -> Self {
        self.writable = Writable::OnCreateOnly;
        self
    }

    /// Its target is the row's parent.
    #[must_use]
    pub fn parental(mut self) -> Self {
        self.parental = true;
        self
    }

    /// Of a self-reference: `rows` rows sit on a cycle of rows.
    #[must_use]
    pub fn with_rows_on_cycles(mut self, rows: u64) -> Self {
        self.rows_on_cycles = rows;
        self
    }

    /// Whether a table points to itself.
    pub fn is_self_reference(&self) -> bool {
        self.table == self.target
    }

    /// Whether it may be left empty at first and written by an update.
    pub fn is_deferrable(&self) -> bool {
        !self.required && self.writable == Writable::OnCreateAndUpdate
    }
}

/// When a lookup can be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writable {
    /// With the row's creation or by an update.
    #[default]
    OnCreateAndUpdate,
    /// Only with the row's creation: no price defers it.
    OnCreateOnly,
}

/// `rows` rows of a table have exactly these lookups filled together.
///
/// Where a table has combinations they describe all rows that its lookups fill: two deferred lookups of one row then cost one update.
/// A self-reference is named only for rows that sit on a cycle of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Combination {
    /// The table.
    pub table: String,
    /// The lookups filled in these rows.
    pub filled: Vec<Filled>,
    /// How many rows have exactly these.
    pub rows: u64,
}

/// A lookup filled with a row of one target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filled {
    /// The lookup column.
    pub column: String,
    /// The table it points to.
    pub target: String,
}

impl Combination {
    /// `rows` rows of `table` have exactly the lookups `filled`, given as (column, target).
    pub fn new(table: impl Into<String>, filled: &[(&str, &str)], rows: u64) -> Self {
        let filled = filled
            .iter()
            .map(|(column, target)| Filled { column: (*column).into(), target: (*target).into() });
        Self { table: table.into(), filled: filled.collect(), rows }
    }
}

/// An N:N table: pairs of rows of two tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Association {
    /// The intersect table's name; it is not one of the graph's tables.
    pub table: String,
    /// One end.
    pub first: String,
    /// The other end, which may be the same table.
    pub second: String,
    /// How many pairs there are.
    #[serde(default)]
    pub rows: u64,
}

/// Which lookups play no part in the order; empty parts match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ignore {
    /// The table that has the lookup.
    pub table: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// The table it points to.
    pub target: Option<String>,
}

impl Ignore {
    /// Ignores a column wherever it occurs, such as `createdby`.
    pub fn column(column: impl Into<String>) -> Self {
        Self { column: Some(column.into()), ..Self::default() }
    }

    /// Ignores one lookup with all of its targets.
    pub fn lookup(table: impl Into<String>, column: impl Into<String>) -> Self {
        Self { table: Some(table.into()), column: Some(column.into()), target: None }
    }

    /// Ignores every lookup to a table.
    pub fn target(target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..Self::default() }
    }

    /// Whether the rule covers a lookup. A rule without any part covers none.
    pub fn covers(&self, lookup: &Lookup) -> bool {
        let fits = |part: &Option<String>, name: &str| part.as_deref().is_none_or(|part| part == name);
        let says_something = self.table.is_some() || self.column.is_some() || self.target.is_some();
        says_something
            && fits(&self.table, &lookup.table)
            && fits(&self.column, &lookup.column)
            && fits(&self.target, &lookup.target)
    }
}

/// What staging says about the rows of tables that point at each other: along the lookups among these tables their rows form no cycle.
///
/// Such tables can be loaded together in row waves, parents before children across all of them, and nothing of theirs is deferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowLevels {
    /// The tables whose rows were looked at together.
    pub tables: Vec<String>,
    /// Rows per level and table: `levels[0]` are rows without a parent among these tables; within a level one count per entry of `tables`.
    pub levels: Vec<Vec<u64>>,
}
