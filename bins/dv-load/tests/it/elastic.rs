//! A project with an elastic table, from the plan to the rollback.

use std::fmt::Write as _;

use dataverse_emulator::{FaultKind, FaultPlan, FaultRule};
use serde_json::json;

use crate::world::{Organisation, PROJECT, Rehearsal};

const READINGS: &str = r#"
[[map]]
table = "new_reading"
source = "Reading"
key = "Id"
[map.columns]
new_name = "Name"
new_value = "Value"
partitionid = "Device"
"#;

/// The elastic table, made as a maker makes it.
fn define(organisation: &Organisation) {
    let name = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Name", "MaxLength": 100,
        "IsPrimaryName": true
    });
    let value = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.IntegerAttributeMetadata", "SchemaName": "new_Value",
        "MinValue": 0, "MaxValue": 1000
    });
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Reading", "TableType": "Elastic",
        "OwnershipType": "UserOwned", "Attributes": [name, value]
    });
    let answer = organisation.request("POST", "EntityDefinitions", &body.to_string());
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

/// Forty readings of four devices; the values of some are another.
fn readings(other: usize) -> String {
    let mut csv = "Id,Name,Value,Device\n".to_owned();
    for n in 1..=40 {
        let value = if n <= other { 500 + n } else { n };
        let _ = writeln!(csv, "R{n},Reading {n},{value},device {}", n % 4);
    }
    csv
}

fn count(organisation: &Organisation, filter: &str) -> String {
    let told = organisation.get(&format!("new_readings/$count?$filter={filter}"));
    told.trim_start_matches('\u{feff}').trim().to_owned()
}

#[test]
fn an_elastic_table_is_planned_loaded_changed_verified_and_taken_back() {
    let organisation = Organisation::start();
    define(&organisation);
    let project = Rehearsal::small();
    project.write("migration.toml", &format!("{PROJECT}{READINGS}"));
    project.write("source/Reading.csv", &readings(0));
    organisation.prepare(&project);

    let plan = project.load(&organisation, &["--plan", "--json"]).expect(0).json();
    let planned =
        plan["tables"].as_array().unwrap().iter().find(|table| table["table"] == "new_reading").unwrap();
    assert_eq!((&planned["strategy"], &planned["rows_per_request"]), (&json!("sequential"), &json!(10)));
    assert!(planned["why"].as_str().unwrap().contains("elastic"), "{planned}");

    // Some rows of two requests are throttled, and the answer to another is lost.
    let on_creates = |kind| FaultRule::new(kind).on_path("new_readings*CreateMultiple");
    let partly = FaultRule { rows: 3, ..on_creates(FaultKind::PartialFailure).times(2) };
    organisation.set_faults(FaultPlan::of([partly, on_creates(FaultKind::LoseAnswer).times(1)]));
    project.load(&organisation, &[]).expect(0);
    assert_eq!(organisation.rows("new_reading"), 40);
    assert_eq!(count(&organisation, "partitionid%20eq%20'device%203'"), "10");
    assert_eq!(organisation.verify(&project), Vec::<String>::new());

    project.write("source/Reading.csv", &readings(7));
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    assert_eq!(
        (organisation.rows("new_reading"), count(&organisation, "new_value%20gt%20500")),
        (40, "7".to_owned())
    );
    assert_eq!(organisation.verify(&project), Vec::<String>::new());

    let runs = project.load(&organisation, &["--runs", "--json"]).expect(0).json();
    // Those whose answer was lost were found again.
    let of = |run: &serde_json::Value, what: &str| run[what].as_u64().unwrap();
    let mut first = runs.as_array().unwrap().iter().filter(|run| of(run, "created") > 0);
    let run = first.next().unwrap();
    assert_eq!((of(run, "created") + of(run, "adopted"), first.next()), (46, None));
    assert!(of(run, "adopted") > 0);
    project.load(&organisation, &["--rollback", &run["run"].to_string(), "--yes"]).expect(0);
    assert_eq!((organisation.rows("new_reading"), organisation.rows("account")), (0, 0));
}
