//! dv-migrate.
fn main() {}
