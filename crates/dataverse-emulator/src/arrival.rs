//! Requests as they arrive, and answers that are cut in the middle.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;

use crate::connection::Wire;
use crate::emulator::plain;
use crate::service::Service;

/// Reads a request's body; `Err` is the answer to one that does not arrive.
pub(crate) async fn arrive(
    service: &Service,
    head: &http::request::Parts,
    body: Body,
    wire: &Wire,
) -> Result<Bytes, Response> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let resets = service.resets_during(head.method.as_str(), path);
    let stall = Duration::from_secs(service.settings().body_timeout_seconds);
    let announced =
        usize::try_from(body.size_hint().lower()).unwrap_or_default().min(service.settings().max_body_bytes);
    let mut stream = body.into_data_stream();
    // Most bodies come in one piece, which is then not copied.
    let (mut first, mut rest) = (None::<Bytes>, BytesMut::new());
    loop {
        let chunk = match tokio::time::timeout(stall, stream.next()).await {
            Err(_) => return Err(plain(http::StatusCode::REQUEST_TIMEOUT, "the request body stalled")),
            Ok(Some(Err(_))) => {
                return Err(plain(http::StatusCode::BAD_REQUEST, "the request body was cut off"));
            }
            Ok(chunk) => chunk.and_then(Result::ok),
        };
        if resets {
            wire.cut();
            return Err(plain(http::StatusCode::BAD_REQUEST, "the connection is reset"));
        }
        let Some(chunk) = chunk else {
            return Ok(first.unwrap_or_else(|| rest.freeze()));
        };
        if rest.len() + chunk.len() + first.as_ref().map_or(0, Bytes::len) > service.settings().max_body_bytes
        {
            return Err(plain(http::StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large"));
        }
        if first.is_none() && rest.is_empty() {
            first = Some(chunk);
            continue;
        }
        if let Some(first) = first.take() {
            rest.reserve(announced.max(first.len() + chunk.len()));
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&chunk);
    }
}

/// The head of an answer and half of its body; then the connection is reset.
pub(crate) fn half(answer: http::Response<Bytes>, wire: Wire) -> Response {
    let (mut head, body) = answer.into_parts();
    head.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    let first = body.slice(..body.len() / 2);
    let stream = futures::stream::once(async { Ok(first) }).chain(futures::stream::once(async move {
        // What was written is to be on its way before the reset overtakes it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        wire.cut();
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    }));
    Response::from_parts(head, Body::from_stream(stream))
}
