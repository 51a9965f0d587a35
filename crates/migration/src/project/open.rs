//! Opening a project folder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_path_to_error::Segment;

use super::check::Check;
use super::document::{Document, line_after};
use super::layer::{self, Overrides};
use super::problem::{PROJECT_FILE, Place, Problem, ProjectErrors};
use super::settings::Settings;

/// A project folder whose file was read and makes sense in itself.
///
/// Whether it fits the source files' headers and the target's metadata is checked by the steps.
#[derive(Clone, Debug)]
pub struct Project {
    folder: PathBuf,
    text: String,
    settings: Settings,
}

impl Project {
    /// Reads `migration.toml` in `folder`, lays environment and flags over it, and checks everything that
    /// can be checked without the target. Nothing is written.
    ///
    /// # Errors
    /// Every mistake with its line, key, variable or flag.
    pub fn open(folder: &Path, overrides: &Overrides) -> Result<Self, ProjectErrors> {
        let path = folder.join(PROJECT_FILE);
        let text = match std::fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = line_after(valid);
                let place = Place::File { line, key: String::new() };
                return Err(only(Problem::new(place, "this is not UTF-8")));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(only(
                    Problem::new(Place::Other { path: folder.to_owned() }, format!("there is no {PROJECT_FILE} in this folder"))
                        .with_hint("name the project folder with --project, or write a new project with `dv-migrate init DIR`"),
                ));
            }
            Err(error) => {
                return Err(only(Problem::new(Place::Other { path }, format!("cannot be read: {error}"))));
            }
        };
        Self::parse(folder, &text, overrides)
    }

    /// The same for a text that stands for the file.
    ///
    /// # Errors
    /// As [`Project::open`].
    pub fn parse(folder: &Path, text: &str, overrides: &Overrides) -> Result<Self, ProjectErrors> {
        let (document, mut problems) = Document::parse(text);
        let written = layer::read(&document, overrides, &mut problems);
        let mut check = Check { folder, document: &document, overrides, problems };
        let settings = check.settings(written);
        match settings {
            Some(settings) if check.problems.is_empty() => {
                Ok(Self { folder: folder.to_owned(), text: text.to_owned(), settings })
            }
            _ => Err(ProjectErrors::new(check.problems)),
        }
    }

    /// The same project with this connection string for a staging database on SQL Server, in place of
    /// `DV_STAGING_CONNECTION`: for programs that keep it elsewhere, or work on several databases. SQLite needs none.
    #[must_use]
    pub fn with_staging_connection(mut self, connection: impl Into<SecretString>) -> Self {
        self.settings.staging.connect_by(connection.into());
        self
    }

    /// The same project with this key for an encrypted SQLite file, in place of the variable that `staging.key_variable` names: for
    /// programs that keep it elsewhere. SQL Server needs none.
    #[must_use]
    pub fn with_staging_key(mut self, key: impl Into<SecretString>) -> Self {
        self.settings.staging.open_by(key.into());
        self
    }

    /// The project folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything the layers said.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the table definitions of the target are frozen.
    pub fn frozen_metadata(&self) -> PathBuf {
        self.folder.join("metadata").join("frozen.json")
    }

    /// Decisions about choice texts, kept beside the project file; need not exist.
    pub fn choice_decisions(&self) -> PathBuf {
        self.folder.join("optionset-mapping.csv")
    }

    /// Mistakes of mappings, found against metadata and headers, at their lines.
    pub(crate) fn mapping_errors(&self, found: Vec<row_transform::Problem>) -> Vec<Problem> {
        let (document, _) = Document::parse(&self.text);
        let key = |name: &str| Segment::Map { key: name.to_owned() };
        let at = |problem: &row_transform::Problem| {
            let map = self.settings.maps.iter().position(|map| map.label() == problem.map);
            let Some(index) = map else { return document.place(&[key(&problem.map)]) };
            let mut path = vec![key("map"), Segment::Seq { index }];
            if let Some(column) = &problem.column {
                let is_party = self.settings.maps[index].parties.contains_key(column);
                path.extend([key(if is_party { "parties" } else { "columns" }), key(column)]);
            }
            document.place(&path)
        };
        found.into_iter().map(|problem| Problem::new(at(&problem), problem.message)).collect()
    }

    /// The place of a dotted key in the project file.
    pub(crate) fn place(&self, key: &str) -> Place {
        let (document, _) = Document::parse(&self.text);
        let path: Vec<Segment> = key.split('.').map(|name| Segment::Map { key: name.to_owned() }).collect();
        document.place(&path)
    }

    /// Whose reports these are: where the steps write what people should read.
    pub fn reports(&self) -> PathBuf {
        self.folder.join("reports")
    }

    /// The project file.
    pub fn file(&self) -> PathBuf {
        self.folder.join(PROJECT_FILE)
    }
}

fn only(problem: Problem) -> ProjectErrors {
    ProjectErrors { problems: vec![problem] }
}
