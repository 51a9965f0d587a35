//! What a staged row must hold, as conditions over the row `t`.

use dataverse_wire::metadata::{ColumnDefinition, ColumnType};
use staging_schema::{Dialect, StagedColumn, StagedKind, TableName, control};

use crate::finding::{Rule, Severity};
use crate::model::{Missing, Mode};
use crate::plan::{LookupPlan, Plan, TablePlan, kept_digits};
use crate::sql::{Fragment, column};
use crate::stage;

/// One rule about one column.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) column: Option<String>,
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    /// True for rows that break it.
    pub(crate) broken: Fragment,
    /// The value at fault.
    pub(crate) value: Fragment,
}

/// All checks of a table.
pub(crate) fn checks(plan: &Plan, planned: &TablePlan) -> Vec<Check> {
    let mut checks = vec![Check {
        column: None,
        rule: Rule::KeyBlanks,
        severity: Severity::Error,
        broken: column("t", control::SOURCE_KEY).text(" LIKE '% '"),
        value: column("t", control::SOURCE_KEY),
    }];
    for staged in &planned.target.columns {
        let Some(metadata) = planned.definition.column(&staged.name) else { continue };
        checks.extend(value_checks(planned, staged, metadata));
        checks.extend(required(planned, staged, metadata));
    }
    checks.extend(status_of_state(planned));
    for map in &planned.maps {
        for lookup in &map.lookups {
            checks.push(orphan(planned, &map.source, lookup));
        }
        let mut parts: Vec<&str> = map.parties.iter().map(|party| party.part.as_str()).collect();
        parts.dedup();
        checks.extend(parts.into_iter().map(|part| party_orphan(planned, &map.source, part)));
    }
    if !plan.has_owner_fallback
        && let Some(owner) = planned.target.columns.iter().find(|staged| staged.kind == StagedKind::Owner)
    {
        checks.push(ownerless(owner));
    }
    checks
}

fn of(staged: &StagedColumn) -> Fragment {
    column("t", &staged.name)
}

fn error(staged: &StagedColumn, rule: Rule, broken: Fragment, value: Fragment) -> Check {
    Check { column: Some(staged.name.clone()), rule, severity: Severity::Error, broken, value }
}

fn value_checks(planned: &TablePlan, staged: &StagedColumn, metadata: &ColumnDefinition) -> Vec<Check> {
    let value = || of(staged);
    let check = |rule: Rule, broken: Fragment| error(staged, rule, broken, written(staged));
    match &metadata.column_type {
        ColumnType::String { max_length } | ColumnType::Memo { max_length } => {
            vec![
                check(Rule::Length, stage::is_longer(&value(), *max_length)),
                check(Rule::ControlCharacter, control(value())),
            ]
        }
        ColumnType::Integer { min, max } => {
            let broken = value().text(&format!(" < {min} OR ")).then(value()).text(&format!(" > {max}"));
            vec![check(Rule::Range, broken)]
        }
        ColumnType::Decimal { min, max, .. } | ColumnType::Money { min, max, .. } => {
            let limits = vec![value(), Fragment::sql(decimal(*min)), Fragment::sql(decimal(*max))];
            let beyond = Fragment::function("dv_beyond", limits).text(" = 1");
            let too_precise = Fragment::function("dv_scale", vec![value()])
                .text(&format!(" > {}", kept_digits(&metadata.column_type)));
            vec![
                check(Rule::Range, by_type(&outside(value(), *min, *max), &beyond)),
                check(Rule::Precision, by_type(&never(), &too_precise)),
            ]
        }
        ColumnType::Double { min, max, .. } => {
            let places = kept_digits(&metadata.column_type);
            let too_precise =
                Fragment::over([&value()], |d, [value]| d.has_more_digits(value, places, "dv_scale"));
            vec![check(Rule::Range, outside(value(), *min, *max)), check(Rule::Precision, too_precise)]
        }
        ColumnType::DateTime { .. } => {
            vec![check(
                Rule::DateRange,
                Fragment::over([&value()], |d, [value]| d.is_no_date_of_dataverse(value)),
            )]
        }
        ColumnType::Choice { options } | ColumnType::State { options } | ColumnType::Status { options } => {
            let Some(text) = staged.text_column() else { return Vec::new() };
            let mut checks =
                vec![error(staged, Rule::Option, unmapped(planned, staged, &text), column("t", &text))];
            if !options.is_empty() {
                let values: Vec<String> = options.iter().map(|option| option.value.to_string()).collect();
                let broken = value().text(&format!(" NOT IN ({})", values.join(", ")));
                checks.push(check(Rule::Option, broken));
            }
            checks
        }
        ColumnType::MultiChoice { .. } => {
            let Some(text) = staged.text_column() else { return Vec::new() };
            vec![error(staged, Rule::Option, unmapped(planned, staged, &text), column("t", &text))]
        }
        _ => Vec::new(),
    }
}

