//! What can be wrong with a project, said in one sentence each.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Name of the project file inside the project folder.
pub const PROJECT_FILE: &str = "migration.toml";

/// Where a mistake was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Place {
    /// In the project file.
    File {
        /// Line, from 1; 0 when the mistake is that something is not there at all.
        line: usize,
        /// Dotted key, such as `map[2].columns.name`; empty for the file as a whole.
        key: String,
    },
    /// In an environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// In a flag of the command line.
    Flag {
        /// The setting it gives, such as `target.url`.
        key: String,
    },
    /// In another file of the project.
    Other {
        /// Its path.
        path: PathBuf,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line: 0, key } if key.is_empty() => f.write_str(PROJECT_FILE),
            Self::File { line: 0, key } => write!(f, "{PROJECT_FILE}: {key}"),
            Self::File { line, key } if key.is_empty() => write!(f, "{PROJECT_FILE}:{line}"),
            Self::File { line, key } => write!(f, "{PROJECT_FILE}:{line}: {key}"),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Flag { key } => write!(f, "--set {key}"),
            Self::Other { path } => write!(f, "{}", path.display()),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A mistake at a place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// How `row-transform` begins its sentence about a rule without a source.
const MAPPED_TO_NOTHING: &str = "the column is mapped to nothing";

/// Every mistake that was found, in the order of the file. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct ProjectErrors {
    /// The mistakes; at least one.
    pub problems: Vec<Problem>,
}

impl ProjectErrors {
    /// Sorts the mistakes by place, drops what was said twice and what only follows from another one.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        problems.dedup();
        let keys_and_hints: Vec<(String, Option<String>)> = problems
            .iter()
            .filter_map(|problem| match &problem.place {
                Place::File { key, .. } => Some((key.clone(), problem.hint.clone())),
                _ => None,
            })
            .collect();
        problems.retain(|problem| {
            let Place::File { key, .. } = &problem.place else { return true };
            let follows = if problem.message.starts_with(MAPPED_TO_NOTHING) {
                keys_and_hints.iter().any(|(other, _)| other.starts_with(&format!("{key}.")))
            } else if problem.message.ends_with("is missing") {
                let missing = problem.message.split('`').nth(1).unwrap_or_default();
                let meant = format!("did you mean `{missing}`?");
                let section = key.strip_suffix(&format!(".{missing}")).unwrap_or(key);
                keys_and_hints.iter().any(|(other, hint)| {
                    other.starts_with(&format!("{section}.")) && hint.as_deref() == Some(meant.as_str())
                })
            } else {
                false
            };
            !follows
        });
        Self { problems }
    }
}

impl fmt::Display for ProjectErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// The known word that is nearest to a mistyped one, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            let lower = candidate.to_lowercase();
            // Slips of the fingers first (swapped and missing letters); among equals the same beginning wins.
            let slips = strsim::normalized_damerau_levenshtein(&word, &lower);
            (slips, strsim::jaro_winkler(&word, &lower), candidate)
        })
        .filter(|(slips, beginning, _)| *slips >= 0.6 || *beginning > 0.88)
        .max_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)))
        .map(|(_, _, candidate)| candidate)
}

/// `` did you mean `x`? `` for the nearest known word.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|candidate| format!("did you mean `{candidate}`?"))
}
