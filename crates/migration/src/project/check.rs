//! What the written settings mean, and everything that is wrong with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use row_transform::model::{Owners, TableMapping};
use serde_path_to_error::Segment;
use source_extract::SourceTable;

use super::document::Document;
use super::layer::Overrides;
use super::problem::{Place, Problem, did_you_mean};
use super::settings::{Load, Settings, Source};
use super::users::is_variable;
use super::written::{Written, WrittenLoad, WrittenSource, WrittenStaging};
use crate::staging::{FileKey, Staging};

/// One pass over the settings: every check adds its problems and goes on.
pub(crate) struct Check<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) document: &'a Document<'a>,
    pub(crate) overrides: &'a Overrides,
    pub(crate) problems: Vec<Problem>,
}

impl Check<'_> {
    pub(crate) fn settings(&mut self, written: Written) -> Option<Settings> {
        let target = self.target(&written.target);
        let staging = self.staging(written.staging);
        self.maps(&written.map);
        let source = self.source(written.source, &written.map);
        self.owners(&written.owners);
        let load = self.load(&written.load);
        let repairs = self.repairs(&written.load.repairs, &written.map, written.owners.fallback.is_some());
        let name = written
            .project
            .name
            .or_else(|| self.folder.file_name().map(|name| name.to_string_lossy().into_owned()))
            .unwrap_or_else(|| "migration".to_owned());
        Some(Settings {
            name,
            target: target?,
            staging: staging?,
            source,
            owners: written.owners,
            load,
            repairs,
            maps: written.map,
        })
    }

    fn staging(&mut self, written: WrittenStaging) -> Option<Staging> {
        let WrittenStaging { engine, path, key_variable, busy_timeout, certificate_authority: authority } =
            written;
        let busy_timeout =
            self.time("staging.busy_timeout", busy_timeout, staging_store::DEFAULT_BUSY_TIMEOUT);
        match engine.as_deref().unwrap_or("sqlite") {
            "sqlite" => {
                let path = self.folder.join(path.unwrap_or_else(|| PathBuf::from("staging.db")));
                if path.is_dir() {
                    self.note("staging.path", format!("{} is a folder, not a file", path.display()), None);
                    return None;
                }
                if !path.parent().is_some_and(Path::is_dir) {
                    self.note(
                        "staging.path",
                        format!("the folder of {} does not exist", path.display()),
                        None,
                    );
                    return None;
                }
                let key = match key_variable.as_deref() {
                    Some(name) => Some(self.staging_key(name)?),
                    None => None,
                };
                Some(Staging::Sqlite { path, busy_timeout, key })
            }
            "sqlserver" => {
                if key_variable.is_some() {
                    self.note(
                        "staging.key_variable",
                        "this is the key of a SQLite file; a SQL Server encrypts its database by itself",
                        Some("remove it; ask the server's administrator for transparent data encryption"),
                    );
                    return None;
                }
                let authority = authority.map(|path| self.folder.join(path));
                if let Some(path) = &authority {
                    self.file_exists(path, "staging.certificate_authority", "the certificate authority");
                }
                Some(Staging::on_sql_server(authority))
            }
            other => {
                let hint = did_you_mean(other, ["sqlite", "sqlserver"])
                    .unwrap_or_else(|| "known here: sqlite, sqlserver".to_owned());
                self.note("staging.engine", format!("unknown value `{other}`"), Some(&hint));
                None
            }
        }
    }

    fn staging_key(&mut self, variable: &str) -> Option<FileKey> {
        if !is_variable(variable) {
            // Perhaps somebody wrote the key itself: it is not repeated.
            self.note(
                "staging.key_variable",
                "this is not the name of an environment variable",
                Some(
                    "capital letters, digits and _, such as DV_STAGING_KEY; the key itself never stands here",
                ),
            );
            return None;
        }
        Some(FileKey::from_process(variable))
    }

    fn source(&mut self, written: WrittenSource, maps: &[TableMapping]) -> Source {
        let folder = self.folder.join(written.folder.unwrap_or_else(|| PathBuf::from("source")));
        if !folder.is_dir() {
            self.note("source.folder", format!("there is no folder {}", folder.display()), None);
            return Source { folder, tables: Vec::new() };
        }
        self.declared_tables(&folder, &written.table);
        let mut declared: Vec<SourceTable> = Vec::new();
        for table in written.table {
            // Tables without a name and those declared twice were said above, with their line.
            let is_twin = declared.iter().any(|other| other.name.eq_ignore_ascii_case(&table.name));
            if !table.name.is_empty() && !is_twin {
                declared.push(table);
            }
        }
        let mut tables = match SourceTable::discover(&folder, &declared) {
            Ok(tables) => tables,
            Err(error) => {
                self.note("source.folder", with_causes(&error), None);
                declared
            }
        };
        for table in &mut tables {
            table.encoding = table.encoding.take().or_else(|| written.encoding.clone());
        }
        for (index, map) in maps.iter().enumerate() {
            if map.source.is_empty() || tables.iter().any(|known| known.name == map.source) {
                continue;
            }
            let path = [key("map"), at(index), key("source")];
            let hint = did_you_mean(&map.source, tables.iter().map(|table| table.name.as_str()))
                .unwrap_or_else(|| "name its file in a [[source.table]] section".to_owned());
            let expected = folder.join(format!("{}.csv", map.source));
            self.note_at(&path, format!("there is no file {} (or .csv.gz)", expected.display()), Some(&hint));
        }
        Source { folder, tables }
    }

    fn declared_tables(&mut self, folder: &Path, declared: &[SourceTable]) {
        for (index, table) in declared.iter().enumerate() {
            if table.name.is_empty() {
                continue;
            }
            let path = |name: &str| vec![key("source"), key("table"), at(index), key(name)];
            if declared[..index].iter().any(|other| other.name.eq_ignore_ascii_case(&table.name)) {
                self.note_at(&path("name"), format!("`{}` is declared twice", table.name), None);
            }
            let file = table.path_in(folder);
            if !file.is_file() {
                let place = if table.file.is_some() { path("file") } else { path("name") };
                self.note_at(&place, format!("there is no file {}", file.display()), None);
            }
            let usable = |text: &str| matches!(text.as_bytes(), [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r'));
            if table.delimiter.as_deref().is_some_and(|text| !usable(text)) {
                self.note_at(
                    &path("delimiter"),
                    "the delimiter is one ASCII character".to_owned(),
                    Some("such as \";\" or \"\\t\""),
                );
            }
        }
    }

    fn owners(&mut self, owners: &Owners) {
        let Some(fallback) = &owners.fallback else { return };
        let path = "owners.fallback";
        match fallback.table.as_str() {
            "systemuser" | "team" => {}
            "" => return,
            other => self.note(
                path,
                format!("`{other}` cannot own rows"),
                Some("an owner is a systemuser or a team"),
            ),
        }
        match (&fallback.id, &fallback.name) {
            (Some(id), None) if id == "me" && fallback.table == "team" => {
                self.note(path, "`me` is a user, not a team", Some("write table = \"systemuser\""));
            }
            (Some(id), None) if id != "me" && uuid::Uuid::try_parse(id).is_err() => {
                self.note(
                    path,
                    "`id` is neither a GUID nor \"me\"",
                    Some("people and teams by name: name = \"…\""),
                );
            }
            (Some(_), None) | (None, Some(_)) => {}
            _ => self.note(path, "give either `id` or `name`", None),
        }
    }

    fn load(&mut self, written: &WrittenLoad) -> Load {
        let defaults = Load::default();
        let load = Load {
            batch: self.count("load.batch", written.batch, 1..=1_000),
            chunk: self.count("load.chunk", written.chunk, 1..=1_000_000).unwrap_or(defaults.chunk),
            concurrency: self.count("load.concurrency", written.concurrency, 1..=1_024),
            max_concurrency: self
                .count("load.max_concurrency", written.max_concurrency, 1..=1_024)
                .unwrap_or(defaults.max_concurrency),
            row_waves: written.row_waves.unwrap_or(defaults.row_waves),
            adapt_batch: written.adapt_batch.unwrap_or(defaults.adapt_batch),
            longest_request: self.time(
                "load.longest_request",
                written.longest_request,
                defaults.longest_request,
            ),
            plan_budget: written.plan_budget.unwrap_or(defaults.plan_budget),
            budget_window: self.time("load.budget_window", written.budget_window, defaults.budget_window),
            budget_aim: written.budget_aim.unwrap_or(defaults.budget_aim),
            sweep: written.sweep.unwrap_or(defaults.sweep),
            key_accents: written.key_accents.unwrap_or(defaults.key_accents),
            attempts: self.count("load.attempts", written.attempts, 1..=100).unwrap_or(defaults.attempts),
            lease: self.time("load.lease", written.lease, defaults.lease),
            request_timeout: self.time(
                "load.request_timeout",
                written.request_timeout,
                defaults.request_timeout,
            ),
            quiet_time: self.time("load.quiet_time", written.quiet_time, defaults.quiet_time),
            grace: self.time("load.grace", written.grace, defaults.grace),
            error_rate_limit: written.error_rate_limit.unwrap_or(defaults.error_rate_limit),
        };
        if !(0.0..=1.0).contains(&load.error_rate_limit) {
            self.note("load.error_rate_limit", "the share of rows in error lies between 0 and 1", None);
        }
        if !(0.1..=1.0).contains(&load.budget_aim) {
            self.note("load.budget_aim", "the share of what is allowed lies between 0.1 and 1", None);
        }
        if load.request_timeout * 2 > load.lease {
            self.note(
                "load.lease",
                format!(
                    "a lease ({:?}) must be at least twice as long as `request_timeout` ({:?}), so that no request outlives it",
                    load.lease, load.request_timeout
                ),
                None,
            );
        }
        load
    }

    fn count(&mut self, path: &str, value: Option<i64>, range: std::ops::RangeInclusive<i64>) -> Option<u32> {
        let value = value?;
        if range.contains(&value) {
            return u32::try_from(value).ok();
        }
        self.note(path, format!("{value} is not between {} and {}", range.start(), range.end()), None);
        None
    }

    fn time(&mut self, path: &str, value: Option<SignedDuration>, default: Duration) -> Duration {
        let Some(value) = value else { return default };
        if value <= SignedDuration::ZERO || value > SignedDuration::from_hours(24) {
            self.note(
                path,
                "the time must be more than nothing and at most a day",
                Some("such as \"6m\" or \"300ms\""),
            );
            return default;
        }
        value.unsigned_abs()
    }

    pub(super) fn file_exists(&mut self, path: &Path, setting: &str, what: &str) {
        if !path.is_file() {
            self.note(setting, format!("{what}: there is no file {}", path.display()), None);
        }
    }

    /// A problem of a setting that any layer may have given.
    pub(super) fn note(&mut self, setting: &str, message: impl Into<String>, hint: Option<&str>) {
        let place = self.place_of(setting);
        let problem = Problem::new(place, message);
        self.problems.push(match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }

    pub(super) fn note_at(&mut self, path: &[Segment], message: String, hint: Option<&str>) {
        let problem = Problem::new(self.document.place(path), message);
        self.problems.push(match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }

    /// Something is not there; a broken file may well have it, so nothing is said then. Nor when what is there was refused.
    pub(super) fn missing(&mut self, setting: &str, message: &str, hint: &str) {
        let place = self.place_of(setting);
        let refused = self.problems.iter().any(|problem| {
            problem.place == place || matches!(&problem.place, Place::File { key, .. } if key == setting)
        });
        if !self.document.is_broken() && !refused {
            self.problems.push(Problem::new(place, message).with_hint(hint));
        }
    }

    fn place_of(&self, setting: &str) -> Place {
        if let Some((key, _)) =
            self.overrides.flags.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(setting))
        {
            return Place::Flag { key: key.clone() };
        }
        let variable = format!("DV__{}", setting.replace('.', "__").to_uppercase());
        if self.overrides.environment.contains_key(&variable) {
            return Place::Environment { variable };
        }
        let path: Vec<Segment> = setting.split('.').map(key).collect();
        self.document.place(&path)
    }
}

/// An error with what caused it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

pub(super) fn key(name: &str) -> Segment {
    Segment::Map { key: name.to_owned() }
}

pub(super) fn at(index: usize) -> Segment {
    Segment::Seq { index }
}
