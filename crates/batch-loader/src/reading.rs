//! Reading staged rows: those of a chunk, and those that are named.

use staging_schema::{Statement, control, lookup, pending, settle};
use staging_store::Lease;
use uuid::Uuid;

use crate::Error;
use crate::columns::guid;
use crate::context::{Context, staging};
use crate::operation::{Kind, Operation};
use crate::parties::Party;
use crate::plan::{LoadTable, Strategy};
use crate::rows::{Rows, Slot};
use crate::sequential::{SequentialSeed, sequential_id};

impl Operation<'_> {
    /// Reads the rows of a chunk that are still pending, with all that belongs to them.
    pub(crate) async fn read(&self, ctx: &Context<'_>, lease: &Lease) -> Result<(Rows, Vec<Slot>), Error> {
        let range = lease.first_row_id..=lease.last_row_id;
        let statement = pending::read(&self.table.staged, self.pass(), lease.levels, &range, &self.reads());
        let (mut rows, slots) = stream(ctx, self.table, &statement).await?;
        self.complete(ctx, &mut rows, &slots).await?;
        Ok((rows, slots))
    }

    /// Reads rows by RowId, whatever their state.
    pub(crate) async fn read_named(
        &self,
        ctx: &Context<'_>,
        row_ids: &[i64],
    ) -> Result<(Rows, Vec<Slot>), Error> {
        let statement = named(self.table, &self.reads(), row_ids);
        let (mut rows, slots) = stream(ctx, self.table, &statement).await?;
        self.complete(ctx, &mut rows, &slots).await?;
        Ok((rows, slots))
    }

    /// Adds parties, owed lookups and GUIDs.
    async fn complete(&self, ctx: &Context<'_>, rows: &mut Rows, slots: &[Slot]) -> Result<(), Error> {
        let (Some(first), Some(last)) =
            (slots.iter().map(|slot| slot.row.row_id).min(), slots.iter().map(|slot| slot.row.row_id).max())
        else {
            return Ok(());
        };
        let table = self.table.name();
        match &self.kind {
            Kind::Create { parties } => {
                if parties.is_some() {
                    let statement = pending::read_parties(&self.table.staged, &(first..=last));
                    let mut stream =
                        ctx.store.stream(&statement).await.map_err(staging(table, "reading parties"))?;
                    while let Some(batch) = stream.next().await.map_err(staging(table, "reading parties"))? {
                        for row in batch.rows() {
                            let row_id = row.integer(0).map_err(staging(table, "reading parties"))?;
                            let party = Party::read(row.get(1), row.get(2), row.get(3), row.get(4));
                            rows.parties.entry(row_id).or_default().push(party);
                        }
                    }
                }
                if self.table.makes_ids() {
                    self.make_ids(ctx, rows, slots).await?;
                }
            }
            Kind::Lookups => {
                let statement = latest_owed(self.table, first, last);
                for row in
                    ctx.store.query(&statement).await.map_err(staging(table, "reading what is owed"))?
                {
                    let row_id = row.integer(0).map_err(staging(table, "reading what is owed"))?;
                    // In the order in which they were written: the last one counts.
                    rows.owed.insert(row_id, row.get(1).as_text().unwrap_or_default().to_owned());
                }
            }
            Kind::Update | Kind::State(_) | Kind::Associate(_) | Kind::Delete(_) => {}
        }
        Ok(())
    }

    /// Gives ids to rows that have none, durably: a repeated create asks for the same.
    async fn make_ids(&self, ctx: &Context<'_>, rows: &mut Rows, slots: &[Slot]) -> Result<(), Error> {
        let seed = SequentialSeed::new();
        let mut made: Vec<(i64, Uuid)> = Vec::new();
        for slot in slots {
            let row = rows.view(*slot);
            if guid(row.get(2)).is_some() {
                continue;
            }
            match self.table.strategy {
                // A source key that is no GUID leaves the row without one, which is then its error.
                Strategy::Source => made.extend(guid(row.get(3)).map(|id| (slot.row.row_id, id))),
                _ => made.push((slot.row.row_id, sequential_id(seed, slot.row.row_id))),
            }
        }
        if !made.is_empty() {
            let texts: Vec<(i64, String)> = made.iter().map(|(row, id)| (*row, id.to_string())).collect();
            let statement = settle::assign_client_ids(&self.table.staged, &texts);
            ctx.store
                .execute(&statement)
                .await
                .map_err(staging(self.table.name(), "keeping the GUIDs made"))?;
            rows.ids.extend(made);
        }
        Ok(())
    }
}

pub(crate) async fn stream(
    ctx: &Context<'_>,
    table: &LoadTable,
    statement: &Statement,
) -> Result<(Rows, Vec<Slot>), Error> {
    let failed = || staging(table.name(), "reading rows");
    let (mut rows, mut slots) = (Rows::default(), Vec::new());
    let mut stream = ctx.store.stream(statement).await.map_err(failed())?;
    while let Some(batch) = stream.next().await.map_err(failed())? {
        rows.push(batch, &mut slots).map_err(failed())?;
    }
    Ok((rows, slots))
}

/// Reads rows by RowId: RowId, generation, then the columns asked for.
fn named(table: &LoadTable, columns: &[&str], row_ids: &[i64]) -> Statement {
    Statement::new(
        |d| {
            let mut names = vec![d.quote(control::ROW_ID), d.quote(control::GENERATION)];
            names.extend(columns.iter().map(|column| d.quote(column)));
            format!(
                "SELECT t.{} FROM {} AS t WHERE t.{row_id} IN (SELECT {} FROM {}) ORDER BY t.{row_id}",
                names.join(", t."),
                d.table(&table.staged.name()),
                d.json_value("j"),
                d.json_array(&d.param(1), "j"),
                row_id = d.quote(control::ROW_ID),
            )
        },
        vec![staging_schema::manifest::json(row_ids).into()],
    )
}

/// What rows of a range were left to owe, in the order in which it was noted.
fn latest_owed(table: &LoadTable, first: i64, last: i64) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT s.RowId, s.Owed FROM {} AS s WHERE s.RowId BETWEEN {} AND {} \
                 AND s.Pass IN ('insert', 'update', 'lookups') ORDER BY s.SuccessId",
                d.table(&table.staged.success()),
                d.param(1),
                d.param(2)
            )
        },
        vec![first.into(), last.into()],
    )
}

/// The tables through which a lookup is resolved: those named for it, otherwise its targets that are staged.
pub(crate) fn parents_of(
    ctx: &Context<'_>,
    table: &LoadTable,
    column: &str,
    targets: &[String],
) -> Vec<lookup::Parent> {
    table.parents.get(column).cloned().unwrap_or_else(|| {
        let staged =
            targets.iter().filter(|target| ctx.plan.tables().any(|known| known.name() == target.as_str()));
        staged.map(lookup::Parent::new).collect()
    })
}
