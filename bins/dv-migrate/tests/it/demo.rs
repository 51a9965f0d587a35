//! The demo, as somebody who has just built the program tries it.

use std::fs;

use tempfile::TempDir;

use crate::rehearsal::{Finished, dv_migrate};

fn demo(folder: &std::path::Path) -> Finished {
    Finished::of(&dv_migrate().arg("demo").arg(folder).arg("--json").output().unwrap())
}

fn sum(summary: &serde_json::Value, count: &str) -> u64 {
    summary["tables"].as_array().unwrap().iter().map(|table| table[count].as_u64().unwrap()).sum()
}

#[test]
fn the_demo_arrives_and_loads_nothing_twice() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().join("demo");
    let first = demo(&folder).expect(0).json();
    assert_eq!(first["open"], serde_json::json!([]));
    assert_eq!((sum(&first, "staged"), sum(&first, "arrived"), sum(&first, "errors")), (469, 469, 0));
    assert_eq!(sum(&first, "loaded"), 460, "all but a currency that is there and eight pairs");

    let second = demo(&folder).expect(0).json();
    assert_eq!((sum(&second, "loaded"), sum(&second, "requests")), (0, 0));
    assert_eq!(sum(&second, "arrived"), 469);
    assert_eq!(second["organization"]["id"], first["organization"]["id"]);
}

#[test]
fn a_killed_demo_starts_afresh_and_throws_nothing_away() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().join("demo");
    demo(&folder).expect(0);
    // What a kill leaves: the mark of a running demo, and no organisation of today.
    fs::write(folder.join("demo.running"), "1\n").unwrap();
    let after = demo(&folder).expect(0);
    assert!(after.stderr.contains("was killed"), "{}", after.stderr);
    assert_eq!(sum(&after.json(), "loaded"), 460);
    assert!(folder.join("staging.db.interrupted").exists());
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("thesis.txt"), "chapter one").unwrap();
    let finished = demo(folder.path()).expect(2);
    assert!(finished.stderr.contains("is not empty and holds no demo"), "{}", finished.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_project_of_ones_own_is_not_taken_for_a_demo() {
    let folder = TempDir::new().unwrap();
    let project = folder.path().join("crm");
    dv_migrate().arg("init").arg(&project).assert().success();
    fs::write(project.join("staging.db"), "months of work").unwrap();
    fs::write(project.join("demo.running"), "1\n").unwrap();
    let finished = demo(&project).expect(2);
    assert!(finished.stderr.contains("holds no demo"), "{}", finished.stderr);
    assert_eq!(fs::read_to_string(project.join("staging.db")).unwrap(), "months of work");
}
