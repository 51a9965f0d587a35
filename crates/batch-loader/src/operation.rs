//! One kind of write to one table: what is read for it, how it is written, and what its answers mean.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dataverse_client::BulkMessage;
use dataverse_wire::fault::{FaultClass, ServiceFault};
use dataverse_wire::limits::BATCH_OPERATIONS;
use dataverse_wire::literal::RowKey;
use dataverse_wire::write::Fields;
use staging_schema::{Pass, SuccessKind, control};
use staging_store::{RowError, Success};
use uuid::Uuid;

use crate::Error;
use crate::chunk::OpenChunk;
use crate::columns::{Columns, Empty, Unwritable, guid};
use crate::context::Context;
use crate::limit::Limit;
use crate::locks::{Locks, by_parent};
use crate::pace::{BatchOptions, BatchSize, Sized};
use crate::parties::PartyForm;
use crate::plan::{LoadTable, PARTITION, Strategy};
use crate::rows::{Message, Request, Rows, Slot};
use crate::state::StateForm;

/// Columns before those of [`Columns`]: RowId, generation, the row's GUID, its source key.
pub(crate) const HEADER: usize = 4;

/// A kind of write.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    pub(crate) table: &'a LoadTable,
    pub(crate) kind: Kind,
    pub(crate) columns: Columns,
    pub(crate) limit: Limit,
    /// Position of the partition of rows of an elastic table, where it is staged.
    partition_at: Option<usize>,
    /// Whether the bulk message may be used; some tables have none, and some bodies it refuses.
    bulk: AtomicBool,
    size: Mutex<BatchSize>,
    locks: Locks,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// Rows are created active.
    Create { parties: Option<PartyForm> },
    /// Lookups that were owed are written.
    Lookups,
    /// Changed rows are written whole.
    Update,
    /// States are set.
    State(StateForm),
    /// Pairs are associated.
    Associate(Ends),
    /// Rows or pairs are deleted.
    Delete(Option<Ends>),
}

/// The two ends of a pair.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    /// Entity set of the first end.
    pub(crate) set1: String,
    /// Its collection of second ends.
    pub(crate) navigation: String,
    /// Entity set of the second end.
    pub(crate) set2: String,
    /// Position of the first end's GUID among the columns read.
    pub(crate) at1: usize,
    /// Position of the second end's GUID.
    pub(crate) at2: usize,
}

impl<'a> Operation<'a> {
    pub(crate) async fn create(ctx: &Context<'_>, table: &'a LoadTable) -> Result<Self, Error> {
        let columns = Columns::for_create(table, ctx.plan)?;
        let kind = Kind::Create { parties: PartyForm::of(table, ctx.plan)? };
        Self::new(ctx, table, kind, columns, Some(BulkMessage::Create)).await
    }

    pub(crate) async fn lookups(ctx: &Context<'_>, table: &'a LoadTable) -> Result<Self, Error> {
        let columns = Columns::for_lookups(table, ctx.plan)?;
        Self::new(ctx, table, Kind::Lookups, columns, Some(BulkMessage::Update)).await
    }

    pub(crate) async fn update(ctx: &Context<'_>, table: &'a LoadTable) -> Result<Self, Error> {
        let columns = Columns::for_update(table, ctx.plan)?;
        Self::new(ctx, table, Kind::Update, columns, Some(BulkMessage::Update)).await
    }

    pub(crate) async fn state(ctx: &Context<'_>, table: &'a LoadTable) -> Result<Self, Error> {
        let mut columns = Columns::none();
        let form = StateForm::of(table, &mut columns);
        Self::new(ctx, table, Kind::State(form), columns, Some(BulkMessage::Update)).await
    }

    /// Reads natural keys; nothing is written by it.
    pub(crate) async fn matching(
        ctx: &Context<'_>,
        table: &'a LoadTable,
        key: &[String],
    ) -> Result<Self, Error> {
        let columns = Columns::for_key(table, ctx.plan, key)?;
        Self::new(ctx, table, Kind::Update, columns, None).await
    }

    pub(crate) async fn associate(ctx: &Context<'_>, table: &'a LoadTable) -> Result<Self, Error> {
        let mut columns = Columns::none();
        let ends = Ends::of(ctx, table, &mut columns)?;
        Self::new(ctx, table, Kind::Associate(ends), columns, None).await
    }

