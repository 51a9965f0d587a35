//! What a disk can do to the staging database: a clear error, exit code 3, and nothing lost or doubled.
#![cfg(unix)]

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::rehearsal::{Finished, Organisation, PROJECT, Rehearsal, is_without_a_file};

const ROWS: u64 = 6_000;

/// Accounts enough for a staging database of some megabytes.
fn large() -> Rehearsal {
    let rehearsal = Rehearsal::new();
    // Whoever could write nothing any more could not give its chunks back either.
    let short = "attempts = 2\nlease = \"8s\"\nrequest_timeout = \"4s\"";
    rehearsal.write("migration.toml", &PROJECT.replace("attempts = 2", short));
    let mut rows = "Id,Name,Industry,Parent,Contact\n".to_owned();
    for n in 0..ROWS {
        writeln!(rows, "A{n},{},,,", format!("Account {n} ").repeat(8)).unwrap();
    }
    rehearsal.write("source/Account.csv", &rows);
    rehearsal
}

/// `dv-migrate` where no file can grow beyond this.
fn limited(rehearsal: &Rehearsal, kilobytes: u64, url: &str, arguments: &[&str]) -> Finished {
    let mut command = Command::new("sh");
    // A shell that counts in blocks of 512 bytes has twice the number. Without the trap the signal would end the program.
    let limit = "trap '' XFSZ; ulimit -f $0; exec \"$@\"";
    command.args(["-c", limit, &(kilobytes * 2).to_string(), env!("CARGO_BIN_EXE_dv-migrate")]);
    run(command, rehearsal, url, arguments)
}

/// `dv-migrate` as somebody for whom permissions count.
fn as_a_user(rehearsal: &Rehearsal, url: &str, arguments: &[&str]) -> Finished {
    const NOBODY: u32 = 65_534;
    let mut command = Command::new(env!("CARGO_BIN_EXE_dv-migrate"));
    if fs::metadata(rehearsal.path()).unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    run(command, rehearsal, url, arguments)
}

fn run(mut command: Command, rehearsal: &Rehearsal, url: &str, arguments: &[&str]) -> Finished {
    command.args(arguments).arg("--project").arg(rehearsal.path()).arg("--url").arg(url);
    Finished::of(&command.output().unwrap())
}

#[test]
fn a_disk_that_fills_up_while_rows_are_staged() {
    if is_without_a_file() {
        return;
    }
    let organisation = Organisation::start(1);
    let rehearsal = large();
    rehearsal.run(&organisation.url(), &["run", "--until", "prepare"]).expect(0);
    let finished = limited(&rehearsal, 700, &organisation.url(), &["run"]).expect(3);
    assert!(finished.stderr.contains("the disk of the staging database failed at"), "{}", finished.stderr);
    assert!(finished.stderr.contains("make room on its disk"), "{}", finished.stderr);
    assert!(finished.stderr.contains("go on with: dv-migrate run"), "{}", finished.stderr);
    assert_eq!(organisation.rows("account"), 0);
    rehearsal.run(&organisation.url(), &["run"]).expect(0);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (ROWS, 3));
}

#[test]
fn a_disk_that_fills_up_while_rows_are_sent() {
    if is_without_a_file() {
        return;
    }
    let organisation = Organisation::start(1);
    let rehearsal = large();
    rehearsal.run(&organisation.url(), &["run", "--until", "sequence"]).expect(0);
    let finished = limited(&rehearsal, 3_000, &organisation.url(), &["run", "--only", "load"]).expect(3);
    assert!(finished.stderr.contains("the disk of the staging database failed at"), "{}", finished.stderr);
    let sent = organisation.rows("account");
    assert!(sent > 0 && sent < ROWS, "{sent} rows were created before the disk was full");
    rehearsal.run(&organisation.url(), &["run"]).expect(0);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (ROWS, 3), "none twice");
}

