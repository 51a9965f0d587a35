//! The end: only what nobody needs any more is removed.

use migration::Step;

use crate::world::World;

#[test]
fn the_database_is_removed_once_a_verification_has_passed() {
    let world = World::new();
    let (_, complaint) = world.stage(&["discard", "--yes"], 2);
    assert!(complaint.contains("there is no staging database"), "{complaint}");
    world.run(Step::Load);
    let (_, complaint) = world.stage(&["discard", "--yes"], 2);
    assert!(complaint.contains("the step load was not followed by one"), "{complaint}");
    let (_, complaint) = world.stage(&["discard"], 2);
    assert!(complaint.contains("nobody can be asked"), "{complaint}");
    assert!(world.is_staged());
    world.run(Step::Verify);
    let (said, _) = world.stage(&["discard", "--yes"], 0);
    assert!(said.contains("3 staged rows, 3 of them in Dataverse, verified"), "{said}");
    assert_eq!(said.contains("tables were dropped, dvt_"), world.connection().is_some(), "{said}");
    assert!(!world.is_staged());
    let left: Vec<_> = std::fs::read_dir(world.file("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("staging.db"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(world.file("migration.toml").exists() && world.file("source/Account.csv").exists());
}

#[test]
fn unverified_says_so() {
    let world = World::new();
    world.run(Step::Transform);
    let (said, _) = world.stage(&["discard", "--yes", "--unverified", "--json"], 0);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["verified"], &said["staged"]), (&false.into(), &3.into()));
    assert_eq!(said["tables"].as_u64().unwrap() > 20, world.connection().is_some(), "{said}");
    assert!(!world.is_staged());
}

#[test]
fn nothing_is_removed_while_a_run_is_at_work() {
    let world = World::new();
    world.run(Step::Transform);
    world.while_a_run_is_at_work(|| {
        let (_, complaint) = world.stage(&["discard", "--yes", "--unverified"], 3);
        assert!(complaint.contains("another run is at work"), "{complaint}");
    });
    assert!(world.is_staged());
    world.stage(&["discard", "--yes", "--unverified"], 0);
    let (_, complaint) = world.stage(&["discard", "--yes", "--unverified"], 2);
    assert!(complaint.contains("there is no staging database"), "{complaint}");
}

#[test]
fn what_is_done_after_a_verification_wants_another_one() {
    let world = World::new();
    world.run(Step::Verify);
    world.run(Step::Load);
    let (_, complaint) = world.stage(&["discard", "--yes"], 2);
    assert!(complaint.contains("the step load was done after the last verification"), "{complaint}");
    assert!(world.is_staged());
    world.run(Step::Verify);
    world.stage(&["discard", "--yes"], 0);
    assert!(!world.is_staged());
}
