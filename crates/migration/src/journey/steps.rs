//! Which steps are to be done.

use crate::Step;

/// A range of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    first: Step,
    last: Step,
}

impl Steps {
    /// The whole journey.
    pub fn all() -> Self {
        Self { first: Step::Prepare, last: Step::Verify }
    }

    /// From the first step to this one.
    pub fn until(last: Step) -> Self {
        Self { first: Step::Prepare, last }
    }

    /// One step alone.
    pub fn only(step: Step) -> Self {
        Self { first: step, last: step }
    }

    /// From one step to another; the earlier one comes first.
    pub fn between(one: Step, other: Step) -> Self {
        Self { first: one.min(other), last: one.max(other) }
    }

    /// The last of them.
    pub fn last(self) -> Step {
        self.last
    }

    /// Whether a step is among them.
    pub fn contains(self, step: Step) -> bool {
        (self.first..=self.last).contains(&step)
    }

    /// The steps, in order.
    pub fn iter(self) -> impl Iterator<Item = Step> {
        Step::ALL.into_iter().filter(move |step| self.contains(*step))
    }

    /// Whether any of them talks to the target.
    pub(crate) fn need_target(self) -> bool {
        [Step::Prepare, Step::Load, Step::Settle, Step::Verify].into_iter().any(|step| self.contains(step))
    }
}
