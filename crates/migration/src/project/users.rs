//! More application users than the one of `[target]`, and everything that is wrong with them.

use std::collections::HashMap;

use serde_path_to_error::Segment;

use super::check::{Check, at, key};
use super::problem::did_you_mean;
use super::secret::{CLIENT_SECRET, TOKEN};
use super::settings::{Auth, TargetUser};
use super::written::{WrittenTarget, WrittenUser};

/// How a user may prove who it is: the others are one identity of the machine.
const WORDS: [&str; 3] = ["client-secret", "client-certificate", "static-token"];

impl Check<'_> {
    /// Checks `[[target.user]]`; what is not said there is as in `[target]`.
    pub(super) fn users(&mut self, target: &WrittenTarget) -> Vec<TargetUser> {
        let mut users = Vec::new();
        // Who has taken a client id or a variable, by its lower case.
        let mut taken: HashMap<String, String> = HashMap::new();
        let own = target.client_id.as_ref().map(|id| (id.to_lowercase(), "[target]".to_owned()));
        taken.extend(own);
        taken.extend([CLIENT_SECRET, TOKEN].map(|name| (name.to_lowercase(), "[target]".to_owned())));
        for (index, written) in target.user.iter().enumerate() {
            let name = written
                .name
                .clone()
                .filter(|name| !name.trim().is_empty())
                .unwrap_or_else(|| format!("user {}", index + 2));
            let auth = self.user_auth(index, written, target);
            let variable = self.variable(index, written, auth.as_ref());
            for (word, value) in [("client_id", &written.client_id), ("variable", &variable)] {
                let Some(value) = value else { continue };
                if let Some(other) = taken.insert(value.to_lowercase(), name.clone()) {
                    self.note_at(
                        &path(index, word),
                        format!("{other} has the same `{word}`: one application user has one budget, however often it is named"),
                        Some("register an application of its own for each user"),
                    );
                }
            }
            if let Some(auth) = auth {
                users.push(TargetUser { name, auth, variable });
            }
        }
        users
    }

    fn user_auth(&mut self, index: usize, user: &WrittenUser, target: &WrittenTarget) -> Option<Auth> {
        let word = user.auth.as_deref().or(target.auth.as_deref()).unwrap_or("client-secret");
        let missing = |check: &mut Self, key: &str, what: &str| {
            let message = format!("`{key}`, {what}, is missing");
            let hint = format!("auth = \"{word}\" needs it");
            check.note_at(&path(index, key), message, Some(&hint));
        };
        match word {
            "client-secret" | "client-certificate" => {
                let tenant = user.tenant.clone().or_else(|| target.tenant.clone());
                let client_id = user.client_id.clone().filter(|text| !text.is_empty());
                if tenant.is_none() {
                    missing(self, "tenant", "the Microsoft Entra tenant");
                }
                if client_id.is_none() {
                    missing(self, "client_id", "the id of the application");
                }
                if word == "client-secret" {
                    return Some(Auth::ClientSecret { tenant: tenant?, client_id: client_id? });
                }
                let Some(certificate) = &user.certificate else {
                    missing(
                        self,
                        "certificate",
                        "a PEM file with the certificate of the application and its key",
                    );
                    return None;
                };
                let certificate = self.folder.join(certificate);
                if !certificate.is_file() {
                    let message = format!(
                        "the certificate of the application: there is no file {}",
                        certificate.display()
                    );
                    self.note_at(&path(index, "certificate"), message, None);
                }
                Some(Auth::ClientCertificate { tenant: tenant?, client_id: client_id?, certificate })
            }
            "static-token" => Some(Auth::StaticToken),
            "managed-identity" | "azure-cli" => {
                self.note_at(
                    &path(index, "auth"),
                    format!("`{word}` is one identity, which [target] may have; it cannot be a second user"),
                    Some("write auth = \"client-secret\" or \"client-certificate\" for this user"),
                );
                None
            }
            other => {
                let hint =
                    did_you_mean(other, WORDS).unwrap_or_else(|| format!("known here: {}", WORDS.join(", ")));
                self.note_at(&path(index, "auth"), format!("unknown value `{other}`"), Some(&hint));
                None
            }
        }
    }

    fn variable(&mut self, index: usize, user: &WrittenUser, auth: Option<&Auth>) -> Option<String> {
        let needs_one = matches!(auth, Some(Auth::ClientSecret { .. } | Auth::StaticToken));
        match &user.variable {
            None if needs_one => {
                self.note_at(
                    &path(index, "variable"),
                    "`variable`, the environment variable with the secret of this user, is missing"
                        .to_owned(),
                    Some("such as variable = \"DV_CLIENT_SECRET_2\""),
                );
                None
            }
            Some(name) if !is_variable(name) => {
                // Perhaps somebody wrote the secret itself: it is not repeated.
                self.note_at(
                    &path(index, "variable"),
                    "this is not the name of an environment variable".to_owned(),
                    Some("capital letters, digits and _, such as DV_CLIENT_SECRET_2; the secret itself never stands here"),
                );
                None
            }
            other => other.clone(),
        }
    }
}

fn path(index: usize, name: &str) -> Vec<Segment> {
    vec![key("target"), key("user"), at(index), key(name)]
}

pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
