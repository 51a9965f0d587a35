//! An emulator with a client, at the default settings or with every doubtful fact turned the other way.

use std::sync::Arc;
use std::time::Duration;

use dataverse_client::wire::metadata::TableDefinition;
use dataverse_client::{Client, Options, RetryPolicy, StaticToken};
use dataverse_emulator::{Emulator, Settings};

/// Whether this run turns every doubtful fact the other way: `DATAVERSE_EMULATOR_SETTINGS=flipped cargo test`.
pub(crate) fn is_flipped() -> bool {
    std::env::var_os("DATAVERSE_EMULATOR_SETTINGS").is_some_and(|value| value == "flipped")
}

/// The settings of this run.
pub(crate) fn settings() -> Settings {
    if is_flipped() { Settings::flipped() } else { Settings::default() }
}

pub(crate) async fn start_with(metadata: Vec<TableDefinition>, settings: Settings) -> (Emulator, Client) {
    let options =
        dataverse_emulator::Options { metadata, settings, ..dataverse_emulator::Options::default() };
    let emulator = Emulator::start(options).await.unwrap();
    let client = client_of(&emulator);
    (emulator, client)
}

/// The standard tables, at the settings of this run.
pub(crate) async fn start() -> (Emulator, Client) {
    start_with(Vec::new(), settings()).await
}

/// Another client of the same emulator.
pub(crate) fn client_of(emulator: &Emulator) -> Client {
    Client::new(Options {
        request_timeout: Duration::from_secs(20),
        retry: RetryPolicy { first_wait: Duration::from_millis(1), ..RetryPolicy::default() },
        ..Options::new(emulator.url().parse().unwrap(), Arc::new(StaticToken::new("user-1")))
    })
    .unwrap()
}
