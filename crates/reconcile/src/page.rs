//! Reading a page of rows without losing a digit.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of an OData collection, its values kept as the JSON text that arrived: a double in between would cost digits of money.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    pub(crate) value: Vec<ReadRow<'a>>,
}

/// One row read back.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ReadRow<'a> {
    #[serde(borrow)]
    properties: HashMap<Cow<'a, str>, &'a RawValue>,
}

impl ReadRow<'_> {
    /// The JSON text of a property; what is absent reads as null.
    pub(crate) fn json(&self, property: &str) -> &str {
        self.properties.get(property).map_or("null", |value| value.get())
    }

    /// A property's text, lower-cased as GUIDs are staged.
    pub(crate) fn guid(&self, property: &str) -> Option<String> {
        crate::rule::json_text(self.json(property)).map(|text| text.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_absent_properties_are_null() {
        let page: Page<'_> = serde_json::from_str(
            r#"{"@odata.context":"x","value":[{"id":"AB","money":922337203685477.5807}]}"#,
        )
        .unwrap();
        let row = &page.value[0];
        assert_eq!(row.json("money"), "922337203685477.5807");
        assert_eq!(row.guid("id").as_deref(), Some("ab"));
        assert_eq!(row.json("nothing"), "null");
    }
}
