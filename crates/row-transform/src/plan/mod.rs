//! A mapping checked against metadata and source, and turned into what the steps execute.

mod column;
mod lookup;
mod map;
mod source;
mod staged;
mod table;
mod value;

pub(crate) use map::MapPlan;
pub use table::{Plan, SourceColumns, TablePlan, plan};
