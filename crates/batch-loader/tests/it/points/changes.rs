//! Plays of what comes after a first load: changes, deletions, repairs, rows taken back, rows that were there before.

use batch_loader::{LoadTable, Strategy};
use dataverse_client::WriteOptions;
use dataverse_client::wire::write::RowWriter;
use staging_schema::{Mode, TargetTable};
use std::sync::Arc;

use super::acts::{Act, Run, Sheet, Workshop};
use super::inserts::{customer, too_long};
use super::settling::pairs;
use crate::world::{lookup, text, waves};

/// Three changed rows, one of which the service refuses, and one that was deleted there.
pub(super) async fn update(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new("account", vec![text("name", 400), text("description", 2000)]).unwrap();
    let plan = waves(vec![vec![shop.table(&account).await]]);
    shop.ensure(&plan).await;
    let rows: [&[&str]; 7] = [
        &["a1", "A1", "old"],
        &["a2", "A2", "old"],
        &["a3", "A3", "old"],
        &["a4", "A4", "old"],
        &["a5", "A5", "old"],
        &["a6", "A6", "old"],
        &["a7", "A7", "old"],
    ];
    shop.stage(&account, &["name", "description"], &rows).await;
    shop.beforehand(Run::Whole, &plan).await;
    let long = too_long();
    shop.sql(&format!(
        "UPDATE target_account SET name = CASE DataMigration_RowId WHEN 4 THEN '{long}' ELSE CONCAT(name, '!') END, \
         description = NULL, DataMigration_ActionFlag = 'U', DataMigration_Generation = 2, \
         DataMigration_ProcessingFlag = 'U' WHERE DataMigration_RowId <= 6"
    ))
    .await;
    Act {
        name: "update",
        plan,
        run: Run::Settle,
        sheets: vec![Sheet::new(
            "accounts",
            &["name", "description"],
            &["A1!, ", "A2!, ", "A3!, ", "A4, old", "A5!, ", "A6!, ", "A7, old"],
        )],
        errors: vec![["account", "a4", "update", "name"]],
        owed: [].into(),
    }
}

/// Pairs and rows go, children before their parents; one row is gone already.
pub(super) async fn delete(shop: &Workshop<'_>) -> Act {
    let (plan, _) = pairs(shop).await;
    shop.beforehand(Run::Whole, &plan).await;
    for (table, rows) in [("accountleads", "1, 3, 4"), ("lead", "2"), ("account", "2")] {
        shop.sql(&format!(
            "UPDATE target_{table} SET DataMigration_ActionFlag = 'D', DataMigration_Generation = 2, \
             DataMigration_ProcessingFlag = 'U' WHERE DataMigration_RowId IN ({rows})"
        ))
        .await;
    }
    Act {
        name: "delete",
        plan,
        run: Run::Settle,
        sheets: vec![
            Sheet::new("accounts", &["name"], &["A1"]),
            Sheet::new("leads", &["lastname"], &["L1"]),
            // That of the lead which goes goes with it.
            Sheet::new("accountleadscollection", &["accountid", "leadid"], &[]),
        ],
        errors: Vec::new(),
        owed: [("accountleads", 1)].into(),
    }
}

/// Rows that were refused: some are repaired and taken again, one is refused again.
pub(super) async fn retry(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new("account", vec![text("name", 400)]).unwrap();
    let contact =
        TargetTable::new("contact", vec![text("lastname", 50), customer("parentcustomerid")]).unwrap();
    let plan = waves(vec![vec![shop.table(&account).await], vec![shop.table(&contact).await]]);
    shop.ensure(&plan).await;
    let long = too_long();
    let rows: [&[&str]; 6] =
        [&["a1", "A1"], &["a2", &long], &["a3", "A3"], &["a4", &long], &["a5", &long], &["a6", "A6"]];
    shop.stage(&account, &["name"], &rows).await;
    let rows: [&[&str]; 2] = [&["c1", "C1", "a2", "account"], &["c2", "C2", "a4", "account"]];
    shop.stage(&contact, &["lastname", "parentcustomerid_SourceKey", "parentcustomerid_Table"], &rows).await;
    shop.beforehand(Run::Whole, &plan).await;
    let repair = "UPDATE target_account SET name = CONCAT('A', DataMigration_RowId) WHERE DataMigration_RowId IN (2, 5)";
    Act {
        name: "retry of errors",
        plan,
        run: Run::Retry(vec![repair.to_owned()]),
        sheets: vec![
            Sheet::new("accounts", &["name"], &["A1", "A2", "A3", "A5", "A6"]),
            Sheet::new("contacts", &["lastname", "_parentcustomerid_value"], &["C1, A2", "C2, "]),
        ],
        errors: vec![["account", "a4", "insert", "name"]],
        owed: [("contact", 1)].into(),
    }
}

