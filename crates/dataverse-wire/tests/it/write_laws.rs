//! Laws of the body writer.

use dataverse_wire::write::{RowWriter, TargetsWriter, is_json_number};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

proptest! {
    #[test]
    fn any_text_is_valid_json_and_reads_back(rows in proptest::collection::vec(proptest::collection::vec(any::<String>(), 0..4), 0..5)) {
        let mut targets = TargetsWriter::new("account");
        for row in &rows {
            let mut fields = targets.row();
            for (position, text) in row.iter().enumerate() {
                fields.text(&format!("c{position}"), text);
            }
        }
        let body: Value = serde_json::from_slice(&targets.finish()).unwrap();
        let read = body["Targets"].as_array().unwrap();
        prop_assert_eq!(read.len(), rows.len());
        for (json, row) in read.iter().zip(&rows) {
            for (position, text) in row.iter().enumerate() {
                prop_assert_eq!(json[format!("c{position}")].as_str().unwrap(), text);
            }
        }
    }

    #[test]
    fn whatever_is_given_as_a_number_the_body_stays_json(text in "[-+0-9.eE]{0,8}|[ -~]{0,8}", value in any::<f64>(), name in any::<String>()) {
        let mut row = RowWriter::new();
        row.number(&name, &text).double("d", value);
        // By its grammar, in which a number too large for a double is still one.
        let body = row.finish();
        prop_assert!(body.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(&body).is_ok(), "{body:?}");
        let is_number = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_number()) && text.trim() == text;
        if is_number {
            prop_assert!(is_json_number(&text));
        }
    }
}

#[test]
fn a_number_too_large_for_a_double_goes_as_it_is_given() {
    let mut row = RowWriter::new();
    row.number("n", "1e310");
    assert_eq!(row.finish(), br#"{"n":1e310}"#);
}
