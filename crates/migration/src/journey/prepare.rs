//! Prepare: bind, freeze, create, reserve.

use staging_schema::{Mode, Shape};
use staging_store::Store;

use super::base::{self, Base};
use super::check::takes_sequence_number;
use super::{Journey, Outcome};
use crate::error::in_staging;
use crate::{Error, Step, record};

const STEP: Step = Step::Prepare;

/// Binds the staging database to its environment and makes everything that the steps need.
pub(crate) async fn prepare(journey: &Journey<'_>, store: &Store) -> Result<Outcome, Error> {
    let checked = &journey.checked;
    let connected = checked.target(STEP)?;
    journey.part(STEP, "bind the staging database", None)?;
    record::bind(store, &connected.organization).await?;
    store
        .execute_all(&record::own(&journey.project.settings().name))
        .await
        .map_err(in_staging("binding it to its project"))?;
    let user = connected.organization.user_id.to_string();
    store
        .execute_all(&record::set_setting("UserId", &user))
        .await
        .map_err(in_staging("noting who writes"))?;

    journey.part(STEP, "freeze metadata", None)?;
    checked.frozen.write(&journey.project.frozen_metadata())?;

    journey.part(STEP, "create tables", None)?;
    store.ensure_tables(&checked.tables).await.map_err(in_staging("creating the target tables"))?;

    let reserved = reserve_numbers(journey, store).await?;
    Ok(format!(
        "{} is bound to {}; {} tables are there, {reserved} of them with numbers of their own",
        journey.project.settings().staging,
        connected.organization.name,
        checked.tables.len(),
    )
    .into())
}

async fn reserve_numbers(journey: &Journey<'_>, store: &Store) -> Result<usize, Error> {
    let checked = &journey.checked;
    let connected = checked.target(STEP)?;
    let organization = connected.organization.id;
    let present = base::reserved(store, organization).await?;
    let mut count = 0;
    for table in &checked.tables {
        let definition = checked.definition(&table.logical_name)?;
        let loads = table.mode == Mode::Load && table.shape == Shape::Standard;
        if !loads || !takes_sequence_number(definition) {
            continue;
        }
        count += 1;
        if present.contains_key(&table.logical_name) {
            continue;
        }
        journey.part(STEP, "reserve numbers", Some(&table.logical_name))?;
        let found = free_base(journey, &table.logical_name).await?;
        store
            .execute(&base::reserve(organization, &table.logical_name, found))
            .await
            .map_err(in_staging(format!("reserving numbers for {}", table.logical_name)))?;
    }
    Ok(count)
}

/// A base whose range is free; unverified where the target cannot say in time.
async fn free_base(journey: &Journey<'_>, table: &str) -> Result<Base, Error> {
    /// Two ranges at random collide once in ten; several in a row mean that the table is full of numbers.
    const TRIES: usize = 8;
    let connected = journey.checked.target(STEP)?;
    let definition = journey.checked.definition(table)?;
    for _ in 0..TRIES {
        let base = base::random();
        match base::is_free(&connected.client, definition, base).await {
            Ok(true) => return Ok(Base { base, verified: true }),
            Ok(false) => {}
            // The column has no index: on a very large table the service gives up.
            Err(Error::Target { source, .. }) if source.is_transient() => {
                journey.notice(
                    STEP,
                    Some(table),
                    "the target could not say in time whether our sequence numbers are free; guid = \"sequential\" is safer for this table",
                );
                return Ok(Base { base, verified: false });
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Metadata {
        message: format!(
            "{table}: no free range of importsequencenumber was found in {TRIES} tries; use guid = \"sequential\" for this table"
        ),
    })
}
