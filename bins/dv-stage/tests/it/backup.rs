//! The backup: a copy that the migration can go on from.

use std::fs;
use std::path::Path;

use migration::Step;

use crate::world::{Database, World};

#[test]
fn an_older_backup_in_place_of_the_database_doubles_nothing() {
    let world = World::new();
    world.run(Step::Sequence);
    let Some(copy) = copy(&world) else { return };
    world.run(Step::Verify);
    put_in_place(&world, &copy);
    world.run(Step::Verify);
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1), "those that were there are adopted");
}

/// A copy of the database; none on a server that takes no copies at all, which is said.
fn copy(world: &World) -> Option<String> {
    let is_on_a_server = world.connection().is_some();
    // A name alone is a file in the server's own folder for backups.
    let copy =
        if is_on_a_server { format!("{}.bak", name_of(world)) } else { text(&world.file("before.db")) };
    if world.is_on_babelfish() {
        let (_, complaint) = world.stage(&["backup", &copy], 3);
        let doing = format!("having the server copy it to {copy}");
        assert!(complaint.contains(&doing) && complaint.contains("BACKUP DATABASE"), "{complaint}");
        eprintln!("skipped: Babelfish has no BACKUP, and says so: {complaint}");
        return None;
    }
    let (said, _) = world.stage(&["backup", &copy], 0);
    assert!(said.contains("3 rows staged, 0 of them in Dataverse"), "{said}");
    #[cfg(unix)]
    if !is_on_a_server {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600, "for its owner alone");
    }
    Some(copy)
}

fn put_in_place(world: &World, copy: &str) {
    if world.connection().is_some() {
        let name = name_of(world);
        let restore = format!(
            "USE master\nGO\nALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE\nGO\n\
             RESTORE DATABASE [{name}] FROM DISK = N'{copy}' WITH REPLACE\nGO\nALTER DATABASE [{name}] SET MULTI_USER"
        );
        world.ask(Database::Staging, &restore, "SELECT 1");
        return;
    }
    for suffix in ["", "-wal", "-shm"] {
        // The last two may have gone by themselves.
        let _ = fs::remove_file(world.file(&format!("staging.db{suffix}")));
    }
    fs::rename(copy, world.file("staging.db")).unwrap();
}

fn name_of(world: &World) -> String {
    world.ask(Database::Staging, "", "SELECT DB_NAME()").remove(0)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_backup_overwrites_nothing_and_needs_something_to_copy() {
    let world = World::new();
    let (_, complaint) = world.stage(&["backup"], 2);
    assert!(complaint.contains("there is no staging database"), "{complaint}");
    if world.is_on_a_server() {
        // The server writes the file, where its service may: whether one is there it alone can tell.
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
