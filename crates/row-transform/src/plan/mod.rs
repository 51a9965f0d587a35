//! A mapping checked against metadata and source, and turned into what the steps execute.

mod column;
mod formats;
mod lookup;
mod map;
mod money;
mod near;
mod source;
mod staged;
mod table;
mod value;

pub(crate) use map::{Cell, LookupPlan, MapPlan, Reading};
pub use table::{Plan, SourceColumns, TablePlan, plan};
pub(crate) use value::kept_digits;
