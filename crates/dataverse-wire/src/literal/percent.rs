//! Percent-encoding of what stands in paths and query values.

/// Encodes everything but unreserved characters and those that are harmless in paths and query values and make OData
/// readable: `' ( ) , $ = @ ; :`.
///
/// What comes out can stand in a path segment and in a query value alike.
pub fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        let stays = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'_' | b'~' | b'\'' | b'(' | b')' | b',' | b'$' | b'=' | b'@' | b';' | b':'
            );
        if stays {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// Decodes `%XX`; a percent sign that starts no such pair stays as it is. None if the outcome is no UTF-8.
///
/// `+` stays `+`: form encoding is the business of whoever splits a query.
pub fn decode(text: &str) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let pair = (digit(bytes.get(position + 1)), digit(bytes.get(position + 2)));
        if let (b'%', (Some(high), Some(low))) = (byte, pair) {
            decoded.push(u8::try_from(high * 16 + low).ok()?);
            position += 3;
        } else {
            decoded.push(byte);
            position += 1;
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_url_is_encoded() {
        assert_eq!(encode("a b&c#d+e%f/g?h\"ü"), "a%20b%26c%23d%2Be%25f%2Fg%3Fh%22%C3%BC");
        assert_eq!(encode("name eq 'x'"), "name%20eq%20'x'");
    }

    #[test]
    fn broken_escapes_stay_and_broken_utf8_is_refused() {
        assert_eq!(decode("100%").as_deref(), Some("100%"));
        assert_eq!(decode("%zz%41").as_deref(), Some("%zzA"));
        assert_eq!(decode("%ff"), None);
    }
}
