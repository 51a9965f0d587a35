//! What a staging database looks like: tables, control columns, flags, DDL and statements, for SQLite and T-SQL from one
//! model. Pure: no I/O, no runtime.
//!
//! A migration passes through a database that the team owns and can query. [`TargetTable`] is the typed mirror of a
//! Dataverse table; [`ddl`] makes it, with its append-only success and error tables and all load state. [`pending`] says
//! which rows are still to be sent in a pass, [`chunk`] and [`manifest`] keep leases and requests, [`lookup`] fills GUIDs
//! of parents, [`level`] orders hierarchies, [`row_wave`] those across tables, in the rounds of a [`Hierarchy`], [`settle`] copies outcomes back, and [`summary`] accounts for every row.
//! A [`Statement`] carries its text for each [`Dialect`]; what differs between the two lives in `Dialect` alone.
//!
//! ```
//! use staging_schema::lookup::{self, Fill, Parent};
//! use staging_schema::{Dialect, StagedColumn, StagedKind, TargetTable, ddl};
//!
//! let lookup = StagedKind::Lookup { targets: vec!["account".into()], multi_table: false, multi_source: false };
//! let contact = TargetTable::new(
//!     "contact",
//!     vec![
//!         StagedColumn::new("fullname", StagedKind::Text { max: 160 }),
//!         StagedColumn::new("parentcustomerid", lookup),
//!     ],
//! )?;
//! for statement in ddl::target_table(&contact) {
//!     println!("{};", statement.text(Dialect::Mssql));
//! }
//! let fill = Fill::new("parentcustomerid", [Parent::new("account")]);
//! let preload = lookup::preload(&contact, &[fill], &(1..=50_000))?;
//! assert!(preload.text(Dialect::Mssql).starts_with("UPDATE t SET [parentcustomerid] ="));
//! # Ok::<(), staging_schema::Error>(())
//! ```

pub mod alternate_key;
pub mod backup;
pub mod chunk;
mod column;
pub mod control;
pub mod ddl;
mod dialect;
mod error;
mod flag;
mod fold;
pub mod forecast;
mod hierarchy;
pub mod level;
pub mod lookup;
pub mod manifest;
mod name;
pub mod pace;
pub mod pending;
mod physical;
pub mod pilot;
pub mod repair;
pub mod rollback;
pub mod row_wave;
pub mod settle;
mod statement;
pub mod summary;
mod table;
mod value;

pub use column::{
    SOURCE_KEY_SUFFIX, SOURCE_TABLE_SUFFIX, StagedColumn, StagedKind, TABLE_SUFFIX, TEXT_SUFFIX,
};
pub use dialect::{Dialect, PerDialect, UpdateByList};
pub use error::Error;
pub use flag::{ActionFlag, ChunkState, Levels, Pass, ProcessingFlag, RequestState, SuccessKind, Transition};
pub use fold::{Accents, KEY_FUNCTION, fold_key};
pub use hierarchy::{Hierarchy, Towards};
pub use name::{MAX_IDENTIFIER, Schema, TableName, check_identifier};
pub use physical::{DefaultValue, Index, PhysicalColumn, PhysicalTable, PrimaryKey, SqlType};
pub use statement::Statement;
pub use table::{GuidStrategy, Mode, Shape, TargetTable};
pub use value::{Value, ValueRef};

/// The examples of the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
