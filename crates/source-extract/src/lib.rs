//! source-extract.
