//! Where findings are kept, and how they become errors of their rows.

use std::ops::RangeInclusive;

use staging_schema::{
    Dialect, Index, Pass, PhysicalColumn, PhysicalTable, PrimaryKey, SqlType, Statement, TableName, control,
    ddl,
};

use super::checks::Check;
use crate::finding::{Rule, Severity};
use crate::plan::TablePlan;
use crate::sql::{Fragment, column};
use crate::stage;

/// Characters of a value that are kept.
const LONGEST_VALUE: usize = 200;

/// Findings as of the last validation of each table.
pub(crate) fn findings_table() -> TableName {
    TableName::migration("Finding")
}

fn suspects_table() -> TableName {
    TableName::migration("TransformSuspect")
}

/// Creates what validation writes to, unless it is there.
pub(crate) fn create() -> Vec<Statement> {
    let findings = PhysicalTable {
        name: findings_table(),
        key: PrimaryKey::Identity("FindingId"),
        columns: vec![
            PhysicalColumn::required("TargetTable", SqlType::Word),
            PhysicalColumn::required("RowId", SqlType::BigInt),
            PhysicalColumn::required("Generation", SqlType::Integer),
            PhysicalColumn::required("SourceTable", SqlType::Word),
            PhysicalColumn::required("SourceKey", SqlType::Key),
            PhysicalColumn::new("ColumnName", SqlType::Word),
            PhysicalColumn::required("RuleName", SqlType::Word),
            PhysicalColumn::required("Severity", SqlType::Word),
            PhysicalColumn::new("Value", SqlType::Text(Some(400))),
        ],
        indexes: vec![Index::on("Row", &["TargetTable", "RowId"])],
    };
    let suspects = PhysicalTable {
        name: suspects_table(),
        key: PrimaryKey::Columns(vec!["RowId"]),
        columns: vec![PhysicalColumn::required("RowId", SqlType::BigInt)],
        indexes: Vec::new(),
    };
    vec![ddl::create(&findings), ddl::create(&suspects)]
}

/// Forgets the findings of a table, but for warnings about rows that have not changed since: what was blanked then
/// cannot be found again.
pub(crate) fn forget(planned: &TablePlan) -> Statement {
    Statement::new(
        |d| {
            format!(
                "DELETE FROM {findings} WHERE TargetTable = {table} AND NOT (Severity = {warning} AND EXISTS (SELECT 1 FROM {target} t WHERE t.{row} = {findings}.RowId AND t.{generation} = {findings}.Generation))",
                findings = d.table(&findings_table()),
                table = d.param(1),
                warning = d.literal(Severity::Warning.as_str()),
                target = d.table(&planned.target.name()),
                row = d.quote(control::ROW_ID),
                generation = d.quote(control::GENERATION),
            )
        },
        vec![planned.target.logical_name.as_str().into()],
    )
}

/// What a finding says besides row and value.
pub(crate) struct Origin<'a> {
    pub(crate) column: Option<&'a str>,
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
}

/// Inserts findings about the rows `t` of a `FROM … WHERE …`, if they are still to be accepted.
pub(crate) fn insert(
    planned: &TablePlan,
    origin: &Origin<'_>,
    value: &Fragment,
    from: &Fragment,
) -> Fragment {
    let column_name = match origin.column {
        Some(name) => Fragment::word(name),
        None => Fragment::sql("NULL"),
    };
    Fragment::each(|d| {
        format!(
            "INSERT INTO {} (TargetTable, RowId, Generation, SourceTable, SourceKey, RuleName, Severity, ColumnName, Value) SELECT {}, t.{}, t.{}, t.{}, t.{}, {}, {}, ",
            d.table(&findings_table()),
            d.literal(&planned.target.logical_name),
            d.quote(control::ROW_ID),
            d.quote(control::GENERATION),
            d.quote(control::SOURCE_TABLE),
            d.quote(control::SOURCE_KEY),
            d.literal(origin.rule.as_str()),
            d.literal(origin.severity.as_str()),
        )
    })
    .then(column_name)
    .text(", ")
    .then(Fragment::over([value], |d, [value]| {
        d.substring(&d.as_long_text(value), 1, LONGEST_VALUE)
    }))
    .then(from.clone())
    .text(" AND ")
    .then(unaccepted())
}

