//! The columns of one row, written into a buffer.

use uuid::Uuid;

/// A row of a bulk message, see [`super::TargetsWriter::row`].
pub type Row<'a> = Fields<&'a mut Vec<u8>>;

/// The body of a single create or update.
///
/// ```
/// use dataverse_wire::write::RowWriter;
/// let mut body = RowWriter::new();
/// body.text("name", "Contoso").integer("numberofemployees", 7);
/// assert_eq!(body.finish(), br#"{"name":"Contoso","numberofemployees":7}"#);
/// ```
pub type RowWriter = Fields<Vec<u8>>;

/// Writes name and value pairs of one JSON object. Names are written once per call: a column given twice is there
/// twice, and the service refuses it.
#[derive(Debug)]
pub struct Fields<B> {
    buffer: B,
    is_empty: bool,
}

impl RowWriter {
    /// An empty row.
    pub fn new() -> Self {
        Self { buffer: vec![b'{'], is_empty: true }
    }

    /// The JSON text.
    pub fn finish(mut self) -> Vec<u8> {
        self.buffer.push(b'}');
        self.buffer
    }
}

impl From<RowWriter> for bytes::Bytes {
    fn from(row: RowWriter) -> Self {
        row.finish().into()
    }
}

impl Default for RowWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Row<'a> {
    pub(super) fn continuing(buffer: &'a mut Vec<u8>, is_empty: bool) -> Self {
        Self { buffer, is_empty }
    }

    /// Ends the row; the same as letting it go, for those who like to see it.
    pub fn end(self) {}
}

impl<B: AsMut<Vec<u8>>> Fields<B> {
    fn name(&mut self, name: &str, suffix: &str) -> &mut Vec<u8> {
        let buffer = self.buffer.as_mut();
        write_name(buffer, self.is_empty, name, suffix);
        self.is_empty = false;
        buffer
    }

    /// Pairs that are JSON already.
    pub(super) fn splice(&mut self, pairs: &[u8]) {
        if pairs.is_empty() {
            return;
        }
        let buffer = self.buffer.as_mut();
        if !self.is_empty {
            buffer.push(b',');
        }
        buffer.extend_from_slice(pairs);
        self.is_empty = false;
    }

    /// Text.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        write_text(self.name(name, ""), value);
        self
    }

    /// An integer, an option, a state.
    pub fn integer(&mut self, name: &str, value: i64) -> &mut Self {
        write_integer(self.name(name, ""), value);
        self
    }

    /// A decimal or money value, digits as given.
    ///
    /// Text that is no JSON number is written as a text: the service then refuses this row, and nothing is made up.
    pub fn number(&mut self, name: &str, digits: &str) -> &mut Self {
        let buffer = self.name(name, "");
        if is_json_number(digits) {
            buffer.extend_from_slice(digits.as_bytes());
        } else {
            write_text(buffer, digits);
        }
        self
    }

    /// A floating point value in its shortest form that reads back the same.
    ///
    /// Infinite values and NaN have no JSON form; they are written as text, which the service refuses.
    pub fn double(&mut self, name: &str, value: f64) -> &mut Self {
        let buffer = self.name(name, "");
        if value.is_finite() {
            write_json(buffer, &value);
        } else {
            write_text(buffer, &value.to_string());
        }
        self
    }

    /// Yes or no.
    pub fn boolean(&mut self, name: &str, value: bool) -> &mut Self {
        self.name(name, "").extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    /// Nothing: clears the column. Lookups are cleared by [`Self::unbind`].
    pub fn null(&mut self, name: &str) -> &mut Self {
        self.name(name, "").extend_from_slice(b"null");
        self
    }

    /// A GUID, such as the primary key.
    pub fn guid(&mut self, name: &str, value: &Uuid) -> &mut Self {
        let buffer = self.name(name, "");
        buffer.push(b'"');
        write_guid(buffer, value);
        buffer.push(b'"');
        self
    }

    /// Points a lookup to a row: `"navigation@odata.bind":"/contacts(…)"` (reference §2.7).
    pub fn bind(&mut self, navigation: &str, entity_set: &str, id: &Uuid) -> &mut Self {
        let buffer = self.name(navigation, "@odata.bind");
        buffer.extend_from_slice(b"\"/");
        write_escaped(buffer, entity_set);
        buffer.push(b'(');
        write_guid(buffer, id);
        buffer.extend_from_slice(b")\"");
        self
    }

    /// Points a lookup to a row named otherwise: by alternate key, or `$1` inside a change set.
    pub fn bind_reference(&mut self, navigation: &str, reference: &str) -> &mut Self {
        write_text(self.name(navigation, "@odata.bind"), reference);
        self
    }

    /// Clears a lookup.
    pub fn unbind(&mut self, navigation: &str) -> &mut Self {
        self.name(navigation, "@odata.bind").extend_from_slice(b"null");
        self
    }

    /// Names the row itself by key, as `UpsertMultiple` wants it: `"@odata.id":"accounts(accountnumber='A1')"`.
    pub fn odata_id(&mut self, reference: &str) -> &mut Self {
        write_text(self.name("@odata.id", ""), reference);
        self
    }

    /// Names the table of this object where the service cannot know it.
    pub fn odata_type(&mut self, table: &str) -> &mut Self {
        let buffer = self.name("@odata.type", "");
        buffer.extend_from_slice(b"\"Microsoft.Dynamics.CRM.");
        write_escaped(buffer, table);
        buffer.push(b'"');
        self
    }

    /// A JSON column of an elastic table, which holds a document as text (reference §10).
    pub fn json(&mut self, name: &str, document: &serde_json::Value) -> &mut Self {
        write_text(self.name(name, ""), &document.to_string());
        self
    }

    /// JSON as it is; the caller answers for it.
    pub fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.name(name, "").extend_from_slice(json.as_bytes());
        self
    }

    /// An object inside this one: a deep insert, a parameter of an action.
    pub fn object(&mut self, name: &str, write: impl FnOnce(&mut Row<'_>)) -> &mut Self {
        let buffer = self.name(name, "");
        buffer.push(b'{');
        write(&mut Row { buffer, is_empty: true });
        buffer.push(b'}');
        self
    }

    /// An array of objects: the parties of an activity, a deep insert of many rows.
    pub fn array(&mut self, name: &str, write: impl FnOnce(&mut Items<'_>)) -> &mut Self {
        let buffer = self.name(name, "");
        buffer.push(b'[');
        let mut items = Items { buffer, count: 0 };
        write(&mut items);
        let has_items = items.count > 0;
        if has_items {
            buffer.push(b'}');
        }
        buffer.push(b']');
        self
    }
}

/// The objects of an array, see [`Fields::array`].
#[derive(Debug)]
pub struct Items<'a> {
    buffer: &'a mut Vec<u8>,
    count: usize,
}

