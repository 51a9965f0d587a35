//! The way of values: from what TDS carries to the storage forms that both engines share, and back.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use staging_schema::{Value, ValueRef};
use tiberius::numeric::Numeric;
use tiberius::time as tds;
use tiberius::{ColumnData, FixedLenType, TypeInfo, VarLenType};
use uuid::Uuid;

use crate::RowBatch;

/// The day from which `date` and `datetime2` count.
const FIRST_DAY: Date = jiff::civil::date(1, 1, 1);
/// The day from which the old `datetime` counts.
const OLD_FIRST_DAY: Date = jiff::civil::date(1900, 1, 1);
/// Longest text in UTF-16 units that the driver takes in a bulk insert.
const LONGEST_BULK_TEXT: usize = 65_535 / 2;

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
        other => give(&other, |value| value.to_owned(), |shown| Value::Text(shown.to_string())),
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

/// What a column of a table takes in a bulk insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BulkType {
    /// Of at most so many UTF-16 units.
    Text(usize),
    /// Of at most so many characters.
    Ascii(usize),
    Int,
    BigInt,
    Bit,
    Float,
    Guid,
    Date,
    /// With so many digits after the seconds.
    Stamp(u8),
}

impl BulkType {
    /// The type of a column, or none where its values had better travel as a parameter: decimals (Babelfish reads them
    /// wrongly from a bulk insert), and texts that the driver declares to the server as longer than they are.
    pub(super) fn of(column: &TypeInfo) -> Option<Self> {
        match column {
            TypeInfo::FixedLen(FixedLenType::Int4) => Some(Self::Int),
            TypeInfo::FixedLen(FixedLenType::Int8) => Some(Self::BigInt),
            TypeInfo::FixedLen(FixedLenType::Bit) => Some(Self::Bit),
            TypeInfo::FixedLen(FixedLenType::Float8) => Some(Self::Float),
            TypeInfo::VarLenSized(context) => match (context.r#type(), context.len()) {
                (VarLenType::NVarchar, bytes @ 2..=4_000) => Some(Self::Text(bytes / 2)),
                (VarLenType::NVarchar, 65_535..) => Some(Self::Text(LONGEST_BULK_TEXT)),
                (VarLenType::BigVarChar, bytes @ 1..=8_000) => Some(Self::Ascii(bytes)),
                (VarLenType::Intn, 4) => Some(Self::Int),
                (VarLenType::Intn, 8) => Some(Self::BigInt),
                (VarLenType::Bitn, _) => Some(Self::Bit),
                (VarLenType::Floatn, 8) => Some(Self::Float),
                (VarLenType::Guid, _) => Some(Self::Guid),
                (VarLenType::Daten, _) => Some(Self::Date),
                (VarLenType::Datetime2, scale) => u8::try_from(scale).ok().map(Self::Stamp),
                _ => None,
            },
            TypeInfo::FixedLen(_)
            | TypeInfo::VarLenSizedPrecision { .. }
            | TypeInfo::Xml { .. }
            | TypeInfo::Udt(_) => None,
        }
    }

    /// Whether a value can travel as a cell of this type.
    pub(super) fn takes(self, value: ValueRef<'_>) -> bool {
        self.cell(value).is_some()
    }

    /// A cell for a column of this type; none when it is no value of the type or too long, and the server may judge it as
    /// a parameter.
    pub(super) fn cell<'a>(self, value: ValueRef<'a>) -> Option<ColumnData<'a>> {
        let text = value.as_text();
        Some(match (self, value) {
            (Self::Text(_) | Self::Ascii(_), ValueRef::Null) => ColumnData::String(None),
            (Self::Text(most), ValueRef::Text(text)) => {
                // A text has at most as many units as bytes.
                let fits = text.len() <= most || text.encode_utf16().count() <= most;
                ColumnData::String(Some(fits.then_some(text)?.into()))
            }
            (Self::Ascii(most), ValueRef::Text(text)) => {
                let fits = text.len() <= most && text.is_ascii();
                ColumnData::String(Some(fits.then_some(text)?.into()))
            }
            (Self::Int, ValueRef::Null) => ColumnData::I32(None),
            (Self::Int, _) => ColumnData::I32(Some(i32::try_from(whole(value)?).ok()?)),
            (Self::BigInt, ValueRef::Null) => ColumnData::I64(None),
            (Self::BigInt, _) => ColumnData::I64(Some(whole(value)?)),
            (Self::Bit, ValueRef::Null) => ColumnData::Bit(None),
            (Self::Bit, _) => ColumnData::Bit(Some(match whole(value)? {
                0 => false,
                1 => true,
                _ => return None,
            })),
            (Self::Float, ValueRef::Null) => ColumnData::F64(None),
            (Self::Float, _) => ColumnData::F64(Some(value.as_real()?)),
            (Self::Guid, ValueRef::Null) => ColumnData::Guid(None),
            (Self::Guid, _) => ColumnData::Guid(Some(Uuid::parse_str(text?).ok()?)),
            (Self::Date, ValueRef::Null) => ColumnData::Date(None),
            (Self::Date, _) => ColumnData::Date(Some(date(text?.parse().ok()?)?)),
            (Self::Stamp(_), ValueRef::Null) => ColumnData::DateTime2(None),
            (Self::Stamp(scale), _) => ColumnData::DateTime2(Some(stamp(text?, scale)?)),
            (Self::Text(_) | Self::Ascii(_), _) => return None,
        })
    }
}

