//! Plays of the settling: lookups that were owed, pairs, states and closings.

use batch_loader::{LoadTable, Plan, Strategy};
use dataverse_client::wire::metadata::ManyToMany;
use staging_schema::{Shape, StagedColumn, StagedKind, TargetTable};
use std::sync::Arc;

use super::acts::{Act, Run, Sheet, Workshop};
use super::inserts::customer;
use crate::world::{lookup, text, waves};

/// Accounts that point to contacts that came later, and to each other in a circle.
pub(super) async fn lookups(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new(
        "account",
        vec![text("name", 160), lookup("primarycontactid", "contact"), lookup("parentaccountid", "account")],
    )
    .unwrap();
    let contact =
        TargetTable::new("contact", vec![text("lastname", 50), customer("parentcustomerid")]).unwrap();
    let mut accounts = shop.table(&account).await;
    accounts.deferred = vec!["primarycontactid".to_owned()];
    accounts.self_lookups = vec!["parentaccountid".to_owned()];
    let plan = waves(vec![vec![accounts], vec![shop.table(&contact).await]]);
    shop.ensure(&plan).await;
    let rows: [&[&str]; 5] = [
        &["a1", "A1", "c1", "a2"],
        &["a2", "A2", "", "a1"],
        &["a3", "A3", "c2", ""],
        &["a4", "A4", "c3", ""],
        &["a5", "A5", "nobody", ""],
    ];
    let columns = ["name", "primarycontactid_SourceKey", "parentaccountid_SourceKey"];
    shop.stage(&account, &columns, &rows).await;
    shop.store.compute_levels(&account, &["parentaccountid"], None).await.unwrap();
    let rows: [&[&str]; 3] = [&["c1", "C1", "a1", "account"], &["c2", "C2", "", ""], &["c3", "C3", "", ""]];
    shop.stage(&contact, &["lastname", "parentcustomerid_SourceKey", "parentcustomerid_Table"], &rows).await;
    shop.beforehand(Run::Load, &plan).await;
    Act {
        name: "lookups",
        plan,
        run: Run::Settle,
        sheets: vec![
            Sheet::new(
                "accounts",
                &["name", "_primarycontactid_value", "_parentaccountid_value"],
                &["A1, C1, A2", "A2, , A1", "A3, C2, ", "A4, C3, ", "A5, , "],
            ),
            Sheet::new("contacts", &["lastname", "_parentcustomerid_value"], &["C1, A1", "C2, ", "C3, "]),
        ],
        errors: Vec::new(),
        owed: [("account", 1)].into(),
    }
}

/// Accounts, leads and the pairs of them: tables and plan.
pub(super) async fn pairs(shop: &Workshop<'_>) -> (Plan, TargetTable) {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let lead = TargetTable::new("lead", vec![text("lastname", 50)]).unwrap();
    let columns = vec![lookup("accountid", "account"), lookup("leadid", "lead")];
    let pairs = TargetTable::new("accountleads", columns).unwrap().with_shape(Shape::Intersect);
    let definition = shop.client.table_definition("accountleads").await.unwrap().unwrap();
    let accounts = shop.table(&account).await;
    let is_ours = |known: &&ManyToMany| known.intersect_table == "accountleads";
    let relationship = accounts.definition.many_to_many.iter().find(is_ours).unwrap().schema_name.clone();
    let mut plan = waves(vec![vec![accounts, shop.table(&lead).await]]);
    let mut table = LoadTable::new(Arc::new(definition), pairs.clone(), Strategy::Associate { relationship });
    table.batch = Some(3);
    plan.associations = vec![table];
    shop.ensure(&plan).await;
    shop.stage(&account, &["name"], &[&["a1", "A1"], &["a2", "A2"]]).await;
    shop.stage(&lead, &["lastname"], &[&["l1", "L1"], &["l2", "L2"]]).await;
    let rows: [&[&str]; 5] = [
        &["1-1", "a1", "l1"],
        &["1-2", "a1", "l2"],
        &["2-1", "a2", "l1"],
        &["2-2", "a2", "l2"],
        &["2-3", "a2", "nobody"],
    ];
    shop.stage(&pairs, &["accountid_SourceKey", "leadid_SourceKey"], &rows).await;
    (plan, pairs)
}

pub(super) async fn associate(shop: &Workshop<'_>) -> Act {
    let (plan, _) = pairs(shop).await;
    shop.beforehand(Run::Load, &plan).await;
    Act {
        name: "associate",
        plan,
        run: Run::Settle,
        sheets: vec![
            Sheet::new("accounts", &["name"], &["A1", "A2"]),
            Sheet::new("leads", &["lastname"], &["L1", "L2"]),
            Sheet::new(
                "accountleadscollection",
                &["accountid", "leadid"],
                &["A1, L1", "A1, L2", "A2, L1", "A2, L2"],
            ),
        ],
        errors: Vec::new(),
        owed: [("accountleads", 1)].into(),
    }
}

pub(super) fn with_state(name: &str, mut columns: Vec<StagedColumn>) -> TargetTable {
    columns.push(StagedColumn::new("statecode", StagedKind::State));
    columns.push(StagedColumn::new("statuscode", StagedKind::Status));
    TargetTable::new(name, columns).unwrap()
}

