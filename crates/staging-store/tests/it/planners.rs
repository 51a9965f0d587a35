//! Several planners look for pending rows of one table at the same moment; one of them cuts.

use futures::future::join_all;
use staging_schema::{Levels, Pass};
use staging_store::contract::ScratchStaging;
use staging_store::{ChunkPlan, Cut, Store};

use crate::world;

const PLANNERS: usize = 6;
const ROUNDS: usize = 5;
const ROWS: u64 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn planners_that_cut_a_table_at_the_same_moment_cut_its_rows_once() {
    let staging = ScratchStaging::new().await.unwrap();
    let stores: Vec<Store> =
        join_all((0..PLANNERS).map(|_| async { Store::open(staging.options()).await.unwrap() })).await;
    let table = world::staged(&stores[0], "account", ROWS).await;
    let plan = ChunkPlan { table: &table, pass: Pass::Insert, levels: Levels::All, chunk_rows: 10 };
    for round in 0..ROUNDS {
        let cuts = join_all(stores.iter().map(|store| store.cut_chunks(&plan))).await;
        let cuts: Vec<Cut> = cuts.into_iter().map(|cut| cut.unwrap()).collect();
        let own = cuts.iter().filter(|cut| matches!(cut, Cut::Cut { chunks: 4, rows: ROWS })).count();
        let others = cuts.iter().filter(|cut| matches!(cut, Cut::Open { free: 4, leased: 0 })).count();
        assert_eq!((own, others), (1, PLANNERS - 1), "round {round}: {cuts:?}");
        let rows = ScratchStaging::statement("SELECT SUM([RowCount]) FROM target_Chunk WHERE State = 'free'");
        assert_eq!(stores[0].count(&rows).await.unwrap(), ROWS, "round {round}");
        stores[0].execute(&ScratchStaging::statement("DELETE FROM target_Chunk")).await.unwrap();
    }
}
