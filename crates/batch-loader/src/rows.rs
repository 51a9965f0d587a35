//! Rows of a chunk and the requests that they are cut into.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use staging_store::{NewRequest, RowBatch, RowView, StagedRow};
use uuid::Uuid;

use crate::columns::guid;
use crate::lane::Turn;
use crate::locks::Held;
use crate::parties::Party;

/// The rows of one chunk as they were read; requests refer to them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    batches: Vec<RowBatch>,
    /// Parties of activities, by RowId.
    pub(crate) parties: HashMap<i64, Vec<Party>>,
    /// Lookups that the latest success left owed, comma-separated, by RowId.
    pub(crate) owed: HashMap<i64, String>,
    /// GUIDs made for rows that had none yet, by RowId.
    pub(crate) ids: HashMap<i64, Uuid>,
}

/// One row of [`Rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) row: StagedRow,
    batch: u32,
    index: u32,
}

impl Slot {
    /// The row as it was at the generation that was sent.
    pub(crate) fn sent_as(&mut self, row: StagedRow) {
        self.row = row;
    }
}

impl Rows {
    /// Adds a batch whose first two columns are RowId and generation.
    pub(crate) fn push(
        &mut self,
        batch: RowBatch,
        slots: &mut Vec<Slot>,
    ) -> Result<(), staging_store::Error> {
        let number = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
        slots.reserve(batch.len());
        for (index, row) in (0_u32..).zip(batch.rows()) {
            let row = StagedRow { row_id: row.integer(0)?, generation: row.integer(1)? };
            slots.push(Slot { row, batch: number, index });
        }
        self.batches.push(batch);
        Ok(())
    }

    /// The GUID of a row, as staged or as made for it.
    pub(crate) fn id(&self, slot: Slot) -> Option<Uuid> {
        guid(self.view(slot).get(2)).or_else(|| self.ids.get(&slot.row.row_id).copied())
    }

    /// The cells of a row.
    pub(crate) fn view(&self, slot: Slot) -> RowView<'_> {
        let batch = usize::try_from(slot.batch).ok().and_then(|number| self.batches.get(number));
        batch
            .and_then(|batch| batch.row(usize::try_from(slot.index).unwrap_or(usize::MAX)))
            .expect("a slot is made from the row that it points to")
    }
}

/// By which message rows go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// `CreateMultiple` or `UpdateMultiple`: all or nothing.
    Bulk,
    /// `$batch` with continue-on-error: each row by itself.
    Batch,
}

/// A request that is going to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) id: Uuid,
    pub(crate) chunk: i64,
    /// Which of the application users sends it.
    pub(crate) lane: usize,
    /// Held once it is that user's to send.
    pub(crate) turn: Option<Arc<Turn>>,
    /// Parents that no other request may touch meanwhile.
    pub(crate) held: Option<Arc<Held>>,
    pub(crate) rows: Arc<Rows>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) message: Message,
    /// From 1.
    pub(crate) attempt: u32,
    /// To wait before it is sent.
    pub(crate) delay: Duration,
    /// The refusal that it is to resolve.
    pub(crate) isolates: bool,
}

impl Request {
    /// The same rows, or some of them, in a request of its own.
    pub(crate) fn follow_up(&self, slots: Vec<Slot>, message: Message) -> Self {
        Self {
            id: Uuid::now_v7(),
            slots,
            message,
            attempt: 1,
            delay: Duration::ZERO,
            isolates: true,
            turn: None,
            held: self.held.clone(),
            rows: Arc::clone(&self.rows),
            ..*self
        }
    }

    /// Two halves.
    pub(crate) fn halves(&self, message: Message) -> [Self; 2] {
        let (first, second) = self.slots.split_at(self.slots.len() / 2);
        [self.follow_up(first.to_vec(), message), self.follow_up(second.to_vec(), message)]
    }

    /// What the manifest keeps of it.
    pub(crate) fn manifest(&self, application_user: &str) -> NewRequest {
        NewRequest {
            id: self.id,
            rows: self.slots.iter().map(|slot| slot.row).collect(),
            application_user: application_user.to_owned(),
        }
    }
}
