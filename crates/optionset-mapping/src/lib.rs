//! Choice texts become choice values through `migration.OptionSetMapping`, a table that people can read and edit.
//!
//! Sources write what a choice is in words; Dataverse takes numbers. For every text that stands in a staged choice column
//! ([`propose`]) looks for the option with that label and writes what it finds into the mapping table, where people correct
//! and complete it. [`apply`] then fills the values, set by set; [`unmapped`] says what is left. Decisions travel with the
//! project as a CSV file ([`read_mapping`], [`import`], [`export`], [`write_mapping`]).
//!
//! ```
//! use dataverse_wire::metadata::ChoiceOption;
//! use optionset_mapping::{Likeness, match_option};
//!
//! let options = [ChoiceOption::new(1, "In Progress"), ChoiceOption::new(5, "Problem Solved")];
//! let (option, likeness) = match_option("in_progress", &options).expect("that is a label");
//! assert_eq!((option.value, likeness), (1, Likeness::Similar));
//! // What a text means is for people to say when no label says it.
//! assert!(match_option("Closed", &options).is_none());
//! ```
//!
//! Choices, multi-selects (token by token), state and status are all mapped in the same way.

mod apply;
mod error;
mod matching;
mod propose;
mod row;
mod texts;

pub use apply::{apply, apply_statement};
pub use error::Error;
pub use matching::{Likeness, match_option};
pub use propose::{Proposed, Unmapped, propose, unmapped};
pub use row::{FileProblem, LONGEST_TEXT, MappingRow, export, import, read_mapping, write_mapping};
pub use texts::{DEFAULT_SEPARATOR, Separators};
