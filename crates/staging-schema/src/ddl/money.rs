//! `migration.MoneySums`: each money column added up before the mapping and after it, exactly.
//!
//! The snapshot holds texts, and SQLite has no decimals: there, digits are split into three whole numbers (down to eight digits
//! before the point, the eight before it, ten behind it), which are added up each for itself and put together again. SQL Server
//! adds up decimals. What is no number in the declared spelling, or has more than 18 digits before the point or 10 behind it, is
//! counted as unread and not added; nothing is rounded.

use crate::control;
use crate::dialect::Dialect;
use crate::name::TableName;
use crate::statement::Statement;

/// How the numbers of a source column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberStyle {
    /// `1234.5`.
    Plain,
    /// `1,234.5` or `1234.5`.
    Point,
    /// `1.234,5` or `1234,5`.
    Comma,
}

/// A money column of a target table and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct MoneyColumn {
    /// Logical name of the target table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The source table.
    pub source: String,
    /// The source columns, of which the first that is not empty counts; none where the value is computed, so that there is nothing
    /// to add up before.
    pub from: Vec<String>,
    /// How their numbers are written.
    pub style: NumberStyle,
    /// Which source rows the mapping takes: a condition over the source table as `s`, with its parameters; `None`: all.
    pub condition: Option<Statement>,
}

/// Makes `migration.MoneySums` anew over these columns; their source tables must be there.
pub fn money_sums(columns: &[MoneyColumn]) -> Vec<Statement> {
    let view = TableName::migration("MoneySums");
    let mut statements =
        vec![Statement::new(|d| format!("DROP VIEW IF EXISTS {}", d.table(&view)), Vec::new())];
    if !columns.is_empty() {
        statements.push(Statement::new(
            |d| {
                let parts: Vec<_> = columns.iter().map(|column| part(d, column)).collect();
                let parts = parts.join("\nUNION ALL\n");
                match d {
                    Dialect::Sqlite => format!("CREATE VIEW {} AS\n{}", d.table(&view), put_together(&parts)),
                    Dialect::Mssql => format!("CREATE VIEW {} AS\n{parts}", d.table(&view)),
                }
            },
            Vec::new(),
        ));
    }
    statements
}

/// One column: a row with its counts and sums.
fn part(d: Dialect, money: &MoneyColumn) -> String {
    let target = format!(
        "SELECT {value} AS v FROM {table} AS t WHERE t.{source_table} = {source}",
        value = format_args!("t.{}", d.quote(&money.column)),
        table = d.table(&TableName::target(&money.table)),
        source_table = d.quote(control::SOURCE_TABLE),
        source = d.literal(&money.source),
    );
    let before = source(d, money);
    let names = format!(
        "{} AS TargetTable, {} AS ColumnName, {} AS SourceTable, {} AS SourceColumn",
        d.literal(&money.table),
        d.literal(&money.column),
        d.literal(&money.source),
        if money.from.is_empty() { "NULL".to_owned() } else { d.literal(&money.from.join(", ")) },
    );
    match d {
        Dialect::Sqlite => format!(
            "SELECT {names}, b.n AS bn, b.u AS bu, b.h AS bh, b.l AS bl, b.f AS bf, t.n AS tn, t.h AS th, t.l AS tl, t.f AS tf\n\
             FROM ({}) AS b\nCROSS JOIN ({}) AS t",
            before.unwrap_or_else(|| "SELECT NULL AS n, NULL AS u, NULL AS h, NULL AS l, NULL AS f".to_owned()),
            added_up(&target, NumberStyle::Plain),
        ),
        Dialect::Mssql => format!(
            "SELECT {names}, b.SourceRows, b.SourceSum, b.SourceUnread, a.TargetRows, a.TargetSum, CAST(b.SourceSum - a.TargetSum AS decimal(38,10)) AS [Difference]\n\
             FROM ({}) AS b\nCROSS JOIN (SELECT COUNT_BIG(v) AS TargetRows, \
             CAST(COALESCE(SUM(v), 0) AS decimal(37,10)) AS TargetSum FROM ({target}) AS x) AS a",
            before.unwrap_or_else(|| {
                "SELECT CAST(NULL AS bigint) AS SourceRows, CAST(NULL AS decimal(37,10)) AS SourceSum, CAST(NULL AS bigint) AS SourceUnread"
                    .to_owned()
            }),
        ),
    }
}