#[test]
fn a_file_that_may_only_be_read() {
    if is_without_a_file() {
        return;
    }
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.run(&organisation.url(), &["run", "--until", "sequence"]).expect(0);
    let mode = |name: &str, mode| {
        fs::set_permissions(rehearsal.file(name), Permissions::from_mode(mode)).unwrap();
    };
    let before = rehearsal.staging();
    mode("staging.db", 0o444);
    mode("staging.db.lock", 0o666);
    mode(".", 0o777);
    for name in ["reports", "metadata"] {
        mode(name, 0o777);
        for file in fs::read_dir(rehearsal.file(name)).unwrap() {
            fs::set_permissions(file.unwrap().path(), Permissions::from_mode(0o666)).unwrap();
        }
    }
    let finished = as_a_user(&rehearsal, &organisation.url(), &["run"]).expect(3);
    assert!(finished.stderr.contains("staging.db cannot be written"), "{}", finished.stderr);
    assert_eq!(organisation.rows("account"), 0);
    assert!(rehearsal.staging() == before);
    // To look is allowed.
    let finished = as_a_user(&rehearsal, &organisation.url(), &["status"]).expect(0);
    assert!(finished.stdout.contains("account"), "{}", finished.stdout);
    // In a folder where nothing can be made, it can be read as well, or it is said what is in the way.
    mode(".", 0o555);
    let finished = as_a_user(&rehearsal, &organisation.url(), &["run"]).expect(3);
    assert!(finished.stderr.contains("staging.db"), "{}", finished.stderr);
    mode(".", 0o777);
    mode("staging.db", 0o600);
    rehearsal.run(&organisation.url(), &["run"]).expect(0);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (3, 3));
}

#[test]
fn a_damaged_file_and_a_backup_in_its_place() {
    if is_without_a_file() {
        return;
    }
    let organisation = Organisation::start(1);
    let rehearsal = large();
    rehearsal.run(&organisation.url(), &["run", "--until", "sequence"]).expect(0);
    let backup = rehearsal.staging().unwrap();
    rehearsal.run(&organisation.url(), &["run", "--only", "load"]).expect(0);
    assert_eq!(organisation.rows("account"), ROWS);

    let file = fs::OpenOptions::new().write(true).open(rehearsal.file("staging.db")).unwrap();
    let length = file.metadata().unwrap().len();
    // Every page but the first few.
    for page in 40..length / 8192 {
        file.write_all_at(&[0xA5; 512], page * 8192).unwrap();
    }
    let finished = rehearsal.run(&organisation.url(), &["run"]).expect(3);
    assert!(finished.stderr.contains("the staging database is damaged"), "{}", finished.stderr);
    assert!(finished.stderr.contains("put the latest backup in its place"), "{}", finished.stderr);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (ROWS, 3), "nothing was sent");

    for name in ["staging.db-wal", "staging.db-shm"] {
        // They may have gone by themselves.
        let _ = fs::remove_file(rehearsal.file(name));
    }
    fs::write(rehearsal.file("staging.db"), backup).unwrap();
    rehearsal.run(&organisation.url(), &["run"]).expect(0);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (ROWS, 3), "none twice");
}

#[test]
fn a_file_whose_beginning_is_damaged() {
    if is_without_a_file() {
        return;
    }
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.run(&organisation.url(), &["run", "--until", "sequence"]).expect(0);
    let file = fs::OpenOptions::new().write(true).open(rehearsal.file("staging.db")).unwrap();
    // Behind the header: the table of tables.
    file.write_all_at(&[0xA5; 4_000], 100).unwrap();
    for arguments in [["run"], ["status"]] {
        let finished = rehearsal.run(&organisation.url(), &arguments).expect(3);
        assert!(finished.stderr.contains("the staging database is damaged"), "{}", finished.stderr);
    }
    assert_eq!(organisation.rows("account"), 0);
}

#[test]
fn a_staging_database_of_another_project() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.run(&organisation.url(), &["run", "--until", "sequence"]).expect(0);
    let before = rehearsal.staging();
    rehearsal.write("migration.toml", &PROJECT.replace("\"rehearsal\"", "\"another\""));
    let finished = rehearsal.run(&organisation.url(), &["run"]).expect(2);
    assert!(
        finished.stderr.contains("belongs to the project rehearsal, not to another"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("nothing was changed"), "{}", finished.stderr);
    assert!(rehearsal.staging() == before);
    assert_eq!(organisation.rows("account"), 0);
}
