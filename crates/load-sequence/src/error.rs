//! Why there is no plan.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a graph has no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Required or create-only lookups close a cycle: no table of it can be first.
    #[error("{}", describe_cycles(.0))]
    RequiredCycle(Vec<Cycle>),
    /// The order asked for would leave lookups empty that must be there at insert.
    #[error("{strategy} order cannot be loaded: {}; use the cheapest order", describe_broken(.lookups))]
    BreaksRequired {
        /// The order's name.
        strategy: &'static str,
        /// The lookups that would be left empty.
        lookups: Vec<CycleStep>,
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

fn describe_cycles(cycles: &[Cycle]) -> String {
    let listed: Vec<String> = cycles.iter().map(ToString::to_string).collect();
    format!(
        "no table can be loaded first, since lookups that cannot wait form a cycle: {}",
        listed.join("; and another: ")
    )
}

fn describe_broken(lookups: &[CycleStep]) -> String {
    let listed: Vec<String> = lookups.iter().map(ToString::to_string).collect();
    listed.join(", ")
}
