//! Rows that share a parent which locks: never in two requests at once, once a deadlock was seen.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::columns::guid;
use crate::operation::HEADER;
use crate::rows::{Rows, Slot};

/// Rows by which the lookup is chosen.
const SAMPLE: usize = 1_000;

/// The parents of rows that are on their way, for one kind of write to one table.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    contended: AtomicBool,
    /// Position of the lookup among the columns read, once it was chosen.
    at: Mutex<Option<usize>>,
    busy: Arc<Mutex<HashMap<Uuid, usize>>>,
}

/// Parents of the rows of one request; free again when it has ended.
#[derive(Debug)]
pub(crate) struct Held {
    busy: Arc<Mutex<HashMap<Uuid, usize>>>,
    parents: HashSet<Uuid>,
}

impl Locks {
    /// A deadlock was seen. Answers whether it is the first.
    pub(crate) fn contend(&self) -> bool {
        !self.contended.swap(true, Ordering::Relaxed)
    }

    /// The lookup by which rows are kept apart, of those at the given positions: the one that most rows share. None until
    /// there was a deadlock, and none if no lookup is shared.
    pub(crate) fn lookup(&self, lookups: &[usize], rows: &Rows, fresh: &VecDeque<Slot>) -> Option<usize> {
        if !self.contended.load(Ordering::Relaxed) {
            return None;
        }
        let mut chosen = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if chosen.is_none() {
            let shared = |at: &usize| {
                let parents = fresh.iter().take(SAMPLE).filter_map(|slot| parent(rows, *slot, *at));
                let (mut count, mut distinct) = (0, HashSet::new());
                for parent in parents {
                    count += 1;
                    distinct.insert(parent);
                }
                // What all rows share cannot be spread.
                if distinct.len() < 2 { 0 } else { count - distinct.len() }
            };
            let best = lookups.iter().map(|at| (shared(at), *at)).max_by_key(|(shared, _)| *shared);
            *chosen = best.filter(|(shared, _)| *shared > 0).map(|(_, at)| at);
        }
        *chosen
    }

    /// Takes rows for one request, at most so many, none of which shares a parent with a request on its way. Rows of one
    /// parent stay together.
    pub(crate) fn take(
        &self,
        at: usize,
        rows: &Rows,
        fresh: &mut VecDeque<Slot>,
        most: usize,
    ) -> (Vec<Slot>, Held) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parents: HashSet<Uuid> = HashSet::new();
        let mut taken: Vec<Slot> = Vec::with_capacity(most);
        fresh.retain(|slot| {
            let parent = parent(rows, *slot, at);
            let is_free =
                parent.is_none_or(|parent| parents.contains(&parent) || !busy.contains_key(&parent));
            let goes = taken.len() < most && is_free;
            if goes {
                parents.extend(parent);
                taken.push(*slot);
            }
            !goes
        });
        for parent in &parents {
            *busy.entry(*parent).or_default() += 1;
        }
        (taken, Held { busy: Arc::clone(&self.busy), parents })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        for parent in &self.parents {
            if let Some(count) = busy.get_mut(parent) {
                *count -= 1;
                if *count == 0 {
                    busy.remove(parent);
                }
            }
        }
    }
}

/// Puts rows of one parent side by side.
pub(crate) fn by_parent(at: usize, rows: &Rows, fresh: &mut VecDeque<Slot>) {
    fresh.make_contiguous().sort_by_key(|slot| parent(rows, *slot, at));
}

fn parent(rows: &Rows, slot: Slot, at: usize) -> Option<Uuid> {
    guid(rows.view(slot).get(HEADER + at))
}
