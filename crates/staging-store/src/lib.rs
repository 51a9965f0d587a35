//! staging-store.
