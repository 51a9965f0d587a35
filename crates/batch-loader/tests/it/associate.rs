//! Pairs of many-to-many relationships.

use batch_loader::{LoadTable, Plan, Strategy};
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::{Shape, TargetTable, Value};

use crate::world::{World, lookup, named, text, waves};

async fn plan(world: &World) -> (Plan, TargetTable) {
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let lead = TargetTable::new("lead", vec![text("lastname", 50)]).unwrap();
    let columns = vec![lookup("accountid", "account"), lookup("leadid", "lead")];
    let pairs = TargetTable::new("accountleads", columns).unwrap().with_shape(Shape::Intersect);
    let definition = world.definition("accountleads").await;
    let accounts = world.table(account.clone()).await;
    let relation =
        accounts.definition.many_to_many.iter().find(|known| known.intersect_table == "accountleads");
    let relationship = relation.unwrap().schema_name.clone();
    let mut plan = waves(vec![vec![accounts, world.table(lead.clone()).await]]);
    let mut pair_table = LoadTable::new(definition, pairs.clone(), Strategy::Associate { relationship });
    pair_table.batch = Some(5);
    plan.associations = vec![pair_table];
    world.prepare(&plan).await;
    world.stage(&account, &["name"], named("a", 4)).await;
    world.stage(&lead, &["lastname"], named("l", 4)).await;
    let rows: Vec<Vec<Value>> = (0..4)
        .flat_map(|a| {
            (0..4)
                .map(move |l| vec![format!("{a}-{l}").into(), format!("a{a}").into(), format!("l{l}").into()])
        })
        .collect();
    world.stage(&pairs, &["accountid_SourceKey", "leadid_SourceKey"], rows).await;
    (plan, pairs)
}

#[tokio::test]
async fn pairs_are_associated_once_even_if_answers_are_lost() {
    let world = World::start().await;
    let (plan, _) = plan(&world).await;
    world.load(&plan).await.unwrap();
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("$batch").every(2).times(2)]);
    let report = world.settle(&plan).await.unwrap();
    let pairs = &report.tables["accountleads"];
    assert_eq!((pairs.staged, pairs.updated, pairs.errors), (16, 16, 0));
    assert_eq!(world.emulator.stats().rows.get("accountleads"), Some(&16));
    assert_eq!(world.settle(&plan).await.unwrap().tables["accountleads"].requests, 0);
}

#[tokio::test]
async fn pairs_that_are_to_be_deleted_are_disassociated() {
    let world = World::start().await;
    let (plan, pairs) = plan(&world).await;
    world.load(&plan).await.unwrap();
    world.settle(&plan).await.unwrap();
    let sql = format!(
        "UPDATE target_{} SET DataMigration_ActionFlag = 'D', DataMigration_Generation = 2, DataMigration_ProcessingFlag = 'U' \
         WHERE DataMigration_RowId <= 6",
        pairs.logical_name
    );
    world.execute(&sql).await;
    let report = world.settle(&plan).await.unwrap();
    assert_eq!((report.tables["accountleads"].updated, report.tables["accountleads"].errors), (6, 0));
    assert_eq!(world.emulator.stats().rows.get("accountleads"), Some(&10));
}
