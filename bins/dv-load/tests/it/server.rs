//! What goes wrong between a command and the server of its staging database: said clearly, with the right exit code, and never
//! half done. Needs `STAGING_TEST_MSSQL`.

use migration::{ExitStatus, Step, Steps};

use crate::wire::Wire;
use crate::world::{Finished, Organisation, PROJECT, Rehearsal, is_on_a_server};

/// `dv-load` with another connection string, which is never repeated.
fn load(project: &Rehearsal, organisation: &Organisation, connection: Option<&str>) -> Finished {
    let mut command = project.command(organisation);
    match connection {
        Some(connection) => command.env("DV_STAGING_CONNECTION", connection),
        None => command.env_remove("DV_STAGING_CONNECTION"),
    };
    let finished = Finished::of(&command.output().unwrap());
    // The hint shows what a connection string looks like.
    let said = format!("{}{}", finished.stderr, finished.stdout).replace("Password=…", "");
    for secret in ["not-the-one", "assword="] {
        assert!(!said.contains(secret), "{said}");
    }
    finished
}

#[test]
fn a_server_that_does_not_let_us_in_is_told_of_before_anything_is_sent() {
    if !is_on_a_server() {
        return;
    }
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    let right = project.connection().unwrap().to_owned();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (wrong, code, words) in [
        (Some(format!("{right};Password=not-the-one")), 2, "login"),
        (Some(format!("{right};Database=dvt_nobody_made_it")), 2, "CREATE DATABASE"),
        (Some(format!("{right};TrustServerCertificate=false")), 2, "certificate"),
        (Some(format!("{right};Server=tcp:127.0.0.1,{port}")), 3, "127.0.0.1"),
        (Some(right.clone()), 2, "run the step prepare"),
        (None, 2, "DV_STAGING_CONNECTION is not set"),
    ] {
        let finished = load(&project, &organisation, wrong.as_deref()).expect(code);
        assert!(finished.stderr.contains(words), "{words}: {}", finished.stderr);
    }
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (0, 0));
}

#[test]
fn a_database_of_another_project_is_left_as_it_is() {
    if !is_on_a_server() {
        return;
    }
    let organisation = Organisation::start();
    let theirs = Rehearsal::small();
    organisation.prepare(&theirs);
    let before = theirs.staging();
    let ours = Rehearsal::small();
    ours.write("migration.toml", &PROJECT.replace("\"rehearsal\"", "\"another\""));
    let refused = load(&ours, &organisation, theirs.connection()).expect(2);
    assert!(
        refused.stderr.contains("belongs to the project rehearsal, not to another"),
        "{}",
        refused.stderr
    );
    let elsewhere = Organisation::with(dataverse_emulator::Options { seed: 99, ..Default::default() });
    let refused = load(&theirs, &elsewhere, theirs.connection()).expect(2);
    assert!(refused.stderr.contains("is bound to the organisation"), "{}", refused.stderr);
    let what_was_noted = |staging: Vec<u8>| {
        let text = String::from_utf8(staging).unwrap();
        // Who tried is noted as a run.
        text.split("migration.Run:").next().unwrap().to_owned()
    };
    assert_eq!(what_was_noted(theirs.staging()), what_was_noted(before));
    assert_eq!((elsewhere.rows("account"), organisation.rows("account")), (0, 0));
}

const ROWS: usize = 3_000;

/// Accounts with long names, prepared up to the extraction; the wire to their server.
fn before_the_extraction(organisation: &Organisation) -> (Rehearsal, Wire, String) {
    let lines = (1..=ROWS).map(|n| format!("\nA{n},{n:0>150},,"));
    let accounts = format!("Id,Name,Parent,Contact{}", lines.collect::<String>());
    let project = Rehearsal::with(PROJECT, &accounts, "Id,Name,Account\nC1,Anna,A1\n");
    let right = project.connection().unwrap().to_owned();
    organisation.run_by(&project, Some(&right), Steps::until(Step::Prepare)).unwrap();
    let lower = right.to_ascii_lowercase();
    let server = lower.split(';').find_map(|pair| pair.split_once("server=tcp:")).unwrap().1;
    let wire = Wire::to(server.replace(',', ":"));
    let through = format!("{right};Server=tcp:127.0.0.1,{}", wire.address.port());
    // The names alone are 900 kB; all that is said before them is far less.
    wire.cut_after(500_000);
    (project, wire, through)
}

#[track_caller]
fn every_row_is_there_once(project: &Rehearsal) {
    let counts =
        project.query("SELECT COUNT(*), COUNT(DISTINCT Id), COUNT(DISTINCT Name) FROM source_Account");
    assert_eq!(counts, [vec![ROWS.to_string(); 3]]);
}

#[test]
fn a_connection_lost_in_the_middle_of_a_bulk_insert_is_replaced_and_every_row_is_there_once() {
    if !is_on_a_server() {
        return;
    }
    let organisation = Organisation::start();
    let (project, wire, through) = before_the_extraction(&organisation);
    organisation.run_by(&project, Some(&through), Steps::only(Step::Extract)).unwrap();
    assert_eq!(wire.cuts(), 1);
    every_row_is_there_once(&project);
}

#[test]
fn a_server_that_is_gone_in_the_middle_of_a_bulk_insert_leaves_no_half_and_the_next_run_goes_on() {
    if !is_on_a_server() {
        return;
    }
    let organisation = Organisation::start();
    let (project, wire, through) = before_the_extraction(&organisation);
    wire.then_stay_away();
    let error = organisation.run_by(&project, Some(&through), Steps::only(Step::Extract)).unwrap_err();
    assert_eq!((wire.cuts(), error.exit_status()), (1, ExitStatus::Unreachable), "{}", error.with_causes());
    assert!(error.is_resumable() && error.with_causes().contains("127.0.0.1"), "{}", error.with_causes());
    let tables = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'source' AND TABLE_NAME = 'Account'";
    assert_eq!(project.query(tables), Vec::<Vec<String>>::new(), "what is half there has not its name");
    organisation.prepare(&project);
    every_row_is_there_once(&project);
}
