//! Dates and times: whole seconds and whole days since 1970, read and written without ceremony.

/// 1753-01-01T00:00:00Z, the earliest instant that the service's database holds.
pub(crate) const EARLIEST: i64 = -6_847_804_800;
/// 9999-12-31T23:59:59Z.
pub(crate) const LATEST: i64 = 253_402_300_799;

/// What a text said about a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParsedInstant {
    /// Seconds since 1970; fractions are cut off.
    pub(crate) seconds: i64,
    /// It named its offset from UTC (or `Z`).
    pub(crate) has_offset: bool,
}

/// Days since 1970 of a civil date (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let mut value = 0;
    for byte in bytes {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}

/// `2021-04-04` as days since 1970.
pub(crate) fn parse_day(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..])?);
    let days = days_from_civil(year, month, day);
    // Whatever does not come back was no date: 2021-02-30.
    (year >= 1 && (1..=12).contains(&month) && civil_from_days(days) == (year, month, day)).then_some(days)
}

/// `2021-04-04T20:00:00Z`, with fraction, with an offset, or with neither.
pub(crate) fn parse_instant(text: &str) -> Option<ParsedInstant> {
    if text.len() == 10 {
        return parse_day(text).map(|day| ParsedInstant { seconds: day * 86_400, has_offset: false });
    }
    let (date, rest) = text.split_at_checked(10)?;
    let days = parse_day(date)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (clock, fraction) =
        clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    if let Some(fraction) = fraction {
        digits(fraction.as_bytes()).filter(|_| !fraction.is_empty() && fraction.len() <= 12)?;
    }
    let clock = clock.as_bytes();
    let (hour, minute, second) = match clock.len() {
        5 if clock[2] == b':' => (digits(&clock[..2])?, digits(&clock[3..])?, 0),
        8 if clock[2] == b':' && clock[5] == b':' => {
            (digits(&clock[..2])?, digits(&clock[3..5])?, digits(&clock[6..])?)
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = digits(&[*h1, *h2])? * 60 + digits(&[*m1, *m2])?;
            if minutes > 14 * 60 {
                return None;
            }
            if *sign == b'-' { -minutes * 60 } else { minutes * 60 }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(ParsedInstant { seconds, has_offset: !zone.is_empty() })
}

/// Appends `2021-04-04`.
pub(crate) fn format_day(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    four(year, out);
    out.push(b'-');
    two(month, out);
    out.push(b'-');
    two(day, out);
}

/// Appends `2021-04-04T20:00:00Z`.
pub(crate) fn format_instant(seconds: i64, out: &mut Vec<u8>) {
    let time = seconds.rem_euclid(86_400);
    format_day(seconds.div_euclid(86_400), out);
    out.push(b'T');
    two(time / 3_600, out);
    out.push(b':');
    two(time / 60 % 60, out);
    out.push(b':');
    two(time % 60, out);
    out.push(b'Z');
}

fn two(value: i64, out: &mut Vec<u8>) {
    let value = u8::try_from(value.clamp(0, 99)).unwrap_or_default();
    out.push(b'0' + value / 10);
    out.push(b'0' + value % 10);
}

fn four(value: i64, out: &mut Vec<u8>) {
    let value = value.clamp(0, 9_999);
    two(value / 100, out);
    two(value % 100, out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(seconds: i64) -> String {
        let mut out = Vec::new();
        format_instant(seconds, &mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn every_second_from_1753_to_9999_comes_back(seconds in EARLIEST..=LATEST) {
            let text = written(seconds);
            prop_assert_eq!(parse_instant(&text), Some(ParsedInstant { seconds, has_offset: true }));
            let other: jiff::Timestamp = text.parse().unwrap();
            prop_assert_eq!(other.as_second(), seconds);
        }
    }

    #[test]
    fn offsets_are_taken_into_account_and_fractions_cut() {
        assert_eq!(parse_instant("2021-04-04T12:00:00-08:00"), parse_instant("2021-04-04T20:00:00Z"));
        assert_eq!(parse_instant("2021-04-04T20:00:00.9999999Z"), parse_instant("2021-04-04T20:00:00Z"));
        assert_eq!(
            parse_instant("2021-04-04T20:00").map(|instant| instant.has_offset),
            Some(false),
            "seconds and offset may be left out"
        );
    }

    #[test]
    fn the_edges_of_the_range_are_named_right() {
        assert_eq!(written(EARLIEST), "1753-01-01T00:00:00Z");
        assert_eq!(written(LATEST), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "2021-02-30",
            "2021-13-01",
            "21-01-01",
            "2021-01-01T25:00:00Z",
            "4/5/2019",
            "",
            "2021-01-01T10:00:00+0100",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }
}
