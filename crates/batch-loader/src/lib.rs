//! Moves staged rows into Dataverse: each of them ends as exactly one success or as an error that says what to repair,
//! whatever dies on the way.

mod chunk;
mod columns;
mod context;
mod doubt;
mod error;
mod event;
mod lease;
mod limit;
mod limiter;
mod load;
mod matching;
mod operation;
mod options;
mod parties;
mod plan;
mod preload;
mod probe;
mod ranges;
mod reading;
mod report;
mod rows;
mod send;
mod send_states;
mod sent;
mod sequential;
mod settle;
mod stage;
mod state;
mod sweep;
mod verdict;
mod work;

pub use error::Error;
pub use event::{Answer, Event, Observer, Unobserved};
pub use load::load;
pub use matching::{Matched, match_rows};
pub use options::{ErrorLimit, Options, Sweep};
pub use plan::{LoadTable, Plan, Profile, Strategy};
pub use report::{Report, Stray, TableReport};
pub use sequential::{MAX_SEQUENTIAL_ROW, SequentialSeed, sequential_id};
pub use settle::settle;
pub use staging_schema::lookup::Parent;
