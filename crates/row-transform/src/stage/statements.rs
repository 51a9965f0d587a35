//! The statements that fill a target table.
//!
//! A row hash has two halves: over what the mapping fills, and over what the user's scripts fill. Each half is compared
//! on its own, since the scripts run after the mapping.

use std::ops::RangeInclusive;

use staging_schema::{
    Dialect, Pass, RequestState, StagedColumn, StagedKind, Statement, TableName, Value, control,
};

use super::scratch;
use crate::model::Mode;
use crate::plan::{MapPlan, TablePlan};
use crate::sql::{Fragment, column, same};

/// The second half of the hash of a row that no script has seen.
const NO_SCRIPT: &str = "0000000000000000";

/// The key under which a source row is staged. Rows without a key and repetitions of a key get one that names their
/// line, so that every source row is staged and none is dropped silently.
pub(crate) fn effective_key(planned: &TablePlan, map: &MapPlan) -> Fragment {
    let line = || column("s", control::LINE);
    Fragment::sql("CASE WHEN ")
        .then(map.key.clone())
        .text(" IS NULL THEN CONCAT('(no key) line ', ")
        .then(line())
        .text(") WHEN ")
        .then(is_duplicate(planned, map))
        .text(" THEN CONCAT(")
        .then(map.key.clone())
        .text(", ' (again) line ', ")
        .then(line())
        .text(") ELSE ")
        .then(map.key.clone())
        .text(" END")
}

/// Whether the source row repeats the key of an earlier one.
pub(crate) fn is_duplicate(planned: &TablePlan, map: &MapPlan) -> Fragment {
    Fragment::sql("EXISTS (SELECT 1 FROM ")
        .then(Fragment::each(|d| d.table(&scratch::duplicates())))
        .text(" d WHERE d.TargetTable = ")
        .then(Fragment::param(planned.target.logical_name.as_str()))
        .text(" AND d.SourceTable = ")
        .then(Fragment::param(map.source.as_str()))
        .text(" AND d.SourceRowId = ")
        .then(column("s", control::ROW_ID))
        .text(")")
}

/// ` FROM source s WHERE …` the mapping's condition.
pub(crate) fn from_source(map: &MapPlan) -> Fragment {
    let from = Fragment::sql(" FROM ")
        .then(Fragment::each(|d| d.table(&TableName::source(&map.source))))
        .text(" s WHERE ");
    match &map.condition {
        Some(condition) => from.text("(").then(condition.clone()).text(")"),
        None => from.text("1 = 1"),
    }
}

/// Finds the source rows that repeat a key; their first occurrence is not among them.
pub(crate) fn duplicates(planned: &TablePlan, map: &MapPlan) -> Vec<Statement> {
    let table = || Fragment::each(|d| d.table(&scratch::duplicates()));
    let target = || Fragment::param(planned.target.logical_name.as_str());
    let source = || Fragment::param(map.source.as_str());
    let clear = Fragment::sql("DELETE FROM ")
        .then(table())
        .text(" WHERE TargetTable = ")
        .then(target())
        .text(" AND SourceTable = ")
        .then(source());
    let row_id = || column("s", control::ROW_ID);
    let find = Fragment::sql("INSERT INTO ")
        .then(table())
        .text(" (TargetTable, SourceTable, SourceRowId) SELECT ")
        .then(target())
        .text(", ")
        .then(source())
        .text(", x.RowId FROM (SELECT ")
        .then(row_id())
        .text(" AS RowId, ROW_NUMBER() OVER (PARTITION BY ")
        .then(byte_by_byte(map.key.clone()))
        .text(" ORDER BY ")
        .then(row_id())
        .text(") AS n")
        .then(from_source(map))
        .text(" AND ")
        .then(map.key.clone())
        .text(" IS NOT NULL) x WHERE x.n > 1");
    vec![clear.statement(), find.statement()]
}

/// A key compared byte by byte, which is SQLite's own way.
fn byte_by_byte(key: Fragment) -> Fragment {
    Fragment::sql("(").then(key).then(Fragment::each(|d| match d {
        Dialect::Sqlite => ")".to_owned(),
        Dialect::Mssql => ") COLLATE Latin1_General_BIN2".to_owned(),
    }))
}

