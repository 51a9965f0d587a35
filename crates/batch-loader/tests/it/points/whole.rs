//! A play of a whole load: every pass after the other.

use batch_loader::{LoadTable, Strategy};
use dataverse_client::wire::metadata::ManyToMany;
use staging_schema::{Shape, TargetTable};
use std::sync::Arc;

use super::acts::{Act, Run, Sheet, Workshop};
use super::inserts::{customer, too_long};
use super::settling::with_state;
use crate::world::{lookup, text, waves};

/// Accounts in levels with owed contacts, contacts that are closed, won opportunities, pairs; one row that is refused.
pub(super) async fn whole(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new(
        "account",
        vec![text("name", 400), lookup("parentaccountid", "account"), lookup("primarycontactid", "contact")],
    )
    .unwrap();
    let contact = with_state("contact", vec![text("lastname", 50), customer("parentcustomerid")]);
    let opportunity = with_state("opportunity", vec![text("name", 300), customer("customerid")]);
    let lead = TargetTable::new("lead", vec![text("lastname", 50)]).unwrap();
    let columns = vec![lookup("accountid", "account"), lookup("leadid", "lead")];
    let pairs = TargetTable::new("accountleads", columns).unwrap().with_shape(Shape::Intersect);
    let mut accounts = shop.table(&account).await;
    accounts.self_lookups = vec!["parentaccountid".to_owned()];
    accounts.deferred = vec!["primarycontactid".to_owned()];
    let is_ours = |known: &&ManyToMany| known.intersect_table == "accountleads";
    let relationship = accounts.definition.many_to_many.iter().find(is_ours).unwrap().schema_name.clone();
    let mut plan = waves(vec![
        vec![accounts, shop.table(&lead).await],
        vec![shop.table(&contact).await, shop.table(&opportunity).await],
    ]);
    let definition = shop.client.table_definition("accountleads").await.unwrap().unwrap();
    let mut table = LoadTable::new(Arc::new(definition), pairs.clone(), Strategy::Associate { relationship });
    table.batch = Some(2);
    plan.associations = vec![table];
    shop.ensure(&plan).await;
    let long = too_long();
    let rows: [&[&str]; 5] = [
        &["a1", "A1", "", "c1"],
        &["a2", "A2", "a1", "c2"],
        &["a3", "A3", "a1", ""],
        &["a4", &long, "", "c2"],
        &["a5", "A5", "a2", "c1"],
    ];
    let columns = ["name", "parentaccountid_SourceKey", "primarycontactid_SourceKey"];
    shop.stage(&account, &columns, &rows).await;
    shop.store.compute_levels(&account, &["parentaccountid"], None).await.unwrap();
    let columns =
        ["lastname", "parentcustomerid_SourceKey", "parentcustomerid_Table", "statecode", "statuscode"];
    let rows: [&[&str]; 3] = [
        &["c1", "C1", "a1", "account", "1", "2"],
        &["c2", "C2", "a2", "account", "0", "1"],
        &["c3", "C3", "", "", "1", "2"],
    ];
    shop.stage(&contact, &columns, &rows).await;
    let columns = ["name", "customerid_SourceKey", "customerid_Table", "statecode", "statuscode"];
    let rows: [&[&str]; 3] = [
        &["o1", "O1", "a1", "account", "1", "3"],
        &["o2", "O2", "a2", "account", "2", "4"],
        &["o3", "O3", "a3", "account", "0", "1"],
    ];
    shop.stage(&opportunity, &columns, &rows).await;
    shop.stage(&lead, &["lastname"], &[&["l1", "L1"], &["l2", "L2"]]).await;
    let rows: [&[&str]; 3] = [&["1-1", "a1", "l1"], &["1-2", "a1", "l2"], &["2-2", "a2", "l2"]];
    shop.stage(&pairs, &["accountid_SourceKey", "leadid_SourceKey"], &rows).await;
    Act {
        name: "whole",
        plan,
        run: Run::Whole,
        sheets: vec![
            Sheet::new(
                "accounts",
                &["name", "_parentaccountid_value", "_primarycontactid_value"],
                &["A1, , C1", "A2, A1, C2", "A3, A1, ", "A5, A2, C1"],
            ),
            Sheet::new(
                "contacts",
                &["lastname", "_parentcustomerid_value", "statecode"],
                &["C1, A1, 1", "C2, A2, 0", "C3, , 1"],
            ),
            Sheet::new(
                "opportunities",
                &["name", "_customerid_value", "statecode"],
                &["O1, A1, 1", "O2, A2, 2", "O3, A3, 0"],
            ),
            Sheet::new(
                "opportunitycloses",
                &["subject", "_opportunityid_value"],
                &["Won before migration, O1", "Lost before migration, O2"],
            ),
            Sheet::new("leads", &["lastname"], &["L1", "L2"]),
            Sheet::new("accountleadscollection", &["accountid", "leadid"], &["A1, L1", "A1, L2", "A2, L2"]),
        ],
        errors: vec![["account", "a4", "insert", "name"]],
        owed: [].into(),
    }
}
