//! A chunk in our hands: its requests before, during and after the send.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use staging_store::{ChunkEnd, Lease, NewRequest, RequestEnd, RequestOutcome, RowError, Success};
use uuid::Uuid;

use crate::context::Context;
use crate::lease::LeaseClock;
use crate::rows::{Request, Rows, Slot};

/// One leased chunk.
#[derive(Debug)]
pub(crate) struct OpenChunk {
    pub(crate) lease: Lease,
    pub(crate) clock: Arc<LeaseClock>,
    /// As they were read.
    pub(crate) rows: Arc<Rows>,
    /// Rows that are in no request yet.
    pub(crate) fresh: VecDeque<Slot>,
    /// Rows of one parent lie side by side.
    pub(crate) is_by_parent: bool,
    /// In the manifest, without an outcome that we know of.
    pub(crate) open: BTreeSet<Uuid>,
    /// Answered, not durable yet.
    pub(crate) answered: Answered,
}

/// What is to be made durable next for one chunk.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) outcomes: Vec<RequestOutcome>,
    /// Requests that follow from the outcomes; they are sent.
    pub(crate) next: Vec<Request>,
    /// Requests that follow from the outcomes, whose rows are in doubt; they are never sent.
    pub(crate) doubtful: Vec<NewRequest>,
    /// Requests that have just become doubtful: their quiet time starts now.
    pub(crate) restamp: Vec<Uuid>,
}

impl Answered {
    fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
            && self.next.is_empty()
            && self.doubtful.is_empty()
            && self.restamp.is_empty()
    }

    /// A request whose rows have outcomes, all of them or those that are not in `follow`.
    pub(crate) fn settle(
        &mut self,
        request: &Request,
        end: RequestEnd,
        successes: Vec<Success>,
        errors: Vec<RowError>,
    ) {
        self.outcomes.push(RequestOutcome { request: Some(request.id), end, successes, errors });
    }
}

/// One transaction of a chunk.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) chunk: i64,
    pub(crate) lease: Lease,
    pub(crate) outcomes: Vec<RequestOutcome>,
    /// Go out once this is durable.
    pub(crate) next: Vec<Request>,
    pub(crate) manifest: Vec<NewRequest>,
    pub(crate) restamp: Vec<Uuid>,
    pub(crate) end: Option<ChunkEnd>,
}

impl OpenChunk {
    pub(crate) fn new(lease: Lease, clock: Arc<LeaseClock>, rows: Arc<Rows>, fresh: VecDeque<Slot>) -> Self {
        let (open, answered) = (BTreeSet::new(), Answered::default());
        Self { lease, clock, rows, fresh, is_by_parent: false, open, answered }
    }

    /// What can be made durable now: everything answered, and the requests cut from fresh rows. Each request goes to the
    /// application user with most room left.
    pub(crate) fn commit(&mut self, cut: Vec<Request>, stopping: bool, ctx: &Context<'_>) -> Option<Commit> {
        if stopping {
            self.fresh.clear();
        }
        let Answered { outcomes, mut next, doubtful, restamp } = std::mem::take(&mut self.answered);
        next.extend(cut);
        for request in &mut next {
            request.lane = ctx.roomiest();
            request.turn = Some(ctx.lanes[request.lane].turn());
        }
        let mut manifest: Vec<NewRequest> =
            next.iter().map(|request| request.manifest(&ctx.lanes[request.lane].user.to_string())).collect();
        manifest.extend(doubtful);
        let is_complete = self.fresh.is_empty() && self.open.is_empty() && next.is_empty();
        let end = is_complete.then_some(if stopping { ChunkEnd::GivenBack } else { ChunkEnd::Finished });
        let is_idle = outcomes.is_empty() && manifest.is_empty() && restamp.is_empty() && end.is_none();
        (!is_idle).then(|| Commit {
            chunk: self.lease.chunk,
            lease: self.lease.clone(),
            outcomes,
            next,
            manifest,
            restamp,
            end,
        })
    }

    /// Whether an answer waits to become durable, or the chunk can be closed.
    pub(crate) fn is_urgent(&self) -> bool {
        !self.answered.is_empty() || (self.fresh.is_empty() && self.open.is_empty())
    }
}
