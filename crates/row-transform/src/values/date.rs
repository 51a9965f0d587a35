//! Dates: from a source's formats and zones to the two staged forms.

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::fmt::temporal::{DateTimeParser, Pieces, PiecesOffset};
use jiff::tz::{Offset, TimeZone};

/// What the staged text of a date column stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateForm {
    /// A point in time, `2024-01-22T14:49:34Z` (behaviour `UserLocal`).
    Instant,
    /// A day, `2024-01-22` (behaviour `DateOnly`).
    Day,
    /// A time on the wall, written as if it were UTC (behaviour `TimeZoneIndependent`).
    Wall,
}

impl DateForm {
    /// A word for SQL calls; [`DateForm::from_word`] reads it back.
    pub fn word(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Day => "day",
            Self::Wall => "wall",
        }
    }

    /// The form that [`DateForm::word`] wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Instant, Self::Day, Self::Wall].into_iter().find(|form| form.word() == word)
    }
}

/// Reads the dates of one column.
///
/// With an empty list of formats it reads ISO 8601 and RFC 3339 (`2024-01-22`, `2024-01-22 14:49`,
/// `2024-01-22T14:49:34.000+0000`). Fractions of seconds are dropped, since the service keeps none (reference §8.1).
#[derive(Clone, Debug)]
pub struct DateReader {
    formats: Vec<String>,
    zone: Option<TimeZone>,
    form: DateForm,
}

/// What a text says: a wall time and, where it says so, its offset.
struct Reading {
    wall: DateTime,
    offset: Option<Offset>,
}

impl DateReader {
    /// A reader for these `strftime` formats, this zone for texts without offset, and this staged form.
    ///
    /// # Errors
    /// The zone is not in the time zone database, or a format cannot be understood.
    pub fn new(formats: &[String], zone: Option<&str>, form: DateForm) -> Result<Self, String> {
        let zone = match zone {
            Some(name) => Some(TimeZone::get(name).map_err(|_| format!("there is no time zone {name:?}"))?),
            None => None,
        };
        let probe = jiff::civil::datetime(2001, 2, 3, 4, 5, 6, 0).to_zoned(TimeZone::UTC);
        let probe = probe.map_err(|error| error.to_string())?;
        for format in formats {
            let written = jiff::fmt::strtime::format(format, &probe)
                .map_err(|error| format!("the date format {format:?} cannot be understood: {error}"))?;
            let read = BrokenDownTime::parse(format, &written)
                .map_err(|error| format!("the date format {format:?} cannot be read back: {error}"))?;
            if read.to_date().is_err() && read.to_timestamp().is_err() {
                return Err(format!("the date format {format:?} gives no date"));
            }
        }
        Ok(Self { formats: formats.to_vec(), zone, form })
    }

    /// The staged text, or `None` when the text is no date in any of the formats.
    pub fn read(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let reading = if self.formats.is_empty() {
            read_iso(text)?
        } else {
            self.formats.iter().find_map(|format| read_format(format, text))?
        };
        let in_zone = || -> Option<DateTime> {
            match (&self.zone, reading.offset) {
                (Some(zone), Some(offset)) => Some(zone.to_datetime(offset.to_timestamp(reading.wall).ok()?)),
                _ => Some(reading.wall),
            }
        };
        match self.form {
            DateForm::Day => Some(in_zone()?.date().strftime("%Y-%m-%d").to_string()),
            DateForm::Wall => Some(seconds(in_zone()?)),
            DateForm::Instant => {
                let at = match (reading.offset, &self.zone) {
                    (Some(offset), _) => offset.to_timestamp(reading.wall).ok()?,
                    (None, Some(zone)) => zone.to_timestamp(reading.wall).ok()?,
                    (None, None) => Offset::UTC.to_timestamp(reading.wall).ok()?,
                };
                Some(seconds(Offset::UTC.to_datetime(at)))
            }
        }
    }
}

fn seconds(at: DateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn read_iso(text: &str) -> Option<Reading> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let pieces: Pieces<'_> = PARSER.parse_pieces(text).ok()?;
    let offset = pieces.offset().map(|offset| match offset {
        PiecesOffset::Numeric(offset) => offset.offset(),
        // `Z` and whatever may be added to it: the instant is in UTC.
        _ => Offset::UTC,
    });
    let wall = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    Some(Reading { wall, offset })
}

