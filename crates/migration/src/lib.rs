//! migration.
