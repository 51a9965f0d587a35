//! row-transform.
