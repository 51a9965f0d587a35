//! The sending of one request and the reading of its answer.

use std::collections::HashSet;
use std::sync::Arc;

use dataverse_client::{ContinueOnError, Error as ClientError, PartOutcome, SendPermit, WriteOptions};
use dataverse_wire::batch::{BatchItem, BatchRequest, Method, Operation as Part};
use dataverse_wire::fault::{FaultClass, ServiceFault};
use dataverse_wire::literal::RowKey;
use dataverse_wire::write::RowWriter;
use staging_schema::SuccessKind;
use staging_store::RowError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Error;
use crate::columns::Unwritable;
use crate::context::Context;
use crate::lane::{Lane, Stamp};
use crate::lease::LeaseClock;
use crate::operation::{Kind, Operation};
use crate::probe;
use crate::rows::{Message, Request, Slot};
use crate::state::Wanted;
use crate::verdict::{Refusal, Verdict};

impl Operation<'_> {
    /// Sends a request and says what became of it. Dropped half-way, the request may be carried out all the same.
    pub(crate) async fn send(
        &self,
        ctx: &Context<'_>,
        lane: &Lane,
        request: &Request,
        clock: &Arc<LeaseClock>,
        stopping: &CancellationToken,
        started: &Stamp,
    ) -> Verdict {
        let options = self.write_options(ctx, clock, stopping, started);
        match (request.message, &self.kind) {
            (Message::Bulk, _) => self.send_bulk(ctx, lane, request, &options).await,
            (Message::Batch, Kind::State(form)) => self.send_states(ctx, lane, request, &options, form).await,
            (Message::Batch, _) => self.send_batch(ctx, lane, request, &request.slots, &[], &options).await,
        }
    }

    /// The project's own options, with our patience and our right to send.
    fn write_options(
        &self,
        ctx: &Context<'_>,
        clock: &Arc<LeaseClock>,
        stopping: &CancellationToken,
        started: &Stamp,
    ) -> WriteOptions {
        let (clock, stopping, margin) = (Arc::clone(clock), stopping.clone(), ctx.options.request_timeout);
        let started = started.clone();
        WriteOptions {
            timeout: Some(margin),
            // Asked before each attempt, however long the client was throttled before it.
            permit: Some(SendPermit::new(move || {
                started.set();
                clock.remaining() > margin && !stopping.is_cancelled()
            })),
            ..self.table.write.clone()
        }
    }

    pub(crate) fn changed(&self, request: &Request, slot: Slot) -> staging_store::Success {
        self.success(&request.rows, slot, SuccessKind::Changed, request.rows.id(slot))
    }

    pub(crate) fn refuse(&self, request: &Request, slot: Slot) -> Result<(), Unwritable> {
        match &self.kind {
            Kind::State(form) => form.refuse(request.rows.view(slot)).map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// One row's own request inside a batch.
    fn part(&self, lane: &Lane, request: &Request, slot: Slot) -> Result<Part, Unwritable> {
        let set = &self.table.definition.entity_set_name;
        let id = || {
            request.rows.id(slot).ok_or_else(|| Unwritable {
                column: self.table.definition.primary_id.clone(),
                message: "the row has no usable GUID".to_owned(),
            })
        };
        Ok(match &self.kind {
            Kind::Associate(ends) => {
                let (first, second) = ends.of_row(&request.rows, slot)?;
                let mut body = RowWriter::new();
                body.odata_id(&format!("{}{}({second})", lane.client.root(), ends.set2));
                let target = format!("{}({first})/{}/$ref", ends.set1, ends.navigation);
                Part::new(Method::Post, target).with_json(body.finish())
            }
            Kind::Delete(Some(ends)) => {
                let (first, second) = ends.of_row(&request.rows, slot)?;
                Part::new(
                    Method::Delete,
                    format!("{}({first})/{}({second})/$ref", ends.set1, ends.navigation),
                )
            }
            Kind::Delete(None) => {
                Part::new(Method::Delete, format!("{set}{}", self.key(&request.rows, slot, id()?)))
            }
            Kind::State(form) => {
                self.refuse(request, slot)?;
                let row = request.rows.view(slot);
                let wanted = form.wanted(row);
                match form.closing(wanted) {
                    Some(closing) => {
                        let action = closing.action(row, id()?, wanted.status);
                        Part::new(Method::Post, action.name).with_json(action.body)
                    }
                    None => self.patch(request, slot, id()?)?,
                }
            }
            Kind::Create { .. } => {
                let mut body = RowWriter::new();
                self.write(&request.rows, slot, Message::Batch, &mut body)?;
                Part::new(Method::Post, set.as_str()).with_json(body.finish())
            }
            Kind::Lookups | Kind::Update => self.patch(request, slot, id()?)?,
        })
    }

    /// An update that never creates.
    fn patch(&self, request: &Request, slot: Slot, id: Uuid) -> Result<Part, Unwritable> {
        let mut body = RowWriter::new();
        self.write(&request.rows, slot, Message::Batch, &mut body)?;
        Ok(self.update_only(&self.key(&request.rows, slot, id), body))
    }

    fn update_only(&self, key: &RowKey, body: RowWriter) -> Part {
        let target = format!("{}{key}", self.table.definition.entity_set_name);
        Part::new(Method::Patch, target).with_json(body.finish()).with_header("If-Match", "*")
    }

    /// What a row needs inside a batch: its request, or a change set that gives it another state first.
    fn item(
        &self,
        lane: &Lane,
        request: &Request,
        slot: Slot,
        opened: &[(Slot, Wanted)],
    ) -> Result<BatchItem, Unwritable> {
        let part = self.part(lane, request, slot)?;
        let first = opened.iter().find(|(opened, _)| *opened == slot);
        let Some(((_, state), id)) = first.zip(request.rows.id(slot)) else {
            return Ok(BatchItem::Operation(part));
        };
        let mut body = RowWriter::new();
        state.write(&mut body);
        Ok(BatchItem::ChangeSet(vec![self.update_only(&id.into(), body), part]))
    }

    /// Sends rows one by one in one request; those of the request that are not among `slots` have their outcome already.
    /// Those that are `opened` are given that state before, in one transaction.
    pub(crate) async fn send_batch(
        &self,
        ctx: &Context<'_>,
        lane: &Lane,
        request: &Request,
        slots: &[Slot],
        opened: &[(Slot, Wanted)],
        options: &WriteOptions,
    ) -> Verdict {
        let mut items = Vec::with_capacity(slots.len());
        let mut unwritable = Vec::new();
        for slot in slots {
            match self.item(lane, request, *slot, opened) {
                Ok(item) => items.push(item),
                Err(fault) => unwritable.push((*slot, fault)),
            }
        }
        if !unwritable.is_empty() {
            return Verdict::Unwritable(unwritable);
        }
        let parts: Vec<usize> = items.iter().map(parts_of).collect();
        let batch = BatchRequest { items };
        let outcomes = match lane.client.execute_batch(batch, ContinueOnError::Yes, options).await {
            Ok(outcomes) => outcomes,
            Err(error) => return self.failed(error),
        };
        let mut sorted = Sorted::default();
        let mut outcomes = outcomes.into_iter();
        for (slot, parts) in slots.iter().zip(parts) {
            // A change set succeeds with all of its parts, or fails with the first that says so.
            let whole =
                outcomes.by_ref().take(parts).reduce(|all, part| if all.is_done() { part } else { all });
            self.sort(request, *slot, whole.unwrap_or(PartOutcome::NotExecuted), &mut sorted);
        }
        self.judged(ctx, request, sorted).await
    }

    /// What became of a request, once rows that were there already have been looked at.
    pub(crate) async fn judged(&self, ctx: &Context<'_>, request: &Request, mut sorted: Sorted) -> Verdict {
        let there: Vec<Slot> = sorted.there.iter().map(|(slot, _)| *slot).collect();
        if !there.is_empty() {
            match probe::find_by_id(ctx, self, &request.rows, &there).await {
                Ok((successes, errors)) => {
                    let known: HashSet<i64> = successes
                        .iter()
                        .map(|success| success.row.row_id)
                        .chain(errors.iter().map(|error| error.row_id))
                        .collect();
                    sorted.successes.extend(successes);
                    sorted.errors.extend(errors);
                    let is_unseen = |(slot, _): &(Slot, Refusal)| !known.contains(&slot.row.row_id);
                    for (slot, refusal) in std::mem::take(&mut sorted.there).into_iter().filter(is_unseen) {
                        if self.table.is_elastic() {
                            // A read may lag behind what was written a moment ago.
                            sorted.doubtful.push(slot);
                        } else {
                            // Not the id is taken, but another key.
                            sorted.errors.push(refusal.of(slot.row, request.attempt));
                        }
                    }
                }
                // They are there, but what they hold could not be read: looked into like any other doubt.
                Err(_) => sorted.doubtful.extend(there),
            }
        }
        let Sorted { successes, errors, again, apart, doubtful, .. } = sorted;
        Verdict::Settled { successes, errors, again, apart, doubtful }
    }

    /// What one part's outcome means for its row.
    fn sort(&self, request: &Request, slot: Slot, outcome: PartOutcome, sorted: &mut Sorted) {
        let fault = match outcome {
            PartOutcome::Done { id, .. } => {
                match (&self.kind, id) {
                    (Kind::Create { .. }, Some(id)) => {
                        let success = self.success(&request.rows, slot, SuccessKind::Created, Some(id));
                        sorted.successes.push(success);
                    }
                    // Created, but the answer does not say under which id.
                    (Kind::Create { .. }, None) => sorted.doubtful.push(slot),
                    _ => sorted.successes.push(self.changed(request, slot)),
                }
                return;
            }
            PartOutcome::NotExecuted => return sorted.again.push(slot),
            PartOutcome::Refused(fault) => fault,
        };
        self.sort_refused(request, slot, fault, sorted);
    }

    /// What it means that the service said no to one row.
    pub(crate) fn sort_refused(
        &self,
        request: &Request,
        slot: Slot,
        fault: ServiceFault,
        sorted: &mut Sorted,
    ) {
        let is_done_already = match &self.kind {
            Kind::Associate(_) => fault.is_duplicate(),
            Kind::Delete(_) => fault.is_not_found(),
            _ => false,
        };
        if is_done_already {
            sorted.successes.push(self.changed(request, slot));
            return;
        }
        let is_elastic = self.table.is_elastic();
        // Elastic tables may answer as their own database does, with a conflict.
        let is_taken = fault.is_duplicate() || is_elastic && fault.status == 409;
        let refusal = Refusal { fault, service_request_id: None };
        if is_taken && matches!(self.kind, Kind::Create { .. }) && self.table.makes_ids() {
            return sorted.there.push((slot, refusal));
        }
        match refusal.fault.class() {
            // A row of an elastic table is written or not, and its id is ours: the answer settles it.
            FaultClass::Transient
                if !self.is_repeatable() && !refusal.fault.is_rolled_back() && !is_elastic =>
            {
                sorted.doubtful.push(slot);
            }
            FaultClass::Transient | FaultClass::Throttled => sorted.again.push(slot),
            // The one message of many rows is not the reason of this one.
            FaultClass::Row | FaultClass::Request | FaultClass::Fatal
                if request.message == Message::Bulk && refusal.fault.code.is_none() =>
            {
                sorted.apart.push(slot);
            }
            FaultClass::Row | FaultClass::Request | FaultClass::Fatal => {
                sorted.errors.push(refusal.of(slot.row, request.attempt));
            }
        }
    }

    /// What a failed call means for all rows of its request.
    pub(crate) fn failed(&self, error: ClientError) -> Verdict {
        if error.is_in_doubt() {
            return if self.is_repeatable() { Verdict::Postponed(error) } else { Verdict::InDoubt };
        }
        if matches!(error, ClientError::NotPermitted { .. }) {
            return Verdict::Unsent;
        }
        if error.is_transient() {
            return Verdict::Postponed(error);
        }
        // An answer came and cannot be read: what was asked for may be done.
        if matches!(error, ClientError::Unreadable { .. }) && !self.is_repeatable() {
            return Verdict::InDoubt;
        }
        match (error.class(), error.fault()) {
            (FaultClass::Row | FaultClass::Request, Some(fault)) => Verdict::Refused(Refusal {
                fault: fault.clone(),
                service_request_id: error.request_id().map(str::to_owned),
            }),
            _ => Verdict::Fatal(Error::Refused {
                table: self.table.name().to_owned(),
                doing: self.doing(),
                source: error,
            }),
        }
    }
}

fn parts_of(item: &BatchItem) -> usize {
    match item {
        BatchItem::Operation(_) => 1,
        BatchItem::ChangeSet(parts) => parts.len(),
    }
}

/// Rows of a request by what became of them.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) successes: Vec<staging_store::Success>,
    errors: Vec<RowError>,
    again: Vec<Slot>,
    apart: Vec<Slot>,
    doubtful: Vec<Slot>,
    /// Rows whose id, made by us, is taken already, or another key of theirs.
    there: Vec<(Slot, Refusal)>,
}
