//! What one call learnt about the pace of the application users, for the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::lane::State;
use crate::pace::Pace;

/// The pace of each application user of one environment. A call that is given the memory of an earlier one, by a clone of
/// its [`Options`](crate::Options), goes on where that one ended: it knows what is used up of the service's window, how
/// many requests at a time were best, and until when it has to wait.
///
/// Limits of concurrency and windows are those of the call that met the user first.
#[derive(Debug, Clone, Default)]
pub struct PaceMemory(Arc<Mutex<HashMap<Uuid, Arc<Mutex<State>>>>>);

impl PaceMemory {
    /// How a user stands; one that is met for the first time begins with what `begin` makes.
    pub(crate) fn of(&self, user: Uuid, begin: impl FnOnce() -> Pace) -> Arc<Mutex<State>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(user).or_insert_with(|| Arc::new(Mutex::new(State::new(begin())))))
    }
}

impl PartialEq for PaceMemory {
    /// Whether it is the same memory.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