/// Rows that Dataverse has not accepted at their generation.
fn unaccepted() -> Fragment {
    column("t", control::PROCESSING_FLAG).text(" IN ('U', 'E')")
}

/// Lists the rows of a slice that break anything at all: most slices have few, and each check then looks at those alone.
pub(crate) fn suspects(planned: &TablePlan, checks: &[Check], slice: &RangeInclusive<i64>) -> [Statement; 2] {
    let [first, last] = stage::bounds(slice);
    let clear = Statement::new(|d| format!("DELETE FROM {}", d.table(&suspects_table())), Vec::new());
    let any = checks.iter().map(|check| Fragment::sql("(").then(check.broken.clone()).text(")"));
    let listing = Fragment::each(|d| format!("INSERT INTO {} (RowId) SELECT ", d.table(&suspects_table())))
        .then(stage::row_id("t"))
        .then(Fragment::each(|d| format!(" FROM {} t WHERE ", d.table(&planned.target.name()))))
        .then(stage::row_id("t"))
        .text(" BETWEEN ")
        .then(Fragment::param(first))
        .text(" AND ")
        .then(Fragment::param(last))
        .text(" AND ")
        .then(unaccepted())
        .text(" AND (")
        .then(Fragment::join(any, " OR "))
        .text(")");
    [clear, listing.statement()]
}

/// Records who among the suspects breaks one rule.
pub(crate) fn findings(planned: &TablePlan, check: &Check) -> Statement {
    let from = Fragment::each(|d| format!(" FROM {} t WHERE ", d.table(&planned.target.name())))
        .then(stage::row_id("t"))
        .then(Fragment::each(|d| format!(" IN (SELECT RowId FROM {}) AND (", d.table(&suspects_table()))))
        .then(check.broken.clone())
        .text(")");
    let origin = Origin { column: check.column.as_deref(), rule: check.rule, severity: check.severity };
    insert(planned, &origin, &check.value, &from).statement()
}

/// Turns findings into errors of their rows, and frees rows that have none any more.
pub(crate) fn settle(planned: &TablePlan) -> Vec<Statement> {
    let target = &planned.target;
    let names = |d: Dialect| Names {
        findings: d.table(&findings_table()),
        error: d.table(&target.error()),
        main: d.table(&target.name()),
        table: d.literal(&target.logical_name),
        validate: d.literal(Pass::Validate.as_str()),
        row: d.quote(control::ROW_ID),
        generation: d.quote(control::GENERATION),
        flag: d.quote(control::PROCESSING_FLAG),
    };
    let matches = "e.RowId = f.RowId AND e.Generation = f.Generation AND e.RuleName = f.RuleName AND COALESCE(e.ColumnName, '') = COALESCE(f.ColumnName, '')";
    let record = Statement::new(
        |d| {
            let n = names(d);
            let explained = Rule::ALL
                .iter()
                .map(|rule| {
                    format!(" WHEN {} THEN {}", d.literal(rule.as_str()), d.literal(rule.explanation()))
                })
                .collect::<Vec<_>>()
                .concat();
            format!(
                "INSERT INTO {error} (RowId, Pass, Generation, Message, ColumnName, RuleName, Value) \
                 SELECT DISTINCT f.RowId, {validate}, f.Generation, CASE f.RuleName{explained} END, f.ColumnName, f.RuleName, f.Value \
                 FROM {findings} f WHERE f.TargetTable = {table} AND f.Severity = 'error' AND NOT EXISTS (SELECT 1 FROM {error} e WHERE {matches} AND e.Pass = {validate} AND e.Retried = 0)",
                error = n.error,
                validate = n.validate,
                findings = n.findings,
                table = n.table,
            )
        },
        Vec::new(),
    );
    // Old generations and findings that no longer hold.
    let outdated = Statement::new(
        |d| {
            let n = names(d);
            let matches = matches.replace("e.", &format!("{}.", n.error));
            format!(
                "UPDATE {error} SET Retried = 1 WHERE Pass = {validate} AND Retried = 0 AND NOT EXISTS (SELECT 1 FROM {findings} f WHERE f.TargetTable = {table} AND f.Severity = 'error' AND {matches})",
                error = n.error,
                validate = n.validate,
                findings = n.findings,
                table = n.table,
            )
        },
        Vec::new(),
    );
    let flag = Statement::new(
        |d| {
            let n = names(d);
            format!(
                "UPDATE {main} SET {flag} = 'E' WHERE {flag} = 'U' AND {row} IN (SELECT RowId FROM {findings} WHERE TargetTable = {table} AND Severity = 'error')",
                main = n.main,
                flag = n.flag,
                row = n.row,
                findings = n.findings,
                table = n.table,
            )
        },
        Vec::new(),
    );
    let free = Statement::new(
        |d| {
            let n = names(d);
            format!(
                "UPDATE {main} SET {flag} = 'U' WHERE {flag} = 'E' AND NOT EXISTS (SELECT 1 FROM {error} e WHERE e.RowId = {main}.{row} AND e.Generation = {main}.{generation} AND e.Retried = 0)",
                main = n.main,
                flag = n.flag,
                error = n.error,
                row = n.row,
                generation = n.generation,
            )
        },
        Vec::new(),
    );
    let mut statements = vec![record, outdated, flag, free];
    statements.extend(blank_lookups(planned));
    statements
}

