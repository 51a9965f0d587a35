//! Which source table becomes which Dataverse table, and everything that is wrong with that in itself.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use row_transform::model::{Mode, TableMapping};
use serde_path_to_error::Segment;

use super::check::{Check, at, key};
use super::problem::did_you_mean;

impl Check<'_> {
    pub(super) fn maps(&mut self, maps: &[TableMapping]) {
        if maps.is_empty() && !self.document.is_broken() && self.problems.is_empty() {
            self.missing("map", "nothing is mapped", "add a [[map]] section for each table to move");
        }
        let mut seen: HashMap<(String, String), usize> = HashMap::new();
        for (index, map) in maps.iter().enumerate() {
            let base = [key("map"), at(index)];
            let under = |names: &[&str]| {
                base.iter().cloned().chain(names.iter().map(|name| key(name))).collect::<Vec<_>>()
            };
            if !map.table.is_empty() && !map.source.is_empty() {
                let pair = (map.table.clone(), map.source.to_lowercase());
                if let Some(first) = seen.insert(pair, index) {
                    self.note_at(
                        &under(&["table"]),
                        format!("`{}` is mapped twice, first in map[{}]", map.label(), first + 1),
                        Some("put the columns of both into one [[map]]"),
                    );
                }
            }
            if !map.table.is_empty() && !is_logical_name(&map.table) {
                self.note_at(
                    &under(&["table"]),
                    format!("`{}` is not the logical name of a table", map.table),
                    Some("logical names are lower case, such as account or new_branch"),
                );
            }
            self.columns(map, &under);
            match map.mode {
                Mode::Load if !map.match_on.is_empty() => self.note_at(
                    &under(&["match_on"]),
                    "`match_on` has no meaning in a table that is loaded".to_owned(),
                    Some("add mode = \"match\", or remove it"),
                ),
                Mode::Match if map.match_on.is_empty() => self.note_at(
                    &under(&["mode"]),
                    "a table that is matched needs `match_on`, the columns of its natural key".to_owned(),
                    Some("such as match_on = [\"isocurrencycode\"]"),
                ),
                _ => {}
            }
            for column in &map.match_on {
                if map.mode == Mode::Match && !map.columns.contains_key(column) {
                    let hint = did_you_mean(column, map.columns.keys().map(String::as_str));
                    self.note_at(
                        &under(&["match_on"]),
                        format!("`{column}` is not among the columns of this mapping"),
                        hint.as_deref(),
                    );
                }
            }
            for (number, script) in map.sql.iter().enumerate() {
                let mut path = under(&["sql"]);
                path.push(at(number));
                if !script_exists(&self.folder.join(script)) {
                    self.note_at(&path, format!("there is no script {script}"), None);
                }
            }
        }
    }

    fn columns(&mut self, map: &TableMapping, under: &dyn Fn(&[&str]) -> Vec<Segment>) {
        for (column, rule) in &map.columns {
            let path = under(&["columns", column]);
            if !is_logical_name(column) {
                self.note_at(
                    &path,
                    format!("`{column}` is not the logical name of a column"),
                    Some("logical names are lower case; the source column stands on the right"),
                );
            }
            for problem in rule.kind().err().into_iter().flatten() {
                self.note_at(&path, problem, None);
            }
        }
        for (part, rules) in &map.parties {
            for (number, rule) in rules.iter().enumerate() {
                let mut path = under(&["parties", part]);
                path.push(at(number));
                if rule.lookup.is_none() && rule.address.is_none() {
                    self.note_at(&path, "a party needs a `lookup` or an `address`".to_owned(), None);
                }
                if rule.lookup.is_some() && rule.to.is_none() && rule.by_prefix.is_empty() {
                    self.note_at(
                        &path,
                        "the party's table is not named".to_owned(),
                        Some("give `to` or `by_prefix`"),
                    );
                }
            }
        }
        let mut ignored = HashSet::new();
        for column in &map.ignore {
            if !ignored.insert(column) {
                self.note_at(&under(&["ignore"]), format!("`{column}` is listed twice"), None);
            }
        }
    }
}

fn is_logical_name(name: &str) -> bool {
    name.parse::<dataverse_wire::LogicalName>().is_ok()
}

/// A script is `x.sql`, or `x.sqlite.sql` and `x.mssql.sql` side by side.
fn script_exists(path: &Path) -> bool {
    path.is_file() || ["sqlite.sql", "mssql.sql"].iter().any(|end| path.with_extension(end).is_file())
}