/// What the source has, added up; `None` where the mapping computes the value.
fn source(d: Dialect, money: &MoneyColumn) -> Option<String> {
    let columns: Vec<_> = money.from.iter().map(|name| format!("s.{}", d.quote(name))).collect();
    let value = match columns.as_slice() {
        [] => return None,
        [only] => only.clone(),
        several => format!("COALESCE({})", several.join(", ")),
    };
    let condition = money.condition.as_ref().map(|condition| condition.written_out(d));
    let condition = condition.map(|condition| format!(" WHERE ({condition})")).unwrap_or_default();
    let table = d.table(&TableName::source(&money.source));
    let rows = format!("SELECT NULLIF(LTRIM(RTRIM({value})), '') AS v FROM {table} AS s{condition}");
    Some(match d {
        Dialect::Sqlite => added_up(&rows, money.style),
        Dialect::Mssql => format!(
            "SELECT COUNT_BIG(v) AS SourceRows, CAST(COALESCE(SUM(n), 0) AS decimal(37,10)) AS SourceSum, \
             COUNT_BIG(v) - COUNT_BIG(n) AS SourceUnread\nFROM (SELECT v, \
             CASE WHEN {readable} AND {short} THEN CAST({sign} + p AS decimal(37,10)) END AS n\nFROM ({plain}) AS y) AS x",
            readable = readable(d, money.style),
            short = "CHARINDEX(N'.', p + N'.') <= 19 AND LEN(p) - CHARINDEX(N'.', p + N'.') <= 10",
            sign = "CASE WHEN v LIKE N'-%' THEN N'-' ELSE N'' END",
            plain = plain(d, &rows, money.style),
        ),
    })
}

/// Rows `v` with the number without its sign (`a`) and without group signs, with a point (`p`).
fn plain(d: Dialect, rows: &str, style: NumberStyle) -> String {
    let unsigned = format!("CASE WHEN v LIKE {} THEN {} ELSE v END", d.literal("-%"), d.rest("v", 2, 4000));
    let pointed = match style {
        NumberStyle::Plain => "a",
        NumberStyle::Point => "REPLACE(a, ',', '')",
        NumberStyle::Comma => "REPLACE(REPLACE(a, '.', ''), ',', '.')",
    };
    format!("SELECT v, a, {pointed} AS p FROM (SELECT v, {unsigned} AS a FROM ({rows}) AS r) AS q")
}

/// Whether `a` is a number in this style and `p` the same without group signs.
fn readable(d: Dialect, style: NumberStyle) -> String {
    let matches = |negated: &str, text: &str, pattern: &str| match d {
        Dialect::Sqlite => format!("{negated}GLOB('{pattern}', {text})"),
        Dialect::Mssql => {
            format!("{text} {negated}LIKE N'{}'", pattern.replace('*', "%").replace('?', "_"))
        }
    };
    let is = |text: &str, pattern: &str| matches("", text, pattern);
    let is_not = |text: &str, pattern: &str| matches("NOT ", text, pattern);
    let mut tests = vec![is("p", "*[0-9]*"), is_not("p", "*[^0-9.]*"), is_not("p", "*.*.*")];
    let (group, point) = match style {
        NumberStyle::Plain => return tests.join(" AND "),
        NumberStyle::Point => (",", "."),
        NumberStyle::Comma => (".", ","),
    };
    // Groups have three digits, but for the first one, which has one to three; none stand behind the point.
    let digit = "[0-9]";
    let four = digit.repeat(4);
    let wrong = [
        format!("{group}*"),
        format!("*{point}*{group}*"),
        format!("{four}*{group}*"),
        format!("*{group}{four}*"),
        format!("*{group}"),
        format!("*{group}?"),
        format!("*{group}??"),
        format!("*{group}[^0-9]*"),
        format!("*{group}?[^0-9]*"),
        format!("*{group}??[^0-9]*"),
    ];
    tests.extend(wrong.iter().map(|pattern| is_not("a", pattern)));
    tests.join(" AND ")
}

