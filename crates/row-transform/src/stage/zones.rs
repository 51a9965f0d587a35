//! The offsets of time zones, written down where SQL Server can read them.
//!
//! SQL Server knows zones by the names and rules of Windows, which are other than those of the time zone database before
//! 2007 and in many countries since. So `migration.TimeZoneShift` holds, for each zone that a mapping names, since when
//! each of its offsets is in force: from our own time zone database, so that a date means the same on both engines.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use staging_schema::{Index, PhysicalColumn, PhysicalTable, PrimaryKey, SqlType, Statement, TableName, ddl};

use crate::plan::TablePlan;

/// From this year on the rules are those of the same year of 400 years before: the calendar repeats itself.
const LAST_YEAR: i16 = 2500;

fn table() -> TableName {
    TableName::migration("TimeZoneShift")
}

/// Makes the table, unless it is there, and writes down the zones of a target table. Without zones it is there as well, since
/// the function that reads dates names it.
pub(crate) fn prepare(planned: &TablePlan) -> Vec<Statement> {
    let zones = planned.zones();
    let shifts = PhysicalTable {
        name: table(),
        key: PrimaryKey::Columns(vec!["Zone", "FromUtc"]),
        columns: vec![
            PhysicalColumn::required("Zone", SqlType::Word),
            PhysicalColumn::required("FromUtc", SqlType::Seconds),
            PhysicalColumn::required("FromWall", SqlType::Seconds),
            PhysicalColumn::required("OffsetSeconds", SqlType::Integer),
        ],
        indexes: vec![Index::on("Wall", &["Zone", "FromWall"])],
    };
    let zones = zones.into_iter().filter_map(|name| Some((name, TimeZone::get(name).ok()?)));
    std::iter::once(ddl::create(&shifts)).chain(zones.flat_map(|(name, zone)| write(name, &zone))).collect()
}

/// Replaces the shifts of one zone.
fn write(name: &str, zone: &TimeZone) -> [Statement; 2] {
    let forget = Statement::new(
        |d| format!("DELETE FROM {} WHERE Zone = {}", d.table(&table()), d.param(1)),
        vec![name.into()],
    );
    let shifts: Vec<String> = shifts(zone)
        .iter()
        .map(|shift| {
            format!(r#"{{"u":"{}","w":"{}","o":"{}"}}"#, shift.utc, shift.wall, shift.offset.seconds())
        })
        .collect();
    let insert = Statement::new(
        |d| {
            format!(
                "INSERT INTO {} (Zone, FromUtc, FromWall, OffsetSeconds) SELECT {}, {}, {}, {} FROM {}",
                d.table(&table()),
                d.param(1),
                d.json_member("j", "u"),
                d.json_member("j", "w"),
                d.as_integer(&d.json_member("j", "o")),
                d.json_array(&d.param(2), "j"),
            )
        },
        vec![name.into(), format!("[{}]", shifts.join(",")).into()],
    );
    [forget, insert]
}

/// An offset and since when it is in force.
struct Shift {
    /// In UTC.
    utc: DateTime,
    /// On a clock on the wall: from here on the offset is the one to read with. In an hour that is skipped or comes twice,
    /// that is still the offset before.
    wall: DateTime,
    offset: Offset,
}

fn shifts(zone: &TimeZone) -> Vec<Shift> {
    let beginning = jiff::civil::datetime(1, 1, 1, 0, 0, 0, 0);
    let start = Offset::UTC.to_timestamp(beginning).unwrap_or(Timestamp::MIN);
    let mut before = zone.to_offset(start);
    let mut shifts = vec![Shift { utc: beginning, wall: beginning, offset: before }];
    for transition in zone.following(start) {
        let utc = Offset::UTC.to_datetime(transition.timestamp());
        if utc.year() >= LAST_YEAR {
            break;
        }
        let offset = transition.offset();
        if offset != before {
            let wall = if offset > before { offset } else { before };
            shifts.push(Shift { utc, wall: wall.to_datetime(transition.timestamp()), offset });
            before = offset;
        }
    }
    shifts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::offset_on_the_wall;

    /// As SQL Server looks it up.
    fn looked_up(shifts: &[Shift], at: DateTime, by: impl Fn(&Shift) -> DateTime) -> Offset {
        let year = at.year();
        let at =
            if year < LAST_YEAR { at } else { at.with().year(2100 + (year - 2100) % 400).build().unwrap() };
        shifts.iter().rev().find(|shift| by(shift) <= at).unwrap().offset
    }

    proptest! {
        #[test]
        fn the_table_of_shifts_says_what_the_time_zone_database_says(
            name in prop::sample::select(vec![
                "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Tokyo",
                "Pacific/Apia", "Africa/Casablanca", "Europe/Dublin", "Asia/Kathmandu", "UTC", "Antarctica/Troll",
            ]),
            seconds in prop_oneof![-62_135_596_800_i64..253_402_200_000, -2_500_000_000_i64..5_000_000_000],
        ) {
            let zone = TimeZone::get(name).unwrap();
            let shifts = shifts(&zone);
            let instant = Timestamp::from_second(seconds).unwrap();
            let at = Offset::UTC.to_datetime(instant);
            prop_assert_eq!(looked_up(&shifts, at, |shift| shift.utc), zone.to_offset(instant));
            prop_assert_eq!(looked_up(&shifts, at, |shift| shift.wall), offset_on_the_wall(&zone, at));
        }

        #[test]
        fn around_a_shift_both_agree_to_the_second(
            name in prop::sample::select(vec!["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
            at in any::<prop::sample::Index>(),
            seconds in -100_000_i64..100_000,
        ) {
            let zone = TimeZone::get(name).unwrap();
            let shifts = shifts(&zone);
            let shift = &shifts[1..][at.index(shifts.len() - 1)];
            let wall = shift.wall.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
            prop_assert_eq!(looked_up(&shifts, wall, |shift| shift.wall), offset_on_the_wall(&zone, wall));
            for edge in [shift.wall, shift.wall.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap()] {
                prop_assert_eq!(looked_up(&shifts, edge, |shift| shift.wall), offset_on_the_wall(&zone, edge));
            }
        }
    }

    #[test]
    fn a_zone_takes_about_a_thousand_rows() {
        let shifts = shifts(&TimeZone::get("Europe/Vienna").unwrap());
        assert!((900..1500).contains(&shifts.len()), "{}", shifts.len());
    }
}