struct Names {
    findings: String,
    error: String,
    main: String,
    table: String,
    validate: String,
    row: String,
    generation: String,
    flag: String,
}

/// Empties lookups that were found to point nowhere and whose rule says `missing = "blank"`, so that they are not owed.
fn blank_lookups(planned: &TablePlan) -> Vec<Statement> {
    let mut statements = Vec::new();
    for staged in planned.target.lookups() {
        let Some(key) = staged.source_key_column() else { continue };
        let may_be_blank = planned
            .maps
            .iter()
            .flat_map(|map| &map.lookups)
            .any(|lookup| lookup.column == staged.name && lookup.missing == crate::model::Missing::Blank);
        if may_be_blank {
            statements.push(Statement::new(
                |d| {
                    format!(
                        "UPDATE {} SET {key} = NULL WHERE {key} IS NOT NULL AND {} IN (SELECT RowId FROM {} WHERE TargetTable = {} AND Severity = 'warning' AND RuleName = 'lookup' AND ColumnName = {})",
                        d.table(&planned.target.name()),
                        d.quote(control::ROW_ID),
                        d.table(&findings_table()),
                        d.literal(&planned.target.logical_name),
                        d.literal(&staged.name),
                        key = d.quote(&key),
                    )
                },
                Vec::new(),
            ));
        }
    }
    statements
}

/// Counts the findings of a table.
pub(crate) fn counts(planned: &TablePlan) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT ColumnName, RuleName, Severity, COUNT(*) FROM {} WHERE TargetTable = {} GROUP BY ColumnName, RuleName, Severity ORDER BY ColumnName, RuleName, Severity",
                d.table(&findings_table()),
                d.param(1)
            )
        },
        vec![planned.target.logical_name.as_str().into()],
    )
}

/// Lists the findings of a table.
pub(crate) fn listed(planned: &TablePlan, limit: u32) -> Statement {
    Statement::new(
        |d| {
            let body = format!(
                "RowId, SourceTable, SourceKey, ColumnName, RuleName, Severity, Value FROM {} WHERE TargetTable = {} ORDER BY RowId, ColumnName, RuleName",
                d.table(&findings_table()),
                d.param(1)
            );
            d.select_top(&limit.to_string(), &body)
        },
        vec![planned.target.logical_name.as_str().into()],
    )
}
