//! Resolving lookups, parties and owners through staged tables: correlated subqueries, the same text on both engines,
//! in ranges of RowIds.

use std::ops::RangeInclusive;

use crate::Error;
use crate::column::{StagedColumn, StagedKind};
use crate::control;
use crate::dialect::Dialect;
use crate::name::TableName;
use crate::pending::{in_range, range_params};
use crate::statement::Statement;
use crate::table::TargetTable;
use crate::value::Value;

/// A table through which a lookup is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parent {
    /// Logical name of the target table.
    pub table: String,
    /// The source that the parent comes from. `None` where the parent table has a single source, or the lookup names
    /// the source of each row itself.
    pub source: Option<String>,
}

impl Parent {
    /// A parent table that is fed by one source.
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), source: None }
    }
}

/// A lookup that is to be filled, and the tables through which it is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Logical name of the column.
    pub column: String,
    /// The tables; several only for a lookup that names the table of each row itself.
    pub parents: Vec<Parent>,
}

impl Fill {
    /// A lookup that is resolved through these tables.
    pub fn new(column: impl Into<String>, parents: impl Into<Vec<Parent>>) -> Self {
        Self { column: column.into(), parents: parents.into() }
    }
}

/// Fills lookups of a range of rows, in one pass over them: each where a row has a source key, no GUID yet, and a parent that
/// has one. Keys of merged parents follow their survivor.
pub fn preload(table: &TargetTable, fills: &[Fill], rows: &RangeInclusive<i64>) -> Result<Statement, Error> {
    let lookups = fills
        .iter()
        .map(|fill| {
            let lookup = lookup_column(table, &fill.column)?;
            check_parents(table, lookup, &fill.parents)?;
            Ok((lookup, fill))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    if lookups.is_empty() {
        return Err(Error::NoParent { table: table.logical_name.clone(), column: "lookups".to_owned() });
    }
    Ok(Statement::new(
        |d| {
            let row_id = d.quote(control::ROW_ID);
            let (mut set, mut found, mut empty, mut any) =
                (vec![], vec![format!("t.{row_id}")], vec![], vec![]);
            for (lookup, fill) in &lookups {
                let name = d.quote(&lookup.name);
                let names = KeyColumns::of(d, lookup);
                let is_empty = format!("(t.{name} IS NULL AND t.{} IS NOT NULL)", names.key);
                found.push(format!(
                    "CASE WHEN {is_empty} THEN {} END AS {name}",
                    resolve(d, &names, &fill.parents, control::DATAVERSE_ID)
                ));
                set.push(format!("{name} = COALESCE(t.{name}, n.{name})"));
                any.push(format!("n.{name} IS NOT NULL"));
                empty.push(is_empty);
            }
            let found = format!(
                "SELECT {} FROM {} AS t WHERE {} AND ({})",
                found.join(", "),
                d.table(&table.name()),
                in_range(d),
                empty.join(" OR ")
            );
            let condition = format!("t.{row_id} = n.{row_id} AND ({})", any.join(" OR "));
            d.update_from(&table.name(), &set.join(", "), &found, &condition)
        },
        range_params(rows),
    ))
}

/// Fills the parties of a range of activities, as [`preload`] does with lookups. The party table names each party's table.
pub fn preload_parties(
    table: &TargetTable,
    parents: &[Parent],
    rows: &RangeInclusive<i64>,
) -> Result<Statement, Error> {
    if parents.is_empty() {
        return Err(Error::NoParent { table: table.logical_name.clone(), column: "parties".to_owned() });
    }
    Ok(Statement::new(
        |d| {
            let found = resolve(d, &KeyColumns::of_parties(d), parents, control::DATAVERSE_ID);
            let condition = format!(
                "t.RowId BETWEEN {} AND {} AND t.PartyId IS NULL AND t.PartySourceKey IS NOT NULL AND {found} IS NOT NULL",
                d.param(1),
                d.param(2)
            );
            d.update(&table.party(), &format!("PartyId = {found}"), &condition)
        },
        range_params(rows),
    ))
}

/// Counts the rows whose lookup has a source key for which no parent is staged at all (in error or not): reported before
/// loading. Columns: source key, rows; the most frequent first.
pub fn orphans(table: &TargetTable, column: &str, parents: &[Parent]) -> Result<Statement, Error> {
    let lookup = lookup_column(table, column)?;
    check_parents(table, lookup, parents)?;
    Ok(Statement::new(
        |d| {
            let key = d.quote(&format!("{}{}", lookup.name, crate::SOURCE_KEY_SUFFIX));
            let found = resolve(d, &KeyColumns::of(d, lookup), parents, control::ROW_ID);
            format!(
                "SELECT t.{key}, COUNT(*) FROM {} AS t WHERE t.{key} IS NOT NULL AND t.{name} IS NULL AND {found} IS NULL \
                 GROUP BY t.{key} ORDER BY COUNT(*) DESC, t.{key}",
                d.table(&table.name()),
                name = d.quote(&lookup.name),
            )
        },
        Vec::new(),
    ))
}

/// Follows chains of merges by one step (A into B, B into C: A into C). Repeat until it changes nothing, at most as often
/// as the longest chain may be; merges that go round in a circle never end.
pub fn follow_aliases() -> Statement {
    Statement::new(
        |d| {
            let alias = TableName::migration("KeyAlias");
            let next = |what: &str| {
                format!(
                    "(SELECT {what} FROM {} AS n WHERE n.TargetTable = t.TargetTable AND n.SourceKey = t.SurvivorKey \
                     AND n.SurvivorKey <> t.SourceKey AND n.SurvivorKey <> t.SurvivorKey)",
                    d.table(&alias)
                )
            };
            d.update(
                &alias,
                &format!("SurvivorKey = {}", next("n.SurvivorKey")),
                &format!("EXISTS {}", next("1")),
            )
        },
        Vec::new(),
    )
}

/// The owner of rows that no mapping covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FallbackOwner {
    /// `systemuser` or `team`.
    pub table: String,
    /// GUID, lower case with hyphens.
    pub id: String,
}

/// Gives an owner to the rows of a range that have none: by `migration.OwnerMapping` first, then by a staged table
/// (users and teams that were matched), then the fallback.
pub fn resolve_owner(
    table: &TargetTable,
    column: &str,
    through: &[Parent],
    fallback: &FallbackOwner,
    rows: &RangeInclusive<i64>,
) -> Result<Statement, Error> {
    let owner = owner_column(table, column)?;
    let mut params = range_params(rows);
    params.push(Value::from(fallback.id.as_str()));
    params.push(Value::from(fallback.table.as_str()));
    Ok(Statement::new(
        |d| {
            let name = d.quote(&owner.name);
            let mapped = |what: &str| owner_mapping(d, owner, what);
            let mut ids = vec![mapped("m.OwnerId")];
            let mut tables = vec![mapped("m.OwnerTable")];
            for parent in through {
                let key = format!("t.{}", d.quote(&format!("{}{}", owner.name, crate::SOURCE_KEY_SUFFIX)));
                ids.push(one(d, &key, parent, None, control::DATAVERSE_ID));
                tables.push(format!(
                    "CASE WHEN {} IS NOT NULL THEN {} END",
                    one(d, &key, parent, None, control::DATAVERSE_ID),
                    d.literal(&parent.table)
                ));
            }
            ids.push(d.as_guid(&d.param(3)));
            tables.push(d.param(4));
            let set = format!(
                "{name} = COALESCE({}), {} = COALESCE({})",
                ids.join(", "),
                d.quote(&format!("{}{}", owner.name, crate::TABLE_SUFFIX)),
                tables.join(", ")
            );
            d.update(&table.name(), &set, &format!("{} AND t.{name} IS NULL", in_range(d)))
        },
        params,
    ))
}

/// Counts the rows per source owner that no mapping with a GUID covers: source key, rows; the most frequent first.
pub fn unmapped_owners(table: &TargetTable, column: &str) -> Result<Statement, Error> {
    let owner = owner_column(table, column)?;
    Ok(Statement::new(
        |d| {
            let key = d.quote(&format!("{}{}", owner.name, crate::SOURCE_KEY_SUFFIX));
            format!(
                "SELECT t.{key}, COUNT(*) FROM {} AS t WHERE t.{key} IS NOT NULL AND {} IS NULL GROUP BY t.{key} \
                 ORDER BY COUNT(*) DESC, t.{key}",
                d.table(&table.name()),
                owner_mapping(d, owner, "m.OwnerId")
            )
        },
        Vec::new(),
    ))
}

fn owner_mapping(d: Dialect, owner: &StagedColumn, what: &str) -> String {
    format!(
        "(SELECT {what} FROM {} AS m WHERE m.SourceOwner = t.{} AND m.OwnerId IS NOT NULL)",
        d.table(&TableName::migration("OwnerMapping")),
        d.quote(&format!("{}{}", owner.name, crate::SOURCE_KEY_SUFFIX))
    )
}

fn lookup_column<'a>(table: &'a TargetTable, column: &str) -> Result<&'a StagedColumn, Error> {
    find(table, column, "lookup", StagedColumn::is_lookup)
}

