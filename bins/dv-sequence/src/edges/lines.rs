//! Numbers of lines as an editor shows them, and a quote that nothing closes.

/// Counts lines. The reader's own numbers are those of where it stood before it skipped empty lines and the second half of a
/// Windows line end.
pub(super) struct Lines<'t> {
    text: &'t [u8],
    number: u64,
    at: usize,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t [u8]) -> Self {
        Self { text, number: 1, at: 0 }
    }

    /// The line on which the record behind a position begins; positions only ascend.
    pub(super) fn behind(&mut self, position: &csv::Position) -> u64 {
        let before = usize::try_from(position.byte()).unwrap_or(usize::MAX).clamp(self.at, self.text.len());
        let skipped = self.text[before..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        self.at(before + skipped)
    }

    /// The line of a position.
    pub(super) fn at(&mut self, position: usize) -> u64 {
        let mut bytes = self.text[self.at..position].iter().peekable();
        while let Some(byte) = bytes.next() {
            // A line ends with \n, with \r\n or, on old machines, with \r.
            let is_end = *byte == b'\n' || (*byte == b'\r' && bytes.peek() != Some(&&b'\n'));
            self.number += u64::from(is_end);
        }
        self.at = position;
        self.number
    }
}

/// A quote that nothing closes swallows all that follows.
pub(super) struct Unclosed {
    /// Where its record begins.
    pub(super) record: usize,
    /// Where it opens.
    pub(super) quote: usize,
}

/// The quote that is still open at the end, by the rules of the reader: it opens at the start of a value, and a doubled one is a sign.
pub(super) fn unclosed(text: &[u8]) -> Option<Unclosed> {
    let (mut record, mut opened, mut starts_value) = (0, None, true);
    let mut bytes = text.iter().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match (byte, opened) {
            (b'"', Some(_)) if bytes.next_if(|(_, next)| **next == b'"').is_none() => {
                (opened, starts_value) = (None, false);
            }
            (_, Some(_)) => {}
            (b'"', None) if starts_value => opened = Some(at),
            (b'\n' | b'\r', None) => (record, starts_value) = (at + 1, true),
            (byte, None) => starts_value = *byte == b',',
        }
    }
    opened.map(|quote| Unclosed { record, quote })
}
