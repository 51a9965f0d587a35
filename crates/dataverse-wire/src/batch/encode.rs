//! Writing. All lines end with CRLF, the last one too (reference §3.1).

use super::{
    Answer, BatchAnswer, BatchItem, BatchRequest, BatchResponse, Encoded, Header, Operation, reason,
};

impl BatchRequest {
    /// Writes the request. The boundary must be unlikely to occur in a body: make it from a fresh GUID.
    pub fn encode(&self, boundary: &str) -> Encoded {
        let mut body = Vec::new();
        for (position, item) in self.items.iter().enumerate() {
            open_part(&mut body, boundary);
            match item {
                BatchItem::Operation(operation) => write_operation(&mut body, operation),
                BatchItem::ChangeSet(operations) => {
                    let inner = format!("changeset_{boundary}_{position}");
                    write_set(&mut body, &inner, operations, write_operation);
                }
            }
        }
        close(&mut body, boundary);
        Encoded { content_type: content_type(boundary), body }
    }
}

impl BatchResponse {
    /// Writes the answer; see [`BatchRequest::encode`] about the boundary.
    pub fn encode(&self, boundary: &str) -> Encoded {
        let mut body = Vec::new();
        for (position, item) in self.items.iter().enumerate() {
            open_part(&mut body, boundary);
            match item {
                BatchAnswer::Answer(answer) => write_answer(&mut body, answer),
                BatchAnswer::ChangeSet(answers) => {
                    let inner = format!("changesetresponse_{boundary}_{position}");
                    write_set(&mut body, &inner, answers, write_answer);
                }
            }
        }
        close(&mut body, boundary);
        Encoded { content_type: content_type(boundary), body }
    }
}

fn content_type(boundary: &str) -> String {
    format!("multipart/mixed; boundary=\"{boundary}\"")
}

fn open_part(body: &mut Vec<u8>, boundary: &str) {
    line(body, &["--", boundary]);
}

fn close(body: &mut Vec<u8>, boundary: &str) {
    line(body, &["--", boundary, "--"]);
}

fn line(body: &mut Vec<u8>, pieces: &[&str]) {
    for piece in pieces {
        body.extend_from_slice(piece.as_bytes());
    }
    body.extend_from_slice(b"\r\n");
}

fn write_set<T>(body: &mut Vec<u8>, boundary: &str, parts: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    line(body, &["Content-Type: ", &content_type(boundary)]);
    line(body, &[]);
    for part in parts {
        open_part(body, boundary);
        write(body, part);
    }
    close(body, boundary);
}

fn write_part_head(body: &mut Vec<u8>, content_id: Option<&str>) {
    line(body, &["Content-Type: application/http"]);
    line(body, &["Content-Transfer-Encoding: binary"]);
    if let Some(id) = content_id {
        line(body, &["Content-ID: ", id]);
    }
    line(body, &[]);
}

fn write_headers_and_body(body: &mut Vec<u8>, headers: &[Header], content: &[u8]) {
    for (name, value) in headers {
        line(body, &[name, ": ", value]);
    }
    line(body, &[]);
    body.extend_from_slice(content);
    line(body, &[]);
}

fn write_operation(body: &mut Vec<u8>, operation: &Operation) {
    write_part_head(body, operation.content_id.as_deref());
    line(body, &[operation.method.as_str(), " ", &operation.target, " HTTP/1.1"]);
    write_headers_and_body(body, &operation.headers, &operation.body);
}

fn write_answer(body: &mut Vec<u8>, answer: &Answer) {
    write_part_head(body, answer.content_id.as_deref());
    line(body, &["HTTP/1.1 ", &answer.status.to_string(), " ", reason(answer.status)]);
    write_headers_and_body(body, &answer.headers, &answer.body);
}
