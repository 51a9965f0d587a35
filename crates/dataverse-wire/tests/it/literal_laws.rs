//! Laws of literals, keys and percent-encoding.

use dataverse_wire::literal::{
    KeyLiteral, Reference, RowKey, normalise_date_time, percent_decode, percent_encode,
};
use proptest::prelude::*;
use uuid::Uuid;

fn literal() -> impl Strategy<Value = KeyLiteral> {
    prop_oneof![
        any::<String>().prop_map(KeyLiteral::Text),
        "['%,()= /+&#äé😀27]{0,12}".prop_map(KeyLiteral::Text),
        any::<u128>().prop_map(|bits| KeyLiteral::Guid(Uuid::from_u128(bits))),
        any::<i64>().prop_map(KeyLiteral::Integer),
        any::<bool>().prop_map(KeyLiteral::Boolean),
        "-?[1-9][0-9]{0,8}\\.[0-9]{1,4}".prop_map(KeyLiteral::Decimal),
    ]
}

proptest! {
    #[test]
    fn percent_encoding_is_undone(text in any::<String>()) {
        let encoded = percent_encode(&text);
        prop_assert!(encoded.bytes().all(|b| b.is_ascii_graphic() && !b"#?&+\"<> /".contains(&b)));
        prop_assert_eq!(percent_decode(&encoded), Some(text));
    }

    #[test]
    fn a_literal_is_read_as_it_was_written(value in literal()) {
        prop_assert_eq!(KeyLiteral::parse(&value.to_string()).unwrap(), value);
    }

    #[test]
    fn a_key_is_read_as_it_was_written(columns in proptest::collection::vec(("[a-z_]{1,10}", literal()), 1..4)) {
        let reference = Reference::new("accounts", RowKey::Alternate(columns));
        prop_assert_eq!(Reference::parse(&reference.to_string()).unwrap(), reference);
    }

    #[test]
    fn foreign_text_never_panics(text in any::<String>(), keyish in "[a-z(]{0,3}['=,%()0-9a-f-]{0,40}\\)?") {
        for text in [text, keyish] {
            let _ = percent_decode(&text);
            let _ = KeyLiteral::parse(&text);
            let _ = RowKey::parse(&text);
            let _ = Reference::parse(&text);
            let _ = normalise_date_time(&text);
            let _ = dataverse_wire::literal::normalise_date(&text);
        }
    }

    #[test]
    fn a_normal_date_time_stays_as_it_is(seconds in -6_847_804_800_i64..253_402_300_799) {
        let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
        prop_assert_eq!(normalise_date_time(&text).unwrap(), text);
    }
}
