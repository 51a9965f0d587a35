//! Plays of the load: levels and cycles, owners, parties, one bad row; and the same rows by the other strategies.

use batch_loader::{Plan, Strategy};
use staging_schema::{GuidStrategy, StagedColumn, StagedKind, TargetTable, Value};

use super::acts::{Act, Run, Sheet, Workshop};
use crate::world::{lookup, text, waves};

/// A name that is longer than its column.
pub(super) fn too_long() -> String {
    "x".repeat(200)
}

pub(super) fn customer(name: &str) -> StagedColumn {
    let targets = vec!["account".to_owned(), "contact".to_owned()];
    StagedColumn::new(name, StagedKind::Lookup { targets, multi_table: true, multi_source: false })
}

/// Accounts level by level, with owners; contacts below them; calls with parties.
pub(super) async fn insert(shop: &Workshop<'_>) -> Act {
    let account = TargetTable::new(
        "account",
        vec![
            text("name", 400),
            lookup("parentaccountid", "account"),
            StagedColumn::new("ownerid", StagedKind::Owner),
            StagedColumn::new("revenue", StagedKind::Money { precision: 2 }),
        ],
    )
    .unwrap();
    let contact =
        TargetTable::new("contact", vec![text("lastname", 50), customer("parentcustomerid")]).unwrap();
    let parties = |name: &str| {
        let targets = vec!["contact".to_owned(), "account".to_owned()];
        StagedColumn::new(name, StagedKind::Parties { targets })
    };
    let call =
        TargetTable::new("phonecall", vec![text("subject", 200), parties("to"), parties("from")]).unwrap();
    let mut accounts = shop.table(&account).await;
    accounts.self_lookups = vec!["parentaccountid".to_owned()];
    let mut plan =
        waves(vec![vec![accounts], vec![shop.table(&contact).await], vec![shop.table(&call).await]]);
    plan.entity_sets.insert("systemuser".to_owned(), "systemusers".to_owned());
    shop.ensure(&plan).await;
    let owner = crate::world::client(shop.emulator, "user-2").who_am_i().await.unwrap().user_id.to_string();
    let (owner, long) = (owner.as_str(), too_long());
    let rows: [&[&str]; 7] = [
        &["a1", "A1", "", owner, "systemuser", "1.5"],
        &["a2", "A2", "a1", "", "", "2.5"],
        &["a3", "A3", "a2", "", "", ""],
        &["a4", "A4", "a5", "", "", ""],
        &["a5", "A5", "a4", "", "", ""],
        &["a6", &long, "", "", "", ""],
        &["a7", "A7", "", "", "", ""],
    ];
    let columns = ["name", "parentaccountid_SourceKey", "ownerid", "ownerid_Table", "revenue"];
    shop.stage(&account, &columns, &rows).await;
    shop.store.compute_levels(&account, &["parentaccountid"], None).await.unwrap();
    let rows: [&[&str]; 4] = [
        &["c1", "C1", "a1", "account"],
        &["c2", "C2", "a3", "account"],
        &["c3", "C3", "a6", "account"],
        &["c4", "C4", "", ""],
    ];
    shop.stage(&contact, &["lastname", "parentcustomerid_SourceKey", "parentcustomerid_Table"], &rows).await;
    shop.stage(&call, &["subject"], &[&["p1", "P1"], &["p2", "P2"]]).await;
    let party = |row: i64, part: &str, table: &str, key: &str| {
        [row.into(), part.into(), 1.into(), table.into(), key.into(), Value::Null]
    };
    shop.stage_parties(&call, &[party(1, "to", "contact", "c1"), party(1, "from", "account", "a1")]).await;
    Act {
        name: "insert",
        plan,
        run: Run::Load,
        sheets: vec![
            Sheet::new(
                "accounts",
                &["name", "_parentaccountid_value", "_ownerid_value", "revenue"],
                &[
                    "A1, , user-2, 1.5",
                    "A2, A1, user-1, 2.5",
                    "A3, A2, user-1, ",
                    "A4, , user-1, ",
                    "A5, , user-1, ",
                    "A7, , user-1, ",
                ],
            ),
            Sheet::new(
                "contacts",
                &["lastname", "_parentcustomerid_value"],
                &["C1, A1", "C2, A3", "C3, ", "C4, "],
            ),
            Sheet::new("phonecalls", &["subject"], &["P1", "P2"]),
            Sheet::new(
                "activityparties",
                &["_activityid_value", "participationtypemask", "_partyid_value"],
                &["P1, 2, C1", "P1, 1, A1"],
            ),
        ],
        errors: vec![["account", "a6", "insert", "name"]],
        owed: [("account", 2), ("contact", 1)].into(),
    }
}

