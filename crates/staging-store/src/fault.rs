//! Faults on purpose, for tests of those who use a store: at every await point a hook decides whether the caller goes on,
//! gets an error, or never hears again. Compiled with the feature `faults` alone.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use staging_schema::Dialect;

use crate::Error;
use crate::step::Step;

/// What the store was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation<'a> {
    /// How many operations the hook has been asked about, this one included.
    pub number: usize,
    /// Which verb of the store.
    pub verb: Verb,
    /// The text of the statement, or of a transaction's last one; empty for the next batch of a stream.
    pub sql: &'a str,
}

/// The verbs of a [`Store`](crate::Store).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// One statement.
    Execute,
    /// Several in one transaction.
    Transaction,
    /// A small answer.
    Query,
    /// The beginning of a large answer.
    Stream,
    /// The next batch of a large answer.
    Next,
}

impl Verb {
    /// Whether it may change what is stored.
    pub fn writes(self) -> bool {
        matches!(self, Self::Execute | Self::Transaction)
    }
}

/// The two moments of an operation at which something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of it was done.
    Before,
    /// All of it is durable, and its caller does not know yet.
    After,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The caller gets an error.
    Error,
    /// The caller waits for ever: whoever decided so drops it.
    Silence,
}

type Decide = dyn Fn(Moment, &Operation<'_>) -> Fault + Send + Sync;

/// Decides at each moment of each operation. Called on the task of the caller.
#[derive(Clone)]
pub struct FaultHook {
    decide: Arc<Decide>,
    asked: Arc<AtomicUsize>,
}

impl FaultHook {
    /// A hook that asks this function.
    pub fn new(decide: impl Fn(Moment, &Operation<'_>) -> Fault + Send + Sync + 'static) -> Self {
        Self { decide: Arc::new(decide), asked: Arc::default() }
    }

    async fn meet(&self, moment: Moment, operation: &Operation<'_>) -> Result<(), Error> {
        match (self.decide)(moment, operation) {
            Fault::None => Ok(()),
            Fault::Error => Err(Error::Statement {
                doing: operation.sql.to_owned(),
                source: format!("a fault on purpose, {moment:?}").into(),
            }),
            Fault::Silence => std::future::pending().await,
        }
    }
}

impl fmt::Debug for FaultHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultHook")
    }
}

/// Does the work between its two moments.
pub(crate) async fn around<T>(
    hook: Option<&FaultHook>,
    verb: Verb,
    sql: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(hook) = hook else { return work.await };
    let operation = Operation { number: hook.asked.fetch_add(1, Ordering::Relaxed) + 1, verb, sql };
    hook.meet(Moment::Before, &operation).await?;
    let done = work.await?;
    hook.meet(Moment::After, &operation).await?;
    Ok(done)
}

/// The text of a transaction's last statement.
pub(crate) fn last_of(steps: &[Step]) -> String {
    let last = steps.iter().rev().find_map(|step| match step {
        Step::Execute(statement, _) | Step::Query(statement) => Some(statement.text(Dialect::Sqlite)),
        Step::Append { .. } => None,
    });
    last.unwrap_or_default().to_owned()
}
