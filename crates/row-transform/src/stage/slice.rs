//! The statements that stage one slice of source rows.
//!
//! A row hash has two halves: over what the mapping fills, and over what the user's scripts fill. Each half is compared
//! on its own, since the scripts run after the mapping.

use std::ops::RangeInclusive;

use staging_schema::{Dialect, SqlType, Statement, TableName, UpdateByList, control};

use super::scratch;
use super::statements::{
    Change, effective_key, from_source, hash_of, is_row_of, key_columns, new_generation, quoted,
    resolved_columns, script_half, source_half, target_table,
};
use super::stored::{stored, type_of};
use crate::model::Mode;
use crate::plan::{MapPlan, TablePlan};
use crate::sql::{Fragment, column, same};

/// The second half of the hash of a row that no script has seen.
const NO_SCRIPT: &str = "0000000000000000";

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

    /// A statement that reads the mapped rows of the slice as `m`, each expression computed once. `head` comes before `FROM`, `tail`
    /// after its first table.
    fn over_mapped(&self, only: Option<Fragment>, head: &Fragment, tail: &Fragment) -> Statement {
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
        let from = from_source(self.map).text(" AND ").then(self.in_slice());
        let from = match only {
            Some(only) => from.text(" AND ").then(only),
            None => from,
        };
        Fragment::over(
            [&Fragment::join(outputs, ", "), &from, head, tail],
            |d, [columns, from, head, tail]| {
                d.computed_first(columns, from, |rows| format!("{head} FROM {rows}{tail}"))
            },
        )
        .statement()
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
            Fragment::word(action),
            Fragment::sql("CONCAT(").then(self.hash()).text(&format!(", '{NO_SCRIPT}')")),
        ];
        for cell in &self.map.cells {
            into.push(quoted(&cell.column));
            values.push(self.stored(&cell.column, column("m", &cell.column)));
        }
        if self.map.client_id.is_some() {
            into.push(quoted(control::CLIENT_ID));
            values.push(column("m", control::CLIENT_ID));
        }
        let insert = Fragment::sql("INSERT INTO ")
            .then(target_table(self.planned))
            .text(" (")
            .then(Fragment::join(into, ", "))
            .text(") SELECT ")
            .then(Fragment::join(values, ", "));
        // In the order of the source, so that RowIds follow it.
        self.over_mapped(Some(absent), &insert, &Fragment::sql(" ORDER BY m.SourceRowId"))
    }

    fn stored(&self, name: &str, value: Fragment) -> Fragment {
        stored(type_of(self.planned, name), value)
    }

    /// Lists the rows whose content differs and updates them: a new generation each.
    pub(crate) fn update_changed(&self) -> Vec<Statement> {
        if self.hashed().is_empty() {
            return Vec::new();
        }
        let changes = || Fragment::each(|d| d.table(&scratch::changes()));
        let clear = Fragment::sql("DELETE FROM ").then(changes());
        let list = Fragment::sql("INSERT INTO ")
            .then(changes())
            .text(" (TargetRowId, SourceRowId, RowHash) SELECT ")
            .then(super::row_id("t"))
            .text(", m.SourceRowId, ")
            .then(self.hash());
        // Each mapped row finds its staged row through the unique index.
        let staged = Fragment::each(|d| format!(" {} ", d.join_in_order()))
            .then(target_table(self.planned))
            .text(" t ON ")
            .then(is_row_of(self.map, Fragment::sql("m.SourceKey")))
            .text(" WHERE ")
            .then(Fragment::each(|d| format!("COALESCE({}, '')", source_half(d))))
            .text(" <> ")
            .then(self.hash());
        let mut statements = vec![clear.statement(), self.over_mapped(None, &list, &staged), self.update()];
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
        values.extend(
            self.map
                .cells
                .iter()
                .map(|cell| (cell.column.clone(), self.stored(&cell.column, cell.value.clone()))),
        );
        values
    }

    fn update(&self) -> Statement {
        let values = self.new_values();
        let flags = new_generation(self.planned, self.map, "1", Change::Source);
        let names: Vec<String> = values.iter().map(|(name, _)| name.clone()).collect();
        let parts: Vec<Fragment> = values.into_iter().map(|(_, value)| value).chain([flags]).collect();
        let (target, source) = (self.planned.target.name(), TableName::source(&self.map.source));
        let changes = scratch::changes();
        Fragment::over_all(&parts, |d, parts| {
            let [values @ .., flags] = parts else { return String::new() };
            let row_id = d.quote(control::ROW_ID);
            let update = UpdateByList {
                table: &target,
                row: &row_id,
                list: &changes,
                listed: "TargetRowId",
                join: &format!("{} s ON s.{row_id} = w.SourceRowId", d.table(&source)),
            };
            let values: Vec<_> = names.iter().map(|name| d.quote(name)).zip(values.iter().copied()).collect();
            let hash = |listed: &str| {
                format!("{} = CONCAT({listed}, {}), {flags}", d.quote(control::ROW_HASH), script_half(d))
            };
            d.update_by_list(&update, &values, "RowHash", hash)
        })
        .statement()
    }

    /// Inserts the parties of staged rows that have none yet.
    pub(crate) fn insert_parties(&self) -> Vec<Statement> {
        let mut positions: Vec<&str> = Vec::new();
        let mut statements = Vec::new();
        for party in &self.map.parties {
            let position = 1 + positions.iter().filter(|part| **part == party.part).count();
            positions.push(&party.part);
            let null = Fragment::no_text;
            let (key, table, source) = party.lookup.as_ref().map_or_else(
                || (null(), null(), null()),
                |lookup| (lookup.key.clone(), lookup.table.clone(), lookup.source.clone()),
            );
            let address = party.address.clone().unwrap_or_else(null);
            let part = || Fragment::param(party.part.as_str());
            let stored_key = stored(Some(SqlType::Key), key.clone());
            let stored_address = stored(Some(SqlType::Text(Some(400))), address.clone());
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
                .then(Fragment::join([table, source, stored_key, stored_address], ", "))
                .then(Fragment::each(|d| {
                    format!(
                        " FROM {} s {} {} t ON ",
                        d.table(&TableName::source(&self.map.source)),
                        d.join_in_order(),
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
        assert!(plan.gaps_on_sql_server().is_empty());
    }
}
