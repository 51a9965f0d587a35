//! An encrypted file: the key comes from the environment, and nothing is written without it.

use migration::Step;

use crate::world::World;

#[test]
fn without_its_key_nothing_is_done() {
    let mut world = World::new();
    if world.is_on_a_server() {
        return;
    }
    world.encrypt_by(None);
    world.run_fails(Step::Prepare, "DV_TEST_KEY, the key of the staging database");
    let (_, complaint) = world.stage(&["backup"], 2);
    assert!(complaint.contains("set DV_TEST_KEY to the passphrase"), "{complaint}");
    assert!(!world.file("staging.db").exists() && !world.file("metadata").exists());
}

#[cfg(not(feature = "sqlcipher"))]
#[test]
fn a_program_that_cannot_encrypt_says_how_to_build_one_that_can_and_writes_nothing() {
    let mut world = World::new();
    if world.is_on_a_server() {
        return;
    }
    world.encrypt_by(Some("open sesame"));
    world.run_fails(Step::Prepare, "this program cannot encrypt");
    let (_, complaint) = world.stage(&["backup"], 2);
    assert!(complaint.contains("--features"), "{complaint}");
    assert!(!complaint.contains("sesame"), "{complaint}");
    assert!(!world.file("staging.db").exists() && !world.file("metadata").exists());
}

#[cfg(feature = "sqlcipher")]
#[test]
fn a_migration_and_its_backup_are_encrypted_from_end_to_end() {
    use std::fs;

    let mut world = World::new();
    if world.is_on_a_server() {
        return;
    }
    world.encrypt_by(Some("open sesame"));
    world.run(Step::Sequence);
    let copy = world.file("before.db");
    let (said, _) = world.stage(&["backup", copy.to_str().unwrap()], 0);
    assert!(said.contains("3 rows staged, 0 of them in Dataverse"), "{said}");
    world.run(Step::Verify);
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1));
    let files = ["staging.db", "before.db"].map(|name| fs::read(world.file(name)).unwrap());
    for (bytes, word) in
        files.iter().flat_map(|bytes| ["anna@example.com", "SQLite format"].map(|word| (bytes, word)))
    {
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }

    world.encrypt_by(Some("open barley"));
    world.run_fails(Step::Verify, "the key does not open");
    for arguments in [&["backup"][..], &["upgrade"], &["discard", "--unverified", "--yes"]] {
        let (_, complaint) = world.stage(arguments, 2);
        assert!(complaint.contains("staging.key_variable") && !complaint.contains("barley"), "{complaint}");
    }
    assert_eq!(fs::read(world.file("staging.db")).unwrap(), files[0]);

    world.encrypt_by(Some("open sesame"));
    fs::rename(&copy, world.file("staging.db")).unwrap();
    world.run(Step::Verify);
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1), "those that were there are adopted");
    world.stage(&["upgrade"], 0);
    world.stage(&["discard", "--yes"], 0);
    assert!(!world.file("staging.db").exists());
}
