//! Bulk messages: all or nothing on standard tables, each row for itself on elastic ones (reference §4.2).

use dataverse_client::{Error as ClientError, WriteOptions};
use dataverse_wire::write::TargetsWriter;
use staging_schema::SuccessKind;
use uuid::Uuid;

use crate::columns::Unwritable;
use crate::context::Context;
use crate::lane::Lane;
use crate::operation::{Kind, Operation};
use crate::rows::{Message, Request, Slot};
use crate::send::Sorted;
use crate::verdict::Verdict;

impl Operation<'_> {
    /// Sends the rows of a request in one message.
    pub(crate) async fn send_bulk(
        &self,
        ctx: &Context<'_>,
        lane: &Lane,
        request: &Request,
        options: &WriteOptions,
    ) -> Verdict {
        let body = match self.targets(request) {
            Ok(body) => body,
            Err(unwritable) => return Verdict::Unwritable(unwritable),
        };
        let (client, definition) = (&lane.client, &self.table.definition);
        let sent = match self.kind {
            Kind::Create { .. } => match client.create_multiple(definition, body, options).await {
                Ok(ids) if ids.len() == request.slots.len() => {
                    let success = |(slot, id): (&Slot, Uuid)| {
                        self.success(&request.rows, *slot, SuccessKind::Created, Some(id))
                    };
                    let successes = request.slots.iter().zip(ids).map(success).collect();
                    return Verdict::settled(successes, Vec::new());
                }
                // An answer that does not account for the rows is no answer.
                Ok(_) => return Verdict::InDoubt,
                Err(error) => Err(error),
            },
            Kind::Delete(_) => client.delete_multiple(definition, body, options).await,
            Kind::Lookups | Kind::Update | Kind::State(_) | Kind::Associate(_) => {
                client.update_multiple(definition, body, options).await
            }
        };
        match sent {
            Ok(()) => {
                let success = |slot: &Slot| self.changed(request, *slot);
                Verdict::settled(request.slots.iter().map(success).collect(), Vec::new())
            }
            Err(error) => self.failed_in_bulk(ctx, request, error).await,
        }
    }

    /// An elastic table has written what it could, and tells of the rest. What it does not tell of one by one is sent again
    /// row by row: the ids are ours, so that a row that is there already is recognised.
    async fn failed_in_bulk(&self, ctx: &Context<'_>, request: &Request, error: ClientError) -> Verdict {
        let told = error.fault().filter(|_| self.table.is_elastic());
        let Some(faults) = told.and_then(|fault| fault.of_rows(request.slots.len())) else {
            return self.failed(error);
        };
        let mut sorted = Sorted::default();
        for (slot, fault) in request.slots.iter().zip(faults) {
            match (fault, &self.kind) {
                (Some(fault), _) => self.sort_refused(request, *slot, fault, &mut sorted),
                (None, Kind::Create { .. }) => {
                    let id = request.rows.id(*slot);
                    let success = self.success(&request.rows, *slot, SuccessKind::Created, id);
                    sorted.successes.push(success);
                }
                (None, _) => sorted.successes.push(self.changed(request, *slot)),
            }
        }
        self.judged(ctx, request, sorted).await
    }

    fn targets(&self, request: &Request) -> Result<Vec<u8>, Vec<(Slot, Unwritable)>> {
        let mut unwritable = Vec::new();
        let mut targets = TargetsWriter::with_capacity(self.table.name(), request.slots.len() * 512);
        for slot in &request.slots {
            let written = self.write(&request.rows, *slot, Message::Bulk, &mut targets.row());
            if let Err(fault) = written.and_then(|()| self.refuse(request, *slot)) {
                unwritable.push((*slot, fault));
            }
        }
        if unwritable.is_empty() { Ok(targets.finish()) } else { Err(unwritable) }
    }
}
