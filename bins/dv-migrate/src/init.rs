//! `dv-migrate init`.

use std::io::ErrorKind;
use std::path::Path;

use migration::{ExitStatus, create_project};

use dv_terminal::{Global, output};

pub(crate) fn init(global: &Global, folder: &Path) -> ExitStatus {
    match create_project(folder) {
        Ok(files) => {
            if global.json {
                output::json(&serde_json::json!({ "folder": folder, "files": files }));
                return ExitStatus::Done;
            }
            for file in &files {
                output::text(format!("wrote {}", file.display()));
            }
            output::text(format!(
                "\nNext:\n  edit {0}/migration.toml: the address of your environment, and which table becomes which\n  \
                 put your CSV files into {0}/source\n  dv-migrate preflight --project {0}\n  \
                 dv-migrate run --project {0} --until transform",
                folder.display()
            ));
            ExitStatus::Done
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            output::error(&error.to_string(), Some("choose another folder; nothing was overwritten"));
            ExitStatus::Input
        }
        Err(error) => {
            output::error(&format!("{} cannot be written: {error}", folder.display()), None);
            ExitStatus::Input
        }
    }
}
