//! The SQL of a migration as one script, for people who review it and run it by hand.

use std::fmt::Write as _;

use row_transform::TablePlan;
use staging_schema::lookup::{self, Fill, Parent};
use staging_schema::{Dialect, StagedKind, Statement, TargetTable, ddl, settle};

use crate::event::Unobserved;
use crate::journey::check::{self, Checked};
use crate::journey::transform::separators;
use crate::project::with_causes;
use crate::{Error, Problem, Project, ProjectErrors, Secrets, Step, Steps};

/// All rows: by hand nobody cuts slices.
const ALL_ROWS: std::ops::RangeInclusive<i64> = 1..=i64::MAX;

/// Writes the script: tables, choice texts into values, lookups, GUIDs and flags copied back, views. Asks nobody and
/// changes nothing; the project must have been prepared, so that the definitions of its tables are there.
///
/// # Errors
/// The project is wrong, or was not prepared yet.
pub async fn staging_script(project: &Project, dialect: Dialect) -> Result<String, Error> {
    let steps = Steps::only(Step::Transform);
    let checked = check::check(project, &Secrets::default(), steps, &Unobserved).await?;
    let mut script = Script { dialect, text: String::new() };
    script.heading(&format!(
        "The staging database of the project {}, for {}.\n\
         Every part may be run again: what is there stays, and what is done is not done twice.\n\
         What it does not hold: the copy of the source (a bulk import of your choice into the source tables fills them){}",
        project.settings().name,
        dialect.engine(),
        if dialect.borrows_functions() {
            ", and\nthe mapping from source to target rows, which calls functions of the toolkit (dv-migrate run --only transform)."
        } else {
            ", and the findings\nof the validation, which the toolkit makes (dv-migrate run --only transform)."
        }
    ));
    script.part("Control tables: flags, leases, requests, mappings", &ddl::control_tables());
    for source in sources(project)? {
        script.part(&format!("The snapshot of {}", source.name()), &[source.create()]);
    }
    for table in &checked.tables {
        script.part(
            &format!("{} with its outcomes: one success or error per row, pass and generation", table.name()),
            &ddl::target_table(table),
        );
    }
    script.part("Views: where are we, and what went wrong", &ddl::status_views(&checked.tables));
    script.part(
        "What each money column adds up to, before the mapping and after it",
        &ddl::money_sums(&checked.plan.money_columns()),
    );
    if dialect.has_procedures() {
        script.part(
            "For those who look after the load: EXEC migration.Status; EXEC migration.RowHistory N'table', N'source key';\n\
             -- EXEC migration.RetryErrors N'table', N'error code or nothing', and the next run takes those rows again",
            &ddl::procedures(&checked.tables),
        );
    }
    if !dialect.borrows_functions() {
        script.functions();
        for table in checked.plan.tables() {
            script.part(
                &format!("{}: new and changed rows from the source tables", table.target().name()),
                &row_transform::statements_for_sql_server(table),
            );
        }
    }
    for table in checked.plan.tables() {
        choices(&mut script, table)?;
    }
    for table in &checked.tables {
        lookups(&mut script, &checked, table)?;
    }
    for table in &checked.tables {
        script.part(
            &format!("{}: GUIDs and flags from its outcomes, after a load", table.name()),
            &[settle::settle(table, &ALL_ROWS)],
        );
    }
    Ok(script.text)
}

