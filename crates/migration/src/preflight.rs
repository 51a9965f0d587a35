//! What can be checked before a load; nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use dataverse_client::Client;
use dataverse_wire::metadata::{KeyStatus, TableDefinition, TableType};
use serde::Serialize;
use staging_schema::{Mode, Shape};
use uuid::Uuid;

use crate::event::Unobserved;
use crate::journey::Steps;
use crate::journey::base;
use crate::journey::check::{self, Checked, Connected, takes_sequence_number};
use crate::journey::target::{self, Corrections, Frozen};
use crate::{Error, ExitStatus, Organization, Project, Secrets, record};

/// The findings of a preflight, in the order in which they were looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// Who we are and where, if the target answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Organization>,
    /// One entry per question.
    pub checks: Vec<Check>,
    /// Whether the target could not be asked.
    pub unreachable: bool,
    /// What to do about checks that failed, where that is more than the check says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How it looks.
    pub result: CheckResult,
    /// What was asked.
    pub about: String,
    /// What was found, and what to do about it.
    pub message: String,
}

/// How an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// As it should be.
    Ok,
    /// Could not be checked, or may become a problem.
    Warn,
    /// A load would fail.
    Fail,
}

impl CheckResult {
    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

impl Preflight {
    /// Exit code: [`ExitStatus::Unreachable`] when the target could not be asked, [`ExitStatus::Input`] with a failed check.
    pub fn exit_status(&self) -> ExitStatus {
        let failed = self.checks.iter().any(|check| check.result == CheckResult::Fail);
        match (self.unreachable, failed) {
            (true, _) => ExitStatus::Unreachable,
            (false, true) => ExitStatus::Input,
            (false, false) => ExitStatus::Done,
        }
    }

    fn add(&mut self, result: CheckResult, about: &str, message: impl Into<String>) {
        self.checks.push(Check { result, about: about.to_owned(), message: message.into() });
    }

