//! SQL Server: a database of a server, reached by TDS; one connection writes, others read.

mod append;
mod bulk;
mod connection;
mod engine;
mod execute;
mod failure;
mod functions;
mod open;
#[cfg(feature = "contract")]
mod scratch;
mod session_lock;
mod unit;
mod value;

pub(crate) use engine::SqlServer;
#[cfg(feature = "contract")]
pub use scratch::{ScratchDatabase, TEST_SERVER, ask};
pub use session_lock::{LockMode, SessionLock};
