//! Secrets: from the environment only, and never further than the line that sends them.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::settings::Settings;

/// What proves who we are, read once from the environment of the process.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// `DV_CLIENT_SECRET`.
    pub client_secret: Option<SecretString>,
    /// `DV_TOKEN`.
    pub token: Option<SecretString>,
    /// The variables that `[[target.user]]` names.
    pub named: BTreeMap<String, SecretString>,
}

/// Variable of the client secret.
pub(crate) const CLIENT_SECRET: &str = "DV_CLIENT_SECRET";
/// Variable of a ready token.
pub(crate) const TOKEN: &str = "DV_TOKEN";

impl Secrets {
    /// Reads `DV_CLIENT_SECRET` and `DV_TOKEN`; an empty one counts as not set.
    pub fn from_process() -> Self {
        Self { client_secret: read(CLIENT_SECRET), token: read(TOKEN), named: BTreeMap::new() }
    }

    /// The same with the variables that the project's application users name.
    pub fn of_project(settings: &Settings) -> Self {
        let names = settings.target.users.iter().filter_map(|user| user.variable.clone());
        Self {
            named: names.filter_map(|name| Some((name.clone(), read(&name)?))).collect(),
            ..Self::from_process()
        }
    }
}

fn read(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(SecretString::from)
}

/// Whether a key of the settings would hold a secret.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    [
        "secret",
        "password",
        "passphrase",
        "passwd",
        "pwd",
        "api_key",
        "apikey",
        "access_key",
        "connection_string",
    ]
    .iter()
    .any(|word| key.contains(word))
        || key.rsplit(['.', '_']).next() == Some("token")
        || is_file_key(&key)
}

/// The key of an encrypted staging file; elsewhere a key is a column.
fn is_file_key(key: &str) -> bool {
    key == "key" || key.ends_with("staging.key") || key.ends_with("staging__key")
}

pub(crate) fn secret_hint(key: &str) -> String {
    if is_file_key(&key.to_lowercase()) {
        return "remove it, set it in an environment variable, and name that: key_variable = \"DV_STAGING_KEY\""
            .to_owned();
    }
    format!("remove it, and set {CLIENT_SECRET} or {TOKEN} in the environment")
}
