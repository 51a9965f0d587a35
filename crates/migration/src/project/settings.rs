//! A project that makes sense: the settings after every check.

use std::path::PathBuf;
use std::time::Duration;

use row_transform::model::{Owners, TableMapping};
use serde::Serialize;
use source_extract::SourceTable;
use url::Url;

use super::repairs::Repairs;
use crate::staging::Staging;

/// Everything the project file says, with paths resolved against the project folder.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the project, for people.
    pub name: String,
    /// Where rows go.
    pub target: Target,
    /// Where the staging database is.
    pub staging: Staging,
    /// Where rows come from.
    pub source: Source,
    /// Who owns rows whose owner is not known.
    pub owners: Owners,
    /// How rows are sent.
    pub load: Load,
    /// What may be changed in rows that Dataverse refused.
    pub repairs: Repairs,
    /// Which source table becomes which Dataverse table.
    pub maps: Vec<TableMapping>,
}

/// The environment that receives the rows.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its address, without a path.
    pub url: Url,
    /// How we prove who we are.
    pub auth: Auth,
    /// Where client secrets and certificates are shown; the public cloud's authority where none.
    pub authority: Option<Url>,
    /// Corrections of its metadata.
    pub overrides: Option<PathBuf>,
    /// More application users: each has limits of its own, and the work is shared among all.
    pub users: Vec<TargetUser>,
}

/// One more application user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetUser {
    /// Its name in messages.
    pub name: String,
    /// How it proves who it is.
    pub auth: Auth,
    /// The environment variable that holds its secret or token, where `auth` needs one.
    pub variable: Option<String>,
}

/// How a token is obtained. Secrets themselves are in the environment, never here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// An application user with a secret from `DV_CLIENT_SECRET`.
    ClientSecret {
        /// Microsoft Entra tenant.
        tenant: String,
        /// Application (client) id.
        client_id: String,
    },
    /// An application user with a certificate.
    ClientCertificate {
        /// Microsoft Entra tenant.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// PEM file with the certificate and its key.
        certificate: PathBuf,
    },
    /// The identity of the virtual machine or service this runs on.
    ManagedIdentity,
    /// The account that is signed in to the Azure CLI.
    AzureCli,
    /// A ready token from `DV_TOKEN`; an emulator on this machine takes any.
    StaticToken,
}

impl Auth {
    /// The words of `target.auth`.
    pub(crate) const WORDS: [&str; 5] =
        ["client-secret", "client-certificate", "managed-identity", "azure-cli", "static-token"];
}

/// The source files.
#[derive(Clone, Debug)]
pub struct Source {
    /// The folder they are in.
    pub folder: PathBuf,
    /// One per source table: those declared first, then every other CSV file of the folder.
    pub tables: Vec<SourceTable>,
}

/// How rows are sent. Defaults suit a production environment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the project file")]
pub struct Load {
    /// Rows of one request; a profile of the table when nothing is said.
    pub batch: Option<u32>,
    /// Rows that are leased and read at a time.
    pub chunk: u32,
    /// Requests under way at once; what the service recommends when nothing is said.
    pub concurrency: Option<u32>,
    /// The most requests under way at once, whatever the service recommends.
    pub max_concurrency: u32,
    /// Whether tables that point at each other while their rows do not load together, level by level, where that saves requests;
    /// otherwise the plan only says so.
    pub row_waves: bool,
    /// Whether rows per request follow what is measured, where nothing pins them.
    pub adapt_batch: bool,
    /// The longest that a request should take; rows per request stay below it.
    pub longest_request: Duration,
    /// Whether requests are spread over the service's window, so that it need not refuse any.
    pub plan_budget: bool,
    /// The service's window; shorter only against an emulator whose time runs faster.
    pub budget_window: Duration,
    /// The share of what the service allows that is aimed at.
    pub budget_aim: f64,
    /// How long a chunk is ours without renewal.
    pub lease: Duration,
    /// How long we wait for an answer; at most half of `lease`.
    pub request_timeout: Duration,
    /// How long rows without an answer are left alone before they are looked for.
    pub quiet_time: Duration,
    /// How long requests under way may take to end after a stop was asked for.
    pub grace: Duration,
    /// Share of rows in error, from 0 to 1, above which a table's load stops by itself; 1 switches this off.
    pub error_rate_limit: f64,
    /// How often a request that failed for a passing reason is repeated.
    pub attempts: u32,
    /// Whether rows of our number range that staging does not know are looked for.
    pub sweep: bool,
    /// Whether accents tell the values of alternate keys apart in the target; in most environments they do not.
    pub key_accents: bool,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            batch: None,
            chunk: 5_000,
            concurrency: None,
            max_concurrency: 50,
            row_waves: false,
            adapt_batch: true,
            longest_request: Duration::from_secs(10),
            plan_budget: true,
            budget_window: Duration::from_mins(5),
            budget_aim: 0.985,
            lease: Duration::from_mins(5),
            request_timeout: Duration::from_mins(2),
            quiet_time: Duration::from_mins(10),
            grace: Duration::from_secs(30),
            error_rate_limit: 0.5,
            attempts: 5,
            sweep: true,
            key_accents: false,
        }
    }
}
