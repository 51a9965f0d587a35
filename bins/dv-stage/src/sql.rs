//! `dv-stage sql`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use dv_terminal::{Global, output};
use migration::{Dialect, ExitStatus, Project};

use crate::args::Engine;

pub(crate) async fn sql(
    global: &Global,
    project: &Project,
    engine: Engine,
    out: Option<&Path>,
) -> ExitStatus {
    let dialect = match engine {
        Engine::Sqlite => Dialect::Sqlite,
        Engine::Sqlserver => Dialect::Mssql,
    };
    let script = match migration::staging_script(project, dialect).await {
        Ok(script) => script,
        Err(error) => {
            let again = format!("dv-migrate run --project {} --until prepare", project.folder().display());
            return output::failure(&error, &again, global.json);
        }
    };
    write_out(global, &script, out)
}

/// Writes a script to a new file, or to standard output.
pub(crate) fn write_out(global: &Global, script: &str, out: Option<&Path>) -> ExitStatus {
    let Some(path) = out else {
        output::text(script.trim_end());
        return ExitStatus::Done;
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(script.as_bytes()));
    match written {
        Ok(()) if global.json => output::json(&serde_json::json!({ "file": path, "bytes": script.len() })),
        Ok(()) => output::text(format!("{}: {} lines", path.display(), script.lines().count())),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            output::error(&format!("{} exists already", path.display()), Some("name a new file"));
            return ExitStatus::Input;
        }
        Err(error) => {
            output::error(&format!("{} could not be written: {error}", path.display()), None);
            return ExitStatus::Unreachable;
        }
    }
    ExitStatus::Done
}