fn owner_column<'a>(table: &'a TargetTable, column: &str) -> Result<&'a StagedColumn, Error> {
    find(table, column, "owner", |column| column.kind == StagedKind::Owner)
}

fn find<'a>(
    table: &'a TargetTable,
    column: &str,
    expected: &'static str,
    fits: impl Fn(&StagedColumn) -> bool,
) -> Result<&'a StagedColumn, Error> {
    table.column(column).filter(|column| fits(column)).ok_or_else(|| Error::NoSuchColumn {
        table: table.logical_name.clone(),
        column: column.to_owned(),
        expected,
    })
}

fn check_parents(table: &TargetTable, lookup: &StagedColumn, parents: &[Parent]) -> Result<(), Error> {
    let single = lookup.table_column().is_none();
    if parents.is_empty() || (single && parents.len() > 1) {
        return Err(Error::NoParent { table: table.logical_name.clone(), column: lookup.name.clone() });
    }
    Ok(())
}

/// The columns in which a row names its parent.
pub(crate) struct KeyColumns {
    key: String,
    table: Option<String>,
    /// And whether a row without a source means any.
    source: Option<(String, bool)>,
}

impl KeyColumns {
    pub(crate) fn of(d: Dialect, lookup: &StagedColumn) -> Self {
        Self {
            key: d.quote(&format!("{}{}", lookup.name, crate::SOURCE_KEY_SUFFIX)),
            table: lookup.table_column().map(|name| d.quote(&name)),
            source: lookup.source_table_column().map(|name| (d.quote(&name), false)),
        }
    }

