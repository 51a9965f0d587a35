//! batch-loader.
