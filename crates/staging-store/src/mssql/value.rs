//! The way of values: from what TDS carries to the storage forms that both engines share, and back.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Date;
use staging_schema::{Value, ValueRef};
use tiberius::ColumnData;
use tiberius::numeric::Numeric;
use tiberius::time as tds;

use crate::RowBatch;

/// The day from which `date` and `datetime2` count.
pub(super) const FIRST_DAY: Date = jiff::civil::date(1, 1, 1);
/// The day from which the old `datetime` counts.
const OLD_FIRST_DAY: Date = jiff::civil::date(1900, 1, 1);

/// A parameter. NULL is an integer here that the text does not use ([`staging_schema::Statement::nulls_written_out`]).
pub(super) fn param(value: &Value) -> ColumnData<'_> {
    match value {
        Value::Null => ColumnData::I32(None),
        Value::Integer(n) => ColumnData::I64(Some(*n)),
        Value::Real(n) => ColumnData::F64(Some(*n)),
        Value::Text(text) => ColumnData::String(Some(text.as_str().into())),
        Value::Blob(bytes) => ColumnData::Binary(Some(bytes.as_slice().into())),
    }
}

/// A kind of value that has no storage form.
#[derive(Debug, thiserror::Error)]
#[error("a column of type {0} has no storage form here; cast it in the statement")]
pub(super) struct NoStorageForm(&'static str);

/// Hands a cell to `take` in its storage form; forms that are computed go to `show`.
fn give<R>(
    cell: &ColumnData<'_>,
    take: impl FnOnce(ValueRef<'_>) -> R,
    show: impl FnOnce(&dyn fmt::Display) -> R,
) -> Result<R, NoStorageForm> {
    let integer = |n: Option<i64>| n.map_or(ValueRef::Null, ValueRef::Integer);
    Ok(match cell {
        ColumnData::U8(n) => take(integer(n.map(Into::into))),
        ColumnData::I16(n) => take(integer(n.map(Into::into))),
        ColumnData::I32(n) => take(integer(n.map(Into::into))),
        ColumnData::I64(n) => take(integer(*n)),
        ColumnData::Bit(yes) => take(integer(yes.map(Into::into))),
        ColumnData::F32(n) => take(n.map_or(ValueRef::Null, |n| ValueRef::Real(n.into()))),
        ColumnData::F64(n) => take(n.map_or(ValueRef::Null, ValueRef::Real)),
        ColumnData::String(text) => take(text.as_deref().map_or(ValueRef::Null, ValueRef::Text)),
        ColumnData::Binary(bytes) => take(bytes.as_deref().map_or(ValueRef::Null, ValueRef::Blob)),
        ColumnData::Guid(Some(id)) => show(id),
        ColumnData::Numeric(Some(number)) => show(&Digits(*number)),
        ColumnData::Date(Some(date)) => show(&day(FIRST_DAY, date.days().into())?),
        ColumnData::DateTime2(Some(stamp)) => show(&Stamp::of(*stamp)?),
        ColumnData::DateTime(Some(stamp)) => show(&Stamp {
            date: day(OLD_FIRST_DAY, stamp.days().into())?,
            // Three hundredths of a second, shown as SQL Server rounds them.
            increments: (u64::from(stamp.seconds_fragments()) * 10 + 1) / 3,
            scale: 3,
        }),
        ColumnData::Guid(None)
        | ColumnData::Numeric(None)
        | ColumnData::Date(None)
        | ColumnData::DateTime2(None)
        | ColumnData::DateTime(None) => take(ValueRef::Null),
        ColumnData::Xml(_) => return Err(NoStorageForm("xml")),
        ColumnData::SmallDateTime(_) => return Err(NoStorageForm("smalldatetime")),
        ColumnData::Time(_) => return Err(NoStorageForm("time")),
        ColumnData::DateTimeOffset(_) => return Err(NoStorageForm("datetimeoffset")),
    })
}

/// A cell, owned.
pub(super) fn owned(cell: ColumnData<'static>) -> Result<Value, NoStorageForm> {
    match cell {
        ColumnData::String(Some(text)) => Ok(Value::Text(text.into_owned())),
        other => {
            // The method itself is of one lifetime only.
            let take = |value: ValueRef<'_>| value.to_owned();
            give(&other, take, |shown| Value::Text(shown.to_string()))
        }
    }
}

/// Adds a cell to a batch.
pub(super) fn push(batch: &mut RowBatch, cell: &ColumnData<'_>) -> Result<(), NoStorageForm> {
    // Two closures want the batch, one of them gets it.
    let batch = std::cell::RefCell::new(batch);
    give(cell, |value| batch.borrow_mut().push(value), |shown| batch.borrow_mut().push_display(shown))
}

fn day(first: Date, days: i64) -> Result<Date, NoStorageForm> {
    first.checked_add(days.days()).map_err(|_| NoStorageForm("date beyond the year 9999"))
}

/// `2026-11-21T04:00:00Z`, with as many digits after the seconds as the column has.
struct Stamp {
    date: Date,
    /// Since midnight, in units of 10 to the minus `scale` seconds.
    increments: u64,
    scale: u8,
}

impl Stamp {
    fn of(stamp: tds::DateTime2) -> Result<Self, NoStorageForm> {
        let (date, time) = (stamp.date(), stamp.time());
        Ok(Self {
            date: day(FIRST_DAY, date.days().into())?,
            increments: time.increments(),
            scale: time.scale().min(9),
        })
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(self.scale.into());
        let (seconds, fraction) = (self.increments / unit, self.increments % unit);
        write!(f, "{}T{:02}:{:02}:{:02}", self.date, seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if self.scale > 0 {
            write!(f, ".{fraction:0width$}", width = usize::from(self.scale))?;
        }
        f.write_str("Z")
    }
}

/// Canonical digits: no exponent, no superfluous zeros.
struct Digits(Numeric);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, scale) = (self.0.value(), self.0.scale());
        let unit = 10_u128.pow(scale.into());
        let (whole, mut fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
        let mut width = usize::from(scale);
        while width > 0 && fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        if value < 0 {
            f.write_str("-")?;
        }
        write!(f, "{whole}")?;
        if width > 0 { write!(f, ".{fraction:0width$}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cell: ColumnData<'static>) -> Value {
        owned(cell).unwrap()
    }

    #[test]
    fn decimals_have_canonical_digits() {
        let digits =
            |value: i128, scale| shown(ColumnData::Numeric(Some(Numeric::new_with_scale(value, scale))));
        assert_eq!(digits(9_223_372_036_854_775_807, 4), Value::from("922337203685477.5807"));
        assert_eq!(digits(-9_223_372_036_854_775_808, 4), Value::from("-922337203685477.5808"));
        assert_eq!(digits(12_500, 4), Value::from("1.25"));
        assert_eq!(digits(-5, 2), Value::from("-0.05"));
        assert_eq!(digits(100, 2), Value::from("1"));
        assert_eq!(digits(0, 4), Value::from("0"));
    }

    #[test]
    fn whole_numbers_and_booleans_are_integers() {
        assert_eq!(shown(ColumnData::Bit(Some(true))), Value::from(1));
        assert_eq!(shown(ColumnData::I32(Some(-3))), Value::from(-3));
        assert_eq!(shown(ColumnData::I64(None)), Value::Null);
        assert_eq!(shown(ColumnData::Guid(None)), Value::Null);
    }

    #[test]
    fn an_old_datetime_is_shown_to_the_millisecond_as_the_server_rounds_it() {
        let old = |fragments| shown(ColumnData::DateTime(Some(tds::DateTime::new(0, fragments))));
        assert_eq!(old(1), Value::from("1900-01-01T00:00:00.003Z"));
        assert_eq!(old(2), Value::from("1900-01-01T00:00:00.007Z"));
        assert_eq!(old(299), Value::from("1900-01-01T00:00:00.997Z"));
    }
}
