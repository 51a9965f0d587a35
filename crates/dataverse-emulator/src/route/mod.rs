//! From requests to answers.

mod action;
mod apply;
mod batch;
mod bulk;
mod bulk_delete;
mod bulk_elastic;
mod busy;
mod changes;
mod closing;
mod control;
mod cosmos;
mod csdl;
mod define;
mod definition;
mod dispatch;
mod exchange;
mod files;
mod functions;
mod metadata;
mod path;
mod prepare;
mod read;

pub(crate) use bulk_delete::run_due;
pub(crate) use busy::{before_commit, thousands, throttled};
pub(crate) use control::control;
pub(crate) use dispatch::{Context, answer, kind, writes_of};
pub(crate) use exchange::{Answer, Headers, Request};
pub(crate) use files::Sessions;
