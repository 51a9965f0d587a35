//! Cases kept.
