//! The plan in one sentence.

use crate::counted::{count, counted, rows};
use crate::plan::{IgnoreReason, Sequence};

/// How many tables, waves and rows, whether that is the least, and how many lookups it says nothing about.
pub(crate) fn headline(plan: &Sequence) -> String {
    let tables: usize = plan.waves.iter().map(Vec::len).sum();
    let mut text = format!(
        "{} in {}; {}",
        counted(tables as u64, "table", "tables"),
        counted(plan.waves.len() as u64, "wave", "waves"),
        price(plan)
    );
    let outside = plan.ignored.iter().filter(|it| it.reason == IgnoreReason::OutsideMigration).count();
    if outside > 0 {
        text.push_str("; ");
        text.push_str(&counted(outside as u64, "lookup leaves the migration", "lookups leave the migration"));
    }
    text
}

fn price(plan: &Sequence) -> String {
    if plan.deferred.is_empty() {
        return "nothing is written twice".to_owned();
    }
    let certainty = match (plan.proven, plan.bound) {
        (true, _) => "the fewest possible".to_owned(),
        (false, 0) => "another order may need none".to_owned(),
        (false, bound) => format!("at least {} in any order", count(bound)),
    };
    let lookups = counted(plan.deferred.len() as u64, "lookup waits", "lookups wait");
    format!("{lookups}, {} written twice, {certainty}", rows(plan.cost))
}
