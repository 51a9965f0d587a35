//! Flags that every command knows.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use migration::Overrides;

/// Flags that every command knows.
#[derive(Args, Debug)]
pub struct Global {
    /// The project folder, with a migration.toml in it.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Print the result as one JSON object on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print one JSON line per event on stderr, instead of progress.
    #[arg(long, global = true)]
    pub events: bool,
    /// Say more: -v what is done, -vv every request.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Address of the environment, instead of the project's.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// One setting, instead of the project's, such as `load.chunk=100`. May be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub set: Vec<(String, String)>,
}

impl Global {
    /// Environment and flags.
    pub fn overrides(&self) -> Overrides {
        let mut flags = self.set.clone();
        flags.extend(self.url.clone().map(|url| ("target.url".to_owned(), url)));
        Overrides::from_process(flags)
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write KEY=VALUE, such as load.chunk=100".to_owned()),
    }
}
