//! The sections of the project file as people write them, before anything is checked.

use std::path::PathBuf;

use jiff::SignedDuration;
use row_transform::model::{Owners, TableMapping};
use serde::Deserialize;
use source_extract::SourceTable;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Written {
    pub(crate) project: WrittenProject,
    pub(crate) target: WrittenTarget,
    pub(crate) staging: WrittenStaging,
    pub(crate) source: WrittenSource,
    pub(crate) owners: Owners,
    pub(crate) load: WrittenLoad,
    pub(crate) map: Vec<TableMapping>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenProject {
    pub(crate) name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenTarget {
    pub(crate) url: Option<String>,
    pub(crate) auth: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) authority: Option<String>,
    pub(crate) overrides: Option<PathBuf>,
    pub(crate) user: Vec<WrittenUser>,
}

/// One more application user; what is not said is as in `[target]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenUser {
    pub(crate) name: Option<String>,
    pub(crate) auth: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) variable: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenStaging {
    pub(crate) engine: Option<String>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) key_variable: Option<String>,
    pub(crate) busy_timeout: Option<SignedDuration>,
    pub(crate) certificate_authority: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenSource {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) encoding: Option<String>,
    pub(crate) table: Vec<SourceTable>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenLoad {
    pub(crate) batch: Option<i64>,
    pub(crate) chunk: Option<i64>,
    pub(crate) concurrency: Option<i64>,
    pub(crate) max_concurrency: Option<i64>,
    pub(crate) row_waves: Option<bool>,
    pub(crate) adapt_batch: Option<bool>,
    pub(crate) longest_request: Option<SignedDuration>,
    pub(crate) plan_budget: Option<bool>,
    pub(crate) budget_window: Option<SignedDuration>,
    pub(crate) budget_aim: Option<f64>,
    pub(crate) lease: Option<SignedDuration>,
    pub(crate) request_timeout: Option<SignedDuration>,
    pub(crate) quiet_time: Option<SignedDuration>,
    pub(crate) grace: Option<SignedDuration>,
    pub(crate) error_rate_limit: Option<f64>,
    pub(crate) attempts: Option<i64>,
    pub(crate) sweep: Option<bool>,
    pub(crate) key_accents: Option<bool>,
    pub(crate) repairs: super::repairs::WrittenRepairs,
}
