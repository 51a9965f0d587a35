//! Texts in, values out, and people's decisions in between.

// Marked as tests, so that their helpers may unwrap like one.
#[cfg(test)]
mod journey;
mod mapping_file;