/// Writes the roles of a staging database on SQL Server, for its administrator: developers, operators and readers, who do not see
/// what the project masks. Asks nobody and changes nothing; the project must have been prepared.
///
/// # Errors
/// The project is wrong, or was not prepared yet.
pub async fn grants_script(project: &Project) -> Result<String, Error> {
    let steps = Steps::only(Step::Transform);
    let checked = check::check(project, &Secrets::default(), steps, &Unobserved).await?;
    let mut script = Script { dialect: ddl::grant::ENGINE, text: String::new() };
    script.heading(&format!(
        "Who may do what with the staging database of the project {}, for SQL Server.\n\
         To be run in that database by its administrator after `dv-migrate run --until prepare`, and again whenever tables or masked\n\
         columns were added: readers see what is listed here and nothing else, and views that were made anew only after that.\n\
         Members are added by hand: ALTER ROLE {} ADD MEMBER [somebody];",
        project.settings().name,
        ddl::grant::ENGINE.quote(ddl::grant::READER)
    ));
    let tables: Vec<_> = checked
        .plan
        .tables()
        .iter()
        .map(|table| ddl::grant::Masked {
            table: table.target(),
            columns: table.masked().map(str::to_owned).collect(),
        })
        .collect();
    for (about, statements) in ddl::grant::grants(&tables) {
        script.part(&about, &statements);
    }
    Ok(script.text)
}

fn sources(project: &Project) -> Result<Vec<ddl::SourceTable>, Error> {
    let source = &project.settings().source;
    let wrong = |problems: Vec<String>| {
        let place = |message| Problem::new(project.place("source.folder"), message);
        Error::from(ProjectErrors::new(problems.into_iter().map(place).collect()))
    };
    let headers = source_extract::headers(&source.folder, &source.tables)
        .map_err(|errors| wrong(errors.iter().map(|error| with_causes(error)).collect()))?;
    headers
        .into_iter()
        .map(|(name, columns)| ddl::SourceTable::new(name, columns).map_err(Error::from))
        .collect()
}

fn choices(script: &mut Script, table: &TablePlan) -> Result<(), Error> {
    let separators = separators(table);
    for source in table.sources() {
        let target = table.target();
        let update = optionset_mapping::apply_statement(target, source, &separators, &ALL_ROWS)?;
        if let Some(update) = update {
            script.part(
                &format!(
                    "{} from {source}: choice texts into values, by migration.OptionSetMapping",
                    target.name()
                ),
                &[update],
            );
        }
    }
    Ok(())
}

/// The lookups whose parents this project stages.
fn lookups(script: &mut Script, checked: &Checked, table: &TargetTable) -> Result<(), Error> {
    let is_staged = |name: &&String| checked.tables.iter().any(|table| table.logical_name == **name);
    let fills: Vec<Fill> = table
        .lookups()
        .filter_map(|column| {
            let StagedKind::Lookup { targets, .. } = &column.kind else { return None };
            let parents: Vec<Parent> = targets.iter().filter(is_staged).map(Parent::new).collect();
            (!parents.is_empty()).then(|| Fill::new(&column.name, parents))
        })
        .collect();
    if !fills.is_empty() {
        let preload = lookup::preload(table, &fills, &ALL_ROWS)?;
        script.part(&format!("{}: lookups whose parents have arrived", table.name()), &[preload]);
    }
    Ok(())
}

struct Script {
    dialect: Dialect,
    text: String,
}

impl Script {
    fn heading(&mut self, lines: &str) {
        for line in lines.lines() {
            let _ = writeln!(self.text, "-- {line}");
        }
    }

    /// The functions that the mapping calls, each in a batch of its own.
    fn functions(&mut self) {
        let _ = writeln!(self.text, "\n-- Functions of the mapping: how texts, numbers and dates are read");
        let end = self.dialect.batch_end().unwrap_or_default();
        for function in row_transform::functions() {
            let Some(text) = function.tsql else { continue };
            let name = self.dialect.function(function.name);
            let _ = writeln!(self.text, "DROP FUNCTION IF EXISTS {name};\n{end}\n{}\n{end}", text.trim_end());
        }
    }

    fn part(&mut self, about: &str, statements: &[Statement]) {
        let _ = writeln!(self.text, "\n-- {about}");
        for statement in statements {
            let written = statement.written_out(self.dialect);
            let end = if written.trim_end().ends_with(';') { "" } else { ";" };
            let _ = writeln!(self.text, "{}{end}", written.trim_end());
            // A view must be the first statement of its batch.
            if let Some(end) = self.dialect.batch_end() {
                let _ = writeln!(self.text, "{end}");
            }
        }
    }
}
