//! Files go in, and the snapshot is what they say.

// Marked as tests, so that what their tests share may unwrap like one.
#[cfg(test)]
mod dirt;
mod reruns;
#[cfg(test)]
mod support;
