//! Why a command could not do what it was asked.

use std::path::PathBuf;

use uuid::Uuid;

use crate::project::with_causes;
use crate::staging::STAGING_CONNECTION;
use crate::{ExitStatus, ProjectErrors, Step};

/// What stopped a journey. Faults of single rows are not errors but outcomes, in the tables' error tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Project, mapping or source files are wrong; every mistake is listed.
    #[error(transparent)]
    Project(#[from] ProjectErrors),
    /// The staging database belongs to another environment.
    #[error(
        "{staging} is bound to the organisation {bound_name} ({bound_id}), but the target is {found_name} ({found_id})"
    )]
    OtherEnvironment {
        /// The staging database.
        staging: String,
        /// Organisation it is bound to.
        bound_id: Uuid,
        /// Name of that organisation.
        bound_name: String,
        /// Organisation that answered.
        found_id: Uuid,
        /// Name of that organisation.
        found_name: String,
    },
    /// The staging database belongs to another project.
    #[error("{staging} belongs to the project {bound}, not to {name}")]
    OtherProject {
        /// The staging database.
        staging: String,
        /// The project that made it.
        bound: String,
        /// The project at hand.
        name: String,
    },
    /// A secret is not in the environment.
    #[error("{variable} is not set in the environment")]
    MissingSecret {
        /// The variable.
        variable: String,
    },
    /// The key of the encrypted staging database is not in the environment.
    #[error("{variable}, the key of the staging database {staging}, is not set in the environment")]
    MissingKey {
        /// The staging database.
        staging: String,
        /// The variable.
        variable: String,
    },
    /// A table was named that is not loaded.
    #[error("{table} is no table that this project loads; those are {known}")]
    NoSuchTable {
        /// The table.
        table: String,
        /// Those that are loaded.
        known: String,
    },
    /// A repair was asked for that the project does not allow.
    #[error("the project does not allow the repair {rule}")]
    RepairNotAllowed {
        /// The repair.
        rule: crate::RepairRule,
    },
    /// Two application users of the project are one.
    #[error(
        "{name} is the same application user as {other} ({id}): it has one budget, however often it is named"
    )]
    SameUser {
        /// The later one.
        name: String,
        /// The earlier one.
        other: String,
        /// Its id.
        id: Uuid,
    },
    /// An application user belongs to another environment.
    #[error("{name} reaches the organisation {found}, the user of [target] {expected}")]
    UserElsewhere {
        /// The application user.
        name: String,
        /// Where it is.
        found: Uuid,
        /// Where it should be.
        expected: Uuid,
    },
    /// A step was asked for whose preparation has not been done.
    #[error("{step} cannot start: {missing}")]
    NotReady {
        /// The step.
        step: Step,
        /// What has to be there.
        missing: String,
    },
    /// Refused rows were to be taken again by steps that send none.
    #[error(
        "rows that Dataverse refused are taken again by the step load, which is not among the steps to be done"
    )]
    RetryWithoutLoad,
    /// The target could not be reached, or refused.
    #[error("the target failed while {doing}")]
    Target {
        /// What was being done.
        doing: String,
        /// What it said.
        source: dataverse_client::Error,
    },
    /// The target's metadata is not what was expected.
    #[error("{message}")]
    Metadata {
        /// What is wrong.
        message: String,
    },
    /// The staging database did not do as asked.
    #[error("the staging database failed while {doing}")]
    Staging {
        /// What was being done.
        doing: String,
        /// What it said.
        source: staging_store::Error,
    },
    /// Another run is at work on the staging database.
    #[error("another run is at work on {staging}")]
    AtWork {
        /// The staging database.
        staging: String,
    },
    /// The names of staging tables do not fit.
    #[error("the staging tables cannot be made")]
    Schema(#[from] staging_schema::Error),
    /// The source could not be copied.
    #[error("extract failed")]
    Extract(#[from] source_extract::Error),
    /// The target tables could not be filled.
    #[error("transform failed")]
    Transform(#[from] row_transform::Error),
    /// The choice texts could not be mapped.
    #[error("mapping the choices failed")]
    Choices(#[from] optionset_mapping::Error),
    /// The rows could not be loaded or settled.
    #[error(transparent)]
    Load(#[from] batch_loader::Error),
    /// Dataverse could not be compared.
    #[error("verify failed")]
    Verify(#[from] reconcile::Error),
    /// There is no order of loading.
    #[error("there is no order of loading")]
    Sequence(#[from] load_sequence::Error),
    /// A file of the project could not be read or written.
    #[error("{} could not be {doing}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read`, `written` or `locked`.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no staging database to do it with.
    #[error("there is no staging database {staging}")]
    NoStaging {
        /// Where it was looked for.
        staging: String,
    },
    /// A file that would be written is there already.
    #[error("{} exists already", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// The folder for backups is not there.
    #[error("there is no folder {} for backups", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A copy of the staging database is damaged.
    #[error("the copy {} is not sound: {complaint}", path.display())]
    BackupUnsound {
        /// The copy.
        path: PathBuf,
        /// What the engine said.
        complaint: String,
    },
    /// A staging database is not to be removed yet.
    #[error("{staging} is still needed: {why}")]
    StillNeeded {
        /// The staging database.
        staging: String,
        /// What is missing.
        why: String,
    },
    /// A rollback was begun and is not finished.
    #[error("the rollback of run {run} is not finished; nothing else can be done before it is")]
    RollbackOpen {
        /// The run that is being taken back.
        run: i64,
    },
    /// There is no such run, or it created nothing.
    #[error("{message}")]
    NoSuchRun {
        /// What is wrong.
        message: String,
    },
    /// Deleting what a run created would take other rows along.
    #[error("the rollback of run {run} would touch rows that it must not touch:\n{}", obstacles.join("\n"))]
    WouldTakeAlong {
        /// The run.
        run: i64,
        /// One sentence per relationship.
        obstacles: Vec<String>,
    },
    /// Nobody agreed to a rollback.
    #[error("the rollback of run {run} was not confirmed; nothing was deleted")]
    NotConfirmed {
        /// The run.
        run: i64,
    },
    /// Stopped on request.
    #[error("stopped on request during {step}; what was finished is kept")]
    Stopped {
        /// The step that was at work.
        step: Step,
    },
}

impl Error {
    /// How a command with this error ends.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Project(_)
            | Self::OtherEnvironment { .. }
            | Self::OtherProject { .. }
            | Self::MissingSecret { .. }
            | Self::MissingKey { .. }
            | Self::NoSuchTable { .. }
            | Self::RepairNotAllowed { .. }
            | Self::SameUser { .. }
            | Self::UserElsewhere { .. }
            | Self::NotReady { .. }
            | Self::RollbackOpen { .. }
            | Self::NoSuchRun { .. }
            | Self::NotConfirmed { .. }
            | Self::RetryWithoutLoad
            | Self::NoStaging { .. }
            | Self::FileExists { .. }
            | Self::NoFolder { .. }
            | Self::StillNeeded { .. }
            | Self::Metadata { .. }
            | Self::Schema(_)
            | Self::Sequence(_)
            | Self::Target {
                source: dataverse_client::Error::Configuration { .. } | dataverse_client::Error::Input { .. },
                ..
            } => ExitStatus::Input,
            Self::Staging { source, .. } if source.is_usage() => ExitStatus::Input,
            Self::Extract(source) if source.is_input() => ExitStatus::Input,
            Self::Transform(source) if source.is_input() => ExitStatus::Input,
            Self::Load(source) if source.is_stop() => ExitStatus::Stopped,
            Self::Load(source) if source.is_usage() => ExitStatus::Input,
            Self::Target { .. }
            | Self::Staging { .. }
            | Self::AtWork { .. }
            | Self::BackupUnsound { .. }
            | Self::Extract(_)
            | Self::Transform(_)
            | Self::Choices(_)
            | Self::Load(_)
            | Self::Verify(_)
            | Self::File { .. } => ExitStatus::Unreachable,
            Self::Stopped { .. } | Self::WouldTakeAlong { .. } => ExitStatus::Stopped,
        }
    }

    /// Whether it was found before anything was written anywhere. Steps that copy or map may have done a part, in the staging
    /// database alone.
    pub fn changed_nothing(&self) -> bool {
        self.exit_status() == ExitStatus::Input
            && !matches!(
                self,
                Self::Extract(_)
                    | Self::Transform(_)
                    | Self::Schema(_)
                    | Self::Sequence(_)
                    | Self::Metadata { .. }
                    | Self::Load(_)
            )
    }

    /// Whether the same command goes on where this one ended.
    pub fn is_resumable(&self) -> bool {
        matches!(self.exit_status(), ExitStatus::Unreachable | ExitStatus::Stopped)
    }

    /// The error and its causes in one line.
    pub fn with_causes(&self) -> String {
        match self {
            // Several mistakes, a line each.
            Self::Project(errors) => errors.to_string(),
            other => with_causes(other),
        }
    }

    /// What to do about it, where that is more than trying again.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OtherEnvironment { .. } => Some(
                "correct target.url, or give this target a staging database of its own with staging.path"
                    .to_owned(),
            ),
            Self::OtherProject { name, .. } => Some(format!(
                "give this project a staging database of its own with staging.path; if the project was renamed, say so there: \
                 UPDATE migration.Setting (in SQLite migration_Setting) SET Value = '{}' WHERE Name = 'Project'",
                name.replace('\'', "''")
            )),
            Self::RepairNotAllowed { rule } => Some(format!(
                "allow it in the section [load.repairs] of the project file: {} = …",
                rule.as_str().replace('-', "_")
            )),
            Self::SameUser { .. } => {
                Some("give each [[target.user]] an application of its own, or remove it".to_owned())
            }
            Self::MissingSecret { variable } if variable == STAGING_CONNECTION => Some(format!(
                "set {variable} to a connection string, such as Server=tcp:HOST,1433;Database=NAME;User Id=LOGIN;Password=…"
            )),
            Self::MissingSecret { variable } => {
                Some(format!("set {variable}, or choose another target.auth (azure-cli, managed-identity)"))
            }
            Self::MissingKey { variable, .. } => Some(format!(
                "set {variable} to the passphrase, or to x'…' with 64 hexadecimal digits (openssl rand -hex 32 makes some)"
            )),
            Self::RollbackOpen { run } => Some(format!("finish it with: dv-load --rollback {run} --project DIR")),
            Self::NotConfirmed { run } => {
                Some(format!("nobody can be asked here: dv-load --rollback {run} --yes, once you have seen what it would do"))
            }
            Self::NoSuchRun { .. } => {
                Some("`dv-load --runs --project DIR` lists the runs that created rows".to_owned())
            }
            Self::WouldTakeAlong { .. } => Some(
                "move or delete those rows first, or name their tables with --take-along TABLE if they may go as well; \
                 nothing was deleted"
                    .to_owned(),
            ),
            Self::NotReady { .. } => {
                Some("`dv-migrate run` without --only does the steps before as well".to_owned())
            }
            Self::AtWork { .. } => Some(
                "wait until it has ended, or stop it with Ctrl-C; `dv-migrate status` says how far it is"
                    .to_owned(),
            ),
            Self::RetryWithoutLoad => Some(
                "leave out --only and --until, or go as far as the load: --until load, --only load"
                    .to_owned(),
            ),
            Self::Sequence(error) => Some(error.advice().to_owned()),
            Self::NoStaging { .. } => Some("`dv-migrate run` makes it; --project names the folder".to_owned()),
            Self::FileExists { .. } => Some("name a file that is not there yet".to_owned()),
            Self::StillNeeded { .. } => Some(
                "`dv-migrate run` to the end, with a verification that finds nothing; or --unverified, and nobody will know \
                 what arrived"
                    .to_owned(),
            ),
            other => other
                .staging()
                .and_then(repair)
                .or_else(|| other.service().and_then(advice))
                .map(str::to_owned),
        }
    }

    /// What the staging database did, where that is the cause, in whichever step.
    fn staging(&self) -> Option<&staging_store::Error> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let boxed = || error.downcast_ref::<Box<staging_store::Error>>().map(Box::as_ref);
            if let Some(found) = error.downcast_ref().or_else(boxed) {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// What the target did, where that is the cause.
    fn service(&self) -> Option<&dataverse_client::Error> {
        match self {
            Self::Target { source, .. }
            | Self::Load(
                batch_loader::Error::Refused { source, .. } | batch_loader::Error::Unreachable { source, .. },
            ) => Some(source),
            Self::Verify(error) => error.service(),
            _ => None,
        }
    }
}

/// What to do about a staging database that does not do as asked.
fn repair(error: &staging_store::Error) -> Option<&'static str> {
    const OLDER: &str = "`dv-stage upgrade` makes it one of this version, `dv-migrate run` and `dv-load` do so by themselves; \
        `dv-stage backup` copies it as it is";
    const NEWER: &str =
        "use the version of this toolkit that made it, or name another file with staging.path";
    const NO_ROOM: &str = "make room on its disk; nothing that was finished is lost";
    const DAMAGED: &str = "put the latest backup in its place (dv-stage backup makes them): rows that were created since are found in \
        Dataverse and adopted, none is created twice";
    const NO_ENCRYPTION: &str = "build it with the feature: cargo build --release -p dv-migrate -p dv-load -p dv-stage -p dv-sequence \
        --features dv-migrate/sqlcipher,dv-load/sqlcipher,dv-stage/sqlcipher,dv-sequence/sqlcipher";
    const WRONG_KEY: &str = "check the environment variable that staging.key_variable names; if the key is right, the file is \
        damaged: put the latest backup in its place";
    const NOT_ENCRYPTED: &str = "remove staging.key_variable to go on with the file as it is, or encrypt it first: \
        bins/dv-stage/README.md says how";
    match error {
        staging_store::Error::NoEncryption { .. } => Some(NO_ENCRYPTION),
        staging_store::Error::WrongKey { .. } => Some(WRONG_KEY),
        staging_store::Error::NotEncrypted { .. } => Some(NOT_ENCRYPTED),
        error if error.is_older_version() => Some(OLDER),
        error if error.is_disk() => Some(NO_ROOM),
        error if error.is_damaged() => Some(DAMAGED),
        staging_store::Error::SchemaVersion { .. } => Some(NEWER),
        _ => None,
    }
}

/// What to look at when the target cannot be worked with.
fn advice(error: &dataverse_client::Error) -> Option<&'static str> {
    use dataverse_client::Error as Service;
    const NO_TOKEN: &str = "check target.auth and what it needs: client-secret has target.tenant, target.client_id and \
        DV_CLIENT_SECRET, client-certificate a PEM file in their place, azure-cli a fresh `az login`, managed-identity a machine that has one";
    const NOT_ACCEPTED: &str = "the token was not accepted: it has expired, or belongs to another environment or tenant; \
        check target.url, target.auth and what proves it (DV_CLIENT_SECRET, DV_TOKEN or `az login`)";
    const NOT_ALLOWED: &str = "we are known there, but not allowed to do this: in the Power Platform admin center, add the \
        application user to this environment and give it a security role that may";
    const NOT_THERE: &str = "nothing at this address answers like Dataverse: target.url is the root of an environment, \
        such as https://contoso.crm4.dynamics.com";
    const UNREACHABLE: &str = "check target.url, the network, and proxy or firewall between here and there";
    let asks_who_we_are = error.request().is_some_and(|request| request.operation == "WhoAmI");
    match error {
        Service::Credential { .. } => Some(NO_TOKEN),
        Service::NoAnswer { .. } => Some(UNREACHABLE),
        Service::Unreadable { .. } if asks_who_we_are => Some(NOT_THERE),
        Service::Refused { fault, .. } => match fault.status {
            401 => Some(NOT_ACCEPTED),
            403 => Some(NOT_ALLOWED),
            404 if asks_who_we_are => Some(NOT_THERE),
            _ => None,
        },
        _ => None,
    }
}

/// Adds what was being done to an error of the target.
pub(crate) fn at_target(doing: impl Into<String>) -> impl FnOnce(dataverse_client::Error) -> Error {
    let doing = doing.into();
    move |source| Error::Target { doing, source }
}

/// Adds what was being done to an error of the staging database.
pub(crate) fn in_staging(doing: impl Into<String>) -> impl FnOnce(staging_store::Error) -> Error {
    let doing = doing.into();
    move |source| Error::Staging { doing, source }
}
