//! Field mapping: from source rows, as they were, to typed target rows that fit the metadata.
//!
//! [`plan`] checks the project's mappings against metadata and source columns, tells every mistake at once, and says which
//! staging tables they need. [`stage`] fills those tables set by set: new rows are inserted, changed ones begin a new
//! generation, a second run changes nothing. [`run_scripts`] runs the user's own SQL, [`derive_states`] follows once choices
//! have values, and [`validate`] holds every row against the metadata before a request is spent on it.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use dataverse_wire::metadata::{ColumnDefinition, ColumnType, TableDefinition};
//! use row_transform::model::{Owners, TableMapping};
//! use row_transform::plan;
//!
//! let account = TableDefinition::new("account", "accounts", "accountid")
//!     .with_column(ColumnDefinition::new("name", ColumnType::String { max_length: 160 }));
//! let mapping: TableMapping = toml::from_str(
//!     "table = 'account'\nsource = 'Account'\nkey = 'Id'\n[columns]\nname = { from = 'Name', fit = true }\nfax = 'Fax'",
//! )
//! .expect("a mapping");
//! let sources = BTreeMap::from([("Account".to_owned(), vec!["Id".to_owned(), "Name".to_owned()])]);
//!
//! let problems = plan(&[mapping], &Owners::default(), &[account], &sources).unwrap_err();
//! assert_eq!(problems[0].to_string(), "map account from Account, column fax: the table account has no column \"fax\"");
//! ```
//!
//! What SQL cannot do alike on both engines (time zones, number spellings, UTF-16 lengths) are pure functions in
//! [`values`]. [`functions`] registers them with SQLite and has a T-SQL text for each, which gives the same answers.

mod error;
mod finding;
mod functions;
pub mod model;
mod plan;
mod problem;
mod script;
mod sql;
mod stage;
mod unmapped;
mod validate;
pub mod values;

pub use error::Error;
pub use finding::{Finding, FindingCount, Rule, Severity};
pub use functions::functions;
pub use plan::{Plan, SourceColumns, TablePlan, plan};
pub use problem::Problem;
pub use script::Script;
pub use stage::{ScriptRun, Staged, derive_states, run_scripts, stage, statements_for_sql_server};
pub use unmapped::{UnmappedColumn, unmapped_columns};
pub use validate::{findings, validate};
