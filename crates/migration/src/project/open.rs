//! Opening a project folder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::check::Check;
use super::document::Document;
use super::layer::{self, Overrides};
use super::problem::{PROJECT_FILE, Place, Problem, ProjectErrors};
use super::settings::Settings;

/// A project folder whose file was read and makes sense in itself.
///
/// Whether it fits the source files' headers and the target's metadata is checked by the steps.
#[derive(Clone, Debug)]
pub struct Project {
    folder: PathBuf,
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
                let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
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
            Some(settings) if check.problems.is_empty() => Ok(Self { folder: folder.to_owned(), settings }),
            _ => Err(ProjectErrors::new(check.problems)),
        }
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

    /// The project file.
    pub fn file(&self) -> PathBuf {
        self.folder.join(PROJECT_FILE)
    }
}

fn only(problem: Problem) -> ProjectErrors {
    ProjectErrors { problems: vec![problem] }
}