/// Counts the staged rows of a mapping.
pub(crate) fn staged_rows(planned: &TablePlan, map: &MapPlan) -> Statement {
    Fragment::sql("SELECT COUNT(*) FROM ")
        .then(target_table(planned))
        .text(" t WHERE ")
        .then(column("t", control::SOURCE_TABLE))
        .text(" = ")
        .then(Fragment::param(map.source.as_str()))
        .statement()
}

/// Counts the source rows that a mapping takes.
pub(crate) fn source_rows(map: &MapPlan) -> Statement {
    Fragment::sql("SELECT COUNT(*)").then(from_source(map)).statement()
}

pub(crate) fn target_table(planned: &TablePlan) -> Fragment {
    Fragment::each(|d| d.table(&planned.target.name()))
}

fn quoted(name: &str) -> Fragment {
    Fragment::each(|d| d.quote(name))
}

/// Joins `t` to the row at hand: `key` is its effective key.
pub(crate) fn is_row_of(map: &MapPlan, key: Fragment) -> Fragment {
    column("t", control::SOURCE_KEY)
        .text(" = ")
        .then(key)
        .text(" AND ")
        .then(column("t", control::SOURCE_TABLE))
        .text(" = ")
        .then(Fragment::param(map.source.as_str()))
}

/// The statements for one slice of source rows.
pub(crate) struct Slice<'a> {
    planned: &'a TablePlan,
    map: &'a MapPlan,
    rows: RangeInclusive<i64>,
}

impl<'a> Slice<'a> {
    pub(crate) fn new(planned: &'a TablePlan, map: &'a MapPlan, rows: RangeInclusive<i64>) -> Self {
        Self { planned, map, rows }
    }

    fn in_slice(&self) -> Fragment {
        let [first, last] = super::bounds(&self.rows);
        super::row_id("s")
            .text(" BETWEEN ")
            .then(Fragment::param(first))
            .text(" AND ")
            .then(Fragment::param(last))
    }

    /// `WITH m AS (…)`: the mapped rows of the slice, each expression computed once.
    fn mapped(&self, only: Option<Fragment>) -> Fragment {
        let mut outputs = vec![
            super::row_id("s").text(" AS SourceRowId"),
            effective_key(self.planned, self.map).text(" AS SourceKey"),
        ];
        for (name, value) in self.hashed() {
            outputs.push(value.text(" AS ").then(quoted(&name)));
        }
        if let Some(client_id) = &self.map.client_id {
            outputs.push(client_id.clone().text(" AS ").then(quoted(control::CLIENT_ID)));
        }
        let with = Fragment::each(|d| match d {
            // SQLite would put the expressions into the outer query, and compute them once more for the hash.
            Dialect::Sqlite => "WITH m AS MATERIALIZED (SELECT ".to_owned(),
            Dialect::Mssql => "WITH m AS (SELECT ".to_owned(),
        });
        let rows = with
            .then(Fragment::join(outputs, ", "))
            .then(from_source(self.map))
            .text(" AND ")
            .then(self.in_slice());
        match only {
            Some(only) => rows.text(" AND ").then(only).text(") "),
            None => rows.text(") "),
        }
    }

    /// Everything that the content hash covers: staged cells, then parties.
    fn hashed(&self) -> Vec<(String, Fragment)> {
        let mut hashed: Vec<(String, Fragment)> =
            self.map.cells.iter().map(|cell| (cell.column.clone(), cell.value.clone())).collect();
        for (index, party) in self.map.parties.iter().enumerate() {
            if let Some(lookup) = &party.lookup {
                hashed.push((format!("DataMigration_Party{index}Key"), lookup.key.clone()));
                hashed.push((format!("DataMigration_Party{index}Table"), lookup.table.clone()));
            }
            if let Some(address) = &party.address {
                hashed.push((format!("DataMigration_Party{index}Address"), address.clone()));
            }
        }
        // Rules written in another order mean the same rows.
        hashed.sort_by(|(a, _), (b, _)| a.cmp(b));
        hashed
    }

    fn hash(&self) -> Fragment {
        let names = self.hashed();
        hash_of(names.iter().map(|(name, _)| column("m", name)).collect())
    }

