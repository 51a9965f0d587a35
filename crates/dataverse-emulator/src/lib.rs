//! A Dataverse stand-in over HTTP: for tests, rehearsals and demonstrations.
//!
//! It serves table definitions, rows, bulk messages, `$batch`, associations and closing messages as the Web
//! API does, refuses what the service refuses with its codes and words, throttles, and fails on purpose.
//! A request that has been read runs to its end whether its client waits or not.
//!
//! ```no_run
//! use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Options};
//!
//! # async fn run() -> Result<(), dataverse_emulator::Error> {
//! let emulator = Emulator::start(Options { seed: 7, ..Options::default() }).await?;
//! // Point any client at it; the bearer token `user-1` is the first application user.
//! println!("{} serves organisation {}", emulator.url(), emulator.organization_id());
//! // Every third bulk create commits, and its answer is lost.
//! let lost = FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").every(3);
//! emulator.set_faults(FaultPlan::of([lost]));
//! println!("{} accounts so far", emulator.stats().rows.get("account").unwrap_or(&0));
//! emulator.shutdown().await
//! # }
//! ```

mod answer;
mod arrival;
mod clock;
mod connection;
mod cosmos;
mod emulator;
mod error;
mod fault;
mod latency;
mod query;
mod refusal;
mod route;
mod schema;
mod service;
mod settings;
mod spelling;
mod standard;
mod state;
mod stats;
mod throttle;
mod tls;
mod write;

pub use emulator::{Emulator, Options};
pub use error::Error;
pub use fault::{FaultKind, FaultPlan, FaultRule};
pub use latency::TableLatency;
pub use settings::{Keep, Settings, Strictness};
pub use standard::{standard_tables, tables_from};
pub use stats::Stats;
pub use throttle::{Limits, Routing};
