//! Tables that point at each other while their rows do not.

use std::fmt::Write as _;

use crate::world::{Organisation, PROJECT, Rehearsal};

/// Forty contacts without an account, forty accounts with one of them, forty contacts who work there.
fn chained(project: &str) -> Rehearsal {
    let mut accounts = "Id,Name,Parent,Contact\n".to_owned();
    let mut contacts = "Id,Name,Account\n".to_owned();
    for n in 1..=40 {
        let _ = writeln!(accounts, "A{n},Account {n},,C{n}");
        let _ = writeln!(contacts, "C{n},Contact {n},");
        let _ = writeln!(contacts, "E{n},Employee {n},A{n}");
    }
    Rehearsal::with(project, &accounts, &contacts)
}

fn sum(summary: &serde_json::Value, of: &str) -> u64 {
    summary["tables"].as_array().unwrap().iter().map(|table| table[of].as_u64().unwrap()).sum()
}

#[test]
fn they_load_in_row_waves_and_nothing_is_written_twice_where_the_project_says_so() {
    let organisation = Organisation::start();
    let project = chained(&PROJECT.replace("[load]\n", "[load]\nrow_waves = true\n"));
    organisation.prepare(&project);
    let plan = project.load(&organisation, &["--plan", "--json"]).expect(0).json();
    assert_eq!(plan["deferred"], serde_json::json!([]));
    assert_eq!((plan["writes"].as_u64(), plan["requests"].as_u64()), (Some(120), Some(12)));
    let summary = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!((sum(&summary, "loaded"), sum(&summary, "updated"), sum(&summary, "requests")), (120, 0, 12));
    for (filter, rows) in [
        ("accounts/$count?$filter=_primarycontactid_value%20ne%20null", "40"),
        ("contacts/$count?$filter=_parentcustomerid_value%20ne%20null", "40"),
    ] {
        let found = organisation.get(filter);
        assert!(found.trim_start_matches('\u{feff}').trim() == rows, "{filter}: {found}");
    }
}

#[test]
fn otherwise_a_lookup_waits_and_the_rest_is_a_proposal() {
    let organisation = Organisation::start();
    let project = chained(PROJECT);
    organisation.prepare(&project);
    let plan = project.load(&organisation, &["--plan", "--json"]).expect(0).json();
    assert_eq!(plan["deferred"].as_array().unwrap().len(), 1);
    assert_eq!((plan["writes"].as_u64(), plan["requests"].as_u64()), (Some(160), Some(16)));
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(project.file("reports/plan.json")).unwrap()).unwrap();
    let group = &kept["row_waves"][0];
    assert_eq!((&group["worthwhile"], &group["adopted"]), (&true.into(), &false.into()));
    assert_eq!((&group["requests_saved"], &group["requests_added"]), (&4.into(), &0.into()));
    let summary = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!((sum(&summary, "loaded"), sum(&summary, "updated")), (120, 40));
}
