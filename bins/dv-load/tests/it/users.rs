//! Several application users.

use dataverse_emulator::Options;

use crate::world::{Finished, Organisation, PROJECT, Rehearsal};

const SECOND: &str = "[[target.user]]\nname = \"second\"\nvariable = \"DV_TOKEN_2\"\n[owners]";

fn run(project: &Rehearsal, organisation: &Organisation, token: Option<&str>) -> Finished {
    let mut command = project.command(organisation);
    command.args(["--events", "--json"]);
    if let Some(token) = token {
        command.env("DV_TOKEN_2", token);
    }
    Finished::of(&command.output().unwrap())
}

#[test]
fn the_work_is_shared_among_the_application_users() {
    let organisation = Organisation::with(Options { seed: 1, users: 2, ..Options::default() });
    let project = Rehearsal::large(100);
    organisation.prepare(&project);
    project.write("migration.toml", &PROJECT.replace("[owners]", SECOND));
    let finished = run(&project, &organisation, Some("user-2")).expect(0);
    let events =
        finished.stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let users: Vec<String> = events
        .filter(|event| event["event"] == "connected")
        .map(|event| event["user_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(users.len(), 2, "{}", finished.stderr);
    for user in users {
        let made = organisation.get(&format!("accounts/$count?$filter=_createdby_value%20eq%20{user}"));
        let made: u64 = made.trim_start_matches('\u{feff}').parse().unwrap();
        assert!((10..=90).contains(&made), "user {user} made {made} of 100 accounts");
    }
    assert_eq!(organisation.rows("account"), 100);
}

#[test]
fn a_user_without_its_secret_or_named_twice_stops_before_anything_is_sent() {
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    organisation.prepare(&project);
    project.write("migration.toml", &PROJECT.replace("[owners]", SECOND));
    let missing = run(&project, &organisation, None).expect(2);
    assert!(missing.stderr.contains("DV_TOKEN_2 is not set"), "{}", missing.stderr);
    let same = run(&project, &organisation, Some("user-1")).expect(2);
    assert!(
        same.stderr.contains("second is the same application user as the user of [target]"),
        "{}",
        same.stderr
    );
    assert_eq!(organisation.rows("account"), 0);
}
