//! A body that asks for its permit as it leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::write_options::SendPermit;

/// Bytes handed over at a time: less than the connection buffers, so that the end of a large body is asked for only as
/// its beginning leaves.
const PIECE: usize = 64 * 1024;

/// A body of known length whose every piece is handed over only with the caller's permit.
///
/// The connection asks for the first piece when it is open and the request's turn has come, however long that took: a
/// permit that ended meanwhile aborts the request before any byte of the body goes out.
#[derive(Debug)]
pub(crate) struct PermittedBody {
    left: Bytes,
    permit: SendPermit,
    refusal: Refusal,
}

/// Tells whether a body was refused its permit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal(Arc<AtomicBool>);

impl Refusal {
    pub(crate) fn is_refused(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What the connection is told when there is no permit; the caller sees [`crate::Error::NotPermitted`].
#[derive(Debug, thiserror::Error)]
#[error("the permit was withdrawn")]
pub(crate) struct PermitWithdrawn;

impl PermittedBody {
    pub(crate) fn new(body: Bytes, permit: SendPermit) -> Self {
        Self { left: body, permit, refusal: Refusal::default() }
    }

    pub(crate) fn refusal(&self) -> Refusal {
        self.refusal.clone()
    }
}

impl Body for PermittedBody {
    type Data = Bytes;
    type Error = PermitWithdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, PermitWithdrawn>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if !self.permit.is_granted() {
            self.refusal.0.store(true, Ordering::SeqCst);
            return Poll::Ready(Some(Err(PermitWithdrawn)));
        }
        let length = self.left.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    /// Exact, so that `Content-Length` is sent and a body that is cut off is no request.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
