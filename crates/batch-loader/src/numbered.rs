//! Rows of Dataverse of which only id and sequence number are asked for: there may be as many as the table holds.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use uuid::Uuid;

use crate::probe::SEQUENCE_NUMBER;

/// A row with its number, read without a map of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberedRow {
    pub(crate) id: Option<Uuid>,
    pub(crate) number: Option<i64>,
}

impl<'de> Deserialize<'de> for NumberedRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Columns)
    }
}

struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = NumberedRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row with its primary key and its sequence number")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut columns: A) -> Result<NumberedRow, A::Error> {
        let mut row = NumberedRow { id: None, number: None };
        while let Some(Name(name)) = columns.next_key()? {
            if name == SEQUENCE_NUMBER {
                row.number = columns.next_value()?;
            } else if name.contains('@') {
                columns.next_value::<IgnoredAny>()?;
            } else {
                // The primary key is the only other column asked for.
                row.id = columns.next_value::<Option<Name<'_>>>()?.and_then(|Name(text)| text.parse().ok());
            }
        }
        Ok(row)
    }
}

/// A text that is borrowed where the page holds it as it is.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_passed_over_and_a_row_without_number_has_none() {
        let page = r#"[
            {"@odata.etag": "W/\"1\"", "activityid": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "importsequencenumber": 7,
             "importsequencenumber@OData.Community.Display.V1.FormattedValue": "7"},
            {"importsequencenumber": null, "activityid": "3f2504e0-4f89-11d3-9a0c-0305e82c3302"}
        ]"#;
        let rows: Vec<NumberedRow> = serde_json::from_str(page).unwrap();
        assert_eq!(rows[0].number, Some(7));
        assert_eq!(rows[0].id, Uuid::try_parse("3f2504e0-4f89-11d3-9a0c-0305e82c3301").ok());
        assert_eq!((rows[1].number, rows[1].id.is_some()), (None, true));
    }
}
