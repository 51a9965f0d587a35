//! File, environment and flags, one over the other.
//!
//! The file is read strictly, since it has lines to point at; environment and flags are texts and
//! are read leniently by the `config` crate, which also lays them over the file.

use std::collections::{BTreeMap, HashMap, HashSet};

use config::{Config, Environment, FileFormat};
use serde_path_to_error::Segment;

use super::document::{Document, dotted};
use super::problem::{Place, Problem, did_you_mean};
use super::secret::{is_secret_key, secret_hint};
use super::written::Written;

/// What is laid over the project file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Environment variables; those that begin with `DV__` count (`DV__TARGET__URL` is `target.url`).
    pub environment: BTreeMap<String, String>,
    /// Settings by dotted key, from the command line; they win.
    pub flags: Vec<(String, String)>,
}

impl Overrides {
    /// The environment of this process and these flags.
    pub fn from_process(flags: Vec<(String, String)>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self { environment, flags }
    }
}

const PREFIX: &str = "DV__";

/// Reads all layers; what cannot be read is a problem and counts as not written.
pub(crate) fn read(document: &Document<'_>, overrides: &Overrides, problems: &mut Vec<Problem>) -> Written {
    let mut table = document.to_table();
    refuse_secrets(&toml::Value::Table(table.clone()), &mut Vec::new(), document, problems);
    strip_secrets(&mut table);
    let mut file = strict(table, document, problems);
    let (maps, tables) = (std::mem::take(&mut file.1.map), std::mem::take(&mut file.1.source.table));
    let users = std::mem::take(&mut file.1.target.user);
    // Names with points in them are no paths.
    let repairs = std::mem::take(&mut file.1.load.repairs);

    // The lists have no place in environment variables: only the plain sections are layered.
    let mut sections = file.0;
    sections.remove("map");
    if let Some(toml::Value::Table(source)) = sections.get_mut("source") {
        source.remove("table");
    }
    if let Some(toml::Value::Table(load)) = sections.get_mut("load") {
        load.remove("repairs");
    }
    if let Some(toml::Value::Table(target)) = sections.get_mut("target") {
        target.remove("user");
    }
    let mut written = layered(&sections, overrides, problems).unwrap_or(file.1);
    written.map = maps;
    written.source.table = tables;
    written.target.user = users;
    written.load.repairs = repairs;
    written
}

/// Deserialises the file; each mistake is noted and taken out until the rest makes sense.
fn strict(
    mut table: toml::Table,
    document: &Document<'_>,
    problems: &mut Vec<Problem>,
) -> (toml::Table, Written) {
    let mut taken_out: HashSet<String> = HashSet::new();
    // Positions in lists as they are in the file, after elements were taken out.
    let mut lists = Lists::default();
    loop {
        let error = match serde_path_to_error::deserialize::<_, Written>(toml::Value::Table(table.clone())) {
            Ok(written) => return (table, written),
            Err(error) => error,
        };
        let path: Vec<Segment> = error.path().iter().cloned().collect();
        let original = lists.original(&path);
        let message = error.inner().message().to_owned();
        let mut root = toml::Value::Table(table);
        let advanced = if let Some(field) = missing_field(&message) {
            let mut full = path.clone();
            full.push(Segment::Map { key: field.to_owned() });
            let was_wrong = taken_out.contains(&dotted(&lists.original(&full)));
            if !was_wrong {
                note(problems, document, &original, format!("`{field}` is missing"), None);
            }
            // An empty text keeps its place, so that the mistakes behind it are found as well.
            let put = !taken_out.contains(&format!("+{}", dotted(&full)))
                && parent_of(&mut root, &full)
                    .and_then(toml::Value::as_table_mut)
                    .is_some_and(|parent| parent.insert(field.to_owned(), String::new().into()).is_none());
            taken_out.insert(format!("+{}", dotted(&full)));
            put || lists.take_out(&mut root, &path)
        } else {
            let (message, hint) = reworded(&message);
            note(problems, document, &original, message, hint);
            taken_out.insert(dotted(&original));
            lists.take_out(&mut root, &path)
        };
        table = match root {
            toml::Value::Table(table) if advanced => table,
            // Nothing could be taken out: the mistake is said, the rest counts as not written.
            _ => return (toml::Table::new(), Written::default()),
        };
    }
}