/// One condition where columns take values of their type only, another where they take any text.
fn by_type(typed: &Fragment, untyped: &Fragment) -> Fragment {
    Fragment::built(|d| if d.has_typed_columns() { typed.clone() } else { untyped.clone() })
}

fn outside(value: Fragment, min: f64, max: f64) -> Fragment {
    value.clone().text(&format!(" < {} OR ", decimal(min))).then(value).text(&format!(" > {}", decimal(max)))
}

/// What the type of the column rules out.
fn never() -> Fragment {
    Fragment::sql("1 = 0")
}

/// The value as a finding shows it: the same on both engines.
fn written(staged: &StagedColumn) -> Fragment {
    let value = of(staged);
    let canonical = |digits: Fragment| {
        let digits = Fragment::function("dv_number", vec![digits, Fragment::sql("NULL")]);
        by_type(&digits, &value)
    };
    match staged.kind {
        StagedKind::Decimal { .. } | StagedKind::Money { .. } => {
            canonical(Fragment::over([&value], |d, [value]| d.number_text(value)))
        }
        StagedKind::Double { .. } => {
            canonical(Fragment::over([&value], |d, [value]| d.number_text(&d.digits(value))))
        }
        StagedKind::Date => Fragment::over([&value], |d, [value]| d.date_text(value)),
        StagedKind::DateTime => Fragment::over([&value], |d, [value]| d.seconds_text(value)),
        _ => value,
    }
}

fn control(value: Fragment) -> Fragment {
    Fragment::function("dv_control", vec![value]).text(" = 1")
}

/// A limit of the metadata as decimal digits.
fn decimal(limit: f64) -> String {
    format!("{limit}")
}

/// A text to which no value is mapped, and which is not knowingly mapped to none.
fn unmapped(planned: &TablePlan, staged: &StagedColumn, text: &str) -> Fragment {
    let (table, name) = (&planned.target.logical_name, &staged.name);
    Fragment::each(|d| {
        let text = d.in_bytes(&format!("t.{}", d.quote(text)));
        format!(
            "{text} IS NOT NULL AND t.{value} IS NULL AND NOT EXISTS (SELECT 1 FROM {mapping} m WHERE m.TargetTable = {table} AND \
             m.TargetColumn = {column} AND m.SourceTable = t.{source} AND m.SourceText = {text} AND m.Origin = 'blank')",
            value = d.quote(name),
            mapping = d.table(&TableName::migration("OptionSetMapping")),
            table = d.literal(table),
            column = d.literal(name),
            source = d.quote(control::SOURCE_TABLE),
        )
    })
}

/// What the platform demands; in associations, both ends.
fn required(planned: &TablePlan, staged: &StagedColumn, metadata: &ColumnDefinition) -> Option<Check> {
    let is_end = planned.definition.is_intersect && staged.is_lookup();
    // The platform gives owner and state by itself.
    let is_given = matches!(
        staged.kind,
        StagedKind::Owner | StagedKind::State | StagedKind::Status | StagedKind::Parties { .. }
    );
    let is_match = planned.maps.iter().all(|map| map.mode == Mode::Match);
    if is_match || is_given || !(is_end || metadata.required.is_enforced()) {
        return None;
    }
    let null = |name: &str| column("t", name).text(" IS NULL");
    let also = staged.source_key_column().or_else(|| staged.text_column());
    let broken = match also {
        Some(also) => null(&staged.name).text(" AND ").then(null(&also)),
        None => null(&staged.name),
    };
    // What could not be read is a finding of its own.
    let broken = Fragment::sql("(").then(broken).text(")").then(not_found_yet(planned, &staged.name));
    Some(error(staged, Rule::Required, broken, Fragment::sql("NULL")))
}

/// Nothing is recorded about this column of the row.
fn not_found_yet(planned: &TablePlan, name: &str) -> Fragment {
    Fragment::each(|d| {
        format!(
            " AND NOT EXISTS (SELECT 1 FROM {} f WHERE f.TargetTable = {} AND f.RowId = t.{} AND f.ColumnName = {})",
            d.table(&super::record::findings_table()),
            d.literal(&planned.target.logical_name),
            d.quote(control::ROW_ID),
            d.literal(name)
        )
    })
}

fn status_of_state(planned: &TablePlan) -> Option<Check> {
    let of_kind = |kind: &StagedKind| planned.target.columns.iter().find(|staged| staged.kind == *kind);
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
    let broken =
        Fragment::sql("CASE ").then(of(status)).text(&format!("{cases} END")).text(" <> ").then(of(state));
    Some(error(status, Rule::StatusOfState, broken, of(status)))
}

