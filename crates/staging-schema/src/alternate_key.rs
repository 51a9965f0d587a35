//! Rows whose alternate key cannot serve, found before a request is spent on them: those of which a column is empty, and
//! those that Dataverse would take for one and the same row.
//!
//! Two such rows are both in error, since nobody but people can say which of them is right; a row that has been loaded
//! already stays as it is, and its twin is in error. Of a table in mode `match` several rows may stand for one of Dataverse,
//! as long as at most one of them is to be written.

use crate::column::StagedKind;
use crate::control;
use crate::dialect::Dialect;
use crate::flag::{ActionFlag, Levels, Pass};
use crate::fold::Accents;
use crate::pending::{action, condition, unblocked};
use crate::statement::Statement;
use crate::table::{Mode, TargetTable};

/// The rule of rows whose key has an empty column: Dataverse does not keep such keys unique, so that nothing would find the
/// row again.
pub const EMPTY: &str = "key-empty";
/// The rule of rows whose key Dataverse takes for that of another row.
pub const TWIN: &str = "key-twin";

/// The columns by which Dataverse tells the rows of a table apart.
#[derive(Debug, Clone, Copy)]
pub struct AlternateKey<'a> {
    /// The table.
    pub table: &'a TargetTable,
    /// The key's columns, all of them staged.
    pub columns: &'a [String],
    /// How it compares texts.
    pub accents: Accents,
}

