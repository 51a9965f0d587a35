//! The project file and the journey, as a caller of the library sees them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod mistakes;
mod settings;
