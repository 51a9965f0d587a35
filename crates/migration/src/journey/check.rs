//! Everything that can be checked before the first write.

use std::collections::BTreeMap;

use dataverse_client::Client;
use dataverse_wire::metadata::{KeyStatus, TableDefinition, TableType};
use row_transform::{Plan, Script};
use staging_schema::{GuidStrategy, Mode, Shape, TargetTable};
use uuid::Uuid;

use super::steps::Steps;
use super::target::{self, Colleague, Corrections, Frozen};
use super::transform::Decisions;
use crate::event::Observer;
use crate::project::with_causes;
use crate::{Error, Event, Organization, Problem, Project, ProjectErrors, Secrets, Step, record};

/// A project that fits its source, its target and its staging database.
pub(crate) struct Checked {
    /// The connection, where a step needs it.
    pub(crate) target: Option<Connected>,
    /// The definitions that the plan was made with.
    pub(crate) frozen: Frozen,
    /// The mapping, planned.
    pub(crate) plan: Plan,
    /// The staging tables, with the GUID strategy that each ends up with.
    pub(crate) tables: Vec<TargetTable>,
    /// The user's scripts.
    pub(crate) scripts: Vec<Script>,
    /// The project's decisions about choice texts.
    pub(crate) decisions: Decisions,
}

/// A target that answered.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) organization: Organization,
    /// More application users, which share the work.
    pub(crate) colleagues: Vec<Colleague>,
}

impl Connected {
    /// One client per application user.
    pub(crate) fn clients(&self) -> Vec<Client> {
        let others = self.colleagues.iter().map(|colleague| colleague.client.clone());
        std::iter::once(self.client.clone()).chain(others).collect()
    }
}

impl Checked {
    pub(crate) fn definition(&self, table: &str) -> Result<&TableDefinition, Error> {
        self.frozen
            .value
            .iter()
            .find(|definition| definition.logical_name == table)
            .ok_or_else(|| Error::Metadata { message: format!("the frozen metadata has no table {table}") })
    }

    pub(crate) fn target(&self, step: Step) -> Result<&Connected, Error> {
        self.target.as_ref().ok_or_else(|| Error::NotReady {
            step,
            missing: "there is no connection to the target".to_owned(),
        })
    }
}

/// Checks a project against its source, its target and its staging database. Nothing is written.
pub(crate) async fn check(
    project: &Project,
    secrets: &Secrets,
    steps: Steps,
    observer: &dyn Observer,
) -> Result<Checked, Error> {
    let mut problems = Vec::new();
    let headers = headers(project, &mut problems);
    let corrections = Corrections::read(project)?;
    let target = if steps.need_target() {
        let client = target::client(project, secrets)?;
        let others = target::others(project, secrets)?;
        let organization = target::connect(&client, project).await?;
        let colleagues = target::connect_others(others, &organization).await?;
        observer.event(&Event::Connected {
            url: organization.url.clone(),
            organization: organization.name.clone(),
            organization_id: organization.id,
            user_id: organization.user_id,
        });
        for colleague in &colleagues {
            observer.event(&Event::Connected {
                url: organization.url.clone(),
                organization: organization.name.clone(),
                organization_id: organization.id,
                user_id: colleague.user_id,
            });
        }
        Some(Connected { client, organization, colleagues })
    } else {
        None
    };
    let bound = same_owner(project, target.as_ref()).await?;
    let frozen = definitions(project, target.as_ref(), bound, &corrections, steps, observer).await?;
    let Some(headers) = headers else { return Err(ProjectErrors::new(problems).into()) };
    let settings = project.settings();
    let plan = match row_transform::plan(&settings.maps, &settings.owners, &frozen.value, &headers) {
        Ok(plan) => Some(plan),
        Err(found) => {
            problems.extend(project.mapping_errors(found));
            None
        }
    };
    let scripts = scripts(project, &mut problems);
    let decisions = decisions(project, &frozen, &mut problems)?;
    let Some(plan) = plan.filter(|_| problems.is_empty()) else {
        return Err(ProjectErrors::new(problems).into());
    };
    let tables = plan.tables().iter().map(|table| staged(table.target(), table.definition())).collect();
    Ok(Checked { target, frozen, plan, tables, scripts, decisions })
}

fn headers(project: &Project, problems: &mut Vec<Problem>) -> Option<BTreeMap<String, Vec<String>>> {
    let source = &project.settings().source;
    match source_extract::headers(&source.folder, &source.tables) {
        Ok(headers) => Some(headers),
        Err(errors) => {
            let place = project.place("source.folder");
            problems.extend(errors.iter().map(|error| Problem::new(place.clone(), with_causes(error))));
            None
        }
    }
}

fn scripts(project: &Project, problems: &mut Vec<Problem>) -> Vec<Script> {
    let mut names: Vec<&String> = Vec::new();
    for name in project.settings().maps.iter().flat_map(|map| &map.sql) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut scripts = Vec::new();
    for name in names {
        match Script::read(project.folder(), name, project.settings().staging.dialect()) {
            Ok(script) => scripts.push(script),
            Err(error) => problems.push(Problem::new(project.place("map"), with_causes(&error))),
        }
    }
    scripts
}

