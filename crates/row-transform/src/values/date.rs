//! Dates: from a source's formats and zones to the two staged forms.

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::fmt::temporal::{DateTimeParser, Pieces, PiecesOffset};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::text::{trim_text, utf16_length};

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

/// Longest text that is read as a date, in UTF-16 units.
const LONGEST_TEXT: usize = 200;

/// Reads the dates of one column.
///
/// With an empty list of formats it reads ISO 8601 and RFC 3339 (`2024-01-22`, `2024-01-22 14:49`,
/// `2024-01-22T14:49:34.000+0000`, and a zone's name in brackets behind it, which is passed over). Fractions of seconds
/// are dropped, since the service keeps none (reference §8.1). Dates are those of the years 1 to 9999.
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
    ///
    /// An hour that the clocks of the zone skip is read with the offset in force before it; of an hour that they show
    /// twice, the first is meant.
    pub fn read(&self, text: &str) -> Option<String> {
        let text = trim_text(text);
        if utf16_length(text) > LONGEST_TEXT {
            return None;
        }
        let reading = if self.formats.is_empty() {
            read_iso(text)?
        } else {
            self.formats.iter().find_map(|format| read_format(format, text))?
        };
        let wall = in_calendar(reading.wall)?;
        let in_utc = |offset: Offset| moved(wall, -i64::from(offset.seconds()));
        let at = match (self.form, reading.offset, &self.zone) {
            (DateForm::Instant, Some(offset), _) => in_utc(offset)?,
            (DateForm::Instant, None, Some(zone)) => in_utc(offset_on_the_wall(zone, wall))?,
            (DateForm::Day | DateForm::Wall, Some(offset), Some(zone)) => {
                let utc = in_utc(offset)?;
                // The first and the last hours of the calendar are none of an instant; no zone changes in them.
                let instant = Offset::UTC.to_timestamp(utc).unwrap_or(if wall.year() > 1 {
                    Timestamp::MAX
                } else {
                    Timestamp::MIN
                });
                moved(utc, i64::from(zone.to_offset(instant).seconds()))?
            }
            _ => wall,
        };
        let at = in_calendar(at)?;
        Some(match self.form {
            DateForm::Day => at.date().strftime("%Y-%m-%d").to_string(),
            DateForm::Wall | DateForm::Instant => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        })
    }
}

/// The date-time, if it lies in the years that both staging engines know.
fn in_calendar(at: DateTime) -> Option<DateTime> {
    (1..=9999).contains(&at.year()).then_some(at)
}

fn moved(at: DateTime, seconds: i64) -> Option<DateTime> {
    at.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// The offset of a zone while its clocks show this time; the one before the change where there is none or two.
pub(crate) fn offset_on_the_wall(zone: &TimeZone, wall: DateTime) -> Offset {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    }
}

fn read_iso(text: &str) -> Option<Reading> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let text = match text.strip_suffix(']') {
        Some(text) => {
            let (text, zone) = text.split_once('[')?;
            let is_name =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'+' | b'-');
            if zone.is_empty() || !zone.bytes().all(is_name) {
                return None;
            }
            text
        }
        None if text.contains('[') => return None,
        None => text,
    };
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
    fn the_first_and_the_last_day_of_the_calendar_are_dates() {
        let vienna = Some("Europe/Vienna");
        check("9999-12-31T23:59:59Z", &[], None, DateForm::Instant, Some("9999-12-31T23:59:59Z"));
        check("9999-12-31", &[], vienna, DateForm::Instant, Some("9999-12-30T23:00:00Z"));
        check("9999-12-31T23:30:00Z", &[], vienna, DateForm::Wall, None);
        check("9999-12-31T23:30:00-01:00", &[], None, DateForm::Instant, None);
        check("0001-01-01", &[], None, DateForm::Day, Some("0001-01-01"));
        check("0001-01-01", &[], vienna, DateForm::Instant, None);
        check("0000-12-31", &[], None, DateForm::Day, None);
        check("-000044-03-15", &[], None, DateForm::Day, None);
    }

    #[test]
    fn the_name_of_a_zone_behind_an_offset_is_passed_over() {
        let expected = Some("2024-01-22T13:49:00Z");
        check("2024-01-22T14:49+01:00[Europe/Vienna]", &[], None, DateForm::Instant, expected);
        for text in ["2024-01-22T14:49+01:00[]", "2024-01-22 [UTC]", "2024-01-22[a][b]", "2024-01-22[a"] {
            check(text, &[], None, DateForm::Instant, None);
        }
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
