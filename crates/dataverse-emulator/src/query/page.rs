//! One page of a query, written as JSON while it is read.

use super::QueryOptions;
use super::bind::{Binder, Condition, Path};
use super::changes::{DeltaToken, page_rows, write_delta_link};
use super::chosen::{order, sort};
use super::cookie::{Cookie, next_link};
use super::evaluate::Evaluator;
use super::expand::expands;
use super::narrow::narrow;
use super::parse::parse_filter;
use crate::answer::{Annotations, Projection, write_row, write_text};
use crate::refusal::Refusal;
use crate::schema::Table;
use crate::settings::Settings;
use crate::state::{Key, Organisation};

/// A query of one table.
pub(crate) struct Scope<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) settings: &'a Settings,
    pub(crate) table: &'a Table,
    pub(crate) options: &'a QueryOptions,
    /// Rows to look at; `None` looks at all of the table.
    pub(crate) only: Option<Vec<Key>>,
    /// `Prefer: odata.maxpagesize`.
    pub(crate) page_rows: Option<usize>,
    pub(crate) annotations: Annotations,
    /// `Prefer: odata.track-changes`: the last page ends with a link to what changes from here on.
    pub(crate) tracking: Option<DeltaToken>,
    /// `http://host/api/data/v9.2/`.
    pub(crate) root: &'a str,
    /// The request's path and query after the root: what the next link repeats.
    pub(crate) target: &'a str,
}

/// The projection that `$select` and `$expand` ask for.
pub(crate) fn project(
    organisation: &Organisation,
    settings: &Settings,
    table: &Table,
    options: &QueryOptions,
    annotations: Annotations,
) -> Result<Projection, Refusal> {
    let mut projection = match &options.select {
        Some(select) => Projection::select(table, select, annotations)?,
        None => Projection::all(table, annotations),
    };
    if let Some(text) = &options.expand {
        projection.expands = expands(&organisation.schema, settings, table, text, annotations)?;
    }
    settings.must_keep_all(&organisation.schema, table, &projection)?;
    Ok(projection)
}

impl Scope<'_> {
    fn condition(&self) -> Result<Option<Condition>, Refusal> {
        let Some(text) = &self.options.filter else { return Ok(None) };
        let binder = Binder { schema: &self.organisation.schema, table: self.table, settings: self.settings };
        binder.bind(&parse_filter(text)?).map(Some)
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator { organisation: self.organisation, settings: self.settings }
    }

    /// The keys to look at, where something narrows them down.
    fn candidates(&self, condition: Option<&Condition>) -> Option<Vec<Key>> {
        let rows = self.organisation.rows(self.table.id);
        match (&self.only, condition) {
            (Some(keys), _) => {
                let mut keys = keys.clone();
                keys.sort_unstable();
                Some(keys)
            }
            (None, Some(condition)) => narrow(condition, self.table, rows),
            (None, None) => None,
        }
    }

    /// Runs through the matching rows in key order, from after a key, until told to stop.
    fn visit(
        &self,
        condition: Option<&Condition>,
        after: Option<Key>,
        mut visit: impl FnMut(Key, &[u8]) -> bool,
    ) {
        let rows = self.organisation.rows(self.table.id);
        let evaluator = self.evaluator();
        match self.candidates(condition) {
            Some(keys) => {
                for key in keys.into_iter().filter(|key| after.is_none_or(|after| *key > after)) {
                    if let Some(row) = rows.get(key)
                        && condition.is_none_or(|it| evaluator.holds(it, self.table.id, key, row))
                        && !visit(key, row)
                    {
                        return;
                    }
                }
            }
            None => {
                for (key, row) in rows.after(after) {
                    let matches = condition.is_none_or(|it| evaluator.holds(it, self.table.id, key, row));
                    if matches && !visit(key, row) {
                        return;
                    }
                }
            }
        }
    }

    /// All matching keys in the order asked for.
    fn ordered(&self, condition: Option<&Condition>, order: &[(Path, bool)]) -> Vec<Key> {
        let mut found: Vec<Key> = Vec::new();
        self.visit(condition, None, |key, _| {
            found.push(key);
            true
        });
        sort(self.evaluator(), self.table.id, order, &mut found);
        found
    }

    fn order(&self) -> Result<Vec<(Path, bool)>, Refusal> {
        let Some(text) = &self.options.order_by else { return Ok(Vec::new()) };
        let binder = Binder { schema: &self.organisation.schema, table: self.table, settings: self.settings };
        let mut order = order(binder, text)?;
        // Ascending by the primary key is how rows come anyway.
        if let [(path, false)] = order.as_slice()
            && path.hops.is_empty()
            && path.column == self.table.primary
        {
            order.clear();
        }
        Ok(order)
    }
}

