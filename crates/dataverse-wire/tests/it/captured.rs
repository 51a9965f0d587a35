//! Requests of other people's clients, in both directions.

use bytes::Bytes;
use dataverse_wire::batch::{BatchItem, BatchRequest, BatchResponse, Method};
use dataverse_wire::literal::{KeyLiteral, Reference, RowKey, percent_decode};
use dataverse_wire::write::TargetsWriter;
use serde_json::Value;

use crate::fixture;

struct Captured {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    answer: Bytes,
}

impl Captured {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).position(|window| window == needle).unwrap()
}

fn captured(file: &str) -> Vec<Captured> {
    let mut rest = fixture(file);
    let mut requests = Vec::new();
    while rest.starts_with(b"### ") {
        let end =
            rest.windows(5).skip(1).position(|window| window == b"\n### ").map_or(rest.len(), |at| at + 2);
        let record: Vec<u8> = rest.drain(..end).collect();
        let record = &record[find(&record, b"\n") + 1..];
        let head_end = find(record, b"\n\n");
        let head = std::str::from_utf8(&record[..head_end]).unwrap();
        let body_end = find(record, b"\n--> ");
        let (request_line, header_lines) = head.split_once('\n').unwrap();
        let (method, target) = request_line.split_once(' ').unwrap();
        requests.push(Captured {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: header_lines
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: Bytes::copy_from_slice(&record[(head_end + 2).min(body_end)..body_end]),
            answer: Bytes::copy_from_slice(&record[body_end + 5..]),
        });
    }
    requests
}

fn both() -> Vec<Captured> {
    let mut all = captured("wire/ms-python-sdk.txt");
    assert_eq!(all.len(), 50);
    all.extend(captured("wire/dynamics-web-api.txt"));
    assert_eq!(all.len(), 71);
    all
}

fn batch_of(file: &str) -> BatchRequest {
    let requests = captured(file);
    let batch = requests.iter().find(|request| request.target.ends_with("/$batch")).unwrap();
    assert_eq!(batch.header("Content-Length"), batch.body.len().to_string());
    BatchRequest::decode(batch.header("Content-Type"), &batch.body).unwrap()
}

fn operations(item: &BatchItem) -> Vec<(Method, &str, Option<&str>, &[u8])> {
    let operations = match item {
        BatchItem::Operation(operation) => std::slice::from_ref(operation),
        BatchItem::ChangeSet(operations) => operations,
    };
    operations
        .iter()
        .map(|operation| {
            (
                operation.method,
                operation.target.as_str(),
                operation.content_id.as_deref(),
                operation.body.as_ref(),
            )
        })
        .collect()
}

