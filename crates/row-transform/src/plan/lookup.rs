//! Lookups, owners and parties: the SQL that finds key, table and source of a reference.

use std::collections::BTreeMap;

use super::source::SourceRef;
use crate::model::LookupRule;
use crate::problem::Problems;
use crate::sql::Fragment;

/// Which source tables feed each Dataverse table, in the order of the mappings.
pub(crate) type Feeds = BTreeMap<String, Vec<String>>;

/// A reference, resolved as far as the mapping goes.
#[derive(Clone, Debug)]
pub(crate) struct PlannedLookup {
    /// The parent's key, NULL when there is none.
    pub(crate) key: Fragment,
    /// The parent's Dataverse table; NULL when the key's prefix says nothing.
    pub(crate) table: Fragment,
    /// The parent's source table.
    pub(crate) source: Fragment,
    /// Every table it can point to.
    pub(crate) targets: Vec<String>,
    /// Every source that the parents can come from, by table.
    pub(crate) sources: Vec<(String, String)>,
}

/// Plans a reference: `allowed` are the tables that the metadata names (empty: unknown), `feeds` those that are mapped.
pub(crate) fn plan_lookup(
    name: &str,
    rule: &LookupRule,
    allowed: &[String],
    feeds: &Feeds,
    source: &mut SourceRef<'_>,
    problems: &mut Problems<'_>,
) -> Option<PlannedLookup> {
    let before = problems.found.len();
    let mut planned = PlannedLookup {
        key: Fragment::default(),
        table: Fragment::default(),
        source: Fragment::default(),
        targets: Vec::new(),
        sources: Vec::new(),
    };
    let (mut keys, mut tables, mut sources) = (Fragment::default(), Fragment::default(), Fragment::default());
    for link in rule.chain() {
        let Some(column) = source.column(&link.lookup, Some(name), problems) else { continue };
        let fallback = link.to.clone().or_else(|| {
            // One possible target needs no naming.
            (link.by_prefix.is_empty() && allowed.len() == 1).then(|| allowed[0].clone())
        });
        if fallback.is_none() && link.by_prefix.is_empty() {
            let several = match allowed {
                [] => "the metadata does not say which".to_owned(),
                tables => format!("{} are possible", tables.join(", ")),
            };
            problems.column(name, format!("`to` is missing for the lookup {:?}: {several}", link.lookup));
            continue;
        }
        let mut passed_on = Vec::new();
        for (prefix, table) in &link.by_prefix {
            if prefix.is_empty() {
                problems.column(name, "`by_prefix` has an empty prefix: use `to` for all other keys");
            }
            let starts = starts_with(&column, prefix);
            if table.is_empty() {
                passed_on.push(starts);
                continue;
            }
            let feed = feed_of(name, table, link.source.as_deref(), allowed, feeds, problems);
            branch(&mut keys, &starts, column.clone());
            branch(&mut tables, &starts, word(table));
            branch(&mut sources, &starts, feed.as_deref().map_or_else(null, word));
            remember(&mut planned, table, feed);
        }
        // Without `to`, a key with a prefix that nobody lists is kept without a table: it becomes a finding and is not lost.
        let mut filled = column.clone().text(" IS NOT NULL");
        for starts in passed_on {
            filled = filled.text(" AND NOT ").then(starts);
        }
        branch(&mut keys, &filled, column.clone());
        if let Some(table) = fallback {
            let feed = feed_of(name, &table, link.source.as_deref(), allowed, feeds, problems);
            branch(&mut tables, &filled, word(&table));
            branch(&mut sources, &filled, feed.as_deref().map_or_else(null, word));
            remember(&mut planned, &table, feed);
        } else {
            branch(&mut tables, &filled, null());
            branch(&mut sources, &filled, null());
        }
    }
    if problems.found.len() > before {
        return None;
    }
    planned.key = Fragment::sql("CASE").then(keys).text(" END");
    planned.table = Fragment::sql("CASE").then(tables).text(" END");
    planned.source = Fragment::sql("CASE").then(sources).text(" END");
    Some(planned)
}

/// Which source the parents of a lookup come from: the rule's, or the only one there is.
pub(crate) fn feed_of(
    name: &str,
    table: &str,
    declared: Option<&str>,
    allowed: &[String],
    feeds: &Feeds,
    problems: &mut Problems<'_>,
) -> Option<String> {
    if !allowed.is_empty() && !allowed.iter().any(|known| known == table) {
        problems
            .column(name, format!("cannot point to {table:?}: the metadata allows {}", allowed.join(", ")));
        return None;
    }
    let Some(sources) = feeds.get(table) else {
        problems.column(
            name,
            format!("points to {table:?}, which no mapping stages: add a [[map]] for it (mode \"load\" or \"match\")"),
        );
        return None;
    };
    match (declared, sources.as_slice()) {
        (Some(declared), _) if sources.iter().any(|source| source == declared) => Some(declared.to_owned()),
        (Some(declared), _) => {
            problems.column(name, format!("{table} is not fed from the source {declared:?}"));
            None
        }
        (None, [only]) => Some(only.clone()),
        (None, several) => {
            problems.column(
                name,
                format!(
                    "{table} is fed from several sources ({}): say which with `source`",
                    several.join(", ")
                ),
            );
            None
        }
    }
}

fn remember(planned: &mut PlannedLookup, table: &str, feed: Option<String>) {
    if !planned.targets.iter().any(|known| known == table) {
        planned.targets.push(table.to_owned());
    }
    if let Some(feed) = feed {
        let pair = (table.to_owned(), feed);
        if !planned.sources.contains(&pair) {
            planned.sources.push(pair);
        }
    }
}

fn branch(cases: &mut Fragment, when: &Fragment, then: Fragment) {
    *cases = std::mem::take(cases).text(" WHEN ").then(when.clone()).text(" THEN ").then(then);
}

/// Names of tables are words of the statement.
fn word(text: &str) -> Fragment {
    Fragment::word(text)
}

fn null() -> Fragment {
    Fragment::no_text()
}

fn starts_with(column: &Fragment, prefix: &str) -> Fragment {
    let length = prefix.chars().count();
    Fragment::over([column], |d, [column]| d.substring(column, 1, length))
        .text(" = ")
        .then(Fragment::param(prefix))
}