fn whole(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(n) => Some(n),
        ValueRef::Text(text) => text.parse().ok(),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => None,
    }
}

fn date(date: Date) -> Option<tds::Date> {
    let days = date.since((jiff::Unit::Day, FIRST_DAY)).ok()?.get_days();
    Some(tds::Date::new(u32::try_from(days).ok()?))
}

/// Civil time, since a time stamp of jiff ends a day before the last that SQL Server has. All stamps are UTC.
fn stamp(text: &str, scale: u8) -> Option<tds::DateTime2> {
    let civil: DateTime = text.strip_suffix('Z').unwrap_or(text).parse().ok()?;
    let time = civil.time();
    let seconds = i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    let nanoseconds = seconds * 1_000_000_000 + i64::from(time.subsec_nanosecond());
    let increments = nanoseconds / 10_i64.pow(9_u32.checked_sub(scale.into())?);
    let time = tds::Time::new(u64::try_from(increments).ok()?, scale);
    Some(tds::DateTime2::new(date(civil.date())?, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cell: ColumnData<'static>) -> Value {
        owned(cell).unwrap()
    }

    fn there_and_back(kind: BulkType, text: &str) -> Value {
        let cell = kind.cell(ValueRef::Text(text)).unwrap();
        let mut batch = RowBatch::new(1);
        push(&mut batch, &cell).unwrap();
        batch.cell(0).to_owned()
    }

    #[test]
    fn stamps_dates_and_guids_come_back_as_they_went_in() {
        for text in ["2026-11-21T04:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(there_and_back(BulkType::Stamp(0), text), Value::from(text));
        }
        for text in ["2026-11-21T04:00:00.000Z", "9999-12-31T23:59:59.999Z", "1900-02-28T00:00:00.007Z"] {
            assert_eq!(there_and_back(BulkType::Stamp(3), text), Value::from(text));
        }
        for text in ["0001-01-01", "1753-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(there_and_back(BulkType::Date, text), Value::from(text));
        }
        let id = "0a1b2c3d-0000-4000-8000-00000000abcd";
        assert_eq!(there_and_back(BulkType::Guid, &id.to_uppercase()), Value::from(id));
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
    fn a_cell_that_its_column_cannot_take_is_left_to_the_server() {
        assert_eq!(BulkType::Int.cell(ValueRef::Integer(1 << 40)), None);
        assert_eq!(BulkType::Bit.cell(ValueRef::Integer(2)), None);
        assert_eq!(BulkType::Guid.cell(ValueRef::Text("no guid")), None);
        assert_eq!(BulkType::Stamp(0).cell(ValueRef::Text("2026-02-30T00:00:00Z")), None);
        assert_eq!(BulkType::Text(3).cell(ValueRef::Text("four")), None);
        assert!(BulkType::Text(3).cell(ValueRef::Text("üüü")).is_some(), "six bytes, three units");
        assert_eq!(BulkType::Text(3).cell(ValueRef::Text("\u{1f600}\u{1f600}")), None, "four units");
        assert_eq!(BulkType::Ascii(64).cell(ValueRef::Text("ü")), None);
        assert_eq!(BulkType::Int.cell(ValueRef::Text("12")), Some(ColumnData::I32(Some(12))));
    }

    #[test]
    fn an_old_datetime_is_shown_to_the_millisecond_as_the_server_rounds_it() {
        let old = |fragments| shown(ColumnData::DateTime(Some(tds::DateTime::new(0, fragments))));
        assert_eq!(old(1), Value::from("1900-01-01T00:00:00.003Z"));
        assert_eq!(old(2), Value::from("1900-01-01T00:00:00.007Z"));
        assert_eq!(old(299), Value::from("1900-01-01T00:00:00.997Z"));
    }
}
