//! DDL of every staging table, for both dialects from one model.

mod catalog;
mod control;
mod discard;
pub mod grant;
mod money;
mod procedure;
mod render;
mod source;
mod target;
mod upgrade;
mod view;

pub use catalog::Catalog;
pub use control::{SCHEMA_VERSION, control_schema, control_tables};
pub use discard::discard;
pub use money::{MoneyColumn, NumberStyle, money_sums};
pub use procedure::procedures;
pub use render::{add_column, columns_of, create, drop_table};
pub use source::SourceTable;
pub use target::{added_columns, target_table, target_tables};
pub use upgrade::{OLDEST_VERSION, Upgrade, schema_version, upgrade};
pub use view::status_views;
