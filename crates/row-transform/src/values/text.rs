//! Texts as the service measures them: in UTF-16 code units.

/// Length in UTF-16 code units, which is how `MaxLength` counts (reference §8).
pub fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// The longest start of `text` that has at most `max` UTF-16 code units and splits no surrogate pair.
pub fn fit_text(text: &str, max: usize) -> &str {
    // A UTF-8 text never has fewer bytes than UTF-16 units.
    if text.len() <= max {
        return text;
    }
    let mut units = 0;
    for (index, character) in text.char_indices() {
        units += character.len_utf16();
        if units > max {
            return &text[..index];
        }
    }
    text
}

/// The text without blanks at both ends: everything with Unicode's `White_Space` property, and the byte order mark.
pub fn trim_text(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

/// Whether the text has a control character that XML 1.0, and with it the service, refuses.
///
/// Tab, line feed and carriage return are welcome; C1 controls are legal in XML and pass.
pub fn has_control_character(text: &str) -> bool {
    let refused = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    text.bytes().any(refused) || text.contains(['\u{fffe}', '\u{ffff}'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_emoji_counts_twice_and_is_never_halved() {
        assert_eq!(utf16_length("a😀"), 3);
        assert_eq!(fit_text("a😀b", 2), "a");
        assert_eq!(fit_text("a😀b", 3), "a😀");
        assert_eq!(fit_text("äöü", 3), "äöü");
    }

    #[test]
    fn blanks_of_all_of_unicode_are_trimmed() {
        assert_eq!(trim_text("\u{a0}\u{3000}\tx y\u{2009}\r\n"), "x y");
        assert_eq!(trim_text("\u{feff}Name"), "Name");
    }

    #[test]
    fn tabs_and_line_breaks_are_no_control_characters_but_a_bell_is() {
        assert!(!has_control_character("a\tb\r\nc"));
        assert!(has_control_character("a\u{7}b"));
        assert!(has_control_character("\0"));
    }

    proptest! {
        #[test]
        fn any_text_fits_after_fitting(text in "\\PC*|.*", max in 0_usize..40) {
            let fitted = fit_text(&text, max);
            prop_assert!(utf16_length(fitted) <= max);
            prop_assert!(text.starts_with(fitted));
        }

        #[test]
        fn fitting_takes_as_much_as_there_is_room_for(text in ".*", max in 0_usize..40) {
            let fitted = fit_text(&text, max);
            if let Some(next) = text[fitted.len()..].chars().next() {
                prop_assert!(utf16_length(fitted) + next.len_utf16() > max);
            }
        }

        #[test]
        fn fitting_never_splits_a_surrogate_pair(text in "[a😀\u{1F1E6}ß]{0,30}", max in 0_usize..40) {
            let units: Vec<u16> = text.encode_utf16().collect();
            let fitted: Vec<u16> = fit_text(&text, max).encode_utf16().collect();
            prop_assert!(units.starts_with(&fitted));
            prop_assert!(String::from_utf16(&fitted).is_ok());
        }
    }
}
