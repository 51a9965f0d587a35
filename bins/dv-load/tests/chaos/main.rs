//! Loads while everything dies around them, by a script that shares no code with the product (`tests/chaos`, Python's
//! standard library only): it kills, stops and checks. `DV_CHAOS_SEED` asks for other moments; the long form is
//! `python3 tests/chaos --long`.
#![expect(clippy::print_stdout, reason = "a proof says what it skips")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The binaries beside the one under test, built when they are not there yet: they belong to other packages.
fn binaries() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "-p", "dv-emulator", "-p", "dv-migrate"])
        .current_dir(root())
        .status()
        .expect("cargo runs these tests, so it can be started");
    assert!(built.success(), "dv-emulator or dv-migrate does not build");
    Path::new(env!("CARGO_BIN_EXE_dv-load")).parent().expect("a binary lies in a folder").to_path_buf()
}

fn root() -> &'static Path {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR"));
    bin.ancestors().nth(2).expect("bins/dv-load lies two folders below the root")
}

fn holds(workers: &str) {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: python3 is not on this machine, so nothing independent checked the product");
        return;
    }
    let seed = std::env::var("DV_CHAOS_SEED").unwrap_or_else(|_| "1".to_owned());
    let done = Command::new("python3")
        .args(["tests/chaos", "--seed", &seed, "--workers", workers, "--bin"])
        .arg(binaries())
        .current_dir(root())
        .output()
        .expect("python3 was just started");
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{told}");
    println!("{told}");
}

#[test]
fn no_row_is_lost_or_doubled_while_loader_emulator_and_staging_database_fail_at_random_moments() {
    holds("1");
}

#[test]
fn nor_with_two_workers_at_once() {
    holds("2");
}
