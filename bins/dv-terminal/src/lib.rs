//! What the binaries share: the flags that every command knows, progress, results on stdout and talk on stderr, Ctrl-C.
//!
//! ```
//! use clap::Parser;
//! use dv_terminal::Global;
//!
//! #[derive(Parser)]
//! struct Cli {
//!     #[command(flatten)]
//!     global: Global,
//! }
//! let cli = Cli::parse_from(["dv-load", "--project", "crm", "--set", "load.chunk=100"]);
//! assert_eq!(cli.global.overrides().flags, [("load.chunk".to_owned(), "100".to_owned())]);
//! ```

pub mod arena;
mod global;
mod log;
pub mod observe;
pub mod output;
pub mod stop;
pub mod table;

pub use global::Global;
pub use log::log;
