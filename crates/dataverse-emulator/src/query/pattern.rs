//! SQL's `like`: `%` for any text, `_` for one character, `[a-z]` and `[^a-z]` for one of several.

/// A pattern, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Exactly(char),
    /// Ranges of characters; negated for `[^…]`.
    Of(Vec<(char, char)>, bool),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            pieces.push(match c {
                '%' => Piece::Any,
                '_' => Piece::One,
                '[' => match class(rest.as_str()) {
                    Some((piece, after)) => {
                        rest = after.chars();
                        piece
                    }
                    None => Piece::Exactly('['),
                },
                other => Piece::Exactly(other),
            });
        }
        Self(pieces)
    }

    /// Whether the whole text fits: linear in the text for each `%`, without recursion.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut piece, mut at) = (0, 0);
        // Where to go on when a later piece does not fit: behind the last `%`, one character further.
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(piece) {
                Some(Piece::Any) => {
                    retry = Some((piece, at));
                    piece += 1;
                }
                Some(wanted) if wanted.fits(text[at]) => {
                    piece += 1;
                    at += 1;
                }
                _ => match retry {
                    Some((any, from)) => {
                        retry = Some((any, from + 1));
                        piece = any + 1;
                        at = from + 1;
                    }
                    None => return false,
                },
            }
        }
        self.0[piece..].iter().all(|piece| *piece == Piece::Any)
    }
}

impl Piece {
    fn fits(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Exactly(wanted) => *wanted == c,
            Self::Of(ranges, negated) => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated
            }
        }
    }
}

/// What stands in brackets, and what follows them; none without a closing one.
fn class(text: &str) -> Option<(Piece, &str)> {
    let (inside, after) = text.split_once(']')?;
    let (inside, negated) = match inside.strip_prefix('^') {
        Some(inside) => (inside, true),
        None => (inside, false),
    };
    let members: Vec<char> = inside.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < members.len() {
        if let Some([from, '-', to]) = members.get(at..at + 3) {
            ranges.push((*from, *to));
            at += 3;
        } else {
            ranges.push((members[at], members[at]));
            at += 1;
        }
    }
    Some((Piece::Of(ranges, negated), after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By recursion, as the definition reads: slow, and right.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            ['_', rest @ ..] => !text.is_empty() && naive(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn wildcards_match_as_their_definition_says(pattern in "[ab%_]{0,8}", text in "[ab]{0,8}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), naive(&p, &t));
        }
    }

    #[test]
    fn patterns_match_as_in_sql() {
        for (pattern, text, expected) in [
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("%b%", "abc", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("abc", "abcd", false),
            ("", "", true),
            ("%", "", true),
            ("_", "", false),
            ("%aab", "aaaab", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("50[%]", "50%", true),
            ("50[%]", "50x", false),
            ("[", "[", true),
            ("ö%", "öffnung", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }
}
