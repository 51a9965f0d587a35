//! Files go in, and the snapshot is what they say.

mod dirt;
mod reruns;
mod support;
