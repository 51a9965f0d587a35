//! The provably cheapest order to load tables whose lookups point at each other, and pictures of it.
//!
//! Something has to wait where tables point at each other: a lookup stays empty at insert and is written by an update later. This crate finds
//! the order that writes the fewest rows twice, proves it, and explains it. It is pure: a graph goes in, a plan comes out.
//!
//! ```
//! use load_sequence::{Lookup, LookupGraph, Options, Table, sequence};
//!
//! let graph = LookupGraph {
//!     tables: vec![Table::new("account", 2_000), Table::new("contact", 10_000)],
//!     lookups: vec![
//!         Lookup::new("account", "primarycontactid", "contact", 1_500),
//!         Lookup::new("account", "parentaccountid", "account", 300),
//!         Lookup::new("contact", "parentcustomerid", "account", 9_000).required(),
//!     ],
//!     ..LookupGraph::default()
//! };
//! let plan = sequence(&graph, &Options::default())?;
//! assert_eq!(plan.waves, [["account"], ["contact"]]);
//! assert_eq!(plan.deferred[0].column, "primarycontactid");
//! assert_eq!((plan.cost, plan.proven), (1_500, true));
//! assert_eq!(plan.levels[0].column, "parentaccountid");
//! # Ok::<(), load_sequence::Error>(())
//! ```

mod assign;
mod compare;
mod counted;
mod cut;
mod error;
mod explain;
mod headline;
mod indexed;
mod model;
mod options;
mod order;
pub mod picture;
mod plan;
mod row_waves;
mod sequence;
mod waves;

pub use compare::StrategyCost;
pub use counted::{count, counted};
pub use error::{Binding, Cycle, CycleStep, Error};
pub use model::{Association, Combination, Filled, Ignore, Lookup, LookupGraph, RowLevels, Table, Writable};
pub use options::{Options, RowWavesChoice};
pub use plan::{
    AssociationStep, Component, Deferred, Explanation, IgnoreReason, IgnoredLookup, LevelColumn, RowWaves,
    SecondWrites, Sequence, StateStep, Strategy,
};
pub use sequence::sequence;

/// The README's example compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
