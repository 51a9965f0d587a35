//! Reading rows: query options, filters, pages and counts.

mod aggregate;
mod ast;
mod bind;
mod cookie;
mod evaluate;
mod expand;
mod json;
mod lexer;
mod narrow;
mod options;
mod page;
mod parse;

pub(crate) use aggregate::aggregate;
pub(crate) use ast::{Ast, Comparison, Literal};
pub(crate) use expand::split;
pub(crate) use json::matches as matches_json;
pub(crate) use options::QueryOptions;
pub(crate) use page::{Scope, count, page, project};
pub(crate) use parse::parse_filter;
