//! Any interleaving of taking, renewing, ending, finishing and releasing leaves each chunk done exactly once.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use staging_schema::Pass;
use staging_store::{Lease, Store, Take, Taken};

use crate::world;

const CHUNKS: u64 = 6;
const LONG: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
enum Act {
    Take {
        worker: u8,
        chunks: u32,
    },
    /// Of the lease taken as the nth, whether it still runs or not.
    Renew(usize),
    Expire(usize),
    Finish(usize),
    Release(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..3_u8, 1..4_u32).prop_map(|(worker, chunks)| Act::Take { worker, chunks }),
        1 => (0..20_usize).prop_map(Act::Renew),
        2 => (0..20_usize).prop_map(Act::Expire),
        2 => (0..20_usize).prop_map(Act::Finish),
        1 => (0..20_usize).prop_map(Act::Release),
    ];
    prop::collection::vec(act, 1..40)
}

/// The naive model: who holds a chunk, and how often it was done.
#[derive(Default)]
struct Model {
    holder: BTreeMap<i64, i64>,
    done: BTreeMap<i64, u32>,
}

impl Model {
    fn holds(&self, lease: &Lease) -> bool {
        self.holder.get(&lease.chunk) == Some(&lease.number)
    }
}

async fn play(store: &Store, name: &str, acts: Vec<Act>) {
    world::cut(store, name, CHUNKS).await;
    let mut model = Model::default();
    let mut leases: Vec<Lease> = Vec::new();
    for act in acts {
        step(store, name, &mut model, &mut leases, act).await;
    }
    // Whoever is left ends; then somebody finishes the rest.
    for lease in leases.clone() {
        store.renew(&[lease], Duration::ZERO).await.unwrap();
    }
    model.holder.clear();
    loop {
        let take = Take { chunks: 2, lease: LONG, ..Take::new("last", name, Pass::Insert) };
        match store.take_chunks(&take).await.unwrap() {
            Taken::Chunks(taken) => {
                for lease in taken {
                    store.finish_chunk(&lease).await.unwrap();
                    *model.done.entry(lease.chunk).or_default() += 1;
                }
            }
            Taken::NothingLeft => break,
            Taken::AllLeased { .. } => panic!("every lease has ended"),
        }
    }
    assert_eq!(model.done.len() as u64, CHUNKS);
    assert!(model.done.values().all(|times| *times == 1), "{:?}", model.done);
}

async fn step(store: &Store, name: &str, model: &mut Model, leases: &mut Vec<Lease>, act: Act) {
    match act {
        Act::Take { worker, chunks } => {
            let worker = format!("worker {worker}");
            let take = Take { chunks, lease: LONG, ..Take::new(&worker, name, Pass::Insert) };
            let open = CHUNKS - model.done.len() as u64;
            let free = open - model.holder.len() as u64;
            match store.take_chunks(&take).await.unwrap() {
                Taken::Chunks(taken) => {
                    assert_eq!(taken.len() as u64, free.min(chunks.into()));
                    for lease in taken {
                        assert_eq!(model.holder.insert(lease.chunk, lease.number), None, "it was free");
                        leases.push(lease);
                    }
                }
                Taken::AllLeased { leased, .. } => assert_eq!((free, leased), (0, model.holder.len() as u64)),
                Taken::NothingLeft => assert_eq!(open, 0),
            }
        }
        Act::Renew(n) | Act::Expire(n) if n < leases.len() => {
            let lease = leases[n].clone();
            let length = if matches!(act, Act::Renew(_)) { LONG } else { Duration::ZERO };
            let renewal = store.renew(std::slice::from_ref(&lease), length).await.unwrap();
            assert_eq!(renewal.renewed.len() == 1, model.holds(&lease));
            if length.is_zero() && model.holds(&lease) {
                model.holder.remove(&lease.chunk);
            }
        }
        Act::Finish(n) if n < leases.len() => {
            let lease = &leases[n];
            let finished = store.finish_chunk(lease).await;
            assert_eq!(finished.is_ok(), model.holds(lease));
            if finished.is_ok() {
                model.holder.remove(&lease.chunk);
                *model.done.entry(lease.chunk).or_default() += 1;
            }
        }
        Act::Release(n) if n < leases.len() => {
            let lease = &leases[n];
            assert_eq!(store.release_chunk(lease).await.is_ok(), model.holds(lease));
            if model.holds(lease) {
                model.holder.remove(&lease.chunk);
            }
        }
        Act::Renew(_) | Act::Expire(_) | Act::Finish(_) | Act::Release(_) => {}
    }
}

proptest! {
    // `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(24),
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_chunk_is_done_exactly_once(acts in acts()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let (_folder, store) = world::store().await;
            play(&store, "contact", acts).await;
        });
    }
}

/// The same on a server, a few times in one database: making a database is slow.
#[tokio::test]
async fn each_chunk_is_done_exactly_once_on_a_server() {
    let Some((database, store)) = world::server_store().await else { return };
    let mut runner = TestRunner::default();
    for case in 0..6 {
        let acts = acts().new_tree(&mut runner).unwrap().current();
        play(&store, &format!("contact{case}"), acts).await;
    }
    store.close().await.unwrap();
    database.remove().await.unwrap();
}
