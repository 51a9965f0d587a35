//! Reads the lookups of a migration project.

use std::path::Path;

use load_sequence::{LookupGraph, Options, RowWavesChoice};
use migration::{Error, Overrides, Project, Staging};

use crate::Failure;
use crate::outputs::{self, Output};

/// The lookup graph of a project, counted as far as its rows are staged. Its settings go into the options.
pub(crate) fn read(folder: &Path, options: &mut Options, outputs: &[Output]) -> Result<LookupGraph, Failure> {
    let lines = |text: String| text.lines().map(str::to_owned).collect();
    let project = Project::open(folder, &Overrides::from_process(Vec::new()))
        .map_err(|errors| Failure::input(lines(errors.to_string()), None))?;
    if let Staging::Sqlite { path, .. } = &project.settings().staging {
        outputs::check(outputs, std::slice::from_ref(path))?;
    }
    let load = &project.settings().load;
    if let Some(rows) = load.batch {
        options.rows_per_request = rows.into();
    }
    if load.row_waves {
        options.row_waves = RowWavesChoice::Adopt;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::one(format!("the program could not start: {error}")))?;
    let stage = format!("dv-migrate run --project {} --until sequence", folder.display());
    let graph = runtime.block_on(migration::lookup_graph(&project)).map_err(|error| Failure {
        problems: lines(error.with_causes()),
        hint: match &error {
            Error::NotReady { .. } => Some(format!("{stage}     makes the project ready; nothing is loaded")),
            other => other.hint(),
        },
        code: error.exit_status().code(),
        printed: String::new(),
    })?;
    if graph.tables.iter().all(|table| table.rows.unwrap_or(0) == 0) {
        eprintln!("note: no rows are staged, so every lookup counts 0 rows; {stage}");
    }
    Ok(graph)
}
