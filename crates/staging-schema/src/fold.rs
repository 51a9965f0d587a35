//! How Dataverse compares the texts of an alternate key, so that staged keys can be told apart as it tells them apart.

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;

/// The function of SQL that folds a text as [`fold_key`] does: `dv_key(text, accents)`. SQLite borrows it from the store; SQL
/// Server compares by a collation.
pub const KEY_FUNCTION: &str = "dv_key";

/// Whether accents tell two keys apart. That follows from the collation of the environment's database, which nobody can ask
/// for; most ignore them (reference §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Accents {
    /// `Jose` and `José` are one key.
    #[default]
    Ignored,
    /// They are two.
    Distinguished,
}

impl Accents {
    /// The argument of [`KEY_FUNCTION`].
    pub const fn as_integer(self) -> i64 {
        match self {
            Self::Ignored => 0,
            Self::Distinguished => 1,
        }
    }
}

/// What two keys have in common that Dataverse takes for the same: neither case, width nor blanks at the end tell keys apart,
/// accents perhaps.
///
/// ```
/// use staging_schema::{Accents, fold_key};
///
/// assert_eq!(fold_key("José ", Accents::Ignored), fold_key("JOSE", Accents::Ignored));
/// assert_ne!(fold_key("José", Accents::Distinguished), fold_key("jose", Accents::Distinguished));
/// ```
pub fn fold_key(text: &str, accents: Accents) -> String {
    if text.is_ascii() {
        return text.trim_end_matches(' ').to_ascii_lowercase();
    }
    let decompose = DecomposingNormalizerBorrowed::new_nfkd();
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let mut folded = String::with_capacity(text.len());
    for character in decompose.normalize_iter(text.chars()) {
        if accents == Accents::Ignored && classes.get_u8(character) != 0 {
            continue;
        }
        match character {
            // Invisible: soft hyphen, joiners, marks of direction and of byte order.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => {}
            'ß' | 'ẞ' => folded.push_str("ss"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'þ' | 'Þ' => folded.push_str("th"),
            'ς' => folded.push('σ'),
            // Katakana as hiragana.
            '\u{30a1}'..='\u{30f6}' => {
                folded.extend(char::from_u32(u32::from(character) - 0x60));
            }
            other => folded.extend(other.to_lowercase()),
        }
    }
    folded.truncate(folded.trim_end_matches(' ').len());
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, accents: Accents, are_one: bool) {
        assert_eq!(fold_key(one, accents) == fold_key(other, accents), are_one, "{one:?} and {other:?}");
    }

    #[test]
    fn case_width_and_blanks_at_the_end_tell_no_keys_apart_and_accents_perhaps() {
        for accents in [Accents::Ignored, Accents::Distinguished] {
            check("abc", "ABC", accents, true);
            check("abc", "abc  ", accents, true);
            check("ＡＢ１", "ab1", accents, true);
            check("Straße", "STRASSE", accents, true);
            check("ΣΑΣ", "σας", accents, true);
            // Written with one character or with two.
            check("Jos\u{e9}", "JOSE\u{301}", accents, true);
            check("abc", " abc", accents, false);
            check("a-b", "ab", accents, false);
            check("a\tb", "ab", accents, false);
            check("Ø1", "O1", accents, false);
        }
        check("José", "Jose", Accents::Ignored, true);
        check("José", "Jose", Accents::Distinguished, false);
    }

    proptest! {
        #[test]
        fn folding_once_is_enough(text in any::<String>(), is_ignored in any::<bool>()) {
            let accents = if is_ignored { Accents::Ignored } else { Accents::Distinguished };
            let once = fold_key(&text, accents);
            prop_assert_eq!(fold_key(&once, accents), once);
        }

        #[test]
        fn neither_case_nor_blanks_at_the_end_matter(text in "[A-Za-z0-9À-ÖØ-öø-ÿ -]{0,12}", blanks in " {0,3}") {
            for accents in [Accents::Ignored, Accents::Distinguished] {
                let folded = fold_key(&text, accents);
                prop_assert_eq!(&fold_key(&text.to_uppercase(), accents), &folded);
                prop_assert_eq!(&fold_key(&text.to_lowercase(), accents), &folded);
                prop_assert_eq!(&fold_key(&format!("{text}{blanks}"), accents), &folded);
            }
        }

        #[test]
        fn who_distinguishes_accents_distinguishes_no_less(one in "[aAáÁàeEéb ]{0,4}", other in "[aAáÁàeEéb ]{0,4}") {
            if fold_key(&one, Accents::Distinguished) == fold_key(&other, Accents::Distinguished) {
                prop_assert_eq!(fold_key(&one, Accents::Ignored), fold_key(&other, Accents::Ignored));
            }
        }
    }
}
