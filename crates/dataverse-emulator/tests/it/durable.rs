//! `data`: what was acknowledged is there after a restart.

use std::path::Path;

use dataverse_emulator::{Emulator, Error, Options, Settings};
use serde_json::json;

use crate::client::{Office, office_with};

fn in_folder(folder: &Path) -> Options {
    Options { data: Some(folder.to_owned()), ..Options::default() }
}

async fn restarted(office: Office, folder: &Path) -> Office {
    office.emulator.shutdown().await.unwrap();
    office_with(in_folder(folder)).await
}

/// What the folder is refused with.
async fn refused(options: Options) -> String {
    match Emulator::start(options).await.unwrap_err() {
        Error::Data { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rows_seeds_versions_and_ids_go_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let office = office_with(in_folder(folder.path())).await;
    let first = office.create("accounts", json!({"name": "kept", "accountnumber": "1"})).await;
    let gone = office.create("contacts", json!({"lastname": "gone"})).await;
    office.patch(&format!("accounts({first})"), json!({"name": "changed"})).await.ok();
    office.delete(&format!("contacts({gone})")).await.ok();
    let before = office.get(&format!("accounts({first})")).await.json();
    let rows = office.emulator.stats().rows;
    let office = restarted(office, folder.path()).await;
    assert_eq!(office.emulator.stats().rows, rows, "seeds and addresses included");
    let after = office.get(&format!("accounts({first})")).await.json();
    assert_eq!(after["name"], "changed");
    assert_eq!(after["@odata.etag"], before["@odata.etag"]);
    assert_eq!(after["createdon"], before["createdon"]);
    office.get(&format!("contacts({gone})")).await.refused_with(404, "0x80040217");
    let second = office.create("accounts", json!({"name": "new"})).await;
    assert_ne!(first, second, "ids go on where they were");
}

#[tokio::test]
async fn what_was_refused_or_taken_back_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let office = office_with(in_folder(folder.path())).await;
    let rows = json!({"Targets": [
        {"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "good"},
        {"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "x".repeat(10_000)},
    ]});
    let reply = office.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", rows).await;
    assert_eq!(reply.status, 400);
    let office = restarted(office, folder.path()).await;
    assert_eq!(office.get("accounts/$count").await.text(), "0");
}

#[tokio::test]
async fn tables_columns_and_keys_made_at_run_time_come_back_with_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let office = office_with(in_folder(folder.path())).await;
    let label = |text: &str| json!({"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]});
    let text = |name: &str, primary: bool| {
        json!({"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": name, "MaxLength": 100,
            "IsPrimaryName": primary, "FormatName": {"Value": "Text"}})
    };
    let table = json!({"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Thing",
        "DisplayName": label("Thing"), "DisplayCollectionName": label("Things"), "OwnershipType": "UserOwned",
        "HasActivities": false, "HasNotes": false, "Attributes": [text("new_Name", true)]});
    office.post("EntityDefinitions", table).await.ok();
    let definition = "EntityDefinitions(LogicalName='new_thing')";
    office.post(&format!("{definition}/Attributes"), text("new_Code", false)).await.ok();
    office.post(&format!("{definition}/Attributes"), text("new_Dropped", false)).await.ok();
    office.post(&format!("{definition}/Attributes"), text("new_Last", false)).await.ok();
    let key = json!({"SchemaName": "new_CodeKey", "KeyAttributes": ["new_code"]});
    office.post(&format!("{definition}/Keys"), key).await.ok();
    let row = json!({"new_name": "one", "new_code": "c1", "new_dropped": "d", "new_last": "l"});
    let id = office.create("new_things", row).await;
    office.delete(&format!("{definition}/Attributes(LogicalName='new_dropped')")).await.ok();
    // A key over duplicates cannot be built, and that is not forgotten either.
    for name in ["same", "same"] {
        office.create("contacts", json!({"lastname": name, "employeeid": "E1"})).await;
    }
    let key = json!({"SchemaName": "new_Failed", "KeyAttributes": ["employeeid"]});
    office.post("EntityDefinitions(LogicalName='contact')/Keys", key).await.ok();
    let before = whole_row(&office, &id).await;
    // Enough history that the restart rewrites the journal.
    let long = "x".repeat(1_500);
    for _ in 0..1_500 {
        office.patch(&format!("accounts({NOBODY})"), json!({"description": long})).await.ok();
    }
    let size = || std::fs::metadata(folder.path().join("journal")).unwrap().len();
    let grown = size();
    let mut office = restarted(office, folder.path()).await;
    assert!(size() < grown / 2, "{} of {grown}", size());
    for _ in 0..2 {
        assert_eq!(whole_row(&office, &id).await, before);
        assert_eq!(before["new_last"], "l");
        assert!(before.get("new_dropped").is_none());
        let found = office.get("new_things(new_code='c1')?$select=new_name").await;
        assert_eq!(found.json()["new_name"], "one");
        let again = office.post("new_things", json!({"new_name": "two", "new_code": "c1"})).await;
        again.refused_with(412, "0x80060892");
        let key = "EntityDefinitions(LogicalName='contact')/Keys?$select=SchemaName,EntityKeyIndexStatus";
        let keys = office.get(key).await.rows();
        let failed = keys.iter().find(|key| key["SchemaName"] == "new_Failed").unwrap();
        assert_eq!(failed["EntityKeyIndexStatus"], "Failed");
        office.create("contacts", json!({"lastname": "x", "employeeid": "E1"})).await;
        office = restarted(office, folder.path()).await;
    }
}

async fn whole_row(office: &Office, id: &str) -> serde_json::Value {
    let mut row = office.get(&format!("new_things({id})")).await.json();
    row.as_object_mut().unwrap().remove("@odata.context"); // It names the port.
    row
}

const NOBODY: &str = "11111111-2222-3333-4444-555555555555";

#[tokio::test]
async fn a_reset_empties_the_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let office = office_with(in_folder(folder.path())).await;
    office.create("accounts", json!({"name": "x"})).await;
    office.send("POST", "/emulator/reset", &[], b"").await.ok();
    let kept = office.create("accounts", json!({"name": "y"})).await;
    let office = restarted(office, folder.path()).await;
    assert_eq!(office.get("accounts/$count").await.text(), "1");
    office.get(&format!("accounts({kept})")).await.ok();
}

#[tokio::test]
async fn a_restored_snapshot_is_what_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let office = office_with(in_folder(folder.path())).await;
    office.create("accounts", json!({"name": "x"})).await;
    let snapshot = folder.path().join("one-account");
    office.emulator.save(&snapshot).unwrap();
    office.create("accounts", json!({"name": "y"})).await;
    office.emulator.restore(&snapshot).unwrap();
    let office = restarted(office, folder.path()).await;
    assert_eq!(office.get("accounts/$count").await.text(), "1");
}

#[tokio::test]
async fn a_folder_of_another_organisation_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let office = office_with(in_folder(folder.path())).await;
    office.create("accounts", json!({"name": "x"})).await;
    let taken = refused(in_folder(folder.path())).await;
    assert!(taken.contains("another emulator"), "{taken}");
    office.emulator.shutdown().await.unwrap();
    let before = std::fs::read(folder.path().join("journal")).unwrap();
    let seed = refused(Options { seed: 2, ..in_folder(folder.path()) }).await;
    assert!(seed.contains("--seed"), "{seed}");
    let tables = refused(Options { standard_tables: false, ..in_folder(folder.path()) }).await;
    assert!(tables.contains("--metadata"), "{tables}");
    assert_eq!(std::fs::read(folder.path().join("journal")).unwrap(), before);
    // Behaviour may change between runs.
    let options = Options { settings: Settings::flipped(), ..in_folder(folder.path()) };
    let office = office_with(options).await;
    assert_eq!(office.get("accounts/$count").await.text(), "1");
}