/// A key that stands for no staged row of any table that it could stand for.
fn orphan(planned: &TablePlan, source: &str, lookup: &LookupPlan) -> Check {
    let name = &lookup.column;
    let staged = planned.target.column(name);
    let key_column = staged.and_then(StagedColumn::source_key_column).unwrap_or_default();
    let table_column = staged.and_then(StagedColumn::table_column);
    let parents = Fragment::each(|d| {
        let found: Vec<String> = lookup
            .parents
            .iter()
            .map(|(parent, feed)| {
                let exists = parent_exists(d, parent, Some(feed), &format!("t.{}", d.quote(&key_column)));
                match &table_column {
                    Some(column) => format!("(t.{} = {} AND {exists})", d.quote(column), d.literal(parent)),
                    None => exists,
                }
            })
            .collect();
        format!("({})", found.join(" OR "))
    });
    let broken = column("t", control::SOURCE_TABLE)
        .text(" = ")
        .then(Fragment::param(source))
        .text(" AND ")
        .then(column("t", &key_column))
        .text(" IS NOT NULL AND ")
        .then(column("t", name))
        .text(" IS NULL AND NOT ")
        .then(parents);
    let severity = match lookup.missing {
        Missing::Error => Severity::Error,
        Missing::Blank => Severity::Warning,
    };
    let value = column("t", &key_column);
    Check { column: Some(name.clone()), rule: Rule::Lookup, severity, broken, value }
}

/// Whether a parent is staged under this key, or another that it was merged into.
fn parent_exists(d: Dialect, parent: &str, feed: Option<&str>, key: &str) -> String {
    let from_feed = feed.map_or(String::new(), |feed| {
        format!(" AND p.{} = {}", d.quote(control::SOURCE_TABLE), d.literal(feed))
    });
    format!(
        "(EXISTS (SELECT 1 FROM {table} p WHERE p.{source_key} = {key}{from_feed}) OR EXISTS (SELECT 1 FROM {alias} a WHERE a.TargetTable = {parent} AND a.SourceKey = {key}))",
        table = d.table(&TableName::target(parent)),
        source_key = d.quote(control::SOURCE_KEY),
        alias = d.table(&TableName::migration("KeyAlias")),
        parent = d.literal(parent),
    )
}

/// A party whose key stands for no staged row.
fn party_orphan(planned: &TablePlan, source: &str, part: &str) -> Check {
    let StagedKind::Parties { targets } = planned
        .target
        .column(part)
        .map_or(StagedKind::Parties { targets: Vec::new() }, |staged| staged.kind.clone())
    else {
        return Check {
            column: Some(part.to_owned()),
            rule: Rule::Lookup,
            severity: Severity::Error,
            broken: Fragment::sql("1 = 0"),
            value: Fragment::sql("NULL"),
        };
    };
    let orphans = |select: &str| {
        let select = select.to_owned();
        let targets = targets.clone();
        Fragment::each(move |d| {
            let found: Vec<String> = targets
                .iter()
                .map(|table| {
                    let exists = parent_exists(d, table, None, "q.PartySourceKey");
                    format!("(q.PartyTable = {} AND {exists})", d.literal(table))
                })
                .collect();
            let found = if found.is_empty() { "1 = 0".to_owned() } else { found.join(" OR ") };
            format!(
                "(SELECT {select} FROM {} q WHERE q.RowId = t.{} AND q.Part = {} AND q.PartySourceKey IS NOT NULL AND q.PartyId IS NULL AND NOT ({found}))",
                d.table(&planned.target.party()),
                d.quote(control::ROW_ID),
                d.literal(part)
            )
        })
    };
    let broken = column("t", control::SOURCE_TABLE)
        .text(" = ")
        .then(Fragment::param(source))
        .text(" AND EXISTS ")
        .then(orphans("1"));
    Check {
        column: Some(part.to_owned()),
        rule: Rule::Lookup,
        severity: Severity::Error,
        broken,
        value: orphans("MIN(q.PartySourceKey)"),
    }
}

/// An owner that nobody mapped, in a project without fallback.
fn ownerless(owner: &StagedColumn) -> Check {
    let key = owner.source_key_column().unwrap_or_default();
    let broken = Fragment::each(|d| {
        format!(
            "t.{key} IS NOT NULL AND t.{id} IS NULL AND NOT EXISTS (SELECT 1 FROM {} o WHERE o.SourceOwner = t.{key} AND o.OwnerId IS NOT NULL)",
            d.table(&TableName::migration("OwnerMapping")),
            key = d.quote(&key),
            id = d.quote(&owner.name),
        )
    });
    error(owner, Rule::Lookup, broken, column("t", &key))
}
