//! Moves staged rows into Dataverse: each of them ends as exactly one success or as an error that says what to repair,
//! whatever dies on the way.
//!
//! [`load`] creates rows, [`settle`] does what could not be done when they were created, [`match_rows`] finds rows that
//! are there already. All of them derive what is to be done from the staging database alone, so that each may be called
//! again after any end: only what is pending is sent.
//!
//! ```no_run
//! use std::sync::Arc;
//! use batch_loader::{Event, LoadTable, Options, Plan, Strategy, load};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn run(
//! #     store: staging_store::Store,
//! #     client: dataverse_client::Client,
//! #     staged: staging_schema::TargetTable,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let definition = client.table_definition("account").await?.ok_or("no accounts here")?;
//! let table = LoadTable::new(Arc::new(definition), staged, Strategy::SequenceNumber { base: 1_500_000_000 });
//! let plan = Plan { waves: vec![vec![table]], ..Plan::default() };
//! let observer = |event: &Event| tracing::debug!(?event);
//! let cancel = CancellationToken::new();
//! let report = load(&store, &[client], &plan, &Options::default(), &observer, &cancel).await?;
//! println!("{} accounts created", report.tables["account"].loaded);
//! # Ok(())
//! # }
//! ```

mod chunk;
mod closing;
mod columns;
mod context;
mod doubt;
mod error;
mod event;
mod keys;
mod lane;
mod lease;
mod limit;
mod load;
mod locks;
mod matching;
mod numbered;
mod operation;
mod options;
mod pace;
mod pace_log;
mod pace_memory;
mod parties;
mod plan;
mod preload;
mod probe;
mod ranges;
mod reading;
mod report;
mod rows;
mod send;
mod send_bulk;
mod send_states;
mod sent;
mod sequential;
mod settle;
mod stage;
mod state;
mod sweep;
mod verdict;
mod withdraw;
mod work;

pub use error::Error;
pub use event::{Answer, Event, Observer, Unobserved};
pub use load::load;
pub use matching::{Matched, match_rows};
pub use options::{ErrorLimit, Options, Sweep};
pub use pace::{BatchOptions, PaceOptions};
pub use pace_memory::PaceMemory;
pub use plan::{LoadTable, Plan, Profile, Strategy};
pub use report::{Report, Stray, TableReport};
pub use sequential::{MAX_SEQUENTIAL_ROW, SequentialSeed, sequential_id};
pub use settle::settle;
pub use staging_schema::Accents;
pub use staging_schema::lookup::Parent;
pub use withdraw::{delete, settle_doubts};

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
