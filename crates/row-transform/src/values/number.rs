//! Numbers as text: from many spellings to one, without ever becoming a float.

use super::text::trim_text;

/// Which character separates the fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalSign {
    /// `1234.5`, nothing between groups: what programs write. The default.
    Plain,
    /// `1,234.5`: point declared, groups allowed.
    Point,
    /// `1.234,5`: comma declared, groups allowed.
    Comma,
}

impl DecimalSign {
    /// From the `decimal` setting of a rule.
    pub fn parse(setting: Option<&str>) -> Option<Self> {
        match setting {
            None => Some(Self::Plain),
            Some(".") => Some(Self::Point),
            Some(",") => Some(Self::Comma),
            Some(_) => None,
        }
    }

    /// The setting that [`DecimalSign::parse`] reads back; `None` for the default.
    pub fn setting(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Point => Some("."),
            Self::Comma => Some(","),
        }
    }
}

/// Digits behind an exponent beyond this are no number of a CRM.
const LARGEST_EXPONENT: i32 = 400;

/// The canonical digits of a number: no group signs, no exponent, no plus, no superfluous zeros, `0` for nothing.
///
/// `None` when the text is no number. Groups are accepted only where the decimal sign was declared, and only as
/// groups of three: a `1,5` read with a decimal point is refused rather than taken for fifteen.
pub fn canonical_number(text: &str, sign: DecimalSign) -> Option<String> {
    let text = trim_text(text);
    let (negative, text) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if exponent.abs() > LARGEST_EXPONENT {
        return None;
    }
    let point = if sign == DecimalSign::Comma { ',' } else { '.' };
    let (whole, fraction) = mantissa.split_once(point).unwrap_or((mantissa, ""));
    let mut digits = match sign {
        DecimalSign::Plain => plain_digits(whole)?,
        DecimalSign::Point => grouped_digits(whole, ',')?,
        DecimalSign::Comma => grouped_digits(whole, '.')?,
    };
    let fraction = plain_digits(fraction)?;
    if digits.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut point_at = i32::try_from(digits.len()).ok()? + exponent;
    digits.push_str(&fraction);
    while point_at < 0 {
        digits.insert(0, '0');
        point_at += 1;
    }
    let point_at = usize::try_from(point_at).ok()?;
    while digits.len() < point_at {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(point_at);
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let mut canonical = String::with_capacity(digits.len() + 2);
    if negative && !(whole.is_empty() && fraction.is_empty()) {
        canonical.push('-');
    }
    canonical.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        canonical.push('.');
        canonical.push_str(fraction);
    }
    Some(canonical)
}

/// Digits behind the point of a canonical number.
pub fn scale_of(canonical: &str) -> usize {
    canonical.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// A canonical number with at most `places` digits behind the point, halves rounded away from zero.
pub fn round_number(canonical: &str, places: usize) -> String {
    let Some((whole, fraction)) = canonical.split_once('.') else { return canonical.to_owned() };
    if fraction.len() <= places {
        return canonical.to_owned();
    }
    let (negative, whole) = whole.strip_prefix('-').map_or((false, whole), |whole| (true, whole));
    let up = fraction.as_bytes()[places] >= b'5';
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes().take(places)).collect();
    let mut carry = up;
    for digit in digits.iter_mut().rev() {
        if !carry {
            break;
        }
        carry = *digit == b'9';
        *digit = if carry { b'0' } else { *digit + 1 };
    }
    if carry {
        digits.insert(0, b'1');
    }
    let point = digits.len() - places;
    let digits: String = digits.into_iter().map(char::from).collect();
    let text = format!("{}{}.{}", if negative { "-" } else { "" }, &digits[..point], &digits[point..]);
    canonical_number(&text, DecimalSign::Plain).unwrap_or(text)
}

fn plain_digits(text: &str) -> Option<String> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.to_owned())
}

