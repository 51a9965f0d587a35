//! Plan before action.

use std::fmt::Write as _;

use crate::world::{Organisation, Rehearsal};

fn rows(plan: &serde_json::Value, table: &str, pass: &str) -> u64 {
    let tables = plan["tables"].as_array().unwrap();
    let table = tables.iter().find(|found| found["table"] == table).unwrap();
    let passes = table["passes"].as_array().unwrap();
    passes.iter().find(|found| found["pass"] == pass).map_or(0, |found| found["rows"].as_u64().unwrap())
}

#[test]
fn a_plan_says_rows_requests_and_time_of_every_pass_and_writes_nothing() {
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    organisation.prepare(&project);
    let before = project.staging();
    let plan = project.load(&organisation, &["--plan", "--json", "--rate", "2"]).expect(0).json();
    assert_eq!(project.staging(), before);
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (0, 0));
    assert_eq!((rows(&plan, "account", "insert"), rows(&plan, "contact", "insert")), (3, 3));
    // Accounts and contacts point at each other: two rows are written twice, whichever way.
    assert_eq!(rows(&plan, "account", "lookups") + rows(&plan, "contact", "lookups"), 2);
    assert_eq!(plan["writes"], 8);
    assert_eq!(plan["basis"], "given");
    assert!((plan["seconds"].as_f64().unwrap() - 4.0).abs() < 1e-9, "{plan}");
    assert_eq!(plan["deferred"].as_array().unwrap().len(), 1);

    let told = project.load(&organisation, &["--plan"]).expect(0);
    for words in ["sequence-number", "Nothing was written.", "daily entitlement", "primarycontactid"] {
        assert!(told.stdout.contains(words), "{words}: {}", told.stdout);
    }
    project.load(&organisation, &[]).expect(0);
    let sent = project.load(&organisation, &["--plan"]).expect(0);
    assert!(sent.stdout.contains("Nothing is left to be sent."), "{}", sent.stdout);
}

#[test]
fn what_a_plan_counts_is_what_the_load_then_writes() {
    let organisation = Organisation::start();
    let project = Rehearsal::large(40);
    organisation.prepare(&project);
    let plan = project.load(&organisation, &["--plan", "--json"]).expect(0).json();
    let summary = project.load(&organisation, &["--json"]).expect(0).json();
    let tables = summary["tables"].as_array().unwrap();
    let written: u64 = tables
        .iter()
        .map(|table| table["loaded"].as_u64().unwrap() + table["updated"].as_u64().unwrap())
        .sum();
    let requests: u64 = tables.iter().map(|table| table["requests"].as_u64().unwrap()).sum();
    assert_eq!((plan["writes"].as_u64(), plan["requests"].as_u64()), (Some(written), Some(requests)));
}

#[test]
fn a_plan_before_the_order_is_known_says_which_step_is_missing() {
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    let refused = project.load(&organisation, &["--plan"]).expect(2);
    assert!(refused.stderr.contains("run the step prepare"), "{}", refused.stderr);
    assert!(!project.file("staging.db").exists());
    let refused = project.load(&organisation, &[]).expect(2);
    assert!(refused.stderr.contains("run the step prepare"), "{}", refused.stderr);
}

#[test]
fn a_plan_counts_with_the_size_of_requests_that_the_last_load_found() {
    let organisation = Organisation::start();
    let project = Rehearsal::large(600);
    let settings = crate::world::PROJECT.replace("batch = 10\n", "");
    project.write("migration.toml", &settings);
    organisation.prepare(&project);
    let size = |plan: &serde_json::Value| {
        let tables = plan["tables"].as_array().unwrap();
        let contact = tables.iter().find(|table| table["table"] == "contact").unwrap();
        (contact["rows_per_request"].as_u64().unwrap(), contact["passes"][0]["requests"].as_u64().unwrap())
    };
    let first = project.load(&organisation, &["--plan", "--json"]).expect(0).json();
    assert_eq!(size(&first), (250, 3), "the profile of a table of the platform");
    project.load(&organisation, &[]).expect(0);
    let found = project.query(
        "SELECT BatchRows FROM migration_Pace WHERE TargetTable = 'contact' AND Pass = 'insert' ORDER BY PaceId DESC",
    );
    let found: u64 = found[0][0].parse().unwrap();
    let mut contacts = std::fs::read_to_string(project.file("source/Contact.csv")).unwrap();
    for n in 0..700 {
        let _ = write!(contacts, "\nN{n},New {n},");
    }
    project.write("source/Contact.csv", &contacts);
    organisation.prepare(&project);
    let second = project.load(&organisation, &["--plan", "--json"]).expect(0).json();
    assert_eq!(size(&second), (found, 700_u64.div_ceil(found)));
    project.write("migration.toml", &settings.replace("[load]", "[load]\nadapt_batch = false"));
    organisation.prepare(&project);
    let pinned = project.load(&organisation, &["--plan", "--json"]).expect(0).json();
    assert_eq!(size(&pinned), (250, 3), "sizes that do not adapt are those of the profile");
}
