//! load-sequence.
