//! A staging database of an earlier version: the journey goes on with it.

use std::fs;

use migration::{ExitStatus, Step};

use crate::world::{Database, World};

const VERSION_1: &str = include_str!("old/version-1.sql");

/// Three rows staged and put in order by a build of version 1; nothing was sent.
fn world() -> World {
    let world = World::new();
    make_old(&world);
    world
}

fn make_old(world: &World) {
    if world.connection().is_some() {
        // No build of version 1 worked on a server. What the last one left in a file differs from ours by this table and this number.
        world.run(Step::Sequence);
        let to_version_1 = "DROP TABLE migration_Upgrade; UPDATE migration_Setting SET Value = '1' WHERE Name = 'SchemaVersion'";
        world.ask(Database::Staging, &world.sql(to_version_1), VERSION);
        return;
    }
    world.run(Step::Prepare);
    fs::remove_file(world.file("staging.db")).unwrap();
    world.ask(Database::Staging, VERSION_1, VERSION);
}

const VERSION: &str = "SELECT Value FROM migration_Setting WHERE Name = 'SchemaVersion'";

#[test]
fn it_is_upgraded_and_loaded() {
    let world = world();
    let error = world.status().unwrap_err();
    assert_eq!(error.exit_status(), ExitStatus::Input);
    assert!(error.with_causes().contains("has schema version 1 and must be upgraded to 2 first"), "{error}");
    assert!(error.hint().unwrap().contains("dv-stage upgrade"));

    let (said, _) = world.stage(&["upgrade"], 0);
    assert!(said.contains("was upgraded from version 1 to 2: migration.Upgrade was made"), "{said}");
    assert_eq!(world.ask(Database::Staging, "", VERSION), ["2"]);
    let record = "SELECT FromVersion, ToVersion FROM migration_Upgrade";
    assert_eq!(world.ask(Database::Staging, "", record), ["1|2"]);
    let (said, _) = world.stage(&["upgrade"], 0);
    assert!(said.contains("nothing was changed"), "{said}");
    world.run(Step::Verify);
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1));
}

#[test]
fn a_copy_of_it_is_as_it_was() {
    let world = World::new();
    if world.is_on_a_server() {
        return;
    }
    make_old(&world);
    let copy = world.file("by-hand.db");
    let (said, _) = world.stage(&["backup", copy.to_str().unwrap()], 0);
    assert!(said.contains("3 rows staged, 0 of them in Dataverse"), "{said}");
    world.stage(&["upgrade"], 0);
    assert_eq!(world.ask(Database::Staging, "", "PRAGMA user_version"), ["2"]);
    assert_eq!(world.ask(Database::ByHand, "", "PRAGMA user_version"), ["1"], "a copy is as its original");
}

#[test]
fn a_run_upgrades_by_itself_and_says_so() {
    let world = world();
    let said = world.run(Step::Verify);
    assert!(said.iter().any(|line| line.contains("upgraded from version 1 to 2")), "{said:?}");
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1));
    assert!(world.status().is_ok());
}

#[test]
fn a_later_version_is_refused_and_stays_as_it_is() {
    let world = world();
    let later = match world.engine() {
        "sqlite" => "PRAGMA user_version = 7",
        _ => "UPDATE migration.Setting SET Value = '7' WHERE Name = 'SchemaVersion'",
    };
    world.ask(Database::Staging, later, VERSION);
    let before = content(&world);
    let (_, complaint) = world.stage(&["upgrade"], 2);
    assert!(complaint.contains("has schema version 7, this program needs 2"), "{complaint}");
    assert!(complaint.contains("the version of this toolkit that made it"), "{complaint}");
    assert_eq!(content(&world), before);
}

/// The bytes of a file; of a server the columns of its tables, and the settings.
fn content(world: &World) -> Vec<u8> {
    if world.connection().is_none() {
        return fs::read(world.file("staging.db")).unwrap();
    }
    let columns = "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS \
                   ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION";
    let settings = "SELECT Name, Value FROM migration_Setting ORDER BY Name";
    let lines = [columns, settings].map(|query| world.ask(Database::Staging, "", query).join("\n"));
    lines.concat().into_bytes()
}

#[test]
fn there_must_be_something_to_upgrade() {
    let (_, complaint) = World::new().stage(&["upgrade"], 2);
    assert!(complaint.contains("there is no staging database"), "{complaint}");
}
