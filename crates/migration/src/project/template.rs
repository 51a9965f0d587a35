//! The commented project that `init` writes.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::problem::PROJECT_FILE;

/// The text of the project file; it passes its own parser.
pub const TEMPLATE: &str = include_str!("template.toml");

const SOURCE: &str = "Id,Name,Website,Industry,Parent\n\
    A-1,Example Ltd,https://example.invalid,Consulting,\n\
    A-2,Example Branch,,,A-1\n";

/// Writes a new project into a folder, which is made when it does not exist, and returns the files written.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when the folder has a project already: nothing is overwritten.
pub fn create_project(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let files = [(folder.join(PROJECT_FILE), TEMPLATE), (folder.join("source").join("Account.csv"), SOURCE)];
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(io::Error::new(ErrorKind::AlreadyExists, format!("{} is there already", path.display())));
    }
    fs::create_dir_all(folder.join("source"))?;
    for (path, text) in &files {
        fs::write(path, text)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