    pub(crate) async fn delete(ctx: &Context<'_>, table: &'a LoadTable) -> Result<Self, Error> {
        let mut columns = Columns::none();
        let ends = match table.strategy {
            Strategy::Associate { .. } => Some(Ends::of(ctx, table, &mut columns)?),
            _ => None,
        };
        // Elastic tables alone delete in bulk.
        let message = ends.is_none().then_some(BulkMessage::Delete);
        Self::new(ctx, table, Kind::Delete(ends), columns, message).await
    }

    async fn new(
        ctx: &Context<'_>,
        table: &'a LoadTable,
        kind: Kind,
        mut columns: Columns,
        message: Option<BulkMessage>,
    ) -> Result<Self, Error> {
        let partition_at = table.partition_column().map(|column| columns.read_also(&column.name));
        let bulk = match message {
            None => false,
            Some(message) => {
                let client = &ctx.lanes[0].client;
                client.supports_bulk(&table.definition, message).await.map_err(|source| Error::Refused {
                    table: table.name().to_owned(),
                    doing: "asking which bulk messages it knows",
                    source,
                })?
            }
        };
        let limit = Limit::new(ctx.options.error_limit);
        let options = &ctx.options;
        let parts_of_row = match &kind {
            Kind::State(form) => form.parts_of_row(),
            _ => 1,
        };
        let rows = table.rows_per_request().min(BATCH_OPERATIONS / parts_of_row);
        let most_rows = options.batch.most_rows.min(table.most_rows());
        let batch = BatchOptions { most_rows, ..options.batch };
        let size = BatchSize::new(rows, table.batch.is_some(), batch, options.pace.window);
        Ok(Self {
            table,
            kind,
            columns,
            limit,
            partition_at,
            bulk: AtomicBool::new(bulk),
            size: Mutex::new(size),
            locks: Locks::default(),
        })
    }

    pub(crate) fn pass(&self) -> Pass {
        match self.kind {
            Kind::Create { .. } => Pass::Insert,
            Kind::Lookups => Pass::Lookups,
            Kind::Update => Pass::Update,
            Kind::State(_) => Pass::State,
            Kind::Associate(_) => Pass::Associate,
            Kind::Delete(_) => Pass::Delete,
        }
    }

