//! Dates as the service keeps them: UTC, whole seconds.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use crate::Error;

/// Rewrites a date-time as the service stores and returns it: UTC, seconds cut off after the point, `Z`.
///
/// A text without offset is taken as UTC (reference §8.1); a bare date is midnight.
///
/// ```
/// use dataverse_wire::literal::normalise_date_time;
/// assert_eq!(normalise_date_time("2021-04-04T12:00:00.75-08:00")?, "2021-04-04T20:00:00Z");
/// assert_eq!(normalise_date_time("2021-04-04")?, "2021-04-04T00:00:00Z");
/// # Ok::<(), dataverse_wire::Error>(())
/// ```
///
/// # Errors
/// [`Error::Literal`] for anything that is no date-time.
pub fn normalise_date_time(text: &str) -> Result<String, Error> {
    if is_normal(text.as_bytes()) {
        return text.parse::<Timestamp>().map(|_| text.to_owned()).map_err(|_| unreadable("date-time", text));
    }
    let instant = text
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>()?.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()))
        .map_err(|_| unreadable("date-time", text))?;
    // Towards the past for instants before 1970 as well: 23:59:59.9 stays in its second.
    let whole = jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor);
    let instant = instant.round(whole).map_err(|_| unreadable("date-time", text))?;
    Ok(instant.to_string())
}

/// Rewrites a date, or the date of a date-time as it is written, as `YYYY-MM-DD`.
///
/// # Errors
/// [`Error::Literal`] for anything that does not start with a date.
pub fn normalise_date(text: &str) -> Result<String, Error> {
    let date: Date = match text.parse::<Date>() {
        Ok(date) => date,
        Err(_) => text.get(..10).unwrap_or(text).parse().map_err(|_| unreadable("date", text))?,
    };
    Ok(date.to_string())
}

fn is_normal(text: &[u8]) -> bool {
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    text.len() == 20 && separators.iter().all(|&(at, separator)| text[at] == separator)
}

fn unreadable(what: &'static str, text: &str) -> Error {
    Error::Literal { what, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_times_become_whole_utc_seconds() {
        for (given, normal) in [
            ("2021-04-04T20:00:00Z", "2021-04-04T20:00:00Z"),
            ("2021-04-04T20:00:00.9999999Z", "2021-04-04T20:00:00Z"),
            ("1950-01-01T00:00:00.5Z", "1950-01-01T00:00:00Z"),
            ("2021-04-04T20:00:00", "2021-04-04T20:00:00Z"),
            ("2021-04-04T20:00:00.000+0000", "2021-04-04T20:00:00Z"),
            ("2021-12-31T23:30:00-01:00", "2022-01-01T00:30:00Z"),
        ] {
            assert_eq!(normalise_date_time(given).unwrap(), normal, "{given}");
        }
        for bad in ["", "yesterday", "2021-02-30T00:00:00Z", "2021-13-01T00:00:00Z", "2021-01-01T25:00:00Z"] {
            assert!(normalise_date_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_date_is_taken_as_written() {
        assert_eq!(normalise_date("2021-04-04").unwrap(), "2021-04-04");
        assert_eq!(normalise_date("2021-04-04T23:00:00-08:00").unwrap(), "2021-04-04");
        assert!(normalise_date("04/04/2021").is_err());
    }
}
