//! The provably cheapest order to load tables whose lookups point at each other.

mod assign;
mod compare;
mod cut;
mod error;
mod explain;
mod indexed;
mod model;
mod options;
mod order;
pub mod picture;
mod plan;
mod row_waves;
mod sequence;
mod waves;

pub use compare::{StrategyCost, compare};
pub use error::{Binding, Cycle, CycleStep, Error};
pub use model::{Association, Combination, Filled, Ignore, Lookup, LookupGraph, RowLevels, Table, Writable};
pub use options::{Options, RowWavesChoice};
pub use plan::{
    AssociationStep, Component, Deferred, Explanation, IgnoreReason, IgnoredLookup, LevelColumn, RowWaves,
    SecondWrites, Sequence, StateStep, Strategy,
};
pub use sequence::sequence;
