//! Why there is no plan.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::compare::StrategyCost;
use crate::counted::{count, counted};

/// So many cycles or lookups are named; of more the rest is counted.
const MOST_NAMED: usize = 10;
/// Cycles of more steps are shortened in the middle.
const MOST_STEPS: usize = 12;
/// So many steps of a shortened cycle are named before and after the gap.
const NAMED_STEPS: usize = 5;

/// Why a graph has no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Required or create-only lookups close a cycle: no table of it can be first.
    #[error("{}", describe_cycles(.0))]
    RequiredCycle(Vec<Cycle>),
    /// The order asked for would leave lookups empty that must be there at insert.
    #[error("{}", describe_broken(.strategy, .lookups))]
    BreaksRequired {
        /// The order's name.
        strategy: &'static str,
        /// The lookups that would be left empty.
        lookups: Vec<CycleStep>,
        /// What each strategy would cost; the cheapest can be loaded.
        strategies: Vec<StrategyCost>,
    },
    /// The graph contradicts itself; all problems at once.
    #[error("the lookup graph cannot be used: {}", .0.join("; "))]
    InvalidGraph(Vec<String>),
}

impl Error {
    /// What to do about it, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::RequiredCycle(_) => {
                "point one of these lookups to a placeholder row that is loaded first and correct it afterwards, make the column optional while \
                 loading, or load one of these tables with another key so that its rows are there already"
            }
            Self::BreaksRequired { .. } => {
                "use the cheapest order, which never defers a required or create-only lookup"
            }
            Self::InvalidGraph(_) => "correct the graph and try again",
        }
    }
}

/// A cycle of lookups that must all be written at insert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// From table to table; the last step points to the table of the first.
    pub steps: Vec<CycleStep>,
}

/// One lookup of a cycle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CycleStep {
    /// The table that has the column.
    pub table: String,
    /// The column.
    pub column: String,
    /// The table it points to.
    pub target: String,
    /// Why it cannot wait.
    pub why: Binding,
}

/// Why a lookup cannot wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// The platform refuses rows without it.
    Required,
    /// It can be written on create only.
    CreateOnly,
    /// Both.
    RequiredAndCreateOnly,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
            Self::CreateOnly => "create-only",
            Self::RequiredAndCreateOnly => "required, create-only",
        })
    }
}

impl fmt::Display for CycleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} -> {} ({})", self.table, self.column, self.target, self.why)
    }
}

impl fmt::Display for Cycle {
    /// Step by step; the middle of a long cycle is counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |steps: &[CycleStep]| -> String {
            steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let steps = self.steps.len();
        if steps <= MOST_STEPS {
            return f.write_str(&listed(&self.steps));
        }
        write!(
            f,
            "{}, ... {} more ..., {}",
            listed(&self.steps[..NAMED_STEPS]),
            count((steps - 2 * NAMED_STEPS) as u64),
            listed(&self.steps[steps - NAMED_STEPS..])
        )
    }
}

fn describe_cycles(cycles: &[Cycle]) -> String {
    let start = "no table can be loaded first, since lookups that cannot wait form";
    match cycles {
        [cycle] => format!("{start} a cycle: {cycle}"),
        cycles => {
            format!("{start} {}:{}", counted(cycles.len() as u64, "cycle", "cycles"), one_per_line(cycles))
        }
    }
}

fn describe_broken(strategy: &str, lookups: &[CycleStep]) -> String {
    let start =
        format!("{strategy} order cannot be loaded, since it leaves empty what must be there at insert");
    match lookups {
        [lookup] => format!("{start}: {lookup}"),
        lookups => {
            format!(
                "{start}, {}:{}",
                counted(lookups.len() as u64, "lookup", "lookups"),
                one_per_line(lookups)
            )
        }
    }
}

fn one_per_line(items: &[impl fmt::Display]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for item in items.iter().take(MOST_NAMED) {
        let _ = write!(text, "\n  {item}");
    }
    if items.len() > MOST_NAMED {
        let _ = write!(text, "\n  and {} more", count((items.len() - MOST_NAMED) as u64));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(steps: usize) -> Cycle {
        let step = |i: usize| CycleStep {
            table: format!("t{i}"),
            column: "x".into(),
            target: format!("t{}", (i + 1) % steps),
            why: Binding::Required,
        };
        Cycle { steps: (0..steps).map(step).collect() }
    }

    #[test]
    fn a_long_cycle_is_shortened_in_the_middle() {
        assert_eq!(ring(12).to_string().matches("->").count(), 12);
        let text = ring(2_000).to_string();
        assert_eq!(text.matches("->").count(), 10);
        assert!(
            text.contains("t4.x -> t5 (required), ... 1,990 more ..., t1995.x -> t1996 (required)"),
            "{text}"
        );
    }

    #[test]
    fn ten_cycles_are_named_one_a_line_and_the_rest_is_counted() {
        let text = Error::RequiredCycle(vec![ring(2); 1_500]).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 12);
        assert!(lines[0].ends_with("form 1,500 cycles:"), "{text}");
        assert_eq!(
            (lines[1], lines[11]),
            ("  t0.x -> t1 (required), t1.x -> t0 (required)", "  and 1,490 more")
        );
    }

    #[test]
    fn lookups_that_an_order_leaves_empty_are_named_one_a_line() {
        let broken =
            |lookups| Error::BreaksRequired { strategy: "lookup-count", lookups, strategies: Vec::new() };
        let text = broken(ring(11).steps).to_string();
        assert_eq!(text.lines().count(), 12);
        assert!(text.contains(", 11 lookups:\n  t0.x -> t1 (required)\n"), "{text}");
        assert!(text.ends_with("\n  and 1 more"), "{text}");
        assert_eq!(broken(ring(1).steps).to_string().lines().count(), 1);
    }
}
