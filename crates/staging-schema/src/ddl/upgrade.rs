//! From the control tables of an earlier version to those of this one.
//!
//! A step says what its version added, looks at what is there, and leaves alone what is as it should be: tables are made in
//! their newest form, and later steps find that. What the steps leave must be what this version makes anew; otherwise
//! nothing is changed and the reason is said.

use crate::Error;
use crate::ddl::catalog::Catalog;
use crate::ddl::control::{SCHEMA_VERSION, control_schema};
use crate::ddl::{create, drop_table};
use crate::name::TableName;
use crate::statement::Statement;

/// The oldest version that can be upgraded.
pub const OLDEST_VERSION: i64 = 1;

/// What makes a staging database of an earlier version one of this version, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Upgrade {
    /// The version that it has.
    pub from: i64,
    /// The version that it gets.
    pub to: i64,
    /// What changes, a sentence each.
    pub changes: Vec<String>,
    /// Must change exactly one row; otherwise somebody else has upgraded it in the meantime, and nothing may follow.
    pub guard: Statement,
    /// What follows.
    pub statements: Vec<Statement>,
}

/// Work on the tables as they were found.
struct Work {
    catalog: Catalog,
    changes: Vec<String>,
    statements: Vec<Statement>,
}

/// What each version added: the step from that version to the next.
const STEPS: [fn(&mut Work); 1] = [from_1_to_2];

/// The upgrade of a database of this version with these tables; `None` when there is nothing to do.
///
/// # Errors
/// [`Error::UnknownVersion`] for one that this program does not know, [`Error::NotThatVersion`] when the tables are not those
/// that this version ever had.
pub fn upgrade(from: i64, catalog: Catalog) -> Result<Option<Upgrade>, Error> {
    if from == SCHEMA_VERSION {
        return Ok(None);
    }
    if !(OLDEST_VERSION..SCHEMA_VERSION).contains(&from) {
        return Err(Error::UnknownVersion { found: from, oldest: OLDEST_VERSION, newest: SCHEMA_VERSION });
    }
    let mut work = Work { catalog, changes: Vec::new(), statements: Vec::new() };
    for (version, step) in (OLDEST_VERSION..).zip(STEPS) {
        if version >= from {
            step(&mut work);
        }
    }
    if let Some(why) = work.catalog.lacks(&control_schema()) {
        return Err(Error::NotThatVersion { version: from, why });
    }
    let mut statements = work.statements;
    statements.push(record(from));
    statements.push(Statement::script(|dialect| match dialect {
        crate::Dialect::Sqlite => format!("PRAGMA user_version = {SCHEMA_VERSION}"),
        crate::Dialect::Mssql => String::new(),
    }));
    Ok(Some(Upgrade { from, to: SCHEMA_VERSION, changes: work.changes, guard: guard(from), statements }))
}

/// Version 1 was that of the first builds, in which tables came one by one; version 2 keeps a record of upgrades.
fn from_1_to_2(work: &mut Work) {
    // The first form named its kind and its run. Each verification writes it anew.
    let difference = TableName::migration("Difference");
    if work.catalog.has_table(&difference) && !work.catalog.has_column(&difference, "Rule") {
        work.drop(&difference, "the next verification fills it");
    }
    for name in [
        "Difference",
        "Verified",
        "Pace",
        "Rollback",
        "RollbackRow",
        "SuccessArchive",
        "Pilot",
        "Repair",
        "Upgrade",
    ] {
        work.create(&TableName::migration(name));
    }
}

impl Work {
    /// Makes a control table unless it is there.
    fn create(&mut self, name: &TableName) {
        if self.catalog.has_table(name) {
            return;
        }
        if let Some(table) = control_schema().into_iter().find(|table| table.name == *name) {
            self.statements.push(create(&table));
            self.catalog.create(&table);
            self.changes.push(format!("{name} was made"));
        }
    }

    fn drop(&mut self, name: &TableName, why: &str) {
        self.statements.push(drop_table(name));
        self.catalog.drop(name);
        self.changes.push(format!("{name} was emptied: {why}"));
    }
}

fn guard(from: i64) -> Statement {
    Statement::new(
        |d| {
            format!(
                "UPDATE {setting} SET {value} = {new} WHERE {name} = {word} AND {value} = {old}",
                setting = d.table(&TableName::migration("Setting")),
                name = d.quote("Name"),
                value = d.quote("Value"),
                word = d.literal("SchemaVersion"),
                new = d.literal(&SCHEMA_VERSION.to_string()),
                old = d.literal(&from.to_string()),
            )
        },
        Vec::new(),
    )
}

fn record(from: i64) -> Statement {
    Statement::new(
        |d| {
            format!(
                "INSERT INTO {} ({}, {}) VALUES ({}, {})",
                d.table(&TableName::migration("Upgrade")),
                d.quote("FromVersion"),
                d.quote("ToVersion"),
                d.param(1),
                d.param(2)
            )
        },
        vec![from.into(), SCHEMA_VERSION.into()],
    )
}

/// Reads the version of a staging database: text, from the setting that both engines have.
pub fn schema_version() -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT {} FROM {} WHERE {} = {}",
                d.quote("Value"),
                d.table(&TableName::migration("Setting")),
                d.quote("Name"),
                d.literal("SchemaVersion")
            )
        },
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physical::PhysicalTable;

    /// A catalog of exactly these tables.
    fn of(tables: &[PhysicalTable]) -> Catalog {
        let mut catalog = Catalog::default();
        for table in tables {
            catalog.create(table);
        }
        catalog
    }

    #[test]
    fn the_version_of_this_program_has_a_step_from_every_version_before() {
        let known = usize::try_from(SCHEMA_VERSION - OLDEST_VERSION).unwrap();
        assert_eq!(STEPS.len(), known, "a new version needs a step");
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        assert_eq!(upgrade(SCHEMA_VERSION, of(&control_schema())), Ok(None));
        let upgrade = upgrade(1, of(&control_schema())).unwrap().unwrap();
        assert_eq!((upgrade.from, upgrade.to), (1, SCHEMA_VERSION));
        assert!(upgrade.changes.is_empty(), "{:?}", upgrade.changes);
    }

    #[test]
    fn versions_that_nobody_knows_are_refused() {
        for found in [0, -1, SCHEMA_VERSION + 1] {
            let refused = upgrade(found, of(&control_schema())).unwrap_err();
            assert!(matches!(refused, Error::UnknownVersion { .. }), "{refused}");
        }
    }

    #[test]
    fn tables_that_the_version_never_had_are_refused_with_the_reason() {
        let mut catalog = of(&control_schema());
        catalog.drop(&TableName::target("Chunk"));
        let refused = upgrade(1, catalog).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "its tables are not those of version 1: the table target.Chunk is not there"
        );
        let mut catalog = of(&control_schema());
        let chunk = TableName::target("Chunk");
        catalog.drop(&chunk);
        catalog.add("target", "Chunk", "ChunkId");
        let refused = upgrade(1, catalog).unwrap_err().to_string();
        assert!(refused.ends_with("the table target.Chunk has no column TargetTable"), "{refused}");
    }
}