/// Two accounts with a number and two without trouble, by another strategy.
async fn by(
    shop: &Workshop<'_>,
    name: &'static str,
    guid: GuidStrategy,
    strategy: Strategy,
    keys: [&str; 5],
    errors: Vec<[&'static str; 4]>,
) -> Act {
    let account = TargetTable::new("account", vec![text("name", 400), text("accountnumber", 20)])
        .unwrap()
        .with_guid(guid);
    let mut accounts = shop.table(&account).await;
    accounts.strategy = strategy;
    let plan: Plan = waves(vec![vec![accounts]]);
    shop.ensure(&plan).await;
    let long = too_long();
    let rows: [&[&str]; 5] = [
        &[keys[0], "A1", "N'1"],
        &[keys[1], "A2", "N2"],
        &[keys[2], &long, "N3"],
        &[keys[3], "A4", "N4"],
        &[keys[4], "A5", "N5"],
    ];
    shop.stage(&account, &["name", "accountnumber"], &rows).await;
    let sheet =
        Sheet::new("accounts", &["name", "accountnumber"], &["A1, N'1", "A2, N2", "A4, N4", "A5, N5"]);
    Act { name, plan, run: Run::Load, sheets: vec![sheet], errors, owed: [].into() }
}

pub(super) async fn alternate_key(shop: &Workshop<'_>) -> Act {
    let strategy = Strategy::AlternateKey(vec!["accountnumber".to_owned()]);
    let errors = vec![["account", "k3", "insert", "name"]];
    by(shop, "alternate key", GuidStrategy::Server, strategy, ["k1", "k2", "k3", "k4", "k5"], errors).await
}

pub(super) async fn sequential(shop: &Workshop<'_>) -> Act {
    let keys = ["k1", "k2", "k3", "k4", "k5"];
    let errors = vec![["account", "k3", "insert", "name"]];
    by(shop, "client GUID", GuidStrategy::Sequential, Strategy::Sequential, keys, errors).await
}

pub(super) async fn source(shop: &Workshop<'_>) -> Act {
    let keys = [
        "0a0b0c0d-0000-4000-8000-000000000001",
        "0a0b0c0d-0000-4000-8000-000000000002",
        "0a0b0c0d-0000-4000-8000-000000000003",
        "0a0b0c0d-0000-4000-8000-000000000004",
        "0a0b0c0d-0000-4000-8000-000000000005",
    ];
    let errors = vec![["account", "0a0b0c0d-0000-4000-8000-000000000003", "insert", "name"]];
    by(shop, "source GUID", GuidStrategy::Source, Strategy::Source, keys, errors).await
}

/// Readings in partitions and without, two of which the elastic table refuses.
pub(super) async fn elastic(shop: &Workshop<'_>) -> Act {
    crate::elastic::define(shop.client).await;
    let number = StagedColumn::new("new_value", StagedKind::Integer);
    let reading =
        TargetTable::new("new_reading", vec![text("new_name", 400), number, text("partitionid", 1_024)])
            .unwrap()
            .with_guid(GuidStrategy::Sequential);
    let mut readings = shop.table(&reading).await;
    readings.strategy = Strategy::Sequential;
    let plan: Plan = waves(vec![vec![readings]]);
    shop.ensure(&plan).await;
    let long = too_long();
    let rows: [&[&str]; 7] = [
        &["r1", "R1", "1", "device 1"],
        &["r2", "R2", "2", "device 2"],
        &["r3", &long, "3", "device 1"],
        &["r4", "R4", "4", "device 1"],
        &["r5", "R5", "5", ""],
        &["r6", "R6", "6", "device 2"],
        &["r7", "R7", "7777", "device 2"],
    ];
    shop.stage(&reading, &["new_name", "new_value", "partitionid"], &rows).await;
    let sheet = Sheet::new(
        "new_readings",
        &["new_name", "new_value"],
        &["R1, 1", "R2, 2", "R4, 4", "R5, 5", "R6, 6"],
    );
    let errors =
        vec![["new_reading", "r3", "insert", "new_name"], ["new_reading", "r7", "insert", "new_value"]];
    Act { name: "elastic table", plan, run: Run::Load, sheets: vec![sheet], errors, owed: [].into() }
}
