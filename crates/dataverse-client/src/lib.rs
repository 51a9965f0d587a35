//! A client of Microsoft Dataverse for programs that move many rows and must not lose or duplicate one.
//!
//! - Bulk messages, batches, single rows, associations, actions, paged queries, table definitions read and made.
//! - Service protection limits are honoured by all clones of a client together, `Retry-After` first.
//! - Only what is safe is sent again: throttled requests and those that never left always; timeouts, lost connections
//!   and errors in the 500s only where a repetition ends the same. Otherwise the error says *in doubt*
//!   ([`Error::is_in_doubt`]), with what is needed to find out.
//! - Tokens are refreshed ahead of their end, once for all who wait, and once more after a 401.
//! - No cookie is kept, no secret and no value of a row is logged.
//!
//! A call passes these layers, each in files of its own:
//!
//! | layer | what it does | file |
//! |---|---|---|
//! | call | path, body, what the answer means | `calls/` |
//! | send | waits for its turn, asks for token and permit, repeats what is safe, says what is in doubt | `send.rs`, `refusal.rs` |
//! | throttle | one wait for all callers, budgets, recommended parallelism | `throttle.rs` |
//! | token | refreshed ahead, once for all, and once after a 401 | `auth/` |
//! | attempt | headers, the body that asks for its permit, timeout | `attempt.rs`, `body.rs` |
//!
//! ```no_run
//! use std::sync::Arc;
//! use dataverse_client::{Client, Options, StaticToken, WriteOptions};
//! use dataverse_client::wire::write::TargetsWriter;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let credential = Arc::new(StaticToken::new("…"));
//! let client = Client::new(Options::new("https://org.crm.dynamics.com".parse()?, credential))?;
//! println!("{}", client.who_am_i().await?.organization_id);
//!
//! let contact = client.table_definition("contact").await?.ok_or("no contacts here")?;
//! let mut targets = TargetsWriter::new("contact");
//! for name in ["Anna", "Bo"] {
//!     targets.row().text("lastname", name);
//! }
//! match client.create_multiple(&contact, targets.finish(), &WriteOptions::default()).await {
//!     Ok(ids) => println!("created {}", ids.len()),
//!     Err(error) if error.is_in_doubt() => println!("look for the rows before sending them again: {error}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```

mod attempt;
mod auth;
mod body;
mod calls;
mod client;
mod error;
mod options;
mod refusal;
mod row;
mod send;
mod session;
mod throttle;
mod write_options;

pub use dataverse_wire as wire;

pub use auth::{
    Authority, AzureCli, ClientCertificate, ClientSecret, Credential, CredentialError, ManagedIdentity,
    StaticToken, Token, WorkloadIdentity,
};
pub use calls::action::{IncidentResolution, OpportunityClose, Qualified, QualifyLead};
pub use calls::apply::Apply;
pub use calls::batch::ContinueOnError;
pub use calls::bulk::BulkMessage;
pub use calls::changes::{ChangePage, Changes, DeltaLink};
pub use calls::conditional::{IfChanged, Upserted};
pub use calls::cosmos::{CosmosPage, CosmosQuery};
pub use calls::define::{
    Cascades, Define, GlobalChoice, NewChoice, NewColumn, NewKey, NewLookup, NewManyToMany, NewTable,
    OptionsOf,
};
pub use calls::fetch_parts::{Aggregate, Condition, Link};
pub use calls::fetch_xml::Fetch;
pub use calls::files::{Download, FileColumn};
pub use calls::filter::{Filter, FilterValue};
pub use calls::identity::{Organization, WhoAmI};
pub use calls::many::KeyedRow;
pub use calls::metadata::TableNames;
pub use calls::outcome::{Outcomes, PartError, PartOutcome};
pub use calls::page::{Page, Pages};
pub use calls::query::Query;
pub use calls::row::{Associated, Deleted};
pub use calls::row_outcome::RowOutcome;
pub use client::Client;
pub use error::{Cause, Error, RequestSummary};
pub use options::{Options, RetryPolicy};
pub use row::{Lookup, Row};
pub use throttle::ServiceLimits;
pub use write_options::{Bypass, Impersonation, Retries, SendPermit, WriteOptions};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
