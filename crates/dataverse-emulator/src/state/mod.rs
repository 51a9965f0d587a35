//! What the organisation holds, in memory.

mod deleted;
mod durable;
mod elastic;
mod journal;
mod kept;
pub(crate) mod key;
mod organisation;
mod pointers;
pub(crate) mod row;
mod seed;
mod snapshot;
mod table_rows;
mod transaction;
mod written;

pub(crate) use durable::{DefinitionChange, Replay, head, read};
pub(crate) use journal::{Journal, Opened};
pub(crate) use key::Key;
pub(crate) use organisation::{DeleteJob, Organisation, unique_index};
pub(crate) use seed::{plant, plant_privileges, privilege_id, seeds};
pub(crate) use snapshot::fingerprint;
pub(crate) use table_rows::{SortKey, TableRows, sort_key};
pub(crate) use transaction::{Caller, Transaction};
pub(crate) use written::{Written, complete_labels, merge_labels, option_set_id};
