//! Nobody reads what is printed, or it cannot be written: the migration goes on, and the exit code is its own.

use std::fs::OpenOptions;
use std::process::{Child, Stdio};

use crate::rehearsal::{Organisation, Rehearsal};

fn start(rehearsal: &Rehearsal, url: &str, arguments: &[&str], out: Stdio, err: Stdio) -> Child {
    rehearsal.process(url, arguments).stdout(out).stderr(err).spawn().unwrap()
}

#[test]
fn a_run_goes_on_to_its_end_when_the_reader_of_its_output_is_gone() {
    let organisation = Organisation::start(1);
    for arguments in
        [&["run"][..], &["run", "-vv"], &["run", "--json", "--events"], &["status"], &["preflight"]]
    {
        let rehearsal = Rehearsal::new();
        let mut child = start(&rehearsal, &organisation.url(), arguments, Stdio::piped(), Stdio::piped());
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn wrong_input_keeps_its_exit_code_when_nobody_listens() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    rehearsal.write("migration.toml", "[project\n");
    let mut child = start(&rehearsal, &organisation.url(), &["run"], Stdio::piped(), Stdio::piped());
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_said_once_and_no_panic() {
    let organisation = Organisation::start(1);
    let rehearsal = Rehearsal::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = start(&rehearsal, &organisation.url(), &["run"], full.into(), Stdio::piped());
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{talk}");
    assert_eq!(talk.matches("error: the result could not be printed: ").count(), 1, "{talk}");
    assert_eq!(organisation.rows("account"), 3);
}