/// Contacts by plain update, opportunities and cases by their closing actions, one of which the service refuses.
pub(super) async fn states(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let contact = with_state("contact", vec![text("lastname", 50)]);
    let opportunity = with_state("opportunity", vec![text("name", 300), customer("customerid")]);
    let incident = with_state("incident", vec![text("title", 200), customer("customerid")]);
    let mut plan = waves(vec![
        vec![shop.table(&account).await],
        vec![shop.table(&contact).await, shop.table(&opportunity).await, shop.table(&incident).await],
    ]);
    plan.entity_sets.insert("contact".to_owned(), "contacts".to_owned());
    shop.ensure(&plan).await;
    shop.stage(&account, &["name"], &[&["a1", "A1"]]).await;
    let rows: [&[&str]; 4] =
        [&["c1", "C1", "1", "2"], &["c2", "C2", "0", "1"], &["c3", "C3", "1", "2"], &["c4", "C4", "1", "1"]];
    // The status of the last belongs to another state.
    shop.stage(&contact, &["lastname", "statecode", "statuscode"], &rows).await;
    let columns = ["name", "customerid_SourceKey", "customerid_Table", "statecode", "statuscode"];
    let rows: [&[&str]; 5] = [
        &["o1", "O1", "a1", "account", "1", "3"],
        &["o2", "O2", "a1", "account", "2", "4"],
        &["o3", "O3", "a1", "account", "0", "1"],
        &["o4", "O4", "a1", "account", "2", "5"],
        &["o5", "O5", "a1", "account", "1", "3"],
    ];
    shop.stage(&opportunity, &columns, &rows).await;
    let columns = ["title", "customerid_SourceKey", "customerid_Table", "statecode", "statuscode"];
    let rows: [&[&str]; 2] =
        [&["i1", "I1", "a1", "account", "1", "5"], &["i2", "I2", "a1", "account", "2", "6"]];
    shop.stage(&incident, &columns, &rows).await;
    shop.beforehand(Run::Load, &plan).await;
    Act {
        name: "states",
        plan,
        run: Run::Settle,
        sheets: vec![
            Sheet::new("accounts", &["name"], &["A1"]),
            Sheet::new(
                "contacts",
                &["lastname", "statecode", "statuscode"],
                &["C1, 1, 2", "C2, 0, 1", "C3, 1, 2", "C4, 0, 1"],
            ),
            Sheet::new(
                "opportunities",
                &["name", "_customerid_value", "statecode", "statuscode"],
                &["O1, A1, 1, 3", "O2, A1, 2, 4", "O3, A1, 0, 1", "O4, A1, 2, 5", "O5, A1, 1, 3"],
            ),
            Sheet::new("incidents", &["title", "statecode", "statuscode"], &["I1, 1, 5", "I2, 2, 6"]),
            Sheet::new(
                "opportunitycloses",
                &["subject", "_opportunityid_value"],
                &[
                    "Won before migration, O1",
                    "Lost before migration, O2",
                    "Lost before migration, O4",
                    "Won before migration, O5",
                ],
            ),
            Sheet::new(
                "incidentresolutions",
                &["subject", "_incidentid_value"],
                &["Resolved before migration, I1"],
            ),
        ],
        errors: vec![["contact", "c4", "state", "status"]],
        owed: [].into(),
    }
}

/// Quotes and orders: drafts that are activated before they are closed, others that are updated, one whose closing is refused.
pub(super) async fn closings(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let quote = with_state("quote", vec![text("name", 300), customer("customerid")]);
    let order = with_state("salesorder", vec![text("name", 300), customer("customerid")]);
    let mut plan = waves(vec![
        vec![shop.table(&account).await],
        vec![shop.table(&quote).await, shop.table(&order).await],
    ]);
    plan.entity_sets.insert("contact".to_owned(), "contacts".to_owned());
    shop.ensure(&plan).await;
    shop.stage(&account, &["name"], &[&["a1", "A1"]]).await;
    let columns = ["name", "customerid_SourceKey", "customerid_Table", "statecode", "statuscode"];
    let rows: [&[&str]; 4] = [
        &["q1", "Q1", "a1", "account", "2", "4"],
        &["q2", "Q2", "a1", "account", "1", "3"],
        // The status belongs to another state.
        &["q3", "Q3", "a1", "account", "2", "5"],
        &["q4", "Q4", "a1", "account", "3", "6"],
    ];
    shop.stage(&quote, &columns, &rows).await;
    let rows: [&[&str]; 3] = [
        &["s1", "S1", "a1", "account", "3", "100001"],
        &["s2", "S2", "a1", "account", "1", "3"],
        &["s3", "S3", "a1", "account", "2", "4"],
    ];
    shop.stage(&order, &columns, &rows).await;
    shop.beforehand(Run::Load, &plan).await;
    let states = &["name", "statecode", "statuscode"];
    Act {
        name: "quotes and orders",
        plan,
        run: Run::Settle,
        sheets: vec![
            Sheet::new("accounts", &["name"], &["A1"]),
            Sheet::new("quotes", states, &["Q1, 2, 4", "Q2, 1, 3", "Q3, 0, 1", "Q4, 3, 6"]),
            Sheet::new("salesorders", states, &["S1, 3, 100001", "S2, 1, 3", "S3, 2, 4"]),
            Sheet::new(
                "quotecloses",
                &["subject", "_quoteid_value"],
                &["Closed before migration, Q4", "Won before migration, Q1"],
            ),
            Sheet::new(
                "ordercloses",
                &["subject", "_salesorderid_value"],
                &["Cancelled before migration, S3", "Fulfilled before migration, S1"],
            ),
        ],
        errors: vec![["quote", "q3", "state", "status"]],
        owed: [].into(),
    }
}