impl AlternateKey<'_> {
    /// Counts the rows that [`record`](Self::record) would put in error, by rule: rule, rows, the message of one of them.
    pub fn faults(&self) -> Statement {
        Statement::new(
            |d| {
                format!(
                    "SELECT f.RuleName, COUNT(*), MIN(f.Message) FROM ({} UNION ALL {}) AS f GROUP BY f.RuleName \
                     ORDER BY f.RuleName",
                    self.empty_rows(d),
                    self.twin_rows(d)
                )
            },
            Vec::new(),
        )
    }

    /// Begins a transaction of [`record`](Self::record) or [`take_back`](Self::take_back): those of one table come one after the other.
    pub fn alone(&self) -> Statement {
        Statement::alone(&format!("keys of {}", self.table.logical_name))
    }

    /// Puts the rows in error that are still to be sent and whose key cannot serve. Changes nothing the second time, also where two
    /// workers do it at the same moment, each behind [`alone`](Self::alone).
    pub fn record(&self) -> [Statement; 2] {
        let insert = |rows: &dyn Fn(Dialect) -> String| {
            Statement::new(
                |d| {
                    format!(
                        "INSERT INTO {} (RowId, Generation, Pass, RuleName, ColumnName, Message) {}",
                        d.table(&self.table.error()),
                        rows(d)
                    )
                },
                Vec::new(),
            )
        };
        [insert(&|d| self.empty_rows(d)), insert(&|d| self.twin_rows(d))]
    }

    /// Counts the open errors of these rules.
    pub fn recorded(&self) -> Statement {
        Statement::new(
            |d| {
                format!(
                    "SELECT COUNT(*) FROM {} WHERE Retried = 0 AND RuleName IN ('{EMPTY}', '{TWIN}')",
                    d.table(&self.table.error())
                )
            },
            Vec::new(),
        )
    }

    /// Marks errors of these rules as dealt with that hold no longer, because somebody corrected one of the rows.
    pub fn take_back(&self) -> Statement {
        Statement::new(
            |d| {
                let row_id = d.quote(control::ROW_ID);
                format!(
                    "UPDATE {error} SET Retried = 1 WHERE Retried = 0 AND ((RuleName = '{EMPTY}' AND RowId NOT IN \
                     (SELECT t.{row_id} FROM {table} AS t WHERE {takes_part} AND {is_empty})) OR (RuleName = '{TWIN}' \
                     AND RowId NOT IN (SELECT w.RowId FROM ({twins}) AS w)))",
                    error = d.table(&self.table.error()),
                    table = d.table(&self.table.name()),
                    takes_part = self.takes_part(d, "t"),
                    is_empty = self.any_empty(d, "t"),
                    twins = self.twins(d),
                )
            },
            Vec::new(),
        )
    }

    /// Counts the rows still to be sent whose key holds a character that no URL can carry inside a key (reference §2.6). They
    /// load, and are found again by a query; what addresses rows by this key cannot address them.
    pub fn unaddressable(&self) -> Statement {
        Statement::new(
            |d| {
                let tests: Vec<String> = self
                    .columns
                    .iter()
                    .filter(|name| self.is_text(name))
                    .map(|name| d.has_any_of(&format!("t.{}", d.quote(name)), "/<>*%&:\\?+"))
                    .collect();
                let tests = if tests.is_empty() { "1 = 0".to_owned() } else { tests.join(" OR ") };
                format!(
                    "SELECT COUNT(*) FROM {} AS t WHERE ({tests}) AND {}",
                    d.table(&self.table.name()),
                    self.is_due(d)
                )
            },
            Vec::new(),
        )
    }

    /// The rows without a whole key, as errors.
    fn empty_rows(&self, d: Dialect) -> String {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|name| format!(" WHEN {} THEN {}", self.is_empty(d, "t", name), d.literal(name)))
            .collect();
        let message = format!(
            "a column of the alternate key ({}) by which rows of {} are found again is empty; fill it, or let us make the \
             GUIDs (guid = \"sequential\")",
            self.columns.join(", "),
            self.table.logical_name,
        );
        format!(
            "SELECT {own}, {rule} AS RuleName, CASE{names} END AS ColumnName, {message} AS Message FROM {table} AS t \
             WHERE {takes_part} AND {is_empty} AND {is_due}",
            own = own_columns(d),
            rule = d.literal(EMPTY),
            names = names.concat(),
            message = d.literal(&message),
            table = d.table(&self.table.name()),
            takes_part = self.takes_part(d, "t"),
            is_empty = self.any_empty(d, "t"),
            is_due = self.is_due(d),
        )
    }

    /// The rows that Dataverse takes for another, as errors that name the other.
    fn twin_rows(&self, d: Dialect) -> String {
        let begin = d.literal(&format!(
            "Dataverse takes the alternate key ({}) of this {} for the same as that of the row with source key ",
            self.columns.join(", "),
            self.table.logical_name,
        ));
        let of = d.literal(" of ");
        let accents = match self.accents {
            Accents::Ignored => "case, width, accents and blanks at the end",
            Accents::Distinguished => "case, width and blanks at the end",
        };
        let end = d.literal(&format!(
            ": {accents} make no difference; correct one of the two, or stage it to be deleted ({} D), and load again",
            control::ACTION_FLAG
        ));
        let other = |column| format!("o.{}", d.quote(column));
        let message =
            d.concat(&[&begin, &other(control::SOURCE_KEY), &of, &other(control::SOURCE_TABLE), &end]);
        format!(
            "SELECT {own}, {rule} AS RuleName, {column} AS ColumnName, {message} AS Message FROM ({twins}) AS w \
             INNER JOIN {table} AS t ON t.{row_id} = w.RowId INNER JOIN {table} AS o ON o.{row_id} = w.TwinId WHERE {is_due}",
            own = own_columns(d),
            rule = d.literal(TWIN),
            column = self.columns.first().map_or_else(|| "NULL".to_owned(), |name| d.literal(name)),
            twins = self.twins(d),
            table = d.table(&self.table.name()),
            row_id = d.quote(control::ROW_ID),
            is_due = self.is_due(d),
        )
    }

    /// Pairs of rows with one key: the row, and one other of them.
    fn twins(&self, d: Dialect) -> String {
        let folded: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(n, name)| {
                let column = format!("x.{}", d.quote(name));
                let folded = if self.is_text(name) { d.folded_key(&column, self.accents) } else { column };
                format!("{folded} AS Key{n}")
            })
            .collect();
        let keys: Vec<String> = (0..self.columns.len()).map(|n| format!("k.Key{n}")).collect();
        let keys = keys.join(", ");
        format!(
            "SELECT g.RowId, CASE WHEN g.RowId = g.FirstId THEN g.LastId ELSE g.FirstId END AS TwinId FROM \
             (SELECT k.RowId, MIN(k.RowId) OVER (PARTITION BY {keys}) AS FirstId, MAX(k.RowId) OVER (PARTITION BY {keys}) \
             AS LastId FROM (SELECT x.{row_id} AS RowId, {folded} FROM {table} AS x WHERE {takes_part} AND NOT {is_empty}) \
             AS k) AS g WHERE g.FirstId <> g.LastId",
            row_id = d.quote(control::ROW_ID),
            folded = folded.join(", "),
            table = d.table(&self.table.name()),
            takes_part = self.takes_part(d, "x"),
            is_empty = self.any_empty(d, "x"),
        )
    }

    /// Rows that are, or will be, in Dataverse by this key: what is to be deleted is not, and of matched rows those that are only
    /// looked up need not be alone with it.
    fn takes_part(&self, d: Dialect, alias: &str) -> String {
        let flag = format!("{alias}.{}", d.quote(control::ACTION_FLAG));
        match self.table.mode {
            Mode::Load => format!("{flag} <> {}", d.literal(ActionFlag::Delete.as_str())),
            Mode::Match => format!("{flag} = {}", d.literal(ActionFlag::Update.as_str())),
        }
    }

    /// The row, under the alias `t`, is still to be sent, or to be found.
    fn is_due(&self, d: Dialect) -> String {
        match self.table.mode {
            Mode::Load => condition(d, self.table, Pass::Insert, Levels::All),
            Mode::Match => format!(
                "t.{} IS NULL AND {} AND {}",
                d.quote(control::DATAVERSE_ID),
                action(d, ActionFlag::Update),
                unblocked(d, self.table)
            ),
        }
    }

    fn any_empty(&self, d: Dialect, alias: &str) -> String {
        let all: Vec<String> = self.columns.iter().map(|name| self.is_empty(d, alias, name)).collect();
        format!("({})", all.join(" OR "))
    }

    fn is_empty(&self, d: Dialect, alias: &str, name: &str) -> String {
        let column = format!("{alias}.{}", d.quote(name));
        if self.is_text(name) {
            // Dataverse stores an empty text as none.
            format!("({column} IS NULL OR {})", d.is_blank(&column))
        } else {
            format!("{column} IS NULL")
        }
    }

    fn is_text(&self, name: &str) -> bool {
        self.table.column(name).is_some_and(|column| matches!(column.kind, StagedKind::Text { .. }))
    }
}

fn own_columns(d: Dialect) -> String {
    format!(
        "t.{} AS RowId, t.{} AS Generation, {} AS Pass",
        d.quote(control::ROW_ID),
        d.quote(control::GENERATION),
        d.literal(Pass::Validate.as_str())
    )
}
