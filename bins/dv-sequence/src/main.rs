//! dv-sequence.
fn main() {}