    pub(crate) fn doing(&self) -> &'static str {
        match self.kind {
            Kind::Create { .. } => "creating rows",
            Kind::Lookups => "writing lookups",
            Kind::Update => "updating rows",
            Kind::State(_) => "setting states",
            Kind::Associate(_) => "associating rows",
            Kind::Delete(_) => "deleting rows",
        }
    }

    /// Whether sending the same request twice leaves the same rows as sending it once.
    pub(crate) fn is_repeatable(&self) -> bool {
        match &self.kind {
            Kind::Create { .. } => false,
            Kind::State(form) => !form.has_closing_action(),
            Kind::Lookups | Kind::Update | Kind::Associate(_) | Kind::Delete(_) => true,
        }
    }

    /// How many rows go into the next request.
    pub(crate) fn next_size(&self) -> Sized {
        self.size.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// Lets the size of requests follow what is seen; answers with the new one if it changes.
    pub(crate) fn resize(&self, change: impl FnOnce(&mut BatchSize) -> bool) -> Option<Sized> {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut size).then(|| size.next())
    }

    /// Cuts at most so many requests from the rows of a chunk that are in none yet.
    pub(crate) fn cut(&self, chunk: &mut OpenChunk, requests: usize) -> Vec<Request> {
        let size = self.next_size();
        let message = self.first_message(size);
        let mut cut = Vec::with_capacity(requests.min(chunk.fresh.len()));
        let spread = self.spread_by(chunk);
        while cut.len() < requests && !chunk.fresh.is_empty() {
            let (slots, held) = match spread {
                None => {
                    let rows = size.rows.min(chunk.fresh.len());
                    (chunk.fresh.drain(..rows).collect(), None)
                }
                Some(at) => {
                    let (slots, held) = self.locks.take(at, &chunk.rows, &mut chunk.fresh, size.rows);
                    (slots, Some(Arc::new(held)))
                }
            };
            if slots.is_empty() {
                // Their parents are busy.
                break;
            }
            cut.push(Request {
                id: Uuid::now_v7(),
                chunk: chunk.lease.chunk,
                lane: 0,
                turn: None,
                held,
                rows: Arc::clone(&chunk.rows),
                slots,
                message,
                attempt: 1,
                delay: Duration::ZERO,
                isolates: false,
            });
        }
        cut
    }

    /// The lookup by which rows are kept apart; those of a chunk lie side by side from then on.
    fn spread_by(&self, chunk: &mut OpenChunk) -> Option<usize> {
        let lookups = match &self.kind {
            Kind::Associate(ends) => vec![ends.at1, ends.at2],
            _ => self.columns.parents(),
        };
        let at = self.locks.lookup(&lookups, &chunk.rows, &chunk.fresh)?;
        if !std::mem::replace(&mut chunk.is_by_parent, true) {
            by_parent(at, &chunk.rows, &mut chunk.fresh);
        }
        Some(at)
    }

    /// A request ran into a deadlock: rows that share a parent are kept apart from now on.
    pub(crate) fn contend(&self) -> bool {
        self.locks.contend()
    }

    /// By which message rows go out at first.
    fn first_message(&self, size: Sized) -> Message {
        let is_bulk = !size.singly
            && self.bulk.load(Ordering::Relaxed)
            && !matches!(&self.kind, Kind::State(form) if form.has_closing_action());
        if is_bulk { Message::Bulk } else { Message::Batch }
    }

    /// Bodies with nested parties may be refused in bulk though each is accepted by itself: once seen, not tried again.
    pub(crate) fn learn(&self, request: &Request, errors: &[RowError]) {
        let has_parties = matches!(&self.kind, Kind::Create { parties: Some(_) });
        if request.isolates && has_parties && errors.is_empty() && self.bulk.swap(false, Ordering::Relaxed) {
            tracing::info!(
                table = self.table.name(),
                "rows with parties go out one by one in batches from now on"
            );
        }
    }

    /// The requests that find out which rows of a refused one are at fault; none when that is known.
    pub(crate) fn isolate(&self, request: &Request, fault: &ServiceFault) -> Vec<Request> {
        let is_single = request.slots.len() == 1;
        let has_parties = matches!(&self.kind, Kind::Create { parties: Some(_) });
        let is_request_fault = fault.class() == FaultClass::Request;
        match request.message {
            Message::Batch if is_single => Vec::new(),
            Message::Batch => request.halves(Message::Batch).into(),
            Message::Bulk if is_request_fault && is_size(fault) && !is_single => {
                request.halves(Message::Bulk).into()
            }
            Message::Bulk if is_request_fault || has_parties => {
                if is_request_fault && !is_size(fault) {
                    self.bulk.store(false, Ordering::Relaxed);
                }
                vec![request.follow_up(request.slots.clone(), Message::Batch)]
            }
            // The answer to a bulk request of one row is about that row.
            Message::Bulk if is_single => Vec::new(),
            Message::Bulk => vec![request.follow_up(request.slots.clone(), Message::Batch)],
        }
    }

    /// A row that the service could not take in so many attempts.
    pub(crate) fn given_up(&self, slot: Slot, attempt: u32) -> RowError {
        RowError {
            row_id: slot.row.row_id,
            generation: slot.row.generation,
            attempt,
            message: format!(
                "Dataverse could not take the row in {attempt} attempts while {}; retry later",
                self.doing()
            ),
            ..RowError::default()
        }
    }

    /// Physical columns to read after RowId and generation.
    pub(crate) fn reads(&self) -> Vec<&str> {
        let is_ours = matches!(self.kind, Kind::Create { .. }) && self.table.makes_ids();
        let id = if is_ours { control::CLIENT_ID } else { control::DATAVERSE_ID };
        let names = self.columns.names().iter().map(String::as_str);
        [id, control::SOURCE_KEY].into_iter().chain(names).collect()
    }

    /// Writes a row as an object of a bulk message or as a body of its own.
    pub(crate) fn write<B: AsMut<Vec<u8>>>(
        &self,
        rows: &Rows,
        slot: Slot,
        message: Message,
        to: &mut Fields<B>,
    ) -> Result<(), Unwritable> {
        let row = rows.view(slot);
        let primary = &self.table.definition.primary_id;
        let missing =
            || Unwritable { column: primary.clone(), message: "the row has no usable GUID".to_owned() };
        if let Kind::Create { parties } = &self.kind {
            if self.table.makes_ids() {
                to.guid(primary, &rows.id(slot).ok_or_else(missing)?);
            }
            if let Strategy::SequenceNumber { base } = self.table.strategy {
                to.integer("importsequencenumber", base + slot.row.row_id);
            }
            self.columns.write(row, HEADER, Empty::Omitted, to)?;
            return match parties {
                Some(form) => {
                    form.write(rows.parties.get(&slot.row.row_id).map_or(&[][..], Vec::as_slice), to)
                }
                None => Ok(()),
            };
        }
        if message == Message::Bulk {
            to.guid(primary, &rows.id(slot).ok_or_else(missing)?);
            if let Some(partition) = self.partition(rows, slot) {
                to.text(PARTITION, partition);
            }
        }
        match &self.kind {
            Kind::Lookups => {
                let owed = rows.owed.get(&slot.row.row_id).map_or("", String::as_str);
                self.columns.write_named(row, HEADER, owed, to)
            }
            Kind::Update => self.columns.write(row, HEADER, Empty::Cleared, to),
            Kind::State(form) => {
                form.write(row, to);
                Ok(())
            }
            Kind::Create { .. } | Kind::Associate(_) | Kind::Delete(_) => Ok(()),
        }
    }

    /// What names a row: its GUID, and its partition where it has one of its own.
    pub(crate) fn key(&self, rows: &Rows, slot: Slot, id: Uuid) -> RowKey {
        match self.partition(rows, slot) {
            Some(partition) => RowKey::in_partition(&self.table.definition.primary_id, id, partition),
            None => RowKey::Id(id),
        }
    }

    fn partition<'r>(&self, rows: &'r Rows, slot: Slot) -> Option<&'r str> {
        rows.view(slot).get(HEADER + self.partition_at?).as_text().filter(|partition| !partition.is_empty())
    }

    /// By which message rows go out again that could not be written for the moment.
    pub(crate) fn message_again(&self, request: &Request) -> Message {
        if self.table.is_elastic() { request.message } else { Message::Batch }
    }

    /// The success of a row.
    pub(crate) fn success(&self, rows: &Rows, slot: Slot, kind: SuccessKind, id: Option<Uuid>) -> Success {
        let owed = match self.kind {
            Kind::Create { .. } | Kind::Lookups | Kind::Update => self.columns.owed(rows.view(slot), HEADER),
            Kind::State(_) | Kind::Associate(_) | Kind::Delete(_) => Vec::new(),
        };
        Success { row: slot.row, kind, dataverse_id: id, owed }
    }
}

