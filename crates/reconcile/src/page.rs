//! Reading a page of rows without losing a digit.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A page of an OData collection, its values kept as the JSON text that arrived: a double in between would cost digits of money.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    pub(crate) value: Vec<ReadRow<'a>>,
}

/// One row read back: its properties in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct ReadRow<'a> {
    properties: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ReadRow<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Properties;
        impl<'de> Visitor<'de> for Properties {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut properties = Vec::new();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    if name.0.contains('@') {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        properties.push((name.0, map.next_value()?));
                    }
                }
                Ok(properties)
            }
        }
        Ok(Self { properties: deserializer.deserialize_map(Properties)? })
    }
}

/// A property's name, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl ReadRow<'_> {
    /// The JSON text of a property; what is absent reads as null.
    pub(crate) fn json(&self, property: &str) -> &str {
        self.json_near(property, &mut 0)
    }

    /// The same, looking first at `next`, which is then the place after the one found: properties that are asked for in the
    /// order in which they came are found at once.
    pub(crate) fn json_near(&self, property: &str, next: &mut usize) -> &str {
        let count = self.properties.len();
        let found =
            (0..count).map(|step| (*next + step) % count).find(|&at| self.properties[at].0 == property);
        let Some(at) = found else { return "null" };
        *next = at + 1;
        self.properties[at].1.get()
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
        assert_eq!(row.json_near("id", &mut 2), "\"AB\"", "from any place");
        assert_eq!(row.guid("id").as_deref(), Some("ab"));
        assert_eq!(row.json("nothing"), "null");
    }
}