/// SQLite: rows `v` counted, and added up in three pieces.
fn added_up(rows: &str, style: NumberStyle) -> String {
    let d = Dialect::Sqlite;
    let sum =
        |piece: &str| format!("COALESCE(SUM(CASE WHEN ok THEN CAST({piece} AS INTEGER) * sign END), 0)");
    format!(
        "SELECT COUNT(v) AS n, COUNT(v) - COALESCE(SUM(ok), 0) AS u, {h} AS h, {l} AS l, {f} AS f\n\
         FROM (SELECT v, sign, w, b, {readable} AND LENGTH(w) <= 18 AND LENGTH(b) <= 10 AS ok\n\
         FROM (SELECT v, a, p, CASE WHEN v LIKE '-%' THEN -1 ELSE 1 END AS sign, SUBSTR(p, 1, INSTR(p || '.', '.') - 1) AS w, \
         SUBSTR(p, INSTR(p || '.', '.') + 1) AS b\n\
         FROM ({plain}) AS y) AS z) AS x",
        h = sum("SUBSTR('000000000000000000' || w, -18, 10)"),
        l = sum("SUBSTR('00000000' || w, -8)"),
        f = sum("SUBSTR(b || '0000000000', 1, 10)"),
        readable = readable(d, style),
        plain = plain(d, rows, style),
    )
}

/// SQLite: the three pieces of each sum as one text of digits. `b` is before, `t` after, `d` the difference.
fn put_together(parts: &str) -> String {
    const NAMES: &str = "TargetTable, ColumnName, SourceTable, SourceColumn, bn, bu, tn";
    let each = |text: &dyn Fn(char) -> String| ['b', 't', 'd'].map(text).join(", ");
    // What is beyond a piece is carried into the one before it, so that the lower pieces are not negative.
    let rest = |piece: &str, size: &str| format!("(({piece} % {size}) + {size}) % {size}");
    let fractions = each(&|p| {
        let kept = rest(&format!("{p}f"), "10000000000");
        format!("{p}h, {p}l + ({p}f - {kept}) / 10000000000 AS {p}l, {kept} AS {p}f")
    });
    let lower = each(&|p| {
        let kept = rest(&format!("{p}l"), "100000000");
        format!("{p}h + ({p}l - {kept}) / 100000000 AS {p}h, {kept} AS {p}l, {p}f")
    });
    // A negative number is written by what is missing to it.
    let signs = each(&|p| {
        format!(
            "CASE WHEN {p}h < 0 THEN '-' ELSE '' END AS {p}s, \
             CASE WHEN {p}h < 0 THEN -{p}h - ({p}l > 0 OR {p}f > 0) ELSE {p}h END AS {p}h, \
             CASE WHEN {p}h < 0 THEN (200000000 - {p}l - ({p}f > 0)) % 100000000 ELSE {p}l END AS {p}l, \
             CASE WHEN {p}h < 0 THEN (10000000000 - {p}f) % 10000000000 ELSE {p}f END AS {p}f"
        )
    });
    let text = |p: char| {
        format!(
            "{p}s || CASE WHEN {p}h > 0 THEN {p}h || printf('%08d', {p}l) ELSE {p}l END || \
             RTRIM(RTRIM(printf('.%010d', {p}f), '0'), '.')"
        )
    };
    format!(
        "WITH added AS (\n{parts}\n), sums AS (SELECT *, bh - th AS dh, bl - tl AS dl, bf - tf AS df FROM added),\n\
         fractions AS (SELECT {NAMES}, {fractions} FROM sums),\n\
         lower AS (SELECT {NAMES}, {lower} FROM fractions),\n\
         signs AS (SELECT {NAMES}, {signs} FROM lower)\n\
         SELECT TargetTable, ColumnName, SourceTable, SourceColumn, bn AS SourceRows, {before} AS SourceSum, bu AS SourceUnread, \
         tn AS TargetRows, {after} AS TargetSum, {difference} AS Difference FROM signs",
        before = text('b'),
        after = text('t'),
        difference = text('d'),
    )
}
