//! staging-schema.
