//! Several troubles, in processes that follow each other.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use staging_store::contract::TEST_SERVER;

use super::every::ACTS;
use super::scene::{Played, Scene};
use super::script::{Point, Side, Trouble};

/// A point of a run whose number of operations is not known yet.
#[derive(Debug, Clone, Copy)]
struct Somewhere {
    side: Side,
    /// How far into the run, as a share of all operations.
    share: f64,
    trouble: Trouble,
}

fn somewhere() -> impl Strategy<Value = Somewhere> {
    use Trouble::{DieAfter, DieBefore, DieLate, FailAfter, FailBefore, FailLate, Gone, Stop};
    let trouble =
        prop::sample::select(vec![DieAfter, DieLate, FailAfter, FailLate, DieBefore, FailBefore, Gone, Stop]);
    let side = prop::sample::select(vec![Side::Network, Side::Store]);
    (side, 0.0_f64..1.0, trouble).prop_map(|(side, share, trouble)| {
        // What commits late is a matter of the network.
        let trouble = match (side, trouble) {
            (Side::Store, DieLate) => DieAfter,
            (Side::Store, FailLate) => FailAfter,
            (_, trouble) => trouble,
        };
        Somewhere { side, share, trouble }
    })
}

/// An act with its scene, made when it is first played, and the operations of an undisturbed run.
type Known = Option<(Scene, (usize, usize))>;

/// Each process meets its troubles.
fn play(known: &mut Known, act: usize, processes: &[Vec<Somewhere>]) -> Played {
    let (scene, (store, network)) = known.get_or_insert_with(|| {
        let scene = Scene::new(ACTS[act]);
        let calm = scene.play(&[]);
        assert_eq!(calm.problems, Vec::<String>::new(), "{}, undisturbed", scene.act.name);
        (scene, (calm.seen.0.len(), calm.seen.1.len()))
    });
    let point = |trouble: &Somewhere| {
        let all = match trouble.side {
            Side::Store => *store,
            Side::Network => *network,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small numbers"
        )]
        // Rather at the beginning: what is left for later processes is less and less.
        let number = 1 + (trouble.share * trouble.share * all as f64) as usize;
        Point { side: trouble.side, number, trouble: trouble.trouble }
    };
    let processes: Vec<Vec<Point>> =
        processes.iter().map(|troubles| troubles.iter().map(point).collect()).collect();
    scene.play(&processes)
}

#[test]
fn several_troubles_one_after_the_other_break_no_promise() {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        // On a server a play takes many seconds.
        config.cases = if std::env::var_os(TEST_SERVER).is_some() { 8 } else { 40 };
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    let seed = config.rng_seed;
    let known: Vec<std::cell::RefCell<Known>> = ACTS.iter().map(|_| std::cell::RefCell::new(None)).collect();
    let (met, processes) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let cases = config.cases;
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&(0..ACTS.len(), vec(vec(somewhere(), 1..3), 1..4)), |(act, troubles)| {
        let played = play(&mut known[act].borrow_mut(), act, &troubles);
        met.set(met.get() + played.met.len());
        processes.set(processes.get() + played.processes);
        let (words, problems) = (played.met.join(", then "), played.problems.join("; "));
        prop_assert!(played.problems.is_empty(), "{words}: {problems}");
        Ok(())
    });
    println!("{cases} plays with seed {seed:?}: {} troubles in {} processes", met.get(), processes.get());
    if let Err(failure) = outcome {
        panic!("seed {seed:?}: {failure}");
    }
}
