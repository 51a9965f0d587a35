//! The environment: who answers there, and what its tables look like.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use dataverse_client::{
    Authority, AzureCli, Client, ClientCertificate, ClientSecret, Credential, ManagedIdentity, Options,
    StaticToken,
};
use dataverse_wire::metadata::{Overrides, TableDefinition};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::at_target;
use crate::project::{CLIENT_SECRET, TOKEN, is_loopback};
use crate::{Auth, Error, Organization, Project, Secrets};

/// A client for the project's environment, with the user of `[target]`. Nothing is sent yet.
pub(crate) fn client(project: &Project, secrets: &Secrets) -> Result<Client, Error> {
    let target = &project.settings().target;
    let secret =
        |held: &Option<SecretString>, name: &str| Held { value: held.clone(), variable: name.to_owned() };
    let held = match target.auth {
        Auth::StaticToken => {
            let held = secret(&secrets.token, TOKEN);
            // An emulator on this machine takes any token, so none has to be invented.
            let emulator = || is_loopback(&target.url).then(|| SecretString::from("emulator"));
            Held { value: held.value.or_else(emulator), ..held }
        }
        _ => secret(&secrets.client_secret, CLIENT_SECRET),
    };
    connection(project, "target.auth", &target.auth, held)
}

/// Clients for the other application users, with their names. Nothing is sent yet.
pub(crate) fn others(project: &Project, secrets: &Secrets) -> Result<Vec<(String, Client)>, Error> {
    let users = project.settings().target.users.iter();
    users
        .map(|user| {
            let variable = user.variable.clone().unwrap_or_default();
            let held = Held { value: secrets.named.get(&variable).cloned(), variable };
            Ok((user.name.clone(), connection(project, &user.name, &user.auth, held)?))
        })
        .collect()
}

/// A secret, or where it should have been.
struct Held {
    value: Option<SecretString>,
    variable: String,
}

impl Held {
    fn get(self) -> Result<SecretString, Error> {
        self.value.ok_or(Error::MissingSecret { variable: self.variable })
    }
}

fn connection(project: &Project, whose: &str, auth: &Auth, held: Held) -> Result<Client, Error> {
    let target = &project.settings().target;
    let refused = |error: dataverse_client::CredentialError| Error::Metadata {
        message: format!("{whose}: the credential cannot be used: {error}"),
    };
    let authority = target.authority.clone().map(Authority::from).unwrap_or_default();
    let credential: Arc<dyn Credential> = match auth {
        Auth::ClientSecret { tenant, client_id } => {
            Arc::new(ClientSecret::new(tenant, client_id, &held.get()?, &authority).map_err(refused)?)
        }
        Auth::ClientCertificate { tenant, client_id, certificate } => {
            let pem = std::fs::read(certificate).map_err(|source| Error::File {
                path: certificate.clone(),
                doing: "read",
                source,
            })?;
            let pem = SecretSlice::from(pem);
            let made = ClientCertificate::new(tenant, client_id, pem.expose_secret(), &authority);
            Arc::new(made.map_err(refused)?)
        }
        Auth::ManagedIdentity => Arc::new(ManagedIdentity::new(None).map_err(refused)?),
        Auth::AzureCli => Arc::new(AzureCli::new(None).map_err(refused)?),
        Auth::StaticToken => Arc::new(StaticToken::new(held.get()?)),
    };
    let load = &project.settings().load;
    let mut options = Options::new(target.url.clone(), credential);
    options.request_timeout = load.request_timeout;
    options.retry.attempts = load.attempts;
    options.user_agent = Some(concat!("dv-migrate/", env!("CARGO_PKG_VERSION")).to_owned());
    Client::new(options).map_err(at_target("preparing the connection"))
}

/// Asks who we are and where.
pub(crate) async fn connect(client: &Client, project: &Project) -> Result<Organization, Error> {
    let url = &project.settings().target.url;
    let me = client.who_am_i().await.map_err(at_target(format!("asking {url} who we are")))?;
    let organization = client.organization().await.map_err(at_target("reading the organisation's name"))?;
    Ok(Organization {
        name: organization.name,
        id: me.organization_id,
        url: url.to_string(),
        user_id: me.user_id,
    })
}

/// Asks the other application users who they are: each must be another one, in the same organisation.
pub(crate) async fn connect_others(
    others: Vec<(String, Client)>,
    organization: &Organization,
) -> Result<Vec<Colleague>, Error> {
    let mut known = vec![(organization.user_id, "the user of [target]".to_owned())];
    let mut colleagues = Vec::with_capacity(others.len());
    for (name, client) in others {
        let me = client.who_am_i().await.map_err(at_target(format!("asking who {name} is")))?;
        if me.organization_id != organization.id {
            return Err(Error::UserElsewhere { name, found: me.organization_id, expected: organization.id });
        }
        if let Some((id, other)) = known.iter().find(|(id, _)| *id == me.user_id) {
            return Err(Error::SameUser { name, other: other.clone(), id: *id });
        }
        known.push((me.user_id, name.clone()));
        colleagues.push(Colleague { name, client, user_id: me.user_id });
    }
    Ok(colleagues)
}

