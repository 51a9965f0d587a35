//! One page of joined rows, written as JSON.

use std::collections::HashSet;

use uuid::Uuid;

use super::super::evaluate::Evaluator;
use super::super::narrow::narrow;
use super::super::sort_value::SortValue;
use super::aggregate::aggregate;
use super::cookie::{self, FetchCookie};
use super::join::{Joined, Joiner};
use super::operator::Asker;
use super::parse::Fetch;
use super::plan::{OrderBy, Plan, Planner};
use crate::answer::{Annotations, write_annotated, write_cell, write_text};
use crate::refusal::{self, Refusal};
use crate::schema::{Kind, Table};
use crate::settings::Settings;
use crate::state::row::{self, Cell};
use crate::state::{Caller, Key, Organisation};
use crate::write::pair_rows;

/// Who asks for what of which table.
pub(crate) struct FetchScope<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) settings: &'a Settings,
    pub(crate) caller: Caller,
    /// The entity set in the URL.
    pub(crate) table: &'a Table,
    /// Rows to look at; `None` looks at all of the table.
    pub(crate) only: Option<Vec<Key>>,
    /// `$count=true` beside the query.
    pub(crate) count: bool,
    pub(crate) annotations: Annotations,
    /// `http://host/api/data/v9.2/`.
    pub(crate) root: &'a str,
}

/// Pages without a cookie end here (documented: simple paging).
const SIMPLE_PAGING_ROWS: usize = 50_000;

/// Answers a query by FetchXML.
pub(crate) fn fetch(scope: &FetchScope<'_>, xml: &str) -> Result<Vec<u8>, Refusal> {
    let fetch = Fetch::parse(xml)?;
    let schema = &scope.organisation.schema;
    if fetch.entity.name != scope.table.name {
        schema.named(&fetch.entity.name).ok_or_else(|| refusal::no_table(&fetch.entity.name))?;
        return Err(refusal::bad_query(format_args!(
            "The entity set '{}' is not that of the fetch's entity '{}'.",
            scope.table.entity_set, fetch.entity.name
        )));
    }
    if let Some(top) = fetch.top {
        let most = scope.settings.max_page_rows;
        if top > most {
            let text = format!("The value of the top attribute is {top}; it cannot exceed {most}.");
            return Err(refusal::refusal(400, 0x8004_0203, text));
        }
        if fetch.page.is_some() || fetch.count.is_some() || fetch.total {
            let text = "The top attribute can't be specified with paging or returntotalrecordcount.";
            return Err(refusal::refusal(400, 0x8004_0203, text));
        }
    }
    let asker = Asker {
        user: scope.caller.user,
        teams: teams_of(scope.organisation, scope.caller.user),
        business_unit: scope.organisation.seeds.business_unit,
        now: scope.caller.now,
    };
    let mut planner = Planner::new(schema, scope.settings, asker);
    let plan = planner.plan(&fetch, scope.table)?;
    let evaluator = Evaluator { organisation: scope.organisation, settings: scope.settings };
    let run = Run { scope, plan: &plan, joiner: Joiner { evaluator, slots: &plan.slots } };
    if fetch.aggregate {
        return aggregate(&run, &planner, &fetch);
    }
    run.page(&fetch)
}

fn teams_of(organisation: &Organisation, user: Uuid) -> Vec<Uuid> {
    let schema = &organisation.schema;
    let pairs = schema.pairs().iter().filter(|pair| pair.schema_name == "teammembership_association");
    let mut teams = Vec::new();
    for pair in pairs {
        teams.extend(pair_rows(organisation, pair, schema.table(pair.first).name == "systemuser", user));
    }
    teams
}

/// A query at work.
pub(super) struct Run<'r, 'a> {
    pub(super) scope: &'r FetchScope<'a>,
    pub(super) plan: &'r Plan,
    pub(super) joiner: Joiner<'r>,
}