    /// Those of a party table.
    pub(crate) fn of_parties(d: Dialect) -> Self {
        Self {
            key: d.quote("PartySourceKey"),
            table: Some(d.quote("PartyTable")),
            source: Some((d.quote("PartySourceTable"), true)),
        }
    }
}

/// An expression: a column of the parent of row `t`.
pub(crate) fn resolve(d: Dialect, names: &KeyColumns, parents: &[Parent], what: &str) -> String {
    let key = |parent: &Parent| {
        format!(
            "COALESCE((SELECT a.SurvivorKey FROM {} AS a WHERE a.TargetTable = {} AND a.SourceKey = t.{key}), t.{key})",
            d.table(&TableName::migration("KeyAlias")),
            d.literal(&parent.table),
            key = names.key
        )
    };
    let found = |parent: &Parent| one(d, &key(parent), parent, names.source.as_ref(), what);
    match &names.table {
        None => parents.iter().map(found).next().unwrap_or_else(|| "NULL".to_owned()),
        Some(table) => {
            let cases: Vec<_> =
                parents.iter().map(|p| format!("WHEN {} THEN {}", d.literal(&p.table), found(p))).collect();
            format!("(CASE t.{table} {} END)", cases.join(" "))
        }
    }
}

fn one(d: Dialect, key: &str, parent: &Parent, source: Option<&(String, bool)>, what: &str) -> String {
    let source_table = d.quote(control::SOURCE_TABLE);
    let source = match (source, &parent.source) {
        (Some((column, false)), _) => format!(" AND p.{source_table} = t.{column}"),
        (Some((column, true)), None) => format!(" AND (t.{column} IS NULL OR p.{source_table} = t.{column})"),
        (_, Some(source)) => format!(" AND p.{source_table} = {}", d.literal(source)),
        (None, None) => String::new(),
    };
    format!(
        "(SELECT p.{} FROM {} AS p WHERE p.{} = {key}{source})",
        d.quote(what),
        d.table(&TableName::target(&parent.table)),
        d.quote(control::SOURCE_KEY),
    )
}