fn note(
    problems: &mut Vec<Problem>,
    document: &Document<'_>,
    path: &[Segment],
    message: String,
    hint: Option<String>,
) {
    let place = document.place(path);
    let on_a_broken_line = matches!(&place, Place::File { line, .. } if document.is_broken_at(*line));
    let may_follow_from_one = document.is_broken() && message.ends_with("is missing");
    if !on_a_broken_line && !may_follow_from_one {
        problems.push(Problem { place, message, hint });
    }
}

/// Elements that were taken out of lists, so that the numbers in messages stay those of the file.
#[derive(Default)]
struct Lists {
    removed: HashMap<String, Vec<usize>>,
}

impl Lists {
    fn original(&self, path: &[Segment]) -> Vec<Segment> {
        let mut original: Vec<Segment> = Vec::with_capacity(path.len());
        for segment in path {
            let segment = match segment {
                Segment::Seq { index } => {
                    let mut index = *index;
                    for removed in self.removed.get(&dotted(&original)).into_iter().flatten() {
                        if *removed <= index {
                            index += 1;
                        }
                    }
                    Segment::Seq { index }
                }
                other => other.clone(),
            };
            original.push(segment);
        }
        original
    }

    fn take_out(&mut self, root: &mut toml::Value, path: &[Segment]) -> bool {
        let original = self.original(path);
        let Some(parent) = parent_of(root, path) else { return false };
        match (parent, path.last()) {
            (toml::Value::Table(table), Some(Segment::Map { key })) => table.remove(key).is_some(),
            (toml::Value::Array(items), Some(Segment::Seq { index })) if *index < items.len() => {
                items.remove(*index);
                if let Some(Segment::Seq { index }) = original.last() {
                    let removed = self.removed.entry(dotted(&original[..original.len() - 1])).or_default();
                    removed.push(*index);
                    removed.sort_unstable();
                }
                true
            }
            _ => false,
        }
    }
}

fn parent_of<'v>(root: &'v mut toml::Value, path: &[Segment]) -> Option<&'v mut toml::Value> {
    let (_, way) = path.split_last()?;
    way.iter().try_fold(root, |value, segment| match segment {
        Segment::Map { key } => value.get_mut(key.as_str()),
        Segment::Seq { index } => value.get_mut(*index),
        _ => None,
    })
}

