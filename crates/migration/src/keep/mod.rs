//! What becomes of a staging database besides the journey: the script that people run by hand, its backup, its end.

mod backup;
mod discard;
mod script;

pub use backup::{Backup, backup};
pub use discard::{Discarded, discard, why_keep};
pub use script::staging_script;