#[test]
fn the_batch_of_the_python_sdk_is_understood() {
    let batch = batch_of("wire/ms-python-sdk.txt");
    let root = "https://127.0.0.1:18655/api/data/v9.2";
    let id = "11111111-1111-1111-1111-111111111111";
    let found: Vec<_> = batch.items.iter().flat_map(operations).collect();
    assert_eq!(
        found,
        [
            (Method::Post, &*format!("{root}/accounts"), None, &br#"{"name": "b1"}"#[..]),
            (Method::Patch, &*format!("{root}/accounts({id})"), None, br#"{"name": "z"}"#),
            (Method::Get, &*format!("{root}/accounts({id})?$select=name"), None, b""),
            (Method::Delete, &*format!("{root}/accounts({id})"), None, b""),
            (Method::Get, &*format!("{root}/accounts?sql=SELECT%20name%20FROM%20account"), None, b""),
            (Method::Post, &*format!("{root}/contacts"), Some("1"), br#"{"lastname": "L"}"#),
            (
                Method::Post,
                &*format!("{root}/accounts"),
                Some("2"),
                br#"{"name": "cs", "primarycontactid@odata.bind": "$1"}"#
            ),
        ]
    );
    let BatchItem::Operation(update) = &batch.items[1] else { panic!("a single request") };
    assert_eq!(update.header("if-match"), Some("*"));
    assert!(matches!(&batch.items[5], BatchItem::ChangeSet(operations) if operations.len() == 2));
}

#[test]
fn the_batch_of_dynamics_web_api_is_understood() {
    let batch = batch_of("wire/dynamics-web-api.txt");
    assert_eq!(batch.items.len(), 1);
    let root = "http://127.0.0.1:18656/api/data/v9.2";
    // This client ends bodies with a line of its own; JSON does not mind.
    assert_eq!(
        operations(&batch.items[0]),
        [
            (Method::Post, &*format!("{root}/contacts"), Some("1"), &b"{\"lastname\":\"L\"}\r\n"[..]),
            (
                Method::Post,
                &*format!("{root}/accounts"),
                Some("100001"),
                b"{\"name\":\"cs\",\"primarycontactid@odata.bind\":\"$1\"}\r\n"
            ),
        ]
    );
}

#[test]
fn captured_batches_survive_our_own_writer() {
    for file in ["wire/ms-python-sdk.txt", "wire/dynamics-web-api.txt"] {
        let batch = batch_of(file);
        let encoded = batch.encode("batch_x");
        assert_eq!(BatchRequest::decode(&encoded.content_type, &encoded.body.into()).unwrap(), batch);
    }
}

#[test]
fn an_answer_that_the_recorder_cut_off_is_refused() {
    for request in both().iter().filter(|request| request.target.ends_with("/$batch")) {
        let start = find(&request.answer, b"--batchresponse_");
        let line_end = find(&request.answer[start..], b"\r\n");
        let boundary = std::str::from_utf8(&request.answer[start + 2..start + line_end]).unwrap();
        let content_type = format!("multipart/mixed; boundary={boundary}");
        assert!(BatchResponse::decode(&content_type, &request.answer.slice(start..)).is_err());
    }
}

#[test]
fn every_row_that_a_captured_url_names_is_read_as_a_key_and_written_back() {
    let mut rows = 0;
    for request in both() {
        let path = request.target.split('?').next().unwrap();
        let Some(segment) = path.split('/').find(|segment| segment.contains('(') && segment.ends_with(')'))
        else {
            continue;
        };
        if segment.starts_with("EntityDefinitions") || segment == "WhoAmI()" {
            continue;
        }
        let reference = Reference::parse(segment).unwrap();
        assert_eq!(reference.to_string(), percent_decode(segment).unwrap(), "{} {segment}", request.method);
        rows += 1;
    }
    assert!(rows > 10, "{rows}");
}

/// Walks a JSON body and gives each property with its text value.
fn texts<'a>(json: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    match json {
        Value::Object(object) => object.iter().for_each(|(name, value)| match value {
            Value::String(text) => found.push((name, text)),
            other => texts(other, found),
        }),
        Value::Array(array) => array.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn every_binding_and_reference_in_a_captured_body_is_read() {
    let mut references = Vec::new();
    for request in both() {
        let Ok(json) = serde_json::from_slice::<Value>(&request.body) else { continue };
        let mut found = Vec::new();
        texts(&json, &mut found);
        for (name, text) in found {
            if name.ends_with("@odata.bind") || name == "@odata.id" {
                references.push(Reference::parse(text).unwrap());
            }
        }
    }
    let id = RowKey::Id("11111111-1111-1111-1111-111111111111".parse().unwrap());
    let keyed = |value: &str| {
        RowKey::Alternate(vec![("accountnumber".to_owned(), KeyLiteral::Text(value.to_owned()))])
    };
    for expected in [
        Reference { entity_set: "contacts".to_owned(), key: id.clone() },
        Reference { entity_set: "opportunities".to_owned(), key: id },
        Reference { entity_set: "accounts".to_owned(), key: keyed("A1") },
        Reference { entity_set: "accounts".to_owned(), key: keyed("A2") },
    ] {
        assert!(references.contains(&expected), "{expected}");
    }
}

/// The bulk bodies of Microsoft's client, made again by our writer: the same JSON, whatever the order of properties.
#[test]
fn our_writer_says_what_microsofts_client_says() {
    let requests = captured("wire/ms-python-sdk.txt");
    let body_of = |message: &str| -> Value {
        let request = requests.iter().find(|request| request.target.ends_with(message)).unwrap();
        serde_json::from_slice(&request.body).unwrap()
    };
    let ours = |writer: TargetsWriter| -> Value { serde_json::from_slice(&writer.finish()).unwrap() };

    let mut create = TargetsWriter::new("account");
    create.row().text("name", "A");
    create.row().text("name", "B");
    assert_eq!(ours(create), body_of("CreateMultiple"));

    let mut update = TargetsWriter::new("account");
    for id in ["11111111-1111-1111-1111-111111111111", "11111111-1111-1111-1111-111111111112"] {
        update.row().guid("accountid", &id.parse().unwrap()).text("telephone1", "1");
    }
    assert_eq!(ours(update), body_of("UpdateMultiple"));

    let mut upsert = TargetsWriter::new("account");
    for (key, name) in [("A1", "U"), ("A2", "V")] {
        let reference = Reference::new("accounts", RowKey::text("accountnumber", key)).to_string();
        upsert.row().odata_id(&reference).text("name", name);
    }
    assert_eq!(ours(upsert), body_of("UpsertMultiple"));
}
