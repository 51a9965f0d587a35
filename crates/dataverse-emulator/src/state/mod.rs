//! What the organisation holds, in memory.

pub(crate) mod key;
mod organisation;
pub(crate) mod row;
mod seed;
mod snapshot;
mod table_rows;
mod transaction;

pub(crate) use key::Key;
pub(crate) use organisation::{Organisation, unique_index};
pub(crate) use seed::{plant, seeds};
pub(crate) use table_rows::{SortKey, TableRows, sort_key};
pub(crate) use transaction::{Caller, Transaction};
