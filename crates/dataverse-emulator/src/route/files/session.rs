//! Uploads and downloads that take several requests. They end with the process, as tokens of the service end with time.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::state::row::{ColumnId, TableId};

use super::bad;

/// Where a file is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) table: TableId,
    pub(super) row: Uuid,
    pub(super) column: ColumnId,
}

/// What a token stands for.
#[derive(Debug)]
pub(super) enum Session {
    /// Parts with their places in the file.
    Chunks {
        place: Place,
        name: String,
        total: Option<u64>,
        parts: BTreeMap<u64, Bytes>,
    },
    /// Blocks by their ids, in any order; a file's, or a document's (`None`) that is named again at the end.
    Blocks {
        place: Option<Place>,
        blocks: HashMap<String, Bytes>,
    },
    Download(Bytes),
}

/// All that is under way.
#[derive(Debug, Default)]
pub(crate) struct Sessions(HashMap<String, Session>);

impl Sessions {
    pub(super) fn begin(&mut self, number: u64, session: Session) -> String {
        let id = crate::state::key::named_id(number, "file session");
        let token = format!("{}{number:x}", id.simple());
        self.0.insert(token.clone(), session);
        token
    }

    pub(super) fn get(&mut self, token: &str) -> Result<&mut Session, Refusal> {
        self.0.get_mut(token).ok_or_else(unknown)
    }

    pub(super) fn end(&mut self, token: &str) -> Option<Session> {
        self.0.remove(token)
    }
}

pub(super) fn unknown() -> Refusal {
    bad(
        "The file continuation token is not known: the upload was committed, or the emulator was started again.",
    )
}
