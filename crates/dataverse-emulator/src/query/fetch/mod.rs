//! FetchXML: one page of a query, or an aggregate (reference §13.5).

mod aggregate;
mod calendar;
mod cookie;
mod join;
mod operator;
mod page;
mod parse;
mod plan;

pub(crate) use page::{FetchScope, fetch};
