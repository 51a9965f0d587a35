//! What follows from the answer to a request.

use std::time::Duration;

use staging_store::RequestEnd;

use crate::Error;
use crate::event::{Answer, Event};
use crate::operation::is_size;
use crate::pace::Sized;
use crate::pace_log::Answered as Noted;
use crate::rows::{Message, Request, Slot};
use crate::stage::Floor;
use crate::verdict::Verdict;
use crate::work::Sent;

/// Requests in a row whose answers are lost before the target counts as unreachable.
const MOST_DOUBTS_IN_A_ROW: u32 = 100;

impl Floor<'_> {
    /// Lets the size of the table's requests follow the answer to one of them.
    fn resize(&self, request: &Request, verdict: &Verdict, elapsed: Duration) {
        let rows = request.slots.len();
        let is_bulk = request.message == Message::Bulk;
        let size = match verdict {
            Verdict::Settled { doubtful, .. } if !doubtful.is_empty() => None,
            // A bad row costs the others of an elastic table nothing.
            _ if self.op.table.is_elastic() && !is_bulk => None,
            Verdict::Settled { .. } if is_bulk => self.op.resize(|size| size.went_through(rows, elapsed)),
            Verdict::Settled { successes, errors, .. } => {
                self.op.resize(|size| size.went_singly(successes.len(), errors.len(), elapsed))
            }
            Verdict::Refused(refusal) if is_size(&refusal.fault) => {
                self.op.resize(|size| size.too_large(rows))
            }
            Verdict::Refused(_) if rows == 1 => self.op.resize(|size| size.went_singly(0, 1, elapsed)),
            Verdict::Postponed(error) if error.fault().is_some_and(is_size) => {
                self.op.resize(|size| size.too_large(rows))
            }
            // It took longer than we wait.
            Verdict::InDoubt if elapsed >= self.ctx.options.request_timeout.mul_f64(0.95) => {
                self.op.resize(|size| size.too_large(rows))
            }
            _ => None,
        };
        if let Some(size) = size {
            let (table, pass, Sized { rows, singly }) = (self.op.table.name(), self.op.pass(), size);
            tracing::info!(table, %pass, gauge.dataverse_rows_per_request = rows, singly, "batch size changed");
            self.ctx.tell(&Event::BatchSize { table: table.to_owned(), pass, rows, singly });
        }
    }

    /// Takes up what became of a request.
    pub(crate) fn sent(&mut self, sent: Sent) {
        let Sent { request, verdict, elapsed, deadlocked } = sent;
        let (table, pass) = (self.op.table.name(), self.op.pass());
        if deadlocked && self.op.contend() {
            tracing::info!(table, %pass, "deadlocks: rows that share a parent are kept apart");
            self.ctx.tell(&Event::Spread { table: table.to_owned(), pass });
        }
        let answer = match &verdict {
            Verdict::Settled { doubtful, .. } if !doubtful.is_empty() => Answer::InDoubt,
            Verdict::Settled { .. } => Answer::Done,
            Verdict::Refused(_) | Verdict::Fatal(_) => Answer::Refused,
            Verdict::Unwritable(_) | Verdict::Unsent | Verdict::Postponed(_) => Answer::Postponed,
            Verdict::InDoubt => Answer::InDoubt,
        };
        if !matches!(verdict, Verdict::Unwritable(_) | Verdict::Unsent) {
            self.ctx.count(table, |report| {
                report.requests += 1;
                report.in_doubt += u64::from(answer == Answer::InDoubt);
            });
            self.resize(&request, &verdict, elapsed);
            let (rows, errors) = verdict.outcomes();
            self.ctx.log.note(Noted {
                lane: request.lane,
                table,
                pass,
                answer,
                rows,
                errors,
                elapsed,
                batch: self.op.next_size().rows,
            });
            self.ctx.tell(&Event::Answered {
                table: table.to_owned(),
                pass,
                request: request.id,
                answer,
                elapsed,
            });
        }
        self.doubts_in_a_row = if answer == Answer::InDoubt { self.doubts_in_a_row + 1 } else { 0 };
        let options = self.ctx.options;
        let (op, ctx) = (self.op, self.ctx);
        let Some(chunk) = self.chunks.get_mut(&request.chunk) else { return };
        chunk.open.remove(&request.id);
        let answered = &mut chunk.answered;
        let mut stop = None;
        match verdict {
            Verdict::Settled { successes, errors, again, apart, doubtful }
                if again.is_empty() && apart.is_empty() && doubtful.is_empty() =>
            {
                op.learn(&request, &errors);
                answered.settle(&request, RequestEnd::Answered, successes, errors);
            }
            Verdict::Settled { successes, mut errors, again, apart, doubtful } => {
                if request.attempt >= options.attempts {
                    errors.extend(again.into_iter().map(|slot| op.given_up(slot, request.attempt)));
                } else if !again.is_empty() {
                    answered.next.push(Request {
                        attempt: request.attempt + 1,
                        delay: options.back_off * 2_u32.saturating_pow(request.attempt - 1),
                        ..request.follow_up(again, op.message_again(&request))
                    });
                }
                if !apart.is_empty() {
                    let (table, rows) = (table.to_owned(), apart.len());
                    ctx.tell(&Event::Isolated { table, pass, request: request.id, rows });
                    answered.next.push(request.follow_up(apart, Message::Batch));
                }
                if !doubtful.is_empty() {
                    let follow_up = request.follow_up(doubtful, Message::Batch);
                    answered.doubtful.push(follow_up.manifest(&ctx.lanes[request.lane].user.to_string()));
                }
                answered.settle(&request, RequestEnd::Void, successes, errors);
            }
            Verdict::Unwritable(rows) => {
                // The faulty rows are known without asking the service; the others go on.
                let faulty: Vec<Slot> = rows.iter().map(|(slot, _)| *slot).collect();
                let errors =
                    rows.into_iter().map(|(slot, fault)| fault.of(slot.row, request.attempt)).collect();
                let good: Vec<Slot> =
                    request.slots.iter().copied().filter(|slot| !faulty.contains(slot)).collect();
                if !good.is_empty() {
                    answered
                        .next
                        .push(Request { isolates: false, ..request.follow_up(good, request.message) });
                }
                answered.settle(&request, RequestEnd::Void, Vec::new(), errors);
            }
            Verdict::Refused(refusal) => {
                let next = op.isolate(&request, &refusal.fault);
                let errors = if next.is_empty() {
                    request.slots.iter().map(|slot| refusal.of(slot.row, request.attempt)).collect()
                } else {
                    let (table, rows) = (table.to_owned(), request.slots.len());
                    ctx.tell(&Event::Isolated { table, pass, request: request.id, rows });
                    Vec::new()
                };
                let end = if next.is_empty() { RequestEnd::Answered } else { RequestEnd::Void };
                answered.next.extend(next);
                answered.settle(&request, end, Vec::new(), errors);
            }
            Verdict::Postponed(error) => {
                answered.settle(&request, RequestEnd::Void, Vec::new(), Vec::new());
                if request.attempt < options.attempts {
                    answered.next.push(Request {
                        attempt: request.attempt + 1,
                        delay: options.back_off * 2_u32.saturating_pow(request.attempt - 1),
                        isolates: request.isolates,
                        ..request.follow_up(request.slots.clone(), request.message)
                    });
                } else if request.slots.len() > 1 && error.fault().is_some() {
                    answered.next.extend(request.halves(request.message));
                } else {
                    stop = Some(Error::Unreachable {
                        table: table.to_owned(),
                        doing: op.doing(),
                        attempts: request.attempt,
                        source: error,
                    });
                }
            }
            Verdict::InDoubt => answered.restamp.push(request.id),
            Verdict::Unsent => answered.settle(&request, RequestEnd::Void, Vec::new(), Vec::new()),
            Verdict::Fatal(error) => {
                answered.settle(&request, RequestEnd::Void, Vec::new(), Vec::new());
                stop = Some(error);
            }
        }
        if self.stop.is_some() {
            // Follow-ups of a stopping load are not written down: their rows are pending again.
            if let Some(chunk) = self.chunks.get_mut(&request.chunk) {
                chunk.answered.next.clear();
            }
        }
        if self.doubts_in_a_row >= MOST_DOUBTS_IN_A_ROW {
            self.stop_with(Error::AnswersLost { table: table.to_owned(), requests: self.doubts_in_a_row });
        }
        if let Some(error) = stop {
            self.stop_with(error);
        }
    }
}