/// One more application user that answered.
#[derive(Clone, Debug)]
pub(crate) struct Colleague {
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) user_id: Uuid,
}

/// Table definitions as they were when the project was prepared, corrections applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frozen {
    /// Whose they are.
    pub(crate) organization_id: Uuid,
    /// The corrections that were applied, as they were written.
    pub(crate) overrides: Option<serde_json::Value>,
    /// The definitions, in the shape of the Web API.
    pub(crate) value: Vec<TableDefinition>,
}

impl Frozen {
    /// Reads the frozen definitions, if there are any.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { path: path.to_owned(), doing: "read", source }),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| Error::Metadata {
            message: format!("{}: {error}; delete the file to read the metadata anew", path.display()),
        })
    }

    /// Writes them, so that either the old or the new file is there whatever happens.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::File { path: path.to_owned(), doing: "written", source };
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        if std::fs::read(path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, &text).map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)
    }

    /// Whether these are the definitions that the project needs.
    pub(crate) fn serves(
        &self,
        organization: Option<Uuid>,
        needed: &BTreeSet<String>,
        corrections: &Corrections,
    ) -> bool {
        organization.is_none_or(|id| id == self.organization_id)
            && self.overrides == corrections.written
            && needed.iter().all(|name| self.value.iter().any(|table| table.logical_name == *name))
    }
}

/// The overrides file of a project.
pub(crate) struct Corrections {
    written: Option<serde_json::Value>,
    parsed: Option<Overrides>,
    /// Tables that it names.
    pub(crate) tables: BTreeSet<String>,
}

impl Corrections {
    pub(crate) fn read(project: &Project) -> Result<Self, Error> {
        let Some(path) = &project.settings().target.overrides else {
            return Ok(Self { written: None, parsed: None, tables: BTreeSet::new() });
        };
        let text = std::fs::read(path).map_err(|source| Error::File {
            path: path.clone(),
            doing: "read",
            source,
        })?;
        let wrong = |error: &dyn std::error::Error| Error::Metadata {
            message: format!("{}: {}", path.display(), crate::project::with_causes(error)),
        };
        let parsed = Overrides::parse(&text).map_err(|error| wrong(&error))?;
        let written: serde_json::Value = serde_json::from_slice(&text).map_err(|error| wrong(&error))?;
        let entries = written["overrides"].as_array().into_iter().flatten();
        let tables = entries.filter_map(|entry| entry["table"].as_str().map(str::to_owned)).collect();
        Ok(Self { written: Some(written), parsed: Some(parsed), tables })
    }
}

/// Logical names of the tables that a project needs: those it maps, those whose rows it points to, and the owners'.
pub(crate) fn needed_tables(project: &Project) -> BTreeSet<String> {
    let mut needed: BTreeSet<String> = ["systemuser", "team"].map(str::to_owned).into();
    for map in &project.settings().maps {
        needed.insert(map.table.clone());
        for rule in map.columns.values() {
            needed.extend(rule.to.clone());
            needed.extend(rule.by_prefix.values().cloned());
            for lookup in rule.otherwise.iter().flat_map(|rule| rule.chain()) {
                needed.extend(lookup.tables().into_iter().map(str::to_owned));
            }
        }
        for rule in map.parties.values().flatten() {
            needed.extend(rule.to.clone());
            needed.extend(rule.by_prefix.values().cloned());
        }
    }
    needed
}

/// Reads the definitions of these tables from the target, those that it has, and corrects them.
pub(crate) async fn definitions(
    client: &Client,
    organization_id: Uuid,
    needed: &BTreeSet<String>,
    corrections: &Corrections,
) -> Result<Frozen, Error> {
    let names: Vec<&String> = needed.union(&corrections.tables).collect();
    let definitions = client
        .table_definitions(&names)
        .await
        .map_err(at_target(format!("reading the definitions of {} tables", names.len())))?;
    // A table that the target does not have is a mistake of the mapping, and said there.
    let mut value: Vec<TableDefinition> = definitions.into_iter().flatten().collect();
    if let Some(overrides) = &corrections.parsed {
        overrides.apply(&mut value).map_err(|error| Error::Metadata {
            message: format!("target.overrides: {}", crate::project::with_causes(&error)),
        })?;
    }
    Ok(Frozen { organization_id, overrides: corrections.written.clone(), value })
}