/// The rows that meet the filter, up to `cap`; the flag says that there are more.
pub(crate) fn count(scope: &Scope<'_>, cap: usize) -> Result<(usize, bool), Refusal> {
    let condition = scope.condition()?;
    let mut counted = 0;
    scope.visit(condition.as_ref(), None, |_, _| {
        counted += 1;
        counted <= cap
    });
    Ok((counted.min(cap), counted > cap))
}

/// Every row that meets the filter: for aggregates, which have a limit of their own.
pub(super) fn visit_all(
    scope: &Scope<'_>,
    filters: &[String],
    mut visit: impl FnMut(Key, &[u8]) -> bool,
) -> Result<(), Refusal> {
    let binder = Binder { schema: &scope.organisation.schema, table: scope.table, settings: scope.settings };
    let mut condition = scope.condition()?;
    for text in filters {
        let next = binder.bind(&parse_filter(text)?)?;
        condition = Some(match condition {
            Some(known) => Condition::And(Box::new(known), Box::new(next)),
            None => next,
        });
    }
    scope.visit(condition.as_ref(), None, &mut visit);
    Ok(())
}

/// Writes one page as `{"@odata.context":…,"value":[…]}`.
pub(crate) fn page(scope: &Scope<'_>) -> Result<Vec<u8>, Refusal> {
    let table = scope.table;
    let condition = scope.condition()?;
    let order = scope.order()?;
    let projection = project(scope.organisation, scope.settings, table, scope.options, scope.annotations)?;
    let page_rows = page_rows(scope.page_rows, scope.settings);
    // `$top` takes precedence over the preferred page size (documents disagree; this is the older text).
    let limit = scope.options.top.map_or(page_rows, |top| top.min(scope.settings.max_page_rows));
    let cookie = scope.options.skip_token.as_deref().map(Cookie::parse).transpose()?;
    // What is written between two pages is told by the delta link: it leads back to the first of them.
    let tracking = cookie.as_ref().map_or(scope.tracking, |cookie| cookie.tracking);

    let mut out = Vec::with_capacity(limit.min(5_000) * 200 + 300);
    out.extend_from_slice(b"{\"@odata.context\":");
    let selected = scope.options.select.as_deref().map_or_else(String::new, |select| format!("({select})"));
    write_text(&format!("{}$metadata#{}{selected}", scope.root, table.entity_set), &mut out);
    if scope.annotations.totals || scope.options.count {
        let (counted, more) = count(scope, scope.settings.count_cap)?;
        if scope.options.count {
            out.extend_from_slice(format!(",\"@odata.count\":{counted}").as_bytes());
        }
        if scope.annotations.totals {
            let counted = if scope.options.count { i64::try_from(counted).unwrap_or(i64::MAX) } else { -1 };
            let totals = format!(
                ",\"@Microsoft.Dynamics.CRM.totalrecordcount\":{counted},\
                 \"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\":{}",
                more && scope.options.count
            );
            out.extend_from_slice(totals.as_bytes());
        }
    }
    out.extend_from_slice(b",\"value\":[");
    let mut written = 0;
    let (mut first, mut last) = (None, None);
    let mut more = false;
    let mut write = |key: Key, row: &[u8], out: &mut Vec<u8>| {
        if written == limit {
            more = true;
            return false;
        }
        if written > 0 {
            out.push(b',');
        }
        write_row(scope.organisation, table, key, row, &projection, None, out);
        written += 1;
        first.get_or_insert(key);
        last = Some(key);
        true
    };
    let number = cookie.as_ref().map_or(1, |cookie| cookie.page);
    if order.is_empty() {
        let after = cookie.and_then(|cookie| cookie.last).map(Key::from);
        scope.visit(condition.as_ref(), after, |key, row| write(key, row, &mut out));
    } else {
        let rows = scope.organisation.rows(table.id);
        let keys = scope.ordered(condition.as_ref(), &order);
        for key in keys.into_iter().skip((number - 1).saturating_mul(limit)) {
            if let Some(row) = rows.get(key)
                && !write(key, row, &mut out)
            {
                break;
            }
        }
    }
    out.push(b']');
    if let (true, None, Some(first), Some(last)) = (more, scope.options.top, first, last) {
        let primary = &table.column(table.primary).name;
        let cookie = Cookie { page: number + 1, last: Some(last.id()), tracking }.write(primary, first.id());
        out.extend_from_slice(b",\"@odata.nextLink\":");
        write_text(&next_link(scope.root, scope.target, &cookie), &mut out);
    } else if let Some(token) = tracking {
        write_delta_link(scope, token, &mut out);
    }
    out.push(b'}');
    Ok(out)
}
