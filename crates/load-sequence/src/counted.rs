//! Counts as people write them: thousands separated, with a noun that agrees.

/// A count with its noun: `counted(1_500, "row", "rows")` is "1,500 rows".
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A count with thousands separated.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 row", "1,500 rows".
pub(crate) fn rows(number: u64) -> String {
    counted(number, "row", "rows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_agree_and_thousands_are_separated() {
        let texts = [0, 1, 2, 999, 1_000, 1_234_567].map(rows);
        assert_eq!(texts, ["0 rows", "1 row", "2 rows", "999 rows", "1,000 rows", "1,234,567 rows"]);
    }
}
