//! Periods that FetchXML names, and the parts of dates by which it groups; all in UTC, weeks from Sunday.

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan as _, Zoned, tz::TimeZone};

use crate::refusal::{self, Refusal};
use crate::write::parse_instant;

/// A half-open span of seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Option<i64>,
    pub(super) until: Option<i64>,
}

fn span(from: &Zoned, until: &Zoned) -> Period {
    Period { from: Some(from.timestamp().as_second()), until: Some(until.timestamp().as_second()) }
}

/// What an operator covers; none for operators that are not about dates.
pub(super) fn period(operator: &str, values: &[String], now: i64) -> Result<Option<Period>, Refusal> {
    let bad = || {
        refusal::refusal(
            400,
            0x8004_0239,
            format!("The values of the condition operator '{operator}' cannot be read: {values:?}."),
        )
    };
    if let "on" | "on-or-before" | "on-or-after" = operator {
        let [value] = values else { return Err(bad()) };
        let second = parse_instant(value.trim()).ok_or_else(bad)?.seconds;
        let day = second.div_euclid(86_400) * 86_400;
        return Ok(Some(match operator {
            "on" => Period { from: Some(day), until: Some(day + 86_400) },
            "on-or-before" => Period { from: None, until: Some(day + 86_400) },
            _ => Period { from: Some(day), until: None },
        }));
    }
    let now = Timestamp::from_second(now).map_err(|_| bad())?.to_zoned(TimeZone::UTC);
    if operator.contains("-x-") {
        let [value] = values else { return Err(bad()) };
        let count: i64 =
            value.trim().parse().ok().filter(|count| (1..=100_000).contains(count)).ok_or_else(bad)?;
        return Ok(counted(operator, count, &now));
    }
    Ok(if values.is_empty() { named(operator, &now) } else { None })
}

/// `last-x-…`, `next-x-…`, `olderthan-x-…`.
fn counted(operator: &str, count: i64, now: &Zoned) -> Option<Period> {
    let (direction, unit) = operator.split_once("-x-")?;
    let length = match unit {
        "minutes" if direction == "olderthan" => count.minutes(),
        "hours" => count.hours(),
        "days" => count.days(),
        "weeks" => count.weeks(),
        "months" => count.months(),
        "years" => count.years(),
        _ => return None,
    };
    let whole_days = unit != "hours" && unit != "minutes";
    match direction {
        "last" => {
            let from = now.checked_sub(length).ok()?;
            let from = if whole_days { from.start_of_day().ok()? } else { from };
            Some(span(&from, &now.checked_add(1.second()).ok()?))
        }
        "next" => {
            let until = now.checked_add(length).ok()?;
            let until = if whole_days { until.tomorrow().ok()?.start_of_day().ok()? } else { until };
            Some(span(now, &until))
        }
        "olderthan" => {
            let until = now.checked_sub(length).ok()?;
            Some(Period { from: None, until: Some(until.timestamp().as_second()) })
        }
        _ => None,
    }
}

/// `today`, `last-week`, `this-year` and their kin.
fn named(operator: &str, now: &Zoned) -> Option<Period> {
    let today = now.start_of_day().ok()?;
    let day = |offset: i64| today.checked_add(offset.days()).ok();
    match operator {
        "today" => return Some(span(&today, &day(1)?)),
        "yesterday" => return Some(span(&day(-1)?, &today)),
        "tomorrow" => return Some(span(&day(1)?, &day(2)?)),
        "last-seven-days" => return Some(span(&day(-7)?, &now.checked_add(1.second()).ok()?)),
        "next-seven-days" => return Some(span(now, &day(8)?)),
        _ => {}
    }
    let (which, unit) = operator.split_once('-')?;
    let shift: i64 = match which {
        "last" => -1,
        "this" => 0,
        "next" => 1,
        _ => return None,
    };
    let at = |date: Date| date.to_zoned(TimeZone::UTC).ok();
    let (first, length) = match unit {
        "week" => {
            let since_sunday = i64::from(today.weekday().since(Weekday::Sunday));
            (day(-since_sunday)?, 1.week())
        }
        "month" => (at(today.date().first_of_month())?, 1.month()),
        "year" => (at(today.date().first_of_year())?, 1.year()),
        _ => return None,
    };
    let from = first.checked_add(length * shift).ok()?;
    Some(span(&from, &from.checked_add(length).ok()?))
}

/// The part of a date that `dategrouping` names; none for a grouping that is not known.
pub(super) fn part(grouping: &str, second: i64) -> Option<i64> {
    let date = Timestamp::from_second(second).ok()?.to_zoned(TimeZone::UTC).date();
    Some(match grouping {
        "day" => i64::from(date.day()),
        // As SQL Server counts: the week of the first of January is the first.
        "week" => {
            let first = i64::from(date.first_of_year().weekday().since(Weekday::Sunday));
            (i64::from(date.day_of_year()) - 1 + first) / 7 + 1
        }
        "month" => i64::from(date.month()),
        "quarter" => (i64::from(date.month()) - 1) / 3 + 1,
        "year" => i64::from(date.year()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(text: &str) -> i64 {
        parse_instant(text).unwrap().seconds
    }

    /// Saturday, 2026-11-21, half past nine.
    fn check(operator: &str, values: &[&str], from: &str, until: &str) {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let found = period(operator, &values, second("2026-11-21T09:30:00Z")).unwrap().unwrap();
        let read = |text: &str| (!text.is_empty()).then(|| second(text));
        assert_eq!(found, Period { from: read(from), until: read(until) }, "{operator}");
    }

    #[test]
    fn periods_begin_and_end_where_a_reader_expects() {
        check("on", &["2026-02-03T10:00:00Z"], "2026-02-03", "2026-02-04");
        check("on-or-after", &["2026-02-03"], "2026-02-03", "");
        check("on-or-before", &["2026-02-03"], "", "2026-02-04");
        check("today", &[], "2026-11-21", "2026-11-22");
        check("yesterday", &[], "2026-11-20", "2026-11-21");
        check("this-week", &[], "2026-11-15", "2026-11-22");
        check("last-week", &[], "2026-11-08", "2026-11-15");
        check("next-month", &[], "2026-12-01", "2027-01-01");
        check("last-year", &[], "2025-01-01", "2026-01-01");
        check("last-x-days", &["2"], "2026-11-19", "2026-11-21T09:30:01Z");
        check("next-x-months", &["3"], "2026-11-21T09:30:00Z", "2027-02-22");
        check("olderthan-x-years", &["1"], "", "2025-11-21T09:30:00Z");
        check("last-x-hours", &["1"], "2026-11-21T08:30:00Z", "2026-11-21T09:30:01Z");
    }

    #[test]
    fn operators_that_are_none_and_values_that_are_none_are_told_apart() {
        assert_eq!(period("under", &["x".to_owned()], 0), Ok(None));
        assert!(period("on", &["yesterday".to_owned()], 0).is_err());
        assert!(period("last-x-days", &["0".to_owned()], 0).is_err());
        assert!(period("last-x-days", &[], 0).is_err());
    }

    /// The documentation's own example.
    #[test]
    fn dates_are_grouped_as_documented() {
        let march = second("2023-03-25T12:00:00Z");
        let august = second("2023-08-27T12:00:00Z");
        let parts =
            |second| ["day", "week", "month", "quarter", "year"].map(|name| part(name, second).unwrap());
        assert_eq!(parts(march), [25, 12, 3, 1, 2023]);
        assert_eq!(parts(august), [27, 35, 8, 3, 2023]);
        assert_eq!(part("fiscal-year", march), None);
    }
}
