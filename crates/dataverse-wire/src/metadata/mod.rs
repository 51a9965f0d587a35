//! Table definitions: what a table is called, which columns it has and what they can hold.
//!
//! [`TableDefinition`] is read from and written to the JSON of the Web API's `EntityDefinitions` (reference §7.2) with
//! serde, so that a frozen file, an answer of the service and an answer of the emulator are the same thing.
//!
//! ```
//! use dataverse_wire::metadata::parse_definitions;
//! let tables = parse_definitions(br#"{"value":[{"LogicalName":"account","EntitySetName":"accounts",
//!     "PrimaryIdAttribute":"accountid","Attributes":[{"LogicalName":"name","AttributeType":"String","MaxLength":160}]}]}"#)?;
//! assert_eq!(tables[0].entity_set_name, "accounts");
//! assert!(tables[0].column("name").is_some());
//! # Ok::<(), dataverse_wire::Error>(())
//! ```

mod choice;
mod column;
mod json;
mod navigation;
mod overrides;
mod relationship;
mod table;

pub use choice::ChoiceOption;
pub use column::{ColumnDefinition, ColumnType, DateTimeBehavior, OptionSetName, RequiredLevel};
pub use json::parse_definitions;
pub use navigation::Navigation;
pub use overrides::{Override, Overrides};
pub use relationship::{AlternateKey, Cascade, CascadeRule, KeyStatus, ManyToMany, ManyToOne};
pub use table::{Ownership, TableDefinition, TableType};