fn grouped_digits(text: &str, sign: char) -> Option<String> {
    let is_separator = |c: char| c == sign || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}');
    let mut groups = text.split(is_separator);
    let first = groups.next()?;
    let mut digits = plain_digits(first)?;
    let mut grouped = false;
    for group in groups {
        grouped = true;
        if group.len() != 3 {
            return None;
        }
        digits.push_str(&plain_digits(group)?);
    }
    (!grouped || (1..=3).contains(&first.len())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    #[track_caller]
    fn check(text: &str, sign: DecimalSign, expected: Option<&str>) {
        assert_eq!(canonical_number(text, sign).as_deref(), expected, "{text:?} {sign:?}");
    }

    #[test]
    fn many_spellings_become_one() {
        check("417.0", DecimalSign::Plain, Some("417"));
        check("+007.50", DecimalSign::Plain, Some("7.5"));
        check("-0.00", DecimalSign::Plain, Some("0"));
        check(".5", DecimalSign::Plain, Some("0.5"));
        check("5.", DecimalSign::Plain, Some("5"));
        check("1.25E+3", DecimalSign::Plain, Some("1250"));
        check("1.5e-3", DecimalSign::Plain, Some("0.0015"));
        check("922337203685477.5807", DecimalSign::Plain, Some("922337203685477.5807"));
        check("1.234.567,89", DecimalSign::Comma, Some("1234567.89"));
        check("1\u{a0}234,5", DecimalSign::Comma, Some("1234.5"));
        check("1,234.5", DecimalSign::Point, Some("1234.5"));
    }

    #[test]
    fn what_could_be_misread_is_refused() {
        check("1,5", DecimalSign::Plain, None);
        check("1,234", DecimalSign::Plain, None);
        check("1,5", DecimalSign::Point, None);
        check("1.5", DecimalSign::Comma, None);
        check("1234,567.0", DecimalSign::Point, None);
        check("", DecimalSign::Plain, None);
        check("-", DecimalSign::Plain, None);
        check(".", DecimalSign::Plain, None);
        check("12a", DecimalSign::Plain, None);
        check("1e999999", DecimalSign::Plain, None);
        check("NaN", DecimalSign::Plain, None);
    }

    #[test]
    fn rounding_carries_through_nines() {
        assert_eq!(round_number("9.995", 2), "10");
        assert_eq!(round_number("-9.994", 2), "-9.99");
        assert_eq!(round_number("0.004", 2), "0");
        assert_eq!(round_number("2.5", 0), "3");
        assert_eq!(round_number("12", 2), "12");
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_the_same_number_and_stays_as_it_is(mantissa in any::<i64>(), scale in 0_u32..12) {
            let decimal = Decimal::new(mantissa, scale);
            let canonical = canonical_number(&decimal.to_string(), DecimalSign::Plain).unwrap();
            prop_assert_eq!(Decimal::from_str(&canonical).unwrap(), decimal);
            let again = canonical_number(&canonical, DecimalSign::Plain);
            prop_assert_eq!(again.as_deref(), Some(canonical.as_str()));
        }

        #[test]
        fn a_number_written_with_a_comma_reads_the_same(mantissa in any::<i32>(), scale in 0_u32..6) {
            let point = Decimal::new(i64::from(mantissa), scale).to_string();
            let comma = point.replace('.', ",");
            prop_assert_eq!(canonical_number(&comma, DecimalSign::Comma), canonical_number(&point, DecimalSign::Plain));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".*") {
            for sign in [DecimalSign::Plain, DecimalSign::Point, DecimalSign::Comma] {
                let _ = canonical_number(&text, sign);
            }
        }

        #[test]
        fn rounding_is_that_of_the_decimal_library(mantissa in any::<i32>(), scale in 0_u32..8, places in 0_u32..5) {
            let decimal = Decimal::new(i64::from(mantissa), scale);
            let expected = decimal.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
            let canonical = canonical_number(&decimal.to_string(), DecimalSign::Plain).unwrap();
            let rounded = round_number(&canonical, places as usize);
            prop_assert_eq!(Decimal::from_str(&rounded).unwrap(), expected);
        }
    }
}