impl<'r> Run<'r, '_> {
    /// Visits joined rows in the order of the root's keys, until told to stop.
    pub(super) fn visit(&self, after: Option<Key>, visit: &mut dyn FnMut(&Joined<'r>) -> bool) {
        let organisation = self.joiner.evaluator.organisation;
        let table = self.scope.table;
        let rows = organisation.rows(table.id);
        let mut joined: Joined<'r> = vec![None; self.plan.slots.len()];
        let mut root = |key: Key, row: &'r [u8]| {
            joined.fill(None);
            joined[0] = Some((key, row));
            let holds = self.plan.own.iter().all(|test| self.joiner.holds(test, &mut joined));
            !holds || self.joiner.descend(&self.plan.joins, &self.plan.after, &mut joined, visit)
        };
        let narrowed = match &self.scope.only {
            Some(keys) => {
                let mut keys = keys.clone();
                keys.sort_unstable();
                Some(keys)
            }
            None => self.plan.narrowing.as_ref().and_then(|condition| narrow(condition, table, rows)),
        };
        match narrowed {
            Some(keys) => {
                for key in keys.into_iter().filter(|key| after.is_none_or(|after| *key > after)) {
                    if rows.get(key).is_some_and(|row| !root(key, row)) {
                        return;
                    }
                }
            }
            None => {
                for (key, row) in rows.after(after) {
                    if !root(key, row) {
                        return;
                    }
                }
            }
        }
    }

    /// Every root row gives at most one joined row: a root's key then says where a page ended.
    fn is_single(&self) -> bool {
        self.plan.joins.iter().all(super::join::Join::is_single)
    }

    fn page(&self, fetch: &Fetch) -> Result<Vec<u8>, Refusal> {
        let most = self.scope.settings.max_page_rows;
        let limit = fetch.top.or(fetch.count).unwrap_or(most).min(most);
        let number = fetch.page.unwrap_or(1);
        let by_columns_of_root = self.plan.orders.iter().all(|order| order.slot == 0);
        let takes_cookie = self.is_single() && by_columns_of_root && !fetch.distinct;
        let cookie = match &fetch.cookie {
            Some(text) if takes_cookie => {
                let primary = &self.scope.table.column(self.scope.table.primary).name;
                // Documented: the cookie of a page that is not the one before is ignored.
                Some(cookie::parse(text, primary)?).filter(|cookie| cookie.page + 1 == number)
            }
            _ => None,
        };
        if cookie.is_none() && number.saturating_mul(limit) > SIMPLE_PAGING_ROWS && number > 1 {
            let text =
                "Paging cookie is required when trying to retrieve a set of records on any high pages.";
            return Err(refusal::refusal(400, 0x8004_0203, text));
        }
        let (rows, more) = if self.plan.orders.is_empty() && !fetch.distinct {
            self.stream(number, limit, cookie)
        } else {
            self.sorted(fetch, number, limit, cookie)
        };
        let more = more && fetch.top.is_none();
        let next = (more && takes_cookie).then(|| cookie::write(number, &self.cookie_values(&rows)));
        let mut out = Vec::with_capacity(rows.len() * 200 + 300);
        self.head(fetch, more, next, &mut out);
        for (index, joined) in rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.row(joined, fetch.distinct, &mut out);
        }
        out.extend_from_slice(b"]}");
        Ok(out)
    }

    /// A page of rows in the order of their keys, and whether there are more.
    fn stream(&self, number: usize, limit: usize, cookie: Option<FetchCookie>) -> (Vec<Joined<'r>>, bool) {
        let after = cookie.and_then(|cookie| cookie.last).map(Key::from);
        let mut skipped = if after.is_some() { 0 } else { (number - 1).saturating_mul(limit) };
        let (mut rows, mut more) = (Vec::new(), false);
        self.visit(after, &mut |joined| {
            if skipped > 0 {
                skipped -= 1;
                return true;
            }
            more = rows.len() == limit;
            if !more {
                rows.push(joined.clone());
            }
            !more
        });
        (rows, more)
    }

    fn sorted(
        &self,
        fetch: &Fetch,
        number: usize,
        limit: usize,
        cookie: Option<FetchCookie>,
    ) -> (Vec<Joined<'r>>, bool) {
        let mut found: Vec<(Vec<SortValue>, Joined<'r>)> = Vec::new();
        let mut known = HashSet::new();
        self.visit(None, &mut |joined| {
            if fetch.distinct {
                let mut json = Vec::new();
                self.row(joined, true, &mut json);
                if !known.insert(json) {
                    return true;
                }
            }
            let keys = self.plan.orders.iter().map(|order| self.order_value(joined, order, fetch.raw_order));
            found.push((keys.collect(), joined.clone()));
            true
        });
        found.sort_by(|(left, left_row), (right, right_row)| {
            let by_columns = left.iter().zip(right).zip(&self.plan.orders).map(|((left, right), order)| {
                if order.descending { right.cmp(left) } else { left.cmp(right) }
            });
            let key = |row: &Joined<'_>| row[0].map(|(key, _)| key);
            by_columns
                .into_iter()
                .find(|order| order.is_ne())
                .unwrap_or_else(|| key(left_row).cmp(&key(right_row)))
        });
        let last = cookie.and_then(|cookie| cookie.last).map(Key::from);
        let at = last.and_then(|last| {
            found.iter().position(|(_, row)| row[0].is_some_and(|(key, _)| key == last)).map(|at| at + 1)
        });
        let start = at.unwrap_or_else(|| (number - 1).saturating_mul(limit)).min(found.len());
        let more = found.len() - start > limit;
        (found.into_iter().skip(start).take(limit).map(|(_, row)| row).collect(), more)
    }

    /// Lookups are ordered by the name of the row they lead to, choices by label (documented).
    fn order_value(&self, joined: &Joined<'r>, order: &OrderBy, raw: bool) -> SortValue {
        let organisation = self.joiner.evaluator.organisation;
        let table = organisation.schema.table(self.plan.slots[order.slot]);
        let cell = self.joiner.read(joined, order.slot, order.column);
        let kind = &table.column(order.column).kind;
        match (kind, cell) {
            (_, Cell::Lookup(target, id)) => {
                let target = organisation.schema.table(target);
                let row = organisation.row(target.id, id);
                match (row, target.primary_name) {
                    (Some(row), Some(name)) => SortValue::of(&target.read(Key::from(id), row, name)),
                    _ => SortValue::Null,
                }
            }
            (
                Kind::Choice { .. } | Kind::State { .. } | Kind::Status { .. } | Kind::Boolean { .. },
                Cell::Integer(value),
            ) if !raw => kind.label(value).map_or(SortValue::Null, SortValue::text),
            (_, cell) => SortValue::of(&cell),
        }
    }

    /// First and last values of the columns that order the rows, the primary key last.
    fn cookie_values(&self, rows: &[Joined<'r>]) -> Vec<(String, String, String)> {
        let table = self.scope.table;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Vec::new() };
        let columns =
            self.plan.orders.iter().map(|order| order.column).filter(|column| *column != table.primary);
        columns
            .chain([table.primary])
            .map(|column| {
                let text = |joined| match self.joiner.read(joined, 0, column) {
                    Cell::Null => String::new(),
                    Cell::Text(text) => text.to_owned(),
                    Cell::Id(id) | Cell::Lookup(_, id) => format!("{{{}}}", id.to_string().to_uppercase()),
                    cell => {
                        let mut text = Vec::new();
                        write_cell(&cell, &mut text);
                        String::from_utf8_lossy(&text).trim_matches('"').to_owned()
                    }
                };
                (table.column(column).name.clone(), text(first), text(last))
            })
            .collect()
    }

    /// All before the rows. Cookie and `morerecords` are only there when there is a next page (documented).
    fn head(&self, fetch: &Fetch, more: bool, cookie: Option<String>, out: &mut Vec<u8>) {
        let names: Vec<&str> = self.plan.outputs.iter().map(|output| output.name.as_str()).collect();
        self.context(&names.join(","), out);
        let counts = fetch.total || self.scope.count;
        let annotations = self.scope.annotations;
        if counts || annotations.totals {
            let (counted, exceeded) = if counts { self.count(fetch.distinct) } else { (0, false) };
            if counts {
                out.extend_from_slice(format!(",\"@odata.count\":{counted}").as_bytes());
            }
            if annotations.totals {
                let counted = if counts { i64::try_from(counted).unwrap_or(i64::MAX) } else { -1 };
                let totals = format!(
                    ",\"@Microsoft.Dynamics.CRM.totalrecordcount\":{counted},\
                     \"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\":{exceeded}"
                );
                out.extend_from_slice(totals.as_bytes());
            }
        }
        if let Some(cookie) = cookie.filter(|_| annotations.paging_cookie) {
            out.extend_from_slice(b",\"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie\":");
            write_text(&cookie, out);
        }
        if more && annotations.more_records {
            out.extend_from_slice(b",\"@Microsoft.Dynamics.CRM.morerecords\":true");
        }
        out.extend_from_slice(b",\"value\":[");
    }

    pub(super) fn context(&self, names: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"@odata.context\":");
        write_text(&format!("{}$metadata#{}({names})", self.scope.root, self.scope.table.entity_set), out);
    }

    fn count(&self, distinct: bool) -> (usize, bool) {
        let cap = self.scope.settings.count_cap;
        let mut counted = 0;
        let mut known = HashSet::new();
        self.visit(None, &mut |joined| {
            if distinct {
                let mut json = Vec::new();
                self.row(joined, true, &mut json);
                known.insert(json);
                counted = known.len();
            } else {
                counted += 1;
            }
            counted <= cap
        });
        (counted.min(cap), counted > cap)
    }

    /// A row without its nulls: FetchXML leaves them out (documented by example).
    fn row(&self, joined: &Joined<'r>, distinct: bool, out: &mut Vec<u8>) {
        let organisation = self.joiner.evaluator.organisation;
        out.push(b'{');
        let mut first = true;
        if let (Some((_, row)), false) = (joined[0], distinct) {
            out.extend_from_slice(format!("\"@odata.etag\":\"W/\\\"{}\\\"\"", row::version(row)).as_bytes());
            first = false;
        }
        for output in &self.plan.outputs {
            let cell = self.joiner.read(joined, output.slot, output.column);
            if cell == Cell::Null {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            let table = organisation.schema.table(self.plan.slots[output.slot]);
            let column = table.column(output.column);
            write_text(&output.name, out);
            out.push(b':');
            write_cell(&cell, out);
            write_annotated(organisation, table, column, &output.name, &cell, self.scope.annotations, out);
        }
        out.push(b'}');
    }
}