    fn failed(&mut self, about: &str, error: &Error) {
        self.unreachable |= error.exit_status() == ExitStatus::Unreachable;
        for line in error.with_causes().lines() {
            self.add(CheckResult::Fail, about, line);
        }
        self.hints.extend(error.hint());
    }
}

/// Asks the target everything that can be asked before a load.
pub async fn preflight(project: &Project, secrets: &Secrets) -> Preflight {
    let mut found = Preflight::default();
    let client = match target::client(project, secrets) {
        Ok(client) => client,
        Err(error) => {
            found.failed("credential", &error);
            return found;
        }
    };
    match target::connect(&client, project).await {
        Ok(organization) => {
            found.add(
                CheckResult::Ok,
                "who and where",
                format!(
                    "user {} in {} ({}) at {}",
                    organization.user_id, organization.name, organization.id, organization.url
                ),
            );
            found.organization = Some(organization);
        }
        Err(error) => {
            found.failed("who and where", &error);
            return found;
        }
    }
    if !colleagues(project, secrets, &mut found).await {
        return found;
    }
    let checked = match check::check(project, secrets, Steps::all(), &Unobserved).await {
        Ok(checked) => checked,
        Err(error) => {
            let about = match &error {
                Error::OtherEnvironment { .. } => "staging database",
                Error::Project(_) => "tables and columns",
                _ => "metadata",
            };
            found.failed(about, &error);
            return found;
        }
    };
    found.add(
        CheckResult::Ok,
        "tables and columns",
        format!(
            "{} tables with {} columns are there and can be written",
            checked.tables.len(),
            columns(&checked)
        ),
    );
    staging(project, &checked, &mut found).await;
    if let Ok(connected) = checked.target(crate::Step::Prepare) {
        drift(project, &checked, connected, &mut found).await;
        keys(&checked, &mut found);
        let user = connected.organization.user_id;
        privileges(&checked, &connected.client, user, "the user", &mut found).await;
        for colleague in &connected.colleagues {
            privileges(&checked, &colleague.client, colleague.user_id, &colleague.name, &mut found).await;
        }
        numbers(project, &checked, connected, &mut found).await;
    }
    found
}

fn columns(checked: &Checked) -> usize {
    checked.tables.iter().map(|table| table.columns.len()).sum()
}

async fn staging(project: &Project, checked: &Checked, found: &mut Preflight) {
    let about = "staging database";
    let staging = &project.settings().staging;
    match staging.open_any_version().await {
        Ok(None) => found.add(CheckResult::Ok, about, format!("{staging} will be created")),
        Ok(Some(store)) => {
            let bound = record::environment(&store).await;
            if let Ok(version) = store.schema_version().await
                && version != staging_schema::ddl::SCHEMA_VERSION
            {
                let message = format!(
                    "{staging} has version {version}; the next run upgrades it, and `dv-stage backup` copies it before"
                );
                found.add(CheckResult::Warn, about, message);
            }
            if let (Ok(()), Ok(Some(bound))) = (store.close().await, bound) {
                found.add(CheckResult::Ok, about, format!("{staging} is bound to {}", bound.name));
            }
        }
        Err(error) => found.failed(about, &error),
    }
    let gaps = checked.tables.iter().filter(|table| table.guid == staging_schema::GuidStrategy::Sequential);
    for table in gaps {
        let name = &table.logical_name;
        let is_elastic = checked.definition(name).is_ok_and(|known| known.table_type == TableType::Elastic);
        let why = if is_elastic { "is an elastic table" } else { "has neither number nor usable key" };
        found.add(CheckResult::Ok, "GUIDs", format!("{name} {why}: its GUIDs are made by us"));
    }
}

/// Whether the frozen metadata is still what the target says.
async fn drift(project: &Project, checked: &Checked, connected: &Connected, found: &mut Preflight) {
    let about = "frozen metadata";
    let frozen = match Frozen::read(&project.frozen_metadata()) {
        Ok(Some(frozen)) => frozen,
        Ok(None) => return,
        Err(error) => return found.failed(about, &error),
    };
    let needed = frozen.value.iter().map(|table| table.logical_name.clone()).collect();
    let now = match Corrections::read(project) {
        Ok(corrections) => {
            target::definitions(&connected.client, connected.organization.id, &needed, &corrections).await
        }
        Err(error) => Err(error),
    };
    let now = match now {
        Ok(now) => now,
        Err(error) => return found.failed(about, &error),
    };
    let changed: Vec<&str> = checked
        .frozen
        .value
        .iter()
        .filter(|table| {
            now.value.iter().find(|other| other.logical_name == table.logical_name) != Some(table)
        })
        .map(|table| table.logical_name.as_str())
        .collect();
    if changed.is_empty() {
        found.add(CheckResult::Ok, about, "the target has not changed since it was frozen");
    } else {
        found.add(
            CheckResult::Warn,
            about,
            format!(
                "the target has changed {} since; delete {} to take that over",
                changed.join(", "),
                project.frozen_metadata().display()
            ),
        );
    }
}

fn keys(checked: &Checked, found: &mut Preflight) {
    let mut active = 0;
    for table in &checked.tables {
        let Ok(definition) = checked.definition(&table.logical_name) else { continue };
        for key in &definition.keys {
            if key.status == KeyStatus::Active {
                active += 1;
            } else {
                found.add(
                    CheckResult::Warn,
                    "alternate keys",
                    format!(
                        "{}: the key {} is not active but {}",
                        table.logical_name,
                        key.schema_name,
                        key.status.as_str()
                    ),
                );
            }
        }
    }
    found.add(CheckResult::Ok, "alternate keys", format!("{active} active on the tables of this project"));
}

/// Asks every further application user who it is; answers whether all of them can work.
async fn colleagues(project: &Project, secrets: &Secrets, found: &mut Preflight) -> bool {
    let about = "application users";
    let Some(organization) = found.organization.clone() else { return false };
    let connected = match target::others(project, secrets) {
        Ok(others) => target::connect_others(others, &organization).await,
        Err(error) => Err(error),
    };
    match connected {
        Ok(colleagues) => {
            for colleague in colleagues {
                let message = format!("{} is user {}", colleague.name, colleague.user_id);
                found.add(CheckResult::Ok, about, message);
            }
            true
        }
        Err(error) => {
            found.failed(about, &error);
            false
        }
    }
}

/// What a user has to be allowed to do with the tables; asked as far as the service tells.
async fn privileges(checked: &Checked, client: &Client, user: Uuid, who: &str, found: &mut Preflight) {
    let about = "privileges";
    let held = match held(client, user).await {
        Ok(held) => held,
        Err(error) => {
            found.add(CheckResult::Warn, about, format!("{who}: could not be checked: {error}"));
            return;
        }
    };
    let mut missing = Vec::new();
    for table in &checked.tables {
        let Ok(definition) = checked.definition(&table.logical_name) else { continue };
        missing.extend(
            wanted(table.mode, table.shape, definition)
                .into_iter()
                .filter(|name| !held.contains(&name.to_lowercase())),
        );
    }
    let needs_dates = checked.tables.iter().any(|table| table.column("overriddencreatedon").is_some());
    if needs_dates && !held.contains("prvoverridecreatedoncreatedby") {
        missing.push("prvOverrideCreatedOnCreatedBy".to_owned());
    }
    if missing.is_empty() {
        found.add(
            CheckResult::Ok,
            about,
            format!("{who} has what the mapped tables need, of {} privileges", held.len()),
        );
    } else {
        found.add(CheckResult::Fail, about, format!("{who} lacks {}", missing.join(", ")));
    }
}

/// The names of the user's privileges, in lower case.
async fn held(client: &Client, user: Uuid) -> Result<BTreeSet<String>, dataverse_client::Error> {
    #[derive(serde::Deserialize)]
    struct Answer {
        #[serde(rename = "RolePrivileges")]
        privileges: Vec<Privilege>,
    }
    #[derive(serde::Deserialize)]
    struct Privilege {
        #[serde(rename = "PrivilegeName")]
        name: String,
    }
    let call = format!("systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()");
    let answer: Answer = client.function(&call).await?;
    Ok(answer.privileges.into_iter().map(|privilege| privilege.name.to_lowercase()).collect())
}

fn wanted(mode: Mode, shape: Shape, definition: &TableDefinition) -> Vec<String> {
    // All activities share the privileges of `Activity`.
    let table = if definition.is_activity { "Activity" } else { &definition.schema_name };
    let verbs: &[&str] = match (shape, mode) {
        (Shape::Intersect, _) => &[],
        (Shape::Standard, Mode::Match) => &["Read"],
        (Shape::Standard, Mode::Load) => &["Create", "Read", "Write", "Append", "AppendTo"],
    };
    verbs.iter().map(|verb| format!("prv{verb}{table}")).collect()
}

async fn numbers(project: &Project, checked: &Checked, connected: &Connected, found: &mut Preflight) {
    let about = "sequence numbers";
    let reserved = match project.settings().staging.open_any_version().await {
        Ok(Some(store)) => base::reserved(&store, connected.organization.id).await.unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    let mut free = 0;
    for table in &checked.tables {
        let Ok(definition) = checked.definition(&table.logical_name) else { continue };
        if table.mode != Mode::Load || table.shape != Shape::Standard || !takes_sequence_number(definition) {
            continue;
        }
        if let Some(base) = reserved.get(&table.logical_name) {
            if base.verified {
                free += 1;
            } else {
                found.add(
                    CheckResult::Warn,
                    about,
                    format!(
                        "{}: reserved from {}, but it could not be said whether they are free",
                        table.logical_name, base.base
                    ),
                );
            }
            continue;
        }
        // A range at random, as the step prepare will draw one.
        match base::is_free(&connected.client, definition, base::random()).await {
            Ok(true) => free += 1,
            Ok(false) => found.add(
                CheckResult::Warn,
                about,
                format!(
                    "{}: a range drawn at random is in use; prepare will draw others",
                    table.logical_name
                ),
            ),
            Err(error) => found.add(
                CheckResult::Warn,
                about,
                format!("{}: could not be checked: {}", table.logical_name, error.with_causes()),
            ),
        }
    }
    found.add(CheckResult::Ok, about, format!("free ranges for {free} tables"));
}
