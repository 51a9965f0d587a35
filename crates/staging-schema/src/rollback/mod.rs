//! Taking back what a run created: which rows those are, and what staging must forget when they are gone.
//!
//! A rollback is written down before it deletes anything (`migration.Rollback`, and a row of `migration.RollbackRow` for
//! each row to delete), so that a killed one is carried on. Rows to delete get the action `D` and go through the pass
//! `delete`. When all are gone, their successes move to `migration.SuccessArchive`, lookups that pointed to them are
//! empty again (and owed by rows that stay), and they are as if they had never been sent, at a new generation.
//!
//! Every statement changes nothing the second time.

mod forget;

pub use forget::{let_go, renew};

use crate::control;
use crate::dialect::Dialect;
use crate::flag::{ActionFlag, Pass, SuccessKind};
use crate::name::TableName;
use crate::pending::succeeded;
use crate::statement::Statement;
use crate::table::TargetTable;

/// `migration.Rollback`: one row per rollback that was begun.
pub fn head() -> TableName {
    TableName::migration("Rollback")
}

/// `migration.RollbackRow`: one row per row that a rollback deletes.
pub fn rows() -> TableName {
    TableName::migration("RollbackRow")
}

/// `migration.SuccessArchive`: successes of rows that were taken back.
pub fn archive() -> TableName {
    TableName::migration("SuccessArchive")
}

/// The run that is being taken back, if any.
pub fn open() -> Statement {
    Statement::new(|d| format!("SELECT RunId FROM {} WHERE EndedAt IS NULL", d.table(&head())), Vec::new())
}

/// Notes that a rollback begins, unless it did.
pub fn begin(run: i64) -> [Statement; 2] {
    let again = Statement::new(
        |d| format!("UPDATE {} SET EndedAt = NULL WHERE RunId = {}", d.table(&head()), d.param(1)),
        vec![run.into()],
    );
    let insert = Statement::new(
        |d| {
            format!(
                "INSERT INTO {head} (RunId) SELECT {run} WHERE NOT EXISTS (SELECT 1 FROM {head} WHERE RunId = {run})",
                head = d.table(&head()),
                run = d.param(1)
            )
        },
        vec![run.into()],
    );
    [again, insert]
}

/// Notes that it is over.
pub fn end(run: i64) -> Statement {
    Statement::new(
        |d| format!("UPDATE {} SET EndedAt = {} WHERE RunId = {}", d.table(&head()), d.now(), d.param(1)),
        vec![run.into()],
    )
}

/// Forgets which rows were chosen; before a rollback begins, they are chosen anew.
pub fn forget_choice(run: i64) -> Statement {
    Statement::new(
        |d| {
            format!(
                "DELETE FROM {} WHERE RunId = {} AND (Outcome IS NULL OR Outcome = 'kept')",
                d.table(&rows()),
                d.param(1)
            )
        },
        vec![run.into()],
    )
}

/// What workers' inserts did, as long as nobody took it back: worker, kind, rows.
pub fn inserts(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT q.Worker, s.Kind, COUNT(*) FROM {} AS s JOIN {} AS q ON q.RequestId = s.RequestId \
                 WHERE s.Pass = 'insert' GROUP BY q.Worker, s.Kind ORDER BY q.Worker, s.Kind",
                d.table(&table.success()),
                d.table(&crate::manifest::name()),
            )
        },
        Vec::new(),
    )
}

