//! What the crate promises, judged by real metadata, real clients' requests and by chance.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop them")]

mod batch_laws;
mod captured;
mod definitions;
mod fault_table;
mod literal_laws;
mod overrides;
mod write_laws;

/// A file of the workspace's fixtures.
fn fixture(path: &str) -> Vec<u8> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
