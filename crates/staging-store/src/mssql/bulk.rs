//! What travels in a bulk insert, and in which form.

use jiff::civil::{Date, DateTime};
use staging_schema::{Statement, ValueRef};
use tiberius::ColumnData;
use tiberius::time as tds;
use uuid::Uuid;

use super::value::FIRST_DAY;
use crate::Error;
use crate::row::Row;

/// Longest text in UTF-16 units that the driver takes in a bulk insert.
const LONGEST_BULK_TEXT: usize = 65_535 / 2;

/// What a column of a table takes in a bulk insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkType {
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

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BulkColumn {
    kind: BulkType,
    /// Whether a bulk insert of NULL would leave something else there.
    has_default: bool,
}

impl BulkColumn {
    /// Reads the columns of a table: name, type, longest length in bytes, digits after the seconds, whether it has a default.
    pub(super) fn read(table: &str) -> Statement {
        let text = "SELECT name, TYPE_NAME(system_type_id), CAST(max_length AS int), CAST(scale AS int), \
                    CAST(CASE WHEN default_object_id <> 0 THEN 1 ELSE 0 END AS int) \
                    FROM sys.columns WHERE object_id = OBJECT_ID(@P1)";
        Statement::same(text, vec![table.into()])
    }

    /// The column of a row of [`read`](Self::read), or none where its values had better travel as parameters: decimals
    /// (Babelfish reads them wrongly from a bulk insert), and texts that the driver declares as longer than they are.
    pub(super) fn of(row: &Row) -> Result<Option<Self>, Error> {
        let length = usize::try_from(row.integer(2)?).unwrap_or(usize::MAX);
        let kind = match (row.text(1)?, length) {
            ("nvarchar", usize::MAX) => BulkType::Text(LONGEST_BULK_TEXT),
            ("nvarchar", bytes @ 2..=4_000) => BulkType::Text(bytes / 2),
            ("varchar", bytes @ 1..=8_000) => BulkType::Ascii(bytes),
            ("int", _) => BulkType::Int,
            ("bigint", _) => BulkType::BigInt,
            ("bit", _) => BulkType::Bit,
            ("float", _) => BulkType::Float,
            ("uniqueidentifier", _) => BulkType::Guid,
            ("date", _) => BulkType::Date,
            ("datetime2", _) => BulkType::Stamp(u8::try_from(row.integer(3)?).unwrap_or(7)),
            _ => return Ok(None),
        };
        Ok(Some(Self { kind, has_default: row.integer(4)? == 1 }))
    }

    /// A cell of this column; none when it is no value of the type, is too long, or would become the default: then the
    /// server may judge it as a parameter.
    pub(super) fn cell<'a>(&self, value: ValueRef<'a>) -> Option<ColumnData<'a>> {
        if value.is_null() && self.has_default { None } else { self.kind.cell(value) }
    }
}

impl BulkType {
    fn cell(self, value: ValueRef<'_>) -> Option<ColumnData<'_>> {
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
    use staging_schema::Value;

    use super::super::value::push;
    use super::*;
    use crate::RowBatch;

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
    fn null_in_a_column_with_a_default_is_left_to_the_server() {
        let level = BulkColumn { kind: BulkType::Int, has_default: true };
        assert_eq!(level.cell(ValueRef::Null), None, "a bulk insert would make it the default");
        assert_eq!(level.cell(ValueRef::Integer(2)), Some(ColumnData::I32(Some(2))));
    }
}
