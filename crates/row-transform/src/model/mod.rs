//! The mapping as it stands in the project file: what the `[[map]]` tables deserialise into.
//!
//! Everything here is data. What a mapping *means* for a table definition is decided by
//! this crate's check and compilation.

mod rule;
mod table;
mod text;

pub use rule::{ColumnRule, LookupRule, Missing, PartyRule, RuleKind, ScriptRule, ValueRule, ValueSource};
pub use table::{GuidChoice, Mode, OwnerTarget, Owners, TableMapping};
pub use text::{OneOrMany, Scalar};
