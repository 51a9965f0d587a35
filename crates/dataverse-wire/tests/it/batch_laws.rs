//! Laws of the `$batch` codec.

use bytes::Bytes;
use dataverse_wire::batch::{
    Answer, BatchAnswer, BatchItem, BatchRequest, BatchResponse, Header, Method, Operation,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const BOUNDARY: &str = "batch_5353b65a-a99a-4987-875d-ad3633373b45";

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Get),
        Just(Method::Post),
        Just(Method::Patch),
        Just(Method::Put),
        Just(Method::Delete)
    ]
}

fn headers() -> impl Strategy<Value = Vec<Header>> {
    vec(("X-[A-Za-z]{1,8}", "[!-~]([ -~]{0,10}[!-~])?"), 0..3)
}

/// Anything at all, line ends and dashes above all; the boundary alone cannot occur.
fn body() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        vec(any::<u8>(), 0..200).prop_map(Bytes::from),
        "[\r\n{}\"-]{0,40}".prop_map(|text| Bytes::from(text.into_bytes())),
        "(--batch_|\r\n--|HTTP/1.1 200|\r\n\r\n){0,6}".prop_map(|text| Bytes::from(text.into_bytes())),
    ]
}

prop_compose! {
    fn operation()(
        method in method(),
        target in "(/api/data/v9\\.2/|https://o\\.x/|\\$)[a-z0-9()'$?=,&% ]{1,30}[a-z)]",
        headers in headers(),
        content_id in option::of("[1-9][0-9]{0,3}"),
        body in body(),
    ) -> Operation {
        Operation { method, target, headers, content_id, body }
    }
}

prop_compose! {
    fn answer()(
        status in 100_u16..600,
        headers in headers(),
        content_id in option::of("[1-9][0-9]{0,3}"),
        body in body(),
    ) -> Answer {
        Answer { status, headers, content_id, body }
    }
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(
        items in vec(
            prop_oneof![
                operation().prop_map(BatchItem::Operation),
                vec(operation(), 0..4).prop_map(BatchItem::ChangeSet),
            ],
            0..6,
        )
    ) {
        let batch = BatchRequest { items };
        let encoded = batch.encode(BOUNDARY);
        let read = BatchRequest::decode(&encoded.content_type, &encoded.body.into()).unwrap();
        prop_assert_eq!(read, batch);
    }

    #[test]
    fn an_answer_is_read_as_it_was_written(
        items in vec(
            prop_oneof![
                answer().prop_map(BatchAnswer::Answer),
                vec(answer(), 0..4).prop_map(BatchAnswer::ChangeSet),
            ],
            0..6,
        )
    ) {
        let response = BatchResponse { items };
        let encoded = response.encode(BOUNDARY);
        let read = BatchResponse::decode(&encoded.content_type, &encoded.body.into()).unwrap();
        prop_assert_eq!(read, response);
    }

    #[test]
    fn an_answer_that_was_cut_off_is_an_error_and_never_a_shorter_answer(
        items in vec(answer().prop_map(BatchAnswer::Answer), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let encoded = BatchResponse { items }.encode(BOUNDARY);
        let whole = encoded.body.len() - 2;
        let cut = Bytes::from(encoded.body[..cut.index(whole)].to_vec());
        prop_assert!(BatchResponse::decode(&encoded.content_type, &cut).is_err());
    }

    #[test]
    fn foreign_bytes_never_panic(
        content_type in "(multipart/mixed; ?boundary=\"?b\"?|[ -~]{0,30})",
        body in prop_oneof![
            vec(any::<u8>(), 0..300),
            "(--b(--)?\r?\n|Content-Type: (application/http|multipart/mixed; boundary=b)\r?\n|\r?\n|POST /x HTTP/1.1|HTTP/1.1 2|:){0,20}"
                .prop_map(String::into_bytes),
        ],
    ) {
        let body = Bytes::from(body);
        let _ = BatchRequest::decode(&content_type, &body);
        let _ = BatchResponse::decode(&content_type, &body);
    }
}

#[track_caller]
fn refuse(content_type: &str, body: &str) -> String {
    BatchRequest::decode(content_type, &Bytes::from(body.to_owned())).unwrap_err().to_string()
}

const HEAD: &str = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n";

#[test]
fn the_line_after_the_closing_boundary_must_be_ended() {
    let body = format!("{HEAD}GET /a HTTP/1.1\r\n\r\n--b--");
    let decode = |ending: &str| {
        BatchRequest::decode("multipart/mixed;boundary=b", &Bytes::from(format!("{body}{ending}")))
    };
    assert!(matches!(decode(""), Err(dataverse_wire::Error::BatchNotEnded)));
    assert!(matches!(decode("\n"), Err(dataverse_wire::Error::BatchNotEnded)));
    for good in ["\r\n", "\n\n", "\r\n\r\n"] {
        assert_eq!(decode(good).unwrap().operation_count(), 1, "{good:?}");
    }
}

#[test]
fn malformed_requests_are_named() {
    let good = format!("{HEAD}GET /a HTTP/1.1\r\n\r\n--b--\r\n");
    assert!(refuse("application/json", &good).contains("not multipart/mixed"));
    assert!(refuse("multipart/mixed", &good).contains("no boundary"));
    assert!(refuse("multipart/mixed; boundary=c", &good).contains("closing boundary is missing"));
    let with_line = |line: &str| format!("{HEAD}{line}\r\n\r\n--b--\r\n");
    for (line, reason) in [
        ("BREW /a HTTP/1.1", "unknown method"),
        ("GET /a", "no HTTP version"),
        ("GET", "no target"),
        ("GET  HTTP/1.1", "no target"),
        ("", "empty"),
    ] {
        assert!(refuse("multipart/mixed; boundary=b", &with_line(line)).contains(reason), "{line}");
    }
}

#[test]
fn change_sets_count_towards_the_limit() {
    let operation = || Operation::new(Method::Post, "/a");
    let batch = BatchRequest {
        items: vec![BatchItem::Operation(operation()), BatchItem::ChangeSet(vec![operation(), operation()])],
    };
    assert_eq!(batch.operation_count(), 3);
}
