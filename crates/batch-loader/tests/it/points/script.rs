//! Where something goes wrong: points of a run, counted while it runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use staging_store::{Fault, FaultHook, Moment, Operation};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// One await point of the loader, and what happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) side: Side,
    /// The n-th operation of that side, from 1.
    pub(super) number: usize,
    pub(super) trouble: Trouble,
}

/// What an await point touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Store,
    Network,
}

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The process dies, and nothing of the operation is done.
    DieBefore,
    /// The process dies when all of it is done, and does not know.
    DieAfter,
    /// The process dies, and the service does it a while later.
    DieLate,
    /// An error or a reset, and nothing of it is done.
    FailBefore,
    /// All of it is done, but the caller gets an error or a reset.
    FailAfter,
    /// A reset, and the service does it a while later.
    FailLate,
    /// Somebody asks the process to stop, as with Ctrl-C.
    Stop,
    /// From here on until the run has ended, everything of this side fails before it is done.
    Gone,
}

impl Side {
    /// What can happen at an operation of this side. Of one that changes nothing it does not matter whether it was done.
    pub(super) fn troubles(self, writes: bool) -> &'static [Trouble] {
        use Trouble::{DieAfter, DieBefore, DieLate, FailAfter, FailBefore, FailLate, Gone, Stop};
        match (self, writes) {
            (_, false) => &[DieBefore, FailBefore, Gone, Stop],
            (Self::Store, true) => &[DieBefore, DieAfter, FailBefore, FailAfter, Gone, Stop],
            (Self::Network, true) => {
                &[DieBefore, DieAfter, DieLate, FailBefore, FailAfter, FailLate, Gone, Stop]
            }
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {:?}", self.side, self.number, self.trouble)
    }
}

/// The points of one run, and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Script {
    state: Mutex<State>,
    died: Notify,
    /// Cancelled at a point that asks for it.
    pub(super) cancel: CancellationToken,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct State {
    points: Vec<Point>,
    /// Of each operation met so far, whether it writes.
    store: Vec<bool>,
    network: Vec<bool>,
    met: Vec<String>,
    store_gone: bool,
    network_gone: bool,
    dead: bool,
    hangs: bool,
}

/// More operations of the store than any act needs: a run that has so many goes in circles.
const ENDLESS: usize = 3_000;

/// What the network does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// Goes through.
    Free,
    /// Nothing passes: the process is dead.
    Stuck,
    /// Meets this.
    Met(Trouble),
}

impl Script {
    pub(super) fn new(points: Vec<Point>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { points, ..State::default() }), ..Self::default() })
    }

    /// Ends when a point has killed the process.
    pub(super) async fn died(&self) {
        self.died.notified().await;
    }

    pub(super) fn die(&self) {
        self.state().dead = true;
        self.died.notify_one();
    }

    /// Whether it went in circles.
    pub(super) fn hangs(&self) -> bool {
        self.state().hangs
    }

    /// Of each operation of the store, and of each request, whether it writes.
    pub(super) fn seen(&self) -> (Vec<bool>, Vec<bool>) {
        let state = self.state();
        (state.store.clone(), state.network.clone())
    }

    /// The points that were met, in words.
    pub(super) fn met(&self) -> Vec<String> {
        self.state().met.clone()
    }

    /// What the store asks at each of its operations.
    pub(super) fn hook(self: &Arc<Self>) -> FaultHook {
        let script = Arc::clone(self);
        FaultHook::new(move |moment, operation| script.at_store(moment, operation))
    }

    fn at_store(&self, moment: Moment, operation: &Operation<'_>) -> Fault {
        let mut state = self.state();
        if state.dead {
            return Fault::Silence;
        }
        let met = state.point(Side::Store, operation.number);
        if moment == Moment::Before {
            state.store.push(operation.verb.writes());
            if state.store.len() > ENDLESS {
                state.hangs = true;
                drop(state);
                self.die();
                return Fault::Silence;
            }
            if let Some(point) = met {
                let sql: String = operation.sql.chars().take(90).collect();
                state.met.push(format!("{point}: {:?} {sql}", operation.verb));
            }
            if met.is_some_and(|point| point.trouble == Trouble::Stop) {
                self.cancel.cancel();
            }
            state.store_gone |= met.is_some_and(|point| point.trouble == Trouble::Gone);
        }
        let dies = match (moment, met.map(|point| point.trouble)) {
            (Moment::Before, Some(Trouble::DieBefore)) | (Moment::After, Some(Trouble::DieAfter)) => true,
            (Moment::Before, Some(Trouble::FailBefore)) | (Moment::After, Some(Trouble::FailAfter)) => {
                return Fault::Error;
            }
            _ if moment == Moment::Before && state.store_gone => return Fault::Error,
            _ => false,
        };
        if !dies {
            return Fault::None;
        }
        drop(state);
        self.die();
        Fault::Silence
    }

    /// What the network asks at each request.
    pub(super) fn at_network(&self, writes: bool, what: &str) -> Passage {
        let mut state = self.state();
        if state.dead {
            return Passage::Stuck;
        }
        state.network.push(writes);
        let number = state.network.len();
        let met = state.point(Side::Network, number);
        if let Some(point) = met {
            state.met.push(format!("{point}: {what}"));
        }
        match met.map(|point| point.trouble) {
            Some(Trouble::Stop) => self.cancel.cancel(),
            Some(Trouble::Gone) => state.network_gone = true,
            Some(trouble) => return Passage::Met(trouble),
            None => {}
        }
        if state.network_gone { Passage::Met(Trouble::FailBefore) } else { Passage::Free }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn point(&self, side: Side, number: usize) -> Option<Point> {
        self.points.iter().find(|point| point.side == side && point.number == number).copied()
    }
}
