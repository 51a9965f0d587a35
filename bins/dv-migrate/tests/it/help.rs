//! Help that teaches, and a project to start from.

use tempfile::TempDir;

use crate::rehearsal::{Finished, dv_migrate};

fn help(arguments: &[&str]) -> String {
    Finished::of(&dv_migrate().args(arguments).output().unwrap()).expect(0).stdout
}

#[test]
fn the_help_shows_the_way() {
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help_run", help(&["run", "--help"]));
    insta::assert_snapshot!("help_demo", help(&["demo", "--help"]));
}

#[test]
fn init_writes_a_project_that_only_lacks_its_environment() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().join("crm");
    let init = Finished::of(&dv_migrate().arg("init").arg(&folder).output().unwrap()).expect(0);
    assert!(init.stdout.contains("Next:"), "{}", init.stdout);
    let run =
        Finished::of(&dv_migrate().arg("run").arg("--project").arg(&folder).output().unwrap()).expect(2);
    assert!(run.stderr.contains("DV_CLIENT_SECRET is not set"), "{}", run.stderr);
    Finished::of(&dv_migrate().arg("init").arg(&folder).output().unwrap()).expect(2);
}
