//! What happens while loading: for progress, for logs, and for placing crashes in tests.

use std::time::Duration;

use staging_schema::Pass;
use uuid::Uuid;

/// Something that happened. Events of one request come in the order of the variants.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Work on a table's pass begins.
    Planned {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// Rows that are pending in it.
        rows: u64,
    },
    /// A chunk was leased.
    Leased {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// Its rows.
        rows: u64,
    },
    /// Requests are in the manifest, durably; none of them is sent yet.
    Manifested {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// How many requests.
        requests: usize,
        /// How many rows they carry.
        rows: usize,
    },
    /// A request is about to be sent.
    Sending {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// The request's id in the manifest.
        request: Uuid,
        /// Its rows.
        rows: usize,
        /// Whether it resolves the refusal of another.
        isolates: bool,
    },
    /// An answer came; nothing of it is durable yet.
    Answered {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// The request's id in the manifest.
        request: Uuid,
        /// What was answered.
        answer: Answer,
        /// From the send to the answer.
        elapsed: Duration,
    },
    /// A refused request is sent again in smaller parts, to find its bad rows.
    Isolated {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// The refused request.
        request: Uuid,
        /// Its rows.
        rows: usize,
    },
    /// Outcomes are durable.
    Recorded {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// Rows that succeeded.
        succeeded: u64,
        /// Rows in error.
        errors: u64,
    },
    /// Rows are in error before anything was sent: their alternate keys cannot find them again.
    KeysUnusable {
        /// The table.
        table: String,
        /// The rule that they break: `key-empty` or `key-twin`.
        rule: String,
        /// Rows.
        rows: u64,
        /// The error of one of them.
        example: String,
    },
    /// Rows in doubt are left alone for a while.
    Waiting {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// Requests in doubt.
        requests: usize,
        /// How long until they are asked for again.
        wait: Duration,
        /// How long until the first of them has been quiet for long enough to be looked for.
        due: Duration,
    },
    /// What is left of a pass is leased to other workers, alive or dead; it is asked for again every second.
    Others {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// How long until the first of their leases ends, unless it is renewed: what a dead worker held comes back then.
        expiry: Duration,
    },
    /// The rows of a request in doubt were looked for.
    Probed {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// The request.
        request: Uuid,
        /// Its rows.
        rows: usize,
        /// Rows found in Dataverse and taken over.
        adopted: usize,
    },
    /// A sweep has looked for rows that staging does not know.
    Swept {
        /// The table.
        table: String,
        /// Rows found and taken over.
        adopted: usize,
        /// Rows found that are nobody's.
        strays: usize,
    },
    /// The service asked an application user to wait; its client does.
    Throttled {
        /// The application user.
        user: Uuid,
        /// Throttled answers so far.
        answers: u64,
    },
    /// The number of requests in flight was changed.
    Concurrency {
        /// The application user.
        user: Uuid,
        /// From now on.
        in_flight: usize,
    },
    /// The size of a table's requests was changed.
    BatchSize {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// Rows of a request from now on.
        rows: usize,
        /// So many rows are bad that each goes by itself inside its request.
        singly: bool,
    },
    /// A deadlock was seen: rows that share a parent are in one request, or go one after the other, from now on.
    Spread {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
    },
    /// A level of a hierarchy is loaded; NULL levels (row cycles) have none.
    LevelDone {
        /// The table.
        table: String,
        /// The level.
        level: Option<i64>,
    },
    /// A pass of a table has ended.
    TableDone {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
    },
}

/// How a request ended, as far as the wire tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Carried out, for all rows or for some.
    Done,
    /// Refused; nothing was written.
    Refused,
    /// Nobody knows.
    InDoubt,
    /// Not carried out; it will be sent again.
    Postponed,
}

/// Is told what happens. Called on the loading task: be quick.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn event(&self, _event: &Event) {}
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}