    /// Inserts the rows that are not staged yet.
    pub(crate) fn insert_new(&self) -> Statement {
        let absent = Fragment::sql("NOT EXISTS (SELECT 1 FROM ")
            .then(target_table(self.planned))
            .text(" t WHERE ")
            .then(is_row_of(self.map, effective_key(self.planned, self.map)))
            .text(")");
        let action = if self.map.mode == Mode::Match && self.map.writes_matches { "U" } else { "I" };
        let mut into = vec![
            quoted(control::SOURCE_TABLE),
            quoted(control::SOURCE_KEY),
            quoted(control::ACTION_FLAG),
            quoted(control::ROW_HASH),
        ];
        let mut values = vec![
            Fragment::param(self.map.source.as_str()),
            Fragment::sql("m.SourceKey"),
            Fragment::each(|d| d.literal(action)),
            Fragment::sql("CONCAT(").then(self.hash()).text(&format!(", '{NO_SCRIPT}')")),
        ];
        for cell in &self.map.cells {
            into.push(quoted(&cell.column));
            values.push(column("m", &cell.column));
        }
        if self.map.client_id.is_some() {
            into.push(quoted(control::CLIENT_ID));
            values.push(column("m", control::CLIENT_ID));
        }
        self.mapped(Some(absent))
            .text("INSERT INTO ")
            .then(target_table(self.planned))
            .text(" (")
            .then(Fragment::join(into, ", "))
            .text(") SELECT ")
            .then(Fragment::join(values, ", "))
            // In the order of the source, so that RowIds follow it.
            .text(" FROM m ORDER BY m.SourceRowId")
            .statement()
    }

    /// Lists the rows whose content differs and updates them: a new generation each.
    pub(crate) fn update_changed(&self) -> Vec<Statement> {
        if self.hashed().is_empty() {
            return Vec::new();
        }
        let changes = || Fragment::each(|d| d.table(&scratch::changes()));
        let clear = Fragment::sql("DELETE FROM ").then(changes());
        let first_half = |dialect: Dialect| match dialect {
            Dialect::Sqlite => format!("SUBSTR(t.{}, 1, 16)", dialect.quote(control::ROW_HASH)),
            Dialect::Mssql => format!("SUBSTRING(t.{}, 1, 16)", dialect.quote(control::ROW_HASH)),
        };
        let list = self
            .mapped(None)
            .text("INSERT INTO ")
            .then(changes())
            .text(" (TargetRowId, SourceRowId, RowHash) SELECT ")
            .then(super::row_id("t"))
            .text(", m.SourceRowId, ")
            .then(self.hash())
            // The order of the join is fixed: each mapped row finds its staged row through the unique index.
            .then(Fragment::each(|d| match d {
                Dialect::Sqlite => " FROM m CROSS JOIN ".to_owned(),
                Dialect::Mssql => " FROM m INNER JOIN ".to_owned(),
            }))
            .then(target_table(self.planned))
            .text(" t ON ")
            .then(is_row_of(self.map, Fragment::sql("m.SourceKey")))
            .text(" WHERE ")
            .then(Fragment::each(|d| format!("COALESCE({}, '')", first_half(d))))
            .text(" <> ")
            .then(self.hash());
        let mut statements = vec![clear.statement(), list.statement(), self.update()];
        if self.planned.target.has_parties() {
            let forget = Fragment::sql("DELETE FROM ")
                .then(Fragment::each(|d| d.table(&self.planned.target.party())))
                .text(" WHERE RowId IN (SELECT TargetRowId FROM ")
                .then(changes())
                .text(")");
            statements.push(forget.statement());
        }
        statements
    }

    /// Columns that change with a new content, and their new values: `s` is the source row, `t` the staged one.
    fn new_values(&self) -> Vec<(String, Fragment)> {
        let cell_of = |name: &str| self.map.cells.iter().find(|cell| cell.column == name);
        let mut values: Vec<(String, Fragment)> = Vec::new();
        for staged in &self.planned.target.columns {
            let keys: Vec<_> = key_columns(staged).iter().filter_map(|name| cell_of(name)).collect();
            if keys.is_empty() {
                continue;
            }
            // What was resolved from another key or text has to be resolved again.
            let unchanged = Fragment::join(
                keys.iter().map(|cell| same(&column("t", &cell.column), &cell.value)),
                " AND ",
            );
            for name in resolved_columns(staged) {
                let kept = Fragment::sql("CASE WHEN ")
                    .then(unchanged.clone())
                    .text(" THEN ")
                    .then(column("t", &name))
                    .text(" END");
                values.push((name, kept));
            }
        }
        values.extend(self.map.cells.iter().map(|cell| (cell.column.clone(), cell.value.clone())));
        values
    }

