//! dv-emulator.
fn main() {}
