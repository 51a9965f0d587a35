//! Pictures go to files of their own: all of them or none, and never over what was read.

use std::fs::{self, Metadata};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Failure;
use crate::edges::is_standard_input;

/// A file to be written, for an argument such as `--svg`.
#[derive(Debug)]
pub(crate) struct Output {
    argument: &'static str,
    path: PathBuf,
}

impl Output {
    pub(crate) fn new(argument: &'static str, path: &Path) -> Self {
        Self { argument, path: path.to_owned() }
    }

    pub(crate) fn argument(&self) -> &'static str {
        self.argument
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it really is, behind links.
    fn place(&self) -> PathBuf {
        place(&self.path)
    }

    fn failed(&self, why: &std::io::Error) -> Failure {
        Failure::one(format!("{} {} cannot be written: {why}", self.argument, self.path.display()))
    }
}

/// Refuses outputs that would overwrite an input or each other, before anything is read.
pub(crate) fn check(outputs: &[Output], inputs: &[PathBuf]) -> Result<(), Failure> {
    for (i, output) in outputs.iter().enumerate() {
        let Output { argument, path } = output;
        if is_standard_input(path) {
            return Err(Failure::one(format!(
                "{argument} - names no file; pictures are written to files only"
            )));
        }
        let refused = |what: String| Failure::one(format!("{argument} {} {what}", path.display()));
        if path.is_dir() {
            return Err(refused("is a folder".to_owned()));
        }
        if inputs.iter().any(|input| place(input) == output.place()) {
            return Err(refused("would overwrite what is read; name another file".to_owned()));
        }
        if let Some(other) = outputs[..i].iter().find(|other| other.place() == output.place()) {
            return Err(refused(format!("is the file of {} as well; name two files", other.argument)));
        }
    }
    Ok(())
}

/// Writes every text to its file: first beside it, and when all are there, in its place.
pub(crate) fn write(texts: &[(String, Output)]) -> Result<(), Failure> {
    let mut staged = Vec::new();
    for (text, output) in texts {
        let place = output.place();
        let before = fs::metadata(&place).ok();
        if before.as_ref().is_some_and(|it| !it.is_file()) {
            // A device or a pipe has no place beside it.
            staged.push((output, place, None, text));
        } else {
            let file = beside(&place, before.as_ref(), text).map_err(|error| output.failed(&error))?;
            staged.push((output, place, Some(file), text));
        }
    }
    for (output, place, file, text) in staged {
        match file {
            Some(file) => file.persist(&place).map(|_| ()).map_err(|failed| failed.error),
            None => fs::write(&place, text),
        }
        .map_err(|error| output.failed(&error))?;
    }
    Ok(())
}

/// The text in a file next to where it belongs, which goes away again unless it is put there.
fn beside(place: &Path, before: Option<&Metadata>, text: &str) -> std::io::Result<NamedTempFile> {
    if before.is_some_and(|it| it.permissions().readonly()) {
        return Err(std::io::Error::other("it is there already and may only be read"));
    }
    let folder = place.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dv-sequence-");
    match before {
        Some(before) => _ = builder.permissions(before.permissions()),
        None => for_everybody(&mut builder),
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// A new file is for whoever the process's mask lets, as ordinary files are.
#[cfg(unix)]
fn for_everybody(builder: &mut tempfile::Builder<'_, '_>) {
    let permissions: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    builder.permissions(permissions);
}

#[cfg(not(unix))]
fn for_everybody(_builder: &mut tempfile::Builder<'_, '_>) {}

/// A path without links and relative parts, also of a file that is not there yet.
fn place(path: &Path) -> PathBuf {
    if let Ok(found) = fs::canonicalize(path) {
        return found;
    }
    // A link to what is not there yet.
    if let Ok(target) = fs::read_link(path) {
        let folder = path.parent().unwrap_or(Path::new(""));
        return new_file(&folder.join(target));
    }
    new_file(path)
}

fn new_file(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
