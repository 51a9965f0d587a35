//! `dv-stage grants`.

use std::path::Path;

use dv_terminal::{Global, output};
use migration::{ExitStatus, Project, Staging};

use crate::args::Engine;
use crate::sql::write_out;

pub(crate) async fn grants(
    global: &Global,
    project: &Project,
    engine: Engine,
    out: Option<&Path>,
) -> ExitStatus {
    if engine == Engine::Sqlite {
        let about = about_the_file(&project.settings().staging);
        let encrypted = project.settings().staging.is_encrypted();
        if global.json {
            output::json(&serde_json::json!({ "roles": false, "encrypted": encrypted, "message": about }));
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

/// What protects a SQLite file.
fn about_the_file(staging: &Staging) -> String {
    let (who, encryption) = if staging.is_encrypted() {
        (
            format!("who has the key of {staging} sees everything in it"),
            "The project says that it is encrypted (staging.key_variable): so are its -wal and its backups, with the same key, but not the\n\
             source files nor the reports beside it.",
        )
    } else {
        (
            format!("who can open {staging} sees everything in it"),
            "It is not encrypted: the README of dv-stage says how it can be (staging.key_variable, in a build with SQLCipher).",
        )
    };
    format!(
        "SQLite has no roles: {who}.\n\
         The file, its -wal and -shm beside it and backups are made readable and writable by their owner alone (mode 600); keep\n\
         their folder to those who may, and let others have a copy without what they must not see.\n\
         {encryption}\n\
         With roles and masked columns: SQL Server (dv-stage grants --engine sqlserver)."
    )
}
