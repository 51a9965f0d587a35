//! `dv-stage grants`.

use std::path::Path;

use dv_terminal::{Global, output};
use migration::{ExitStatus, Project};

use crate::args::Engine;
use crate::sql::write_out;

pub(crate) async fn grants(
    global: &Global,
    project: &Project,
    engine: Engine,
    out: Option<&Path>,
) -> ExitStatus {
    if engine == Engine::Sqlite {
        let path = &project.settings().staging;
        let about = format!(
            "SQLite has no roles: who can open {path} sees everything in it.\n\
             The file, its -wal and -shm beside it and backups are made readable and writable by their owner alone (mode 600); keep\n\
             their folder to those who may, and let others have a copy without what they must not see. With roles and masked columns: \n\
             SQL Server (dv-stage grants --engine sqlserver)."
        );
        if global.json {
            output::json(&serde_json::json!({ "roles": false, "message": about }));
        } else {
            output::text(about);
        }
        return ExitStatus::Done;
    }
    match migration::grants_script(project).await {
        Ok(script) => write_out(global, &script, out),
        Err(error) => {
            let again = format!("dv-migrate run --project {} --until prepare", project.folder().display());
            output::failure(&error, &again, global.json)
        }
    }
}
