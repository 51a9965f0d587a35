//! A staging database of an earlier version: the journey goes on with it.

use std::fs;

use migration::{ExitStatus, Step};

use crate::world::World;

const VERSION_1: &str = include_str!("old/version-1.sql");

/// Three rows staged and put in order by a build of version 1; nothing was sent.
fn world() -> Option<World> {
    let world = World::new();
    if world.is_on_a_server() {
        return None;
    }
    world.run(Step::Prepare);
    let file = world.file("staging.db");
    fs::remove_file(&file).unwrap();
    world.sqlite(&file, VERSION_1, "SELECT 1");
    Some(world)
}

#[test]
fn it_is_copied_upgraded_and_loaded() {
    let Some(world) = world() else { return };
    let error = world.status().unwrap_err();
    assert_eq!(error.exit_status(), ExitStatus::Input);
    assert!(error.with_causes().contains("has schema version 1 and must be upgraded to 2 first"), "{error}");
    assert!(error.hint().unwrap().contains("dv-stage upgrade"));

    let copy = world.file("before.db");
    let (said, _) = world.stage(&["backup", copy.to_str().unwrap()], 0);
    assert!(said.contains("3 rows staged, 0 of them in Dataverse"), "{said}");
    let version = "PRAGMA user_version";
    assert_eq!(world.sqlite(&copy, "", version), ["1"], "a copy is as its original");

    let (said, _) = world.stage(&["upgrade"], 0);
    assert!(said.contains("was upgraded from version 1 to 2: migration.Upgrade was made"), "{said}");
    assert_eq!(world.sqlite(&world.file("staging.db"), "", version), ["2"]);
    let (said, _) = world.stage(&["upgrade"], 0);
    assert!(said.contains("nothing was changed"), "{said}");
    world.run(Step::Verify);
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1));
}

#[test]
fn a_run_upgrades_by_itself_and_says_so() {
    let Some(world) = world() else { return };
    let said = world.run(Step::Verify);
    assert!(said.iter().any(|line| line.contains("upgraded from version 1 to 2")), "{said:?}");
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1));
    assert!(world.status().is_ok());
}

#[test]
fn a_later_version_is_refused_and_stays_as_it_is() {
    let Some(world) = world() else { return };
    let file = world.file("staging.db");
    world.sqlite(&file, "PRAGMA user_version = 7;", "SELECT 1");
    let before = fs::read(&file).unwrap();
    let (_, complaint) = world.stage(&["upgrade"], 2);
    assert!(complaint.contains("has schema version 7, this program needs 2"), "{complaint}");
    assert!(complaint.contains("the version of this toolkit that made it"), "{complaint}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn there_must_be_something_to_upgrade() {
    let (_, complaint) = World::new().stage(&["upgrade"], 2);
    assert!(complaint.contains("there is no staging database"), "{complaint}");
}