/// Chooses the rows that a worker created. With `found`, rows whose answer was lost and that were found afterwards are among
/// them: right where only a row that we made can carry its number or GUID.
pub fn choose(table: &TargetTable, worker: &str, run: i64, found: bool) -> Statement {
    let mut kinds = vec![SuccessKind::Created];
    if found {
        kinds.push(SuccessKind::Adopted);
    }
    Statement::new(
        |d| {
            let kinds: Vec<_> = kinds.iter().map(|kind| d.literal(kind.as_str())).collect();
            format!(
                "INSERT INTO {into} (RunId, TargetTable, RowId, DataverseId, ActionFlag) \
                 SELECT {run}, {name}, s.RowId, s.DataverseId, t.{action} FROM {success} AS s \
                 JOIN {request} AS q ON q.RequestId = s.RequestId JOIN {table} AS t ON t.{row_id} = s.RowId \
                 WHERE s.Pass = 'insert' AND s.Kind IN ({kinds}) AND s.DataverseId IS NOT NULL AND q.Worker = {worker} \
                 AND NOT EXISTS (SELECT 1 FROM {into} AS r WHERE r.RunId = {run} AND r.TargetTable = {name} AND r.RowId = s.RowId)",
                into = d.table(&rows()),
                run = d.param(1),
                worker = d.param(2),
                name = d.literal(&table.logical_name),
                action = d.quote(control::ACTION_FLAG),
                success = d.table(&table.success()),
                request = d.table(&crate::manifest::name()),
                table = d.table(&table.name()),
                row_id = d.quote(control::ROW_ID),
                kinds = kinds.join(", "),
            )
        },
        vec![run.into(), worker.into()],
    )
}

/// Counts what a rollback has chosen of a table, and the range of its RowIds: rows, first, last.
pub fn chosen(table: &str, run: i64) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT COUNT(*), MIN(RowId), MAX(RowId) FROM {} WHERE RunId = {} AND TargetTable = {} AND Outcome IS NULL",
                d.table(&rows()),
                d.param(1),
                d.param(2)
            )
        },
        vec![run.into(), table.into()],
    )
}

/// GUIDs that a rollback has chosen of a table, some at a time: RowId, GUID, behind a RowId.
pub fn chosen_ids(table: &str, run: i64, behind: i64, most: u32) -> Statement {
    Statement::new(
        |d| {
            let body = format!(
                "RowId, DataverseId FROM {} WHERE RunId = {} AND TargetTable = {} AND Outcome IS NULL AND RowId > {} ORDER BY RowId",
                d.table(&rows()),
                d.param(1),
                d.param(2),
                d.param(3)
            );
            d.select_top(&d.param(4), &body)
        },
        vec![run.into(), table.into(), behind.into(), most.into()],
    )
}

/// Of the children that Dataverse shows under rows of `parent`, those whose parent is to be deleted: child, and 2 where it is to
/// be deleted as well, 1 where it is a row of ours that stays, 0 where nobody here knows it. `pairs` is a JSON array of
/// `[child, parent]`; `children` are the staged tables that the children may be rows of.
pub fn judge(parent: &str, children: &[&TargetTable], run: i64, pairs: &str) -> Statement {
    Statement::new(
        |d| {
            let (child, mother) = (d.json_guid("j", 0), d.json_guid("j", 1));
            let in_tables: Vec<_> = children.iter().map(|table| d.literal(&table.logical_name)).collect();
            let mut cases = Vec::new();
            if !in_tables.is_empty() {
                cases.push(format!(
                    "WHEN EXISTS (SELECT 1 FROM {} AS c WHERE c.RunId = {} AND c.TargetTable IN ({}) AND c.DataverseId = {child}) THEN 2",
                    d.table(&rows()),
                    d.param(1),
                    in_tables.join(", ")
                ));
            }
            for table in children {
                cases.push(format!(
                    "WHEN EXISTS (SELECT 1 FROM {} AS t WHERE t.{} = {child}) THEN 1",
                    d.table(&table.name()),
                    d.quote(control::DATAVERSE_ID)
                ));
            }
            let verdict = if cases.is_empty() {
                "0".to_owned()
            } else {
                format!("CASE {} ELSE 0 END", cases.join(" "))
            };
            format!(
                "SELECT {}, {verdict} FROM {} WHERE EXISTS (SELECT 1 FROM {} AS p WHERE p.RunId = {} AND p.TargetTable = {} \
                 AND p.Outcome IS NULL AND p.DataverseId = {mother})",
                d.as_text(&child),
                d.json_array(&d.param(2), "j"),
                d.table(&rows()),
                d.param(1),
                d.literal(parent),
            )
        },
        vec![run.into(), pairs.into()],
    )
}

