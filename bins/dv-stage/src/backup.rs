//! `dv-stage backup`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dv_terminal::table::thousands;
use dv_terminal::{Global, output};
use migration::{ExitStatus, Project, Staging};

pub(crate) async fn backup(global: &Global, project: &Project, file: Option<&Path>) -> ExitStatus {
    let to = file.map_or_else(|| beside(&project.settings().staging), Path::to_owned);
    match migration::backup(project, &to).await {
        Ok(backup) if global.json => output::json(&backup),
        Ok(backup) => output::text(format!(
            "{}: {} rows staged, {} of them in Dataverse{}; read again and sound",
            backup.path.display(),
            thousands(backup.staged),
            thousands(backup.arrived),
            backup.bytes.map_or_else(String::new, |bytes| format!(", {} bytes", thousands(bytes)))
        )),
        Err(error) => {
            let again = format!("dv-stage backup --project {}", project.folder().display());
            return output::failure(&error, &again, global.json);
        }
    }
    ExitStatus::Done
}

/// A name that sorts by time.
fn beside(staging: &Staging) -> PathBuf {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut name = staging.path().unwrap_or(Path::new("staging")).as_os_str().to_owned();
    name.push(format!(".backup-{seconds}"));
    name.into()
}