    fn update(&self) -> Statement {
        let values = self.new_values();
        let flags = new_generation(self.planned, self.map, "1");
        let names = || Fragment::join(values.iter().map(|(name, _)| quoted(name)), ", ");
        let changes = |d: Dialect| d.table(&scratch::changes());
        let target = |d: Dialect| d.table(&self.planned.target.name());
        let source = |d: Dialect| d.table(&TableName::source(&self.map.source));
        let row_id = |d: Dialect| d.quote(control::ROW_ID);
        let hash = |d: Dialect| d.quote(control::ROW_HASH);
        // One text serves both engines only where neither `UPDATE … FROM` nor row values are needed; here they are.
        let sqlite = Fragment::each(|d| format!("UPDATE {} AS t SET (", target(d)))
            .then(names())
            .text(") = (SELECT ")
            .then(Fragment::join(values.iter().map(|(_, value)| value.clone()), ", "))
            .then(Fragment::each(|d| {
                format!(
                    " FROM {changes} w JOIN {source} s ON s.{row} = w.SourceRowId WHERE w.TargetRowId = t.{row}), {hash} = \
                     CONCAT((SELECT w.RowHash FROM {changes} w WHERE w.TargetRowId = t.{row}), SUBSTR(t.{hash}, 17)), ",
                    changes = changes(d),
                    source = source(d),
                    row = row_id(d),
                    hash = hash(d),
                )
            }))
            .then(flags.clone())
            .then(Fragment::each(|d| {
                format!(" WHERE t.{} IN (SELECT TargetRowId FROM {})", row_id(d), changes(d))
            }));
        let assignments = values.iter().map(|(name, value)| quoted(name).text(" = ").then(value.clone()));
        let mssql = Fragment::sql("UPDATE t SET ")
            .then(Fragment::join(assignments, ", "))
            .then(Fragment::each(|d| {
                format!(", {hash} = CONCAT(w.RowHash, SUBSTRING(t.{hash}, 17, 64)), ", hash = hash(d))
            }))
            .then(flags)
            .then(Fragment::each(|d| {
                format!(
                    " FROM {target} t INNER JOIN {changes} w ON w.TargetRowId = t.{row} INNER JOIN {source} s ON s.{row} = w.SourceRowId",
                    target = target(d),
                    changes = changes(d),
                    source = source(d),
                    row = row_id(d),
                )
            }));
        Fragment::either(&sqlite, &mssql)
    }

    /// Inserts the parties of staged rows that have none yet.
    pub(crate) fn insert_parties(&self) -> Vec<Statement> {
        let mut positions: Vec<&str> = Vec::new();
        let mut statements = Vec::new();
        for party in &self.map.parties {
            let position = 1 + positions.iter().filter(|part| **part == party.part).count();
            positions.push(&party.part);
            let null = || Fragment::sql("NULL");
            let (key, table, source) = party.lookup.as_ref().map_or_else(
                || (null(), null(), null()),
                |lookup| (lookup.key.clone(), lookup.table.clone(), lookup.source.clone()),
            );
            let address = party.address.clone().unwrap_or_else(null);
            let part = || Fragment::param(party.part.as_str());
            let exists = |d: Dialect| {
                format!(
                    " AND NOT EXISTS (SELECT 1 FROM {} p WHERE p.RowId = t.{} AND p.Position = {position} AND p.Part = ",
                    d.table(&self.planned.target.party()),
                    d.quote(control::ROW_ID)
                )
            };
            let statement = Fragment::sql("INSERT INTO ")
                .then(Fragment::each(|d| d.table(&self.planned.target.party())))
                .text(" (RowId, Part, Position, PartyTable, PartySourceTable, PartySourceKey, AddressUsed) SELECT ")
                .then(super::row_id("t"))
                .text(", ")
                .then(part())
                .text(&format!(", {position}, "))
                .then(Fragment::join([table, source, key.clone(), address.clone()], ", "))
                .then(Fragment::each(|d| {
                    let join = if d == Dialect::Sqlite { "CROSS JOIN" } else { "INNER JOIN" };
                    format!(
                        " FROM {} s {join} {} t ON ",
                        d.table(&TableName::source(&self.map.source)),
                        d.table(&self.planned.target.name())
                    )
                }))
                .then(is_row_of(self.map, effective_key(self.planned, self.map)))
                .text(" WHERE ")
                .then(self.in_slice())
                .text(" AND (")
                .then(key)
                .text(" IS NOT NULL OR ")
                .then(address)
                .text(" IS NOT NULL)")
                .then(Fragment::each(exists))
                .then(part())
                .text(")")
                .statement();
            statements.push(statement);
        }
        statements
    }
}

