//! What a journey tells while it goes on: for progress bars, for logs, and for placing crashes in tests.

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::Step;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The target answered. Sent before anything is written anywhere.
    Connected {
        /// Address of the environment.
        url: String,
        /// Name of its organisation.
        organization: String,
        /// Its id, to which the staging database is bound.
        organization_id: Uuid,
        /// The user that writes.
        user_id: Uuid,
    },
    /// A step begins.
    StepStarted {
        /// The step.
        step: Step,
    },
    /// A part of a step begins: the finest grain between which a step can be interrupted.
    PartStarted {
        /// The step.
        step: Step,
        /// What is being done, such as `freeze metadata`.
        part: &'static str,
        /// On which table, where it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        table: Option<String>,
    },
    /// Rows moved on.
    Progress {
        /// The step.
        step: Step,
        /// The table; a source table in `extract`.
        table: String,
        /// Rows done so far in this step.
        rows: u64,
        /// Rows to be done, where known.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
    },
    /// Something people should read.
    Notice {
        /// The step.
        step: Step,
        /// The table it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// One sentence.
        message: String,
    },
    /// A load event, by its name: `manifested`, `sending`, `answered`, `recorded` and so on.
    Load {
        /// The step: `load` or `settle`.
        step: Step,
        /// What happened.
        what: &'static str,
        /// The table.
        #[serde(skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// The pass.
        #[serde(skip_serializing_if = "Option::is_none")]
        pass: Option<&'static str>,
        /// Rows concerned.
        #[serde(skip_serializing_if = "Option::is_none")]
        rows: Option<u64>,
    },
    /// A step has ended.
    StepFinished {
        /// The step.
        step: Step,
        /// How long it took.
        #[serde(serialize_with = "in_seconds", rename = "seconds")]
        elapsed: Duration,
        /// What came of it, in one sentence.
        outcome: String,
    },
}

fn in_seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(elapsed.as_secs_f64())
}

/// Is told what happens. Called in the middle of the work: be quick.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn event(&self, _event: &Event) {}
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}
