//! The body of a bulk message.

use super::Row;

/// Writes rows into `{"Targets":[…]}`, each with the `@odata.type` that bulk messages demand (reference §4.1).
#[derive(Debug)]
pub struct TargetsWriter {
    buffer: Vec<u8>,
    /// What every row starts with, without the brace: the type of the table.
    opening: Vec<u8>,
    row_count: usize,
    last_start: usize,
}

const START: &[u8] = b"{\"Targets\":[";

impl TargetsWriter {
    /// A body for rows of `table`.
    pub fn new(table: &str) -> Self {
        Self::with_capacity(table, 0)
    }

    /// As [`Self::new`], with room for this many bytes: the size of the batch before.
    pub fn with_capacity(table: &str, bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(bytes.max(START.len()));
        buffer.extend_from_slice(START);
        let mut opening = Vec::new();
        Row::continuing(&mut opening, true).odata_type(table);
        Self { last_start: buffer.len(), buffer, opening, row_count: 0 }
    }

    /// The next row. It ends when the next one starts or the body is finished.
    pub fn row(&mut self) -> Row<'_> {
        self.last_start = self.buffer.len();
        self.buffer.extend_from_slice(if self.row_count == 0 { b"{" } else { b"},{" });
        self.buffer.extend_from_slice(&self.opening);
        self.row_count += 1;
        Row::continuing(&mut self.buffer, false)
    }

    /// Takes the last row back, for a caller who finds while writing that it must not go out, or that it would make
    /// the body too large. Nothing happens without a row, or the second time in a row.
    pub fn discard_last(&mut self) {
        if self.buffer.len() > self.last_start {
            self.buffer.truncate(self.last_start);
            self.row_count -= 1;
        }
    }

    /// Rows so far.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Bytes so far, without the ending.
    pub fn byte_count(&self) -> usize {
        self.buffer.len()
    }

    /// The JSON text.
    pub fn finish(mut self) -> Vec<u8> {
        self.buffer.extend_from_slice(if self.row_count == 0 { b"]}" } else { b"}]}" });
        self.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RowWriter, is_json_number};
    use super::*;
    use uuid::Uuid;

    const ID: Uuid = Uuid::from_u128(0x1111_1111_1111_1111_1111_1111_1111_1111);

    #[test]
    fn every_kind_of_value_has_its_json_form() {
        let mut targets = TargetsWriter::new("task");
        let mut row = targets.row();
        row.text("subject", "a\"b\\c\n\u{1}ü😀")
            .integer("n", i64::MIN)
            .number("m", "-1.50")
            .number("bad", "1,5");
        row.double("d", 0.1).double("nan", f64::NAN).boolean("b", true).null("c").guid("activityid", &ID);
        row.bind("ownerid", "teams", &ID).unbind("x").bind_reference("y", "$1").raw("k", "[1]");
        row.array("task_activity_parties", |parties| {
            parties.item().bind("partyid_contact", "contacts", &ID).integer("participationtypemask", 2);
            parties.item().text("addressused", "x@y");
        });
        row.object("nested", |inner| {
            inner.array("none", |_| {});
        });
        row.end();
        targets.row().odata_id("tasks(a='1')");
        let body = String::from_utf8(targets.finish()).unwrap();
        let id = ID.to_string();
        let expected = format!(
            r#"{{"Targets":[{{"@odata.type":"Microsoft.Dynamics.CRM.task","subject":"a\"b\\c\n\u0001ü😀","n":-9223372036854775808,"m":-1.50,"bad":"1,5","d":0.1,"nan":"NaN","b":true,"c":null,"activityid":"{id}","ownerid@odata.bind":"/teams({id})","x@odata.bind":null,"y@odata.bind":"$1","k":[1],"task_activity_parties":[{{"partyid_contact@odata.bind":"/contacts({id})","participationtypemask":2}},{{"addressused":"x@y"}}],"nested":{{"none":[]}}}},{{"@odata.type":"Microsoft.Dynamics.CRM.task","@odata.id":"tasks(a='1')"}}]}}"#
        );
        assert_eq!(body, expected);
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
    }

    #[test]
    fn a_row_can_be_taken_back() {
        let mut targets = TargetsWriter::new("lead");
        targets.discard_last();
        targets.row().text("a", "1");
        let before = targets.byte_count();
        targets.row().text("a", "2");
        targets.discard_last();
        targets.discard_last();
        assert_eq!((targets.row_count(), targets.byte_count()), (1, before));
        targets.row().text("a", "3");
        let body: serde_json::Value = serde_json::from_slice(&targets.finish()).unwrap();
        assert_eq!(body["Targets"][1]["a"], "3");
        assert_eq!(TargetsWriter::new("lead").finish(), br#"{"Targets":[]}"#);
        assert_eq!(RowWriter::default().finish(), b"{}");
    }

    #[test]
    fn numbers_are_those_of_json() {
        for good in ["0", "-0", "12", "1.50", "-0.001", "1e9", "1E-9", "922337203685477.5807"] {
            assert!(is_json_number(good), "{good}");
        }
        for bad in ["", "-", "+1", ".5", "1.", "01", "1,5", "NaN", "1e", "1e+", " 1", "1 ", "0x1", "1.5.2"] {
            assert!(!is_json_number(bad), "{bad}");
        }
    }
}
