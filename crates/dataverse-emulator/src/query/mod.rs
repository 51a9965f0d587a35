//! Reading rows: query options, filters, pages and counts.

mod aggregate;
mod ast;
mod bind;
mod changes;
mod chosen;
mod cookie;
mod evaluate;
mod expand;
mod fetch;
mod json;
mod lexer;
mod members;
mod narrow;
mod options;
mod page;
mod parse;
mod pattern;
mod sort_value;
mod sql;

pub(crate) use aggregate::aggregate;
pub(crate) use ast::{Ast, Comparison, Literal};
pub(crate) use changes::{DeltaToken, count_changes, delta, refuse_untracked};
pub(crate) use chosen::Chosen;
pub(crate) use expand::split;
pub(crate) use fetch::{FetchScope, fetch};
pub(crate) use json::matches as matches_json;
pub(crate) use options::QueryOptions;
pub(crate) use page::{Scope, count, page, project};
pub(crate) use parse::parse_filter;
pub(crate) use sql::sql;
