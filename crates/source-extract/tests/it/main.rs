//! Files go in, and the snapshot is what they say.

mod dirt;
mod reruns;
// Marked as tests, so that it may unwrap like one.
#[cfg(test)]
mod support;
