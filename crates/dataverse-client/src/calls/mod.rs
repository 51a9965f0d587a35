//! What can be asked of the service, one file a subject.

pub(crate) mod action;
pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod conditional;
pub(crate) mod identity;
pub(crate) mod metadata;
pub(crate) mod outcome;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod row;
