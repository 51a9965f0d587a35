//! How wide texts are in `DejaVu Sans`, the widest of the fonts that browsers and converters fall back to.

/// Size of most texts in the picture.
pub(super) const TEXT: f64 = 11.0;
/// Bold letters are wider by about this factor.
const BOLD: f64 = 1.12;

/// The width of a text of [`TEXT`] size.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(letter).sum::<f64>() * TEXT
}

/// The width of a bold text of [`TEXT`] size.
pub(super) fn bold_width(text: &str) -> f64 {
    width(text) * BOLD
}

/// The first `longest` letters at most; what is cut ends in "…".
pub(super) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

/// Parts of the size.
fn letter(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '\'' => 0.28,
        ' ' | '.' | ',' | ':' | ';' | '·' | '|' | '/' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '-' | '[' | ']' => 0.42,
        's' | 'c' | 'z' | '_' => 0.56,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.99,
        'a'..='z' | '0'..='9' => 0.64,
        'A'..='Z' => 0.79,
        '→' | '↻' => 0.84,
        // Of other scripts most letters fit a square.
        _ => 1.0,
    }
}