impl Items<'_> {
    /// The next object.
    pub fn item(&mut self) -> Row<'_> {
        self.buffer.extend_from_slice(if self.count == 0 { b"{" } else { b"},{" });
        self.count += 1;
        Row { buffer: self.buffer, is_empty: true }
    }
}

/// The text is a number as JSON writes it: `-12.50`, `1e9`; not `+1`, `.5`, `01`, `NaN`.
pub fn is_json_number(text: &str) -> bool {
    fn digits(bytes: &[u8]) -> (usize, &[u8]) {
        let count = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        (count, &bytes[count..])
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let (whole, mut rest) = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
        return false;
    }
    if let [b'.', after @ ..] = rest {
        let (count, left) = digits(after);
        if count == 0 {
            return false;
        }
        rest = left;
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let after = match after {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            other => other,
        };
        let (count, left) = digits(after);
        if count == 0 {
            return false;
        }
        rest = left;
    }
    rest.is_empty()
}

fn write_name(buffer: &mut Vec<u8>, is_first: bool, name: &str, suffix: &str) {
    buffer.reserve(name.len() + suffix.len() + 4);
    buffer.extend_from_slice(if is_first { b"\"" } else { b",\"" });
    write_escaped(buffer, name);
    buffer.extend_from_slice(suffix.as_bytes());
    buffer.extend_from_slice(b"\":");
}

fn write_text(buffer: &mut Vec<u8>, text: &str) {
    buffer.reserve(text.len() + 2);
    buffer.push(b'"');
    write_escaped(buffer, text);
    buffer.push(b'"');
}

/// For every byte: 0 if it stands for itself in a JSON text.
const ESCAPED: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Some byte of the eight must be escaped: below a blank, a quote or a backslash. May say so of text beyond ASCII that
/// need not be, which the slower look then finds out.
fn may_need_escape(eight: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const BLANK: u64 = 0x20;
    const QUOTE: u64 = 0x22;
    const BACKSLASH: u64 = 0x5c;
    let word = u64::from_ne_bytes(eight);
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let is_control = word.wrapping_sub(ONES * BLANK) & !word & HIGHS;
    let is_quote = has_zero(word ^ (ONES * QUOTE));
    let is_backslash = has_zero(word ^ (ONES * BACKSLASH));
    (is_control | is_quote | is_backslash) != 0
}

fn write_escaped(buffer: &mut Vec<u8>, text: &str) {
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    let is_plain = !chunks.iter().any(|chunk| may_need_escape(*chunk))
        && rest.iter().all(|byte| ESCAPED[usize::from(*byte)] == 0);
    if is_plain {
        buffer.extend_from_slice(text.as_bytes());
    } else {
        write_with_escapes(buffer, text);
    }
}

fn write_with_escapes(buffer: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (position, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPED[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        buffer.extend_from_slice(&bytes[copied..position]);
        copied = position + 1;
        if escape == b'u' {
            let low = usize::from(byte);
            buffer.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[low >> 4], HEX[low & 15]]);
        } else {
            buffer.extend_from_slice(&[b'\\', escape]);
        }
    }
    buffer.extend_from_slice(&bytes[copied..]);
}

fn write_guid(buffer: &mut Vec<u8>, id: &Uuid) {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    buffer.extend_from_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
}

fn write_integer(buffer: &mut Vec<u8>, value: i64) {
    write_json(buffer, &value);
}

fn write_json<T: serde::Serialize>(buffer: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(buffer, value).expect("numbers are written to memory, which does not fail");
}
