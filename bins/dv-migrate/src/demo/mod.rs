//! `dv-migrate demo`: a whole journey on this machine.

mod files;

use std::path::{Path, PathBuf};

use dataverse_emulator::{Emulator, Limits, Options, tables_from};
use migration::{ExitStatus, Overrides, PROJECT_FILE, Project, RunOptions, Summary};

use dv_terminal::{Global, observe, output, stop};

use crate::run;

/// The emulated organisation's content, kept between runs.
const ORGANISATION: &str = "organisation.bin";
/// There while a demo runs: one that was killed could not keep its organisation.
const RUNNING: &str = "demo.running";

pub(crate) async fn demo(global: &Global, folder: &Path, serve: bool) -> ExitStatus {
    if global.url.is_some() || global.project != Path::new(".") {
        output::error(
            "demo makes its own project and starts its own organisation: it takes neither --project nor --url",
            Some(
                "name the folder: dv-migrate demo DIR; for a project of your own: dv-migrate run --project DIR",
            ),
        );
        return ExitStatus::Input;
    }
    match prepared(folder) {
        Ok(()) => {}
        Err(Refusal::NotOurs) => {
            output::error(
                &format!("{} is not empty and holds no demo", folder.display()),
                Some("name a folder that does not exist yet: dv-migrate demo DIR"),
            );
            return ExitStatus::Input;
        }
        Err(Refusal::System { path, error }) => {
            output::error(&format!("{} cannot be written: {error}", path.display()), None);
            return ExitStatus::Input;
        }
    }
    let emulator = match emulator(folder).await {
        Ok(emulator) => emulator,
        Err(error) => {
            output::error(&format!("the emulated organisation did not start: {error}"), None);
            return ExitStatus::Unreachable;
        }
    };
    output::say(format!("an emulated Dataverse organisation serves at {}", emulator.url()));
    let status = journey(global, folder, &emulator, serve).await;
    match emulator.save(&folder.join(ORGANISATION)) {
        // Nothing was lost, so the next demo may trust what is there.
        Ok(()) => drop(std::fs::remove_file(folder.join(RUNNING))),
        Err(error) => output::error(&format!("the emulated organisation could not be kept: {error}"), None),
    }
    if let Err(error) = emulator.shutdown().await {
        output::error(&error.to_string(), None);
    }
    status
}

async fn journey(global: &Global, folder: &Path, emulator: &Emulator, serve: bool) -> ExitStatus {
    let mut overrides: Overrides = global.overrides();
    overrides.flags.push(("target.url".to_owned(), emulator.url()));
    let project = match Project::open(folder, &overrides) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    let cancel = stop::on_ctrl_c();
    let options =
        RunOptions { observer: observe::observer(global), cancel: cancel.clone(), ..RunOptions::default() };
    let status = match migration::run(&project, options).await {
        Ok(summary) => {
            run::report(global, &project, &summary, &next(folder, &summary));
            summary.exit_status()
        }
        Err(error) => {
            return output::failure(&error, &format!("dv-migrate demo {}", folder.display()), global.json);
        }
    };
    if serve {
        output::say(format!(
            "\n{} serves the organisation until Ctrl-C, for example:\n  curl -H 'Authorization: Bearer demo' '{}/api/data/v9.2/contacts?$top=3'",
            emulator.url(),
            emulator.url()
        ));
        cancel.cancelled().await;
    }
    status
}

fn next(folder: &Path, summary: &Summary) -> Vec<String> {
    let folder = folder.display();
    let mut lines = vec![
        format!("dv-migrate demo {folder}     once more: nothing is loaded twice"),
        format!("dv-migrate demo {folder} --serve     and look at the rows with any client"),
        format!(
            "sqlite3 -box {folder}/staging.db 'SELECT * FROM target_TableStatus'     the staging database in SQL"
        ),
        "dv-migrate init my-project     a project of your own".to_owned(),
    ];
    if summary.tables.iter().any(|table| table.errors > 0) {
        lines.insert(0, format!("sqlite3 -box {folder}/staging.db 'SELECT * FROM target_ErrorSummary'"));
    }
    lines
}

enum Refusal {
    /// The folder belongs to somebody else.
    NotOurs,
    /// The system refused.
    System { path: PathBuf, error: std::io::Error },
}

/// Writes the project into an empty folder; a demo that is there is left as it is, with whatever was edited in it.
fn prepared(folder: &Path) -> Result<(), Refusal> {
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |error| Refusal::System { path, error }
    };
    std::fs::create_dir_all(folder).map_err(refused(folder))?;
    if !folder.join(PROJECT_FILE).exists() {
        let ours =
            |name: &std::ffi::OsStr| files::PROJECT.iter().any(|(file, _)| Path::new(file).starts_with(name));
        for entry in std::fs::read_dir(folder).map_err(refused(folder))? {
            if !ours(&entry.map_err(refused(folder))?.file_name()) {
                return Err(Refusal::NotOurs);
            }
        }
        // The project file comes last: a folder with one is complete.
        for (name, content) in files::PROJECT {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(refused(parent))?;
            }
            std::fs::write(&path, content).map_err(refused(&path))?;
        }
        output::say(format!("wrote the project into {}", folder.display()));
    } else if !files::PROJECT.iter().all(|(name, _)| folder.join(name).exists()) {
        // Somebody's own project: its staging database must neither be loaded from nor set aside.
        return Err(Refusal::NotOurs);
    }
    let running = folder.join(RUNNING);
    if running.exists() {
        set_aside(folder)?;
    }
    std::fs::write(&running, format!("{}\n", std::process::id())).map_err(refused(&running))
}

/// The organisation of a demo that was killed died with it: its staging database would speak of rows that are nowhere.
fn set_aside(folder: &Path) -> Result<(), Refusal> {
    let mut moved = false;
    for name in ["staging.db", "staging.db-wal", "staging.db-shm", ORGANISATION] {
        let path = folder.join(name);
        if path.exists() {
            let kept = folder.join(format!("{name}.interrupted"));
            std::fs::rename(&path, &kept).map_err(|error| Refusal::System { path, error })?;
            moved = true;
        }
    }
    if moved {
        output::say(
            "the last demo in this folder was killed, and its emulated organisation with it: starting afresh \
             (what was there is kept as *.interrupted)",
        );
    }
    Ok(())
}

async fn emulator(folder: &Path) -> Result<Emulator, dataverse_emulator::Error> {
    let options = Options {
        metadata: tables_from(files::CUSTOM_TABLES)?,
        // The same organisation every time, so that the staging database stays bound to it.
        seed: 20_261_121,
        limits: Limits::default(),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await?;
    let kept = folder.join(ORGANISATION);
    if kept.exists() {
        emulator.restore(&kept)?;
    }
    Ok(emulator)
}