/// Environment and flags over the sections of the file.
fn layered(sections: &toml::Table, overrides: &Overrides, problems: &mut Vec<Problem>) -> Option<Written> {
    let mut environment = overrides.environment.clone();
    let mut flags = overrides.flags.clone();
    environment.retain(|variable, _| {
        let refused = variable.starts_with(PREFIX) && is_secret_key(variable);
        if refused {
            problems.push(
                Problem::new(
                    Place::Environment { variable: variable.clone() },
                    "this is not where secrets are read",
                )
                .with_hint(secret_hint(variable)),
            );
        }
        !refused
    });
    flags.retain(|(key, _)| {
        let refused = is_secret_key(key);
        if refused {
            problems.push(
                Problem::new(
                    Place::Flag { key: key.clone() },
                    "a secret on the command line can be read by everybody on this machine",
                )
                .with_hint(secret_hint(key)),
            );
        }
        !refused
    });
    let text = toml::to_string(sections).ok()?;
    loop {
        let mut builder = Config::builder().add_source(config::File::from_str(&text, FileFormat::Toml));
        let source = environment.clone().into_iter().collect();
        builder = builder.add_source(
            Environment::with_prefix("DV").prefix_separator("__").separator("__").source(Some(source)),
        );
        let mut wrong = None;
        for (index, (key, value)) in flags.iter().enumerate() {
            match builder.clone().set_override(key, value.as_str()) {
                Ok(next) => builder = next,
                Err(_) => {
                    wrong = Some((index, "this is not a dotted key such as load.chunk".to_owned()));
                }
            }
        }
        if let Some((index, message)) = wrong {
            let (key, _) = flags.remove(index);
            problems.push(Problem::new(Place::Flag { key }, message));
            continue;
        }
        let layers = match builder.build() {
            Ok(layers) => layers,
            Err(error) => {
                problems.push(Problem::new(
                    Place::File { line: 0, key: String::new() },
                    format!("the layers of settings do not fit together: {error}"),
                ));
                return None;
            }
        };
        // The file was read strictly before, so that what fails here came from a layer above it.
        let (path, message) = match serde_path_to_error::deserialize::<_, Written>(layers) {
            Ok(written) => return Some(written),
            Err(error) => (dotted(&error.path().iter().cloned().collect::<Vec<_>>()), error.into_inner()),
        };
        let path_of = |name: &str| name[PREFIX.len()..].to_lowercase().replace("__", ".");
        let covers = |key: &str| {
            key == path || path.starts_with(&format!("{key}.")) || key.starts_with(&format!("{path}."))
        };
        let (message, hint) = reworded(&root_cause(&message));
        let mut place = None;
        if let Some(index) = flags.iter().rposition(|(key, _)| covers(&key.to_lowercase())) {
            place = Some(Place::Flag { key: flags.remove(index).0 });
        } else if let Some(variable) = environment.keys().find(|name| covers(&path_of(name))).cloned() {
            environment.remove(&variable);
            place = Some(Place::Environment { variable });
        }
        if let Some(place) = place {
            problems.push(Problem { place, message, hint });
        } else {
            problems.push(Problem { place: Place::File { line: 0, key: path }, message, hint });
            return None;
        }
    }
}

/// The message of a `config` error without its own idea of where it was.
fn root_cause(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::At { error, .. } => root_cause(error),
        config::ConfigError::Message(message) => message.clone(),
        config::ConfigError::Type { unexpected, expected, .. } => {
            format!("invalid type: {unexpected}, expected {expected}")
        }
        other => other.to_string(),
    }
}

fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// serde's sentence in the words of this page, with the nearest known word as advice.
fn reworded(message: &str) -> (String, Option<String>) {
    for (opening, noun) in [("unknown field `", "unknown key"), ("unknown variant `", "unknown value")] {
        if let Some((word, rest)) = message.strip_prefix(opening).and_then(|rest| rest.split_once('`')) {
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            let hint = did_you_mean(word, known.iter().copied())
                .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
            return (format!("{noun} `{word}`"), Some(hint));
        }
    }
    match message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => {
            let expected = match expected {
                "i64" | "an integer" => "a whole number",
                "f64" | "floating point" => "a number",
                other => other,
            };
            (format!("expected {expected}, found {found}"), None)
        }
        None if message.contains("duration format") => {
            ("this is not a length of time".to_owned(), Some("such as \"6m\" or \"300ms\"".to_owned()))
        }
        None => (message.to_owned(), None),
    }
}

fn refuse_secrets(
    value: &toml::Value,
    path: &mut Vec<Segment>,
    document: &Document<'_>,
    problems: &mut Vec<Problem>,
) {
    let toml::Value::Table(table) = value else { return };
    for (key, value) in table {
        // Columns of Dataverse may be called what they like.
        if path.is_empty() && key == "map" {
            continue;
        }
        path.push(Segment::Map { key: key.clone() });
        if is_secret_key(key) {
            problems.push(
                Problem::new(document.place(path), "a secret has no place in the project file")
                    .with_hint(secret_hint(key)),
            );
        } else {
            refuse_secrets(value, path, document, problems);
        }
        path.pop();
    }
}

fn strip_secrets(table: &mut toml::Table) {
    table.retain(|key, _| !is_secret_key(key));
    for (key, value) in table.iter_mut() {
        if let (false, toml::Value::Table(inner)) = (key == "map", value) {
            strip_secrets(inner);
        }
    }
}