/// Counts the rows of a rollback by table and what came of them: table, outcome, rows.
pub fn outcomes(run: i64) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT TargetTable, Outcome, COUNT(*) FROM {} WHERE RunId = {} GROUP BY TargetTable, Outcome ORDER BY TargetTable, Outcome",
                d.table(&rows()),
                d.param(1)
            )
        },
        vec![run.into()],
    )
}

/// Marks the chosen rows of a table to be deleted; their errors do not stand in the way.
pub fn mark(table: &TargetTable, run: i64) -> [Statement; 2] {
    let errors = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET Retried = 1 WHERE Retried = 0 AND RowId IN ({})",
                d.table(&table.error()),
                of_run(d, table, "Outcome IS NULL")
            )
        },
        vec![run.into()],
    );
    let marked = Statement::new(
        |d| {
            let id = d.quote(control::DATAVERSE_ID);
            let given = format!(
                "(SELECT s.DataverseId FROM {} AS s WHERE s.RowId = t.{} AND s.Pass = 'insert')",
                d.table(&table.success()),
                d.quote(control::ROW_ID)
            );
            let set = format!(
                "{} = 'D', {} = 'U', {id} = COALESCE(t.{id}, {given})",
                d.quote(control::ACTION_FLAG),
                d.quote(control::PROCESSING_FLAG)
            );
            let condition = format!(
                "t.{} <> 'D' AND t.{} IN ({})",
                d.quote(control::ACTION_FLAG),
                d.quote(control::ROW_ID),
                of_run(d, table, "Outcome IS NULL")
            );
            d.update(&table.name(), &set, &condition)
        },
        vec![run.into()],
    );
    [errors, marked]
}

/// Notes which of the marked rows are gone: everything that follows goes by that.
pub fn note_deleted(table: &TargetTable, run: i64) -> Statement {
    Statement::new(
        |d| {
            let gone = format!(
                "EXISTS (SELECT 1 FROM {} AS t WHERE t.{} = r.RowId AND {} AND {})",
                d.table(&table.name()),
                d.quote(control::ROW_ID),
                crate::pending::action(d, ActionFlag::Delete),
                succeeded(d, table, Pass::Delete, true)
            );
            let condition = format!(
                "r.RunId = {} AND r.TargetTable = {} AND r.Outcome IS NULL AND {gone}",
                d.param(1),
                d.literal(&table.logical_name)
            );
            d.update_as(&rows(), "r", "Outcome = 'deleted'", &condition)
        },
        vec![run.into()],
    )
}

/// Gives rows that could not be deleted their action back: they stay what they were. One transaction.
pub fn keep(table: &TargetTable, run: i64) -> [Statement; 2] {
    let restored = Statement::new(
        |d| {
            let row_id = d.quote(control::ROW_ID);
            let before = format!(
                "(SELECT r.ActionFlag FROM {} AS r WHERE r.RunId = {} AND r.TargetTable = {} AND r.RowId = t.{row_id})",
                d.table(&rows()),
                d.param(1),
                d.literal(&table.logical_name)
            );
            let action = d.quote(control::ACTION_FLAG);
            let condition =
                format!("t.{action} = 'D' AND t.{row_id} IN ({})", of_run(d, table, "Outcome IS NULL"));
            d.update(&table.name(), &format!("{action} = {before}"), &condition)
        },
        vec![run.into()],
    );
    let noted = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET Outcome = 'kept' WHERE RunId = {} AND TargetTable = {} AND Outcome IS NULL",
                d.table(&rows()),
                d.param(1),
                d.literal(&table.logical_name)
            )
        },
        vec![run.into()],
    );
    [restored, noted]
}

/// RowIds of a table that the run of the first parameter is about.
fn of_run(d: Dialect, table: &TargetTable, more: &str) -> String {
    format!(
        "SELECT RowId FROM {} WHERE RunId = {} AND TargetTable = {} AND {more}",
        d.table(&rows()),
        d.param(1),
        d.literal(&table.logical_name)
    )
}
