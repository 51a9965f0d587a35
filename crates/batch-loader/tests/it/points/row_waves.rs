//! A play of two tables whose rows load together, level by level.

use staging_schema::TargetTable;
use staging_schema::row_wave::Group;
use staging_store::Computed;

use super::acts::{Act, Run, Sheet, Workshop};
use super::inserts::too_long;
use crate::world::{lookup, text, waves};

/// A chain back and forth between accounts and contacts with a bad row in it, and a circle of two.
pub(super) async fn row_waves(shop: &Workshop<'_>) -> Act {
    let account =
        TargetTable::new("account", vec![text("name", 400), lookup("primarycontactid", "contact")]).unwrap();
    let contact =
        TargetTable::new("contact", vec![text("lastname", 50), lookup("parentcustomerid", "account")])
            .unwrap();
    let (mut accounts, mut contacts) = (shop.table(&account).await, shop.table(&contact).await);
    accounts.self_lookups = vec!["primarycontactid".to_owned()];
    contacts.self_lookups = vec!["parentcustomerid".to_owned()];
    let mut plan = waves(vec![vec![accounts, contacts]]);
    plan.row_waves = vec![vec!["account".to_owned(), "contact".to_owned()]];
    shop.ensure(&plan).await;
    let long = too_long();
    let rows: [&[&str]; 5] = [
        &["a1", "A1", ""],
        &["a2", "A2", "c1"],
        &["a3", "A3", "c2"],
        &["a4", "A4", "c4"],
        &["a5", &long, "c2"],
    ];
    shop.stage(&account, &["name", "primarycontactid_SourceKey"], &rows).await;
    let rows: [&[&str]; 5] = [
        &["c1", "C1", "a1"],
        &["c2", "C2", "a2"],
        &["c3", "C3", "a3"],
        &["c4", "C4", "a4"],
        &["c5", "C5", "a5"],
    ];
    shop.stage(&contact, &["lastname", "parentcustomerid_SourceKey"], &rows).await;
    let group = Group::new([&account, &contact]);
    let found = shop.store.compute_row_waves(&group, Computed::Written).await.unwrap();
    assert_eq!((found.levels.len(), found.without), (6, 2), "six levels, and a circle of two");
    Act {
        name: "row waves",
        plan,
        run: Run::Whole,
        sheets: vec![
            Sheet::new(
                "accounts",
                &["name", "_primarycontactid_value"],
                &["A1, ", "A2, C1", "A3, C2", "A4, C4"],
            ),
            Sheet::new(
                "contacts",
                &["lastname", "_parentcustomerid_value"],
                &["C1, A1", "C2, A2", "C3, A3", "C4, A4", "C5, "],
            ),
        ],
        errors: vec![["account", "a5", "insert", "name"]],
        owed: [("contact", 1)].into(),
    }
}