/// The project's decisions about choice texts, if it keeps any.
fn decisions(project: &Project, frozen: &Frozen, problems: &mut Vec<Problem>) -> Result<Decisions, Error> {
    let path = project.choice_decisions();
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Decisions::new()),
        Err(source) => return Err(Error::File { path, doing: "read", source }),
    };
    Ok(optionset_mapping::read_mapping(&text, &frozen.value).unwrap_or_else(|found| {
        problems.extend(found.into_iter().map(|problem| {
            let place = crate::Place::Other { path: path.clone() };
            Problem::new(place, format!("line {}: {}", problem.line, problem.message))
        }));
        Decisions::new()
    }))
}

/// Refuses a staging database of another project or environment. Returns the environment that it is bound to.
async fn same_owner(project: &Project, target: Option<&Connected>) -> Result<Option<Uuid>, Error> {
    let staging = &project.settings().staging;
    let Some(store) = staging.open_any_version().await? else { return Ok(None) };
    let owner = record::owner(&store).await;
    let bound = record::environment(&store).await;
    store.close().await.map_err(crate::error::in_staging("closing it after a look"))?;
    let name = &project.settings().name;
    if let Some(bound) = owner?.filter(|bound| bound != name) {
        return Err(Error::OtherProject { staging: staging.to_string(), bound, name: name.clone() });
    }
    let Some(bound) = bound? else { return Ok(None) };
    if let Some(Connected { organization, .. }) = target
        && organization.id != bound.id
    {
        return Err(Error::OtherEnvironment {
            staging: staging.to_string(),
            bound_id: bound.id,
            bound_name: bound.name,
            found_id: organization.id,
            found_name: organization.name.clone(),
        });
    }
    Ok(Some(bound.id))
}

async fn definitions(
    project: &Project,
    target: Option<&Connected>,
    bound: Option<Uuid>,
    corrections: &Corrections,
    steps: Steps,
    observer: &dyn Observer,
) -> Result<Frozen, Error> {
    let needed = target::needed_tables(project);
    let organization = target.map(|connected| connected.organization.id).or(bound);
    if let Some(frozen) = Frozen::read(&project.frozen_metadata())?
        && frozen.serves(organization, &needed, corrections)
    {
        return Ok(frozen);
    }
    match target {
        Some(Connected { client, organization, .. }) => {
            observer.event(&Event::Notice {
                step: Step::Prepare,
                table: None,
                message: format!("reading the definitions of {} tables", needed.len()),
            });
            target::definitions(client, organization.id, &needed, corrections).await
        }
        None => Err(Error::NotReady {
            step: steps.last(),
            missing: format!(
                "{} does not hold the tables of this project yet; run the step prepare",
                project.frozen_metadata().display()
            ),
        }),
    }
}

/// The staging table with the strategy by which its rows are recognised: a table that has neither a sequence number nor a
/// usable alternate key gets GUIDs that we make.
fn staged(table: &TargetTable, definition: &TableDefinition) -> TargetTable {
    let server =
        table.mode == Mode::Load && table.shape == Shape::Standard && table.guid == GuidStrategy::Server;
    if server && !takes_sequence_number(definition) && usable_key(table, definition).is_none() {
        return table.clone().with_guid(GuidStrategy::Sequential);
    }
    table.clone()
}

/// Whether rows can carry a number of ours, by which they are found again. Rows of elastic tables are known by their GUIDs.
pub(crate) fn takes_sequence_number(definition: &TableDefinition) -> bool {
    definition.table_type != TableType::Elastic
        && definition.has_sequence_number()
        && definition.column("importsequencenumber").is_some_and(|column| column.valid_for_create)
}

/// The first alternate key that is active and whose columns are all staged.
pub(crate) fn usable_key<'d>(table: &TargetTable, definition: &'d TableDefinition) -> Option<&'d [String]> {
    definition
        .keys
        .iter()
        .filter(|key| key.status == KeyStatus::Active && definition.table_type != TableType::Elastic)
        .map(|key| key.columns.as_slice())
        .find(|columns| {
            !columns.is_empty()
                && columns.iter().all(|name| table.column(name).is_some_and(|column| !column.is_lookup()))
        })
}

#[cfg(test)]
mod tests {
    use dataverse_wire::metadata::{ColumnDefinition, ColumnType};

    use super::*;

    #[test]
    fn rows_of_an_elastic_table_get_guids_from_us_whatever_numbers_it_has() {
        let number = ColumnType::Integer { min: 0, max: i32::MAX.into() };
        let mut definition = TableDefinition::new("new_reading", "new_readings", "new_readingid")
            .with_column(ColumnDefinition::new("importsequencenumber", number));
        let table = TargetTable::new("new_reading", Vec::new()).unwrap();
        assert_eq!(staged(&table, &definition).guid, GuidStrategy::Server);
        definition.table_type = TableType::Elastic;
        assert_eq!(staged(&table, &definition).guid, GuidStrategy::Sequential);
        let kept = table.with_guid(GuidStrategy::Source);
        assert_eq!(staged(&kept, &definition).guid, GuidStrategy::Source);
    }
}
