//! The crates of this toolkit, each embedded in a small program: see `examples/examples`.
