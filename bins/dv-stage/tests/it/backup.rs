//! The backup: a copy that the migration can go on from.

use std::fs;

use migration::Step;

use crate::world::World;

#[test]
fn an_older_backup_in_place_of_the_database_doubles_nothing() {
    let world = World::new();
    if world.is_on_a_server() {
        return;
    }
    world.run(Step::Sequence);
    let copy = world.file("before.db");
    let (said, _) = world.stage(&["backup", copy.to_str().unwrap()], 0);
    assert!(said.contains("3 rows staged, 0 of them in Dataverse"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600, "for its owner alone");
    }
    world.run(Step::Verify);
    for suffix in ["", "-wal", "-shm"] {
        // The last two may have gone by themselves.
        let _ = fs::remove_file(world.file(&format!("staging.db{suffix}")));
    }
    fs::rename(&copy, world.file("staging.db")).unwrap();
    world.run(Step::Verify);
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1), "those that were there are adopted");
}

#[test]
fn a_backup_overwrites_nothing_and_needs_something_to_copy() {
    let world = World::new();
    let (_, complaint) = world.stage(&["backup"], 2);
    assert!(complaint.contains("there is no staging database"), "{complaint}");
    if world.is_on_a_server() {
        return;
    }
    world.run(Step::Prepare);
    let precious = world.file("precious");
    fs::write(&precious, "kept").unwrap();
    let (_, complaint) = world.stage(&["backup", precious.to_str().unwrap()], 2);
    assert!(complaint.contains("exists already"), "{complaint}");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "kept");
    let missing = world.file("no/such/folder/copy.db");
    world.stage(&["backup", missing.to_str().unwrap()], 3);
}

#[test]
fn a_server_that_does_not_write_the_copy_is_told_and_nothing_is_changed() {
    let world = World::new();
    if world.connection().is_none() {
        eprintln!("skipped: STAGING_TEST_MSSQL is not set");
        return;
    }
    world.run(Step::Transform);
    // A folder that no server has; Babelfish refuses every backup.
    let (_, complaint) = world.stage(&["backup", "/no/such/folder/copy.bak"], 3);
    assert!(complaint.contains("having the server copy it to /no/such/folder/copy.bak"), "{complaint}");
    assert!(!complaint.contains("Password"), "{complaint}");
    assert!(world.is_staged() && !world.file("copy.bak").exists());
    world.run(Step::Verify);
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1));
}
