//! Transform: target rows from the snapshot, choice texts into values, and what does not fit.

use std::fmt::Write as _;

use optionset_mapping::{MappingRow, Separators, Unmapped};
use row_transform::{Severity, TablePlan};
use staging_schema::ddl;
use staging_store::Store;

use super::{Journey, Outcome};
use crate::error::in_staging;
use crate::report;
use crate::{Error, Event, Step};

const STEP: Step = Step::Transform;

/// Fills and validates the target tables.
pub(crate) async fn transform(journey: &Journey<'_>, store: &Store) -> Result<Outcome, Error> {
    let plan = &journey.checked.plan;
    let (mut rows, mut inserted, mut changed) = (0, 0, 0);
    for table in plan.tables() {
        let name = &table.target().logical_name;
        journey.part(STEP, "stage", Some(name))?;
        let mut total = 0;
        for staged in row_transform::stage(store, plan, name).await? {
            total += staged.rows;
            inserted += staged.inserted;
            changed += staged.changed;
            if staged.vanished > 0 {
                journey.notice(
                    STEP,
                    Some(name),
                    format!(
                        "{} rows left the source {} although they are in Dataverse; they stay",
                        staged.vanished, staged.source
                    ),
                );
            }
        }
        rows += total;
        journey.observer.event(&Event::Progress {
            step: STEP,
            table: name.clone(),
            rows: total,
            total: Some(total),
        });
    }
    if !journey.checked.scripts.is_empty() {
        journey.part(STEP, "run scripts", None)?;
        row_transform::run_scripts(store, plan, &journey.checked.scripts).await?;
    }
    let open_texts = choices(journey, store).await?;
    journey.part(STEP, "derive states", None)?;
    row_transform::derive_states(store, plan).await?;
    let findings = validate(journey, store).await?;
    unmapped(journey, store).await?;
    let sums = ddl::money_sums(&plan.money_columns());
    store.execute_all(&sums).await.map_err(in_staging("making the view migration.MoneySums"))?;
    let mut sentence =
        format!("{rows} rows are staged: {inserted} new, {changed} changed; {}", findings.sentence());
    let mut open = Vec::new();
    if open_texts > 0 {
        let _ = write!(sentence, "; {open_texts} choice texts have no value");
        open.push(format!(
            "{open_texts} choice texts have no value: decide in migration.OptionSetMapping, or keep the decisions in {}",
            journey.project.choice_decisions().display()
        ));
    }
    Ok(Outcome { sentence, open, ..Outcome::default() })
}

/// What the validation found, in values.
#[derive(Default)]
struct Found {
    errors: u64,
    warnings: u64,
}

impl Found {
    fn sentence(&self) -> String {
        match (self.errors, self.warnings) {
            (0, 0) => "all of them fit".to_owned(),
            (0, warnings) => format!("all of them fit, with {warnings} warnings"),
            (errors, 0) => format!("{errors} values keep their rows from loading"),
            (errors, warnings) => {
                format!("{errors} values keep their rows from loading, {warnings} are warnings")
            }
        }
    }
}

/// Judges every row against the metadata, before a request is spent on it.
async fn validate(journey: &Journey<'_>, store: &Store) -> Result<Found, Error> {
    let plan = &journey.checked.plan;
    let mut found = Found::default();
    let mut counts = Vec::new();
    for table in plan.tables() {
        let name = &table.target().logical_name;
        journey.part(STEP, "validate", Some(name))?;
        counts.extend(row_transform::validate(store, plan, name).await?);
    }
    for count in &counts {
        match count.severity {
            Severity::Error => found.errors += count.rows,
            Severity::Warning => found.warnings += count.rows,
        }
    }
    let path = journey.project.reports().join("findings.csv");
    let header = ["TargetTable", "Column", "Rule", "Severity", "Rows", "Explanation"];
    let lines = counts.into_iter().map(|count| {
        vec![
            count.table,
            count.column.unwrap_or_default(),
            count.rule.to_string(),
            count.severity.as_str().to_owned(),
            count.rows.to_string(),
            count.rule.explanation().to_owned(),
        ]
    });
    report::write_csv(&path, &header, lines)?;
    Ok(found)
}

/// Lists source columns that carry values and are mapped nowhere.
async fn unmapped(journey: &Journey<'_>, store: &Store) -> Result<(), Error> {
    journey.part(STEP, "list unmapped columns", None)?;
    let columns = row_transform::unmapped_columns(store, &journey.checked.plan).await?;
    let filled = columns.iter().filter(|column| column.values > 0).count();
    let path = journey.project.reports().join("unmapped-columns.csv");
    if filled > 0 {
        journey.notice(
            STEP,
            None,
            format!("{filled} source columns with values are mapped nowhere (see {})", path.display()),
        );
    }
    let lines =
        columns.into_iter().map(|column| vec![column.source, column.column, column.values.to_string()]);
    report::write_csv(&path, &["SourceTable", "Column", "Values"], lines)
}

/// Choice texts into values. Returns how many texts have none.
async fn choices(journey: &Journey<'_>, store: &Store) -> Result<usize, Error> {
    let checked = &journey.checked;
    if !checked.decisions.is_empty() {
        journey.part(STEP, "read decisions about choices", None)?;
        optionset_mapping::import(store, &checked.decisions).await?;
    }
    let mut unmapped: Vec<Unmapped> = Vec::new();
    for table in checked.plan.tables() {
        let target = table.target();
        if !target.columns.iter().any(|column| column.kind.has_choice_text()) {
            continue;
        }
        journey.part(STEP, "map choices", Some(&target.logical_name))?;
        let separators = separators(table);
        optionset_mapping::propose(store, target, table.definition(), &separators).await?;
        optionset_mapping::apply(store, target, &separators).await?;
        unmapped.extend(optionset_mapping::unmapped(store, target, &separators).await?);
    }
    let count = unmapped.len();
    let waiting = unmapped.into_iter().map(|text| {
        vec![text.target_table, text.target_column, text.source_table, text.text, text.rows.to_string()]
    });
    let header = ["TargetTable", "TargetColumn", "SourceTable", "SourceText", "Rows"];
    report::write_csv(&journey.project.reports().join("unmapped-choices.csv"), &header, waiting)?;
    Ok(count)
}

/// The separators of multi-select choices, by source and column.
pub(crate) fn separators(table: &TablePlan) -> Separators {
    let mut separators = Separators::new();
    for source in table.sources() {
        for column in &table.target().columns {
            if let Some(separator) = table.separator(source, &column.name) {
                separators.insert((source.to_owned(), column.name.clone()), separator.to_owned());
            }
        }
    }
    separators
}

/// The project's decisions about choice texts.
pub(crate) type Decisions = Vec<MappingRow>;