fn read_format(format: &str, text: &str) -> Option<Reading> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    if let Some(offset) = parsed.offset() {
        return Some(Reading { wall: parsed.to_datetime().ok()?, offset: Some(offset) });
    }
    // `%s`, seconds since 1970, is an instant without being a date.
    if parsed.timestamp().is_some() {
        let at = parsed.to_timestamp().ok()?;
        return Some(Reading { wall: Offset::UTC.to_datetime(at), offset: Some(Offset::UTC) });
    }
    let wall = parsed.to_datetime().or_else(|_| parsed.to_date().map(Date::into)).ok()?;
    Some(Reading { wall, offset: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, formats: &[&str], zone: Option<&str>, form: DateForm, expected: Option<&str>) {
        let formats: Vec<String> = formats.iter().map(|&format| format.to_owned()).collect();
        let reader = DateReader::new(&formats, zone, form).unwrap();
        assert_eq!(reader.read(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn salesforce_dates_are_read_without_a_format() {
        check("2024-01-22T14:49:34.000+0000", &[], None, DateForm::Instant, Some("2024-01-22T14:49:34Z"));
        check("2024-01-22T14:49:34.999+0200", &[], None, DateForm::Instant, Some("2024-01-22T12:49:34Z"));
        check("2024-01-22T14:49:34Z", &[], None, DateForm::Day, Some("2024-01-22"));
        check("2023-07-15", &[], None, DateForm::Day, Some("2023-07-15"));
        check("2023-07-15", &[], None, DateForm::Instant, Some("2023-07-15T00:00:00Z"));
        check("2024-01-22 14:49", &[], None, DateForm::Instant, Some("2024-01-22T14:49:00Z"));
    }

    #[test]
    fn a_zone_makes_an_instant_of_a_wall_time() {
        let vienna = Some("Europe/Vienna");
        check("2024-07-01 12:00:00", &[], vienna, DateForm::Instant, Some("2024-07-01T10:00:00Z"));
        check("2024-01-01", &[], vienna, DateForm::Instant, Some("2023-12-31T23:00:00Z"));
        check("2023-12-31T23:30:00Z", &[], vienna, DateForm::Day, Some("2024-01-01"));
        check("2023-12-31T23:30:00Z", &[], vienna, DateForm::Wall, Some("2024-01-01T00:30:00Z"));
        // The hour that the clocks skipped, and the one they showed twice: as people would have meant it.
        check("2024-03-31 02:30", &[], vienna, DateForm::Instant, Some("2024-03-31T01:30:00Z"));
        check("2024-10-27 02:30", &[], vienna, DateForm::Instant, Some("2024-10-27T00:30:00Z"));
    }

    #[test]
    fn formats_are_tried_in_order() {
        let formats = ["%m/%d/%Y", "%d.%m.%Y %H:%M"];
        check("12/08/1948", &formats, None, DateForm::Day, Some("1948-12-08"));
        check("1/5/1963", &formats, None, DateForm::Day, Some("1963-01-05"));
        check("08.12.1948 07:30", &formats, None, DateForm::Wall, Some("1948-12-08T07:30:00Z"));
        check("1948-12-08", &formats, None, DateForm::Day, None);
        check("1700000000", &["%s"], None, DateForm::Instant, Some("2023-11-14T22:13:20Z"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "soon", "2024-02-30", "2024-13-01", "31/31/2024", "0000-00-00"] {
            check(text, &[], None, DateForm::Instant, None);
        }
    }

    #[test]
    fn an_unknown_zone_or_a_format_without_a_date_is_refused() {
        assert!(DateReader::new(&[], Some("Europe/Wien"), DateForm::Day).is_err());
        assert!(DateReader::new(&["%H:%M".to_owned()], None, DateForm::Day).is_err());
        assert!(DateReader::new(&["%!".to_owned()], None, DateForm::Day).is_err());
    }

    proptest! {
        #[test]
        fn an_instant_written_in_any_format_reads_back(seconds in -5_000_000_000_i64..5_000_000_000) {
            let at = jiff::Timestamp::from_second(seconds).unwrap();
            let expected = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let iso = DateReader::new(&[], None, DateForm::Instant).unwrap();
            prop_assert_eq!(iso.read(&expected), Some(expected.clone()));
            let format = "%d/%b/%Y %I:%M:%S %p %z".to_owned();
            let written = at.to_zoned(jiff::tz::TimeZone::get("America/New_York").unwrap()).strftime(&format).to_string();
            // Local mean time before 1883 has seconds in its offset, which %z does not write.
            if at.as_second() > -2_000_000_000 {
                let own = DateReader::new(&[format], None, DateForm::Instant).unwrap();
                prop_assert_eq!(own.read(&written), Some(expected));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".*") {
            let reader = DateReader::new(&["%Y-%m-%d".to_owned()], Some("Asia/Tokyo"), DateForm::Wall).unwrap();
            let _ = reader.read(&text);
            let _ = read_iso(&text);
        }
    }
}