/// Everything is taken back, a request that nobody knows the end of included.
pub(super) async fn take_back(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let contact =
        TargetTable::new("contact", vec![text("lastname", 50), customer("parentcustomerid")]).unwrap();
    let plan = waves(vec![vec![shop.table(&account).await], vec![shop.table(&contact).await]]);
    shop.ensure(&plan).await;
    let rows: [&[&str]; 5] = [&["a1", "A1"], &["a2", "A2"], &["a3", "A3"], &["a4", "A4"], &["a5", "A5"]];
    shop.stage(&account, &["name"], &rows).await;
    let rows: [&[&str]; 3] =
        [&["c1", "C1", "a1", "account"], &["c2", "C2", "a2", "account"], &["c3", "C3", "", ""]];
    shop.stage(&contact, &["lastname", "parentcustomerid_SourceKey", "parentcustomerid_Table"], &rows).await;
    shop.beforehand(Run::Whole, &plan).await;
    // The answer to the contacts' creation never came.
    for sql in [
        "DELETE FROM target_contact_Success",
        "UPDATE target_contact SET DataMigration_DataverseId = NULL, DataMigration_ProcessingFlag = 'U'",
        "UPDATE target_Request SET State = 'sent', SettledAt = NULL WHERE TargetTable = 'contact'",
    ] {
        shop.sql(sql).await;
    }
    let mark = |table: &str, rows: i64| {
        format!(
            "UPDATE target_{table} SET DataMigration_ActionFlag = 'D', DataMigration_Generation = 2, \
             DataMigration_ProcessingFlag = 'U' WHERE DataMigration_RowId <= {rows} AND DataMigration_Generation = 1"
        )
    };
    Act {
        name: "take back",
        plan,
        run: Run::TakeBack(vec![mark("contact", 3), mark("account", 4)], vec!["contact", "account"]),
        sheets: vec![Sheet::new("accounts", &["name"], &["A5"]), Sheet::new("contacts", &["lastname"], &[])],
        errors: Vec::new(),
        owed: [].into(),
    }
}

/// A staging database from before the load, and a service from after it: what is there is known by its numbers alone.
pub(super) async fn restored(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![shop.table(&account).await]]);
    shop.ensure(&plan).await;
    let rows: [&[&str]; 4] = [&["a1", "A1"], &["a2", "A2"], &["a3", "A3"], &["a4", "A4"]];
    shop.stage(&account, &["name"], &rows).await;
    shop.beforehand(Run::Load, &plan).await;
    for sql in [
        "DELETE FROM target_account_Success",
        "DELETE FROM target_Request",
        "DELETE FROM target_Chunk",
        "UPDATE target_account SET DataMigration_DataverseId = NULL, DataMigration_ProcessingFlag = 'U'",
    ] {
        shop.sql(sql).await;
    }
    shop.stage(&account, &["name"], &[&["a5", "A5"], &["a6", "A6"]]).await;
    Act {
        name: "restored backup",
        plan,
        run: Run::Load,
        sheets: vec![Sheet::new("accounts", &["name"], &["A1", "A2", "A3", "A4", "A5", "A6"])],
        errors: Vec::new(),
        owed: [].into(),
    }
}

/// Rows of a table that are found by their name; one is not there.
pub(super) async fn matching(shop: &Workshop<'_>) -> Act {
    for name in ["One", "Two", "Three"] {
        let mut body = RowWriter::new();
        body.text("lastname", name);
        shop.client.create("contacts", body.finish(), &WriteOptions::default()).await.unwrap();
    }
    let contact = TargetTable::new("contact", vec![text("lastname", 50)]).unwrap().with_mode(Mode::Match);
    let account =
        TargetTable::new("account", vec![text("name", 160), lookup("primarycontactid", "contact")]).unwrap();
    let definition = shop.client.table_definition("contact").await.unwrap().unwrap();
    let matched = LoadTable::new(Arc::new(definition), contact.clone(), Strategy::AlternateKey(vec![]));
    let plan = waves(vec![vec![matched], vec![shop.table(&account).await]]);
    shop.ensure(&plan).await;
    let rows: [&[&str]; 3] = [&["c1", "One"], &["c2", "Two"], &["c3", "Nobody"]];
    shop.stage(&contact, &["lastname"], &rows).await;
    Act {
        name: "match",
        plan,
        run: Run::Match("contact", "lastname"),
        sheets: vec![Sheet::new("contacts", &["lastname"], &["One", "Two", "Three"])],
        errors: vec![["contact", "c3", "insert", "lastname"]],
        owed: [].into(),
    }
}