/// The physical columns that say what a staged column refers to or means.
pub(crate) fn key_columns(staged: &StagedColumn) -> Vec<String> {
    let keys = [
        staged.text_column(),
        staged.source_key_column(),
        staged.source_table_column(),
        // The owner's table is a result, not a key.
        staged.table_column().filter(|_| staged.kind != StagedKind::Owner),
    ];
    keys.into_iter().flatten().collect()
}

/// The physical columns that are resolved from [`key_columns`].
pub(crate) fn resolved_columns(staged: &StagedColumn) -> Vec<String> {
    match staged.kind {
        StagedKind::Owner => std::iter::once(staged.name.clone()).chain(staged.table_column()).collect(),
        _ => vec![staged.name.clone()],
    }
}

/// Assignments that begin a new generation of `t`: `by` is how many are counted.
pub(crate) fn new_generation(planned: &TablePlan, map: &MapPlan, by: &str) -> Fragment {
    let is_match = map.mode == Mode::Match;
    Fragment::each(|d| {
        let generation = d.quote(control::GENERATION);
        let action = d.quote(control::ACTION_FLAG);
        let flag = d.quote(control::PROCESSING_FLAG);
        let known = is_in_dataverse(planned, d);
        let action_of = if is_match {
            format!("{action} = t.{action}")
        } else {
            format!("{action} = CASE WHEN {known} THEN 'U' ELSE 'I' END")
        };
        format!("{generation} = t.{generation} + {by}, {flag} = 'U', {action_of}")
    })
}

/// Whether the row `t` is in Dataverse, though its GUID may not have been copied back yet.
pub(crate) fn is_in_dataverse(planned: &TablePlan, d: Dialect) -> String {
    format!(
        "(t.{id} IS NOT NULL OR EXISTS (SELECT 1 FROM {success} y WHERE y.RowId = t.{row} AND y.Pass = {pass}))",
        id = d.quote(control::DATAVERSE_ID),
        success = d.table(&planned.target.success()),
        row = d.quote(control::ROW_ID),
        pass = d.literal(Pass::Insert.as_str()),
    )
}

/// Whether something of the row `t` was sent at its generation, or may have been: a request without outcome may have
/// carried what is replaced now.
pub(crate) fn was_sent(planned: &TablePlan, d: Dialect) -> String {
    format!(
        "t.{flag} <> 'U' OR EXISTS (SELECT 1 FROM {success} y WHERE y.RowId = t.{row} AND y.Generation = t.{generation}) OR \
         EXISTS (SELECT 1 FROM {request} r WHERE r.TargetTable = {table} AND r.State = {open})",
        flag = d.quote(control::PROCESSING_FLAG),
        success = d.table(&planned.target.success()),
        row = d.quote(control::ROW_ID),
        generation = d.quote(control::GENERATION),
        request = d.table(&TableName::target("Request")),
        table = d.literal(&planned.target.logical_name),
        open = d.literal(RequestState::Sent.as_str()),
    )
}

/// The hash over these expressions. The number of arguments of a function is limited, so that long lists are hashed in parts.
pub(crate) fn hash_of(mut parts: Vec<Fragment>) -> Fragment {
    const MOST_ARGUMENTS: usize = 90;
    while parts.len() > MOST_ARGUMENTS {
        let rest = parts.split_off(MOST_ARGUMENTS);
        let head = Fragment::function("dv_hash", parts);
        parts = std::iter::once(head).chain(rest).collect();
    }
    Fragment::function("dv_hash", parts)
}

