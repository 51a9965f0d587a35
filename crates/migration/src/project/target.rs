//! Where rows go and who we are there, and everything that is wrong with that.

use url::{Host, Url};

use super::check::Check;
use super::problem::did_you_mean;
use super::settings::{Auth, Target};
use super::written::WrittenTarget;

impl Check<'_> {
    pub(super) fn target(&mut self, target: &WrittenTarget) -> Option<Target> {
        let url = self.url(target.url.as_deref());
        let auth = self.auth(target);
        let authority = self.authority(target.authority.as_deref());
        let overrides = target.overrides.as_ref().map(|path| self.folder.join(path));
        if let Some(path) = &overrides {
            self.file_exists(path, "target.overrides", "the overrides of the metadata");
        }
        let users = self.users(target);
        Some(Target { url: url?, auth: auth?, authority, overrides, users })
    }

    fn authority(&mut self, authority: Option<&str>) -> Option<Url> {
        let text = authority?;
        match Url::parse(text) {
            Ok(url) if url.scheme() == "https" => Some(url),
            _ => {
                self.note(
                    "target.authority",
                    format!("`{text}` is no https address"),
                    Some("an authority looks like https://login.microsoftonline.com"),
                );
                None
            }
        }
    }

    fn url(&mut self, url: Option<&str>) -> Option<Url> {
        const EXAMPLE: &str = "an address looks like https://contoso.crm.dynamics.com";
        let Some(text) = url.filter(|text| !text.is_empty()) else {
            self.missing("target.url", "`url`, the address of the environment, is missing", EXAMPLE);
            return None;
        };
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => {
                self.note("target.url", format!("this is not an address: {error}"), Some(EXAMPLE));
                return None;
            }
        };
        let before = self.problems.len();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => self.note(
                "target.url",
                "the connection would not be encrypted",
                Some("write https; http is for an emulator on this machine only"),
            ),
            other => {
                self.note("target.url", format!("`{other}` is not a web address"), Some(EXAMPLE));
                // What follows makes sense of web addresses only.
                return None;
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.note(
                "target.url",
                "the address holds a user or password",
                Some("credentials come from the environment"),
            );
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            self.note(
                "target.url",
                "the address has more than a host",
                Some("leave out what follows the host, such as /api/data/v9.2"),
            );
        }
        (self.problems.len() == before).then_some(url)
    }

    fn auth(&mut self, target: &WrittenTarget) -> Option<Auth> {
        let word = target.auth.as_deref().unwrap_or("client-secret");
        match word {
            "client-secret" | "client-certificate" => {
                let needs_it = format!("auth = \"{word}\" needs it");
                let mut given = |key: &str, value: &Option<String>, what: &str| {
                    let value = value.clone().filter(|text| !text.is_empty());
                    if value.is_none() {
                        self.missing(
                            &format!("target.{key}"),
                            &format!("`{key}`, {what}, is missing"),
                            &needs_it,
                        );
                    }
                    value
                };
                let tenant = given("tenant", &target.tenant, "the Microsoft Entra tenant");
                let client_id = given("client_id", &target.client_id, "the id of the application");
                if word == "client-secret" {
                    return Some(Auth::ClientSecret { tenant: tenant?, client_id: client_id? });
                }
                let Some(certificate) = &target.certificate else {
                    self.missing(
                        "target.certificate",
                        "`certificate`, a PEM file with the certificate of the application and its key, is missing",
                        &needs_it,
                    );
                    return None;
                };
                let certificate = self.folder.join(certificate);
                self.file_exists(&certificate, "target.certificate", "the certificate of the application");
                Some(Auth::ClientCertificate { tenant: tenant?, client_id: client_id?, certificate })
            }
            "managed-identity" => Some(Auth::ManagedIdentity),
            "azure-cli" => Some(Auth::AzureCli),
            "static-token" => Some(Auth::StaticToken),
            other => {
                let hint = did_you_mean(other, Auth::WORDS)
                    .unwrap_or_else(|| format!("known here: {}", Auth::WORDS.join(", ")));
                self.note("target.auth", format!("unknown value `{other}`"), Some(&hint));
                None
            }
        }
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