impl Ends {
    fn of(ctx: &Context<'_>, table: &LoadTable, columns: &mut Columns) -> Result<Self, Error> {
        let complaint = |complaint: String| Error::Plan { table: table.name().to_owned(), complaint };
        let relation = ctx.plan.relationship(table)?;
        let set = |name: &str| {
            let found = ctx.plan.entity_set(name).map(str::to_owned);
            found.ok_or_else(|| complaint(format!("the entity set of {name} is not in the plan")))
        };
        let (set1, set2) = (set(&relation.table1)?, set(&relation.table2)?);
        for column in [&relation.column1, &relation.column2] {
            if table.staged.column(column).is_none() {
                return Err(complaint(format!("column {column}, one end of its pairs, is not staged")));
            }
        }
        let (at1, at2) = (columns.read_also(&relation.column1), columns.read_also(&relation.column2));
        Ok(Self { set1, navigation: relation.navigation1.clone(), set2, at1, at2 })
    }

    /// The GUIDs of both ends.
    pub(crate) fn of_row(&self, rows: &Rows, slot: Slot) -> Result<(Uuid, Uuid), Unwritable> {
        let row = rows.view(slot);
        let end = |at: usize| guid(row.get(HEADER + at));
        let missing = || Unwritable {
            column: String::new(),
            message: "one end of the pair is not in Dataverse".to_owned(),
        };
        Ok((end(self.at1).ok_or_else(missing)?, end(self.at2).ok_or_else(missing)?))
    }
}

/// The request is too large or takes too long; half of it may do.
pub(crate) fn is_size(fault: &ServiceFault) -> bool {
    fault.status == 413
        || fault.code == dataverse_wire::fault::ServiceCode::SQL_TIMEOUT
        || fault.message.contains("Message size exceeded")
}
