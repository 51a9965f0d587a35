//! What becomes of a staging database besides the journey: the script that people run by hand, its backup, its end.

mod backup;
mod backups;
mod discard;
mod script;
mod upgrade;

pub use backup::{Backup, backup};
pub(crate) use backups::Keeper;
pub use backups::{Backups, Interval};
pub use discard::{Discarded, discard, why_keep};
pub use script::{grants_script, staging_script};
pub(crate) use upgrade::open_for_work;
pub use upgrade::{Upgraded, upgrade};
