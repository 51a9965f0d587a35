//! The provably cheapest order to load tables whose lookups point at each other.

mod error;
mod model;
mod options;
mod plan;

pub use error::{Binding, Cycle, CycleStep, Error};
pub use model::{Association, Combination, Filled, Ignore, Lookup, LookupGraph, RowLevels, Table, Writable};
pub use options::{Options, RowWavesChoice};
pub use plan::{
    AssociationStep, Component, Deferred, Explanation, IgnoreReason, IgnoredLookup, LevelColumn, RowWaves,
    SecondWrites, Sequence, StateStep, Strategy,
};