/// Derives the state of each row from its status, for one slice of staged rows.
pub(crate) fn state_of_status(
    planned: &TablePlan,
) -> Option<impl Fn(RangeInclusive<i64>) -> Statement + Send + use<>> {
    let target = &planned.target;
    let of_kind = |kind: &StagedKind| target.columns.iter().find(|column| column.kind == *kind);
    let (state, status) = (of_kind(&StagedKind::State)?, of_kind(&StagedKind::Status)?);
    let pairs: Vec<(i32, i32)> = planned
        .definition
        .statuses()
        .iter()
        .filter_map(|option| Some((option.value, option.state?)))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let cases = pairs
        .iter()
        .map(|(status, state)| format!(" WHEN {status} THEN {state}"))
        .collect::<Vec<_>>()
        .concat();
    let text = move |d: Dialect, target: &TableName, state: &str, status: &str, text: &str| {
        let (state, status, text) = (d.quote(state), d.quote(status), d.quote(text));
        let row = d.quote(control::ROW_ID);
        let table = d.table(target);
        let derived = format!("CASE {status}{cases} END");
        format!(
            "UPDATE {table} SET {state} = {derived} WHERE {row} BETWEEN {} AND {} AND {text} IS NULL AND {derived} IS NOT NULL AND ({state} IS NULL OR {state} <> {derived})",
            d.param(1),
            d.param(2)
        )
    };
    let (name, state_name, status_name) = (target.name(), state.name.clone(), status.name.clone());
    let state_text = state.text_column().unwrap_or_default();
    Some(move |slice: RangeInclusive<i64>| {
        let params: Vec<Value> = super::bounds(&slice).to_vec();
        Statement::new(|d| text(d, &name, &state_name, &status_name, &state_text), params)
    })
}

#[cfg(test)]
mod tests {
    use dataverse_wire::metadata::{ChoiceOption, ColumnDefinition, ColumnType, TableDefinition};

    use super::*;
    use crate::model::{Owners, TableMapping};
    use crate::plan::{SourceColumns, plan};

    fn account() -> TableDefinition {
        let options = vec![ChoiceOption::new(1, "Accounting")];
        TableDefinition::new("account", "accounts", "accountid")
            .with_column(ColumnDefinition::new("name", ColumnType::String { max_length: 160 }))
            .with_column(ColumnDefinition::new("industrycode", ColumnType::Choice { options }))
            .with_column(ColumnDefinition::new(
                "revenue",
                ColumnType::Money { min: 0.0, max: 1e9, precision: 2 },
            ))
            .with_column(ColumnDefinition::new(
                "parentaccountid",
                ColumnType::Lookup { targets: vec!["account".to_owned()] },
            ))
    }

    #[test]
    fn a_mapping_becomes_one_insert_and_one_update_for_each_slice() {
        let mapping: TableMapping = toml::from_str(
            r#"
            table = "account"
            source = "Account"
            key = "Id"
            where = "s.IsDeleted IS NULL"
            [columns]
            name = { from = "Name", trim = true, fit = true }
            industrycode = "Industry"
            revenue = { from = "Revenue", decimal = "," }
            parentaccountid = { lookup = "Parent" }
            "#,
        )
        .unwrap();
        let columns = ["Id", "Name", "Industry", "Revenue", "Parent", "IsDeleted"];
        let sources = SourceColumns::from([("Account".to_owned(), columns.map(str::to_owned).to_vec())]);
        let plan = plan(&[mapping], &Owners::default(), &[account()], &sources).unwrap();
        let planned = &plan.tables[0];
        let slice = Slice::new(planned, &planned.maps[0], 1..=50_000);
        let statements: Vec<_> = std::iter::once(slice.insert_new()).chain(slice.update_changed()).collect();
        for dialect in Dialect::ALL {
            let text: Vec<&str> = statements.iter().map(|statement| statement.text(dialect)).collect();
            insta::assert_snapshot!(format!("account_{dialect:?}"), text.join("\n\n"));
        }
        assert_eq!(plan.gaps_on_sql_server().keys().copied().collect::<Vec<_>>(), ["dv_fit", "dv_number"]);
    }
}
