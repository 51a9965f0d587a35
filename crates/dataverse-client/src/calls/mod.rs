//! What can be asked of the service, one file a subject.

pub(crate) mod action;
pub(crate) mod apply;
pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod changes;
pub(crate) mod conditional;
pub(crate) mod cosmos;
pub(crate) mod define;
pub(crate) mod fetch_parts;
pub(crate) mod fetch_position;
pub(crate) mod fetch_xml;
pub(crate) mod files;
pub(crate) mod filter;
pub(crate) mod identity;
pub(crate) mod many;
pub(crate) mod metadata;
pub(crate) mod outcome;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod read_page;
pub(crate) mod row;
pub(crate) mod row_outcome;
