//! Values that can be ordered, compared and hashed: keys of joins, groups and orders.

use rust_decimal::Decimal;

use crate::state::Key;
use crate::state::row::Cell;

/// A value in its order; nulls come first, as in SQL Server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SortValue {
    Null,
    Boolean(bool),
    Number(Decimal),
    /// The bits of a double, such that their order is the numbers'.
    Double(i64),
    Id([u8; 16]),
    /// Lower case: the service's database ignores case.
    Text(String),
}

impl SortValue {
    pub(super) fn of(cell: &Cell<'_>) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Text(text) => Self::text(text),
            Cell::Integer(value) | Cell::Instant(value) => Self::Number(Decimal::from(*value)),
            Cell::Day(value) => Self::Number(Decimal::from(*value)),
            Cell::Digits(digits) => digits.parse().map_or(Self::Null, Self::Number),
            Cell::Double(value) => {
                let bits = value.to_bits().cast_signed();
                Self::Double(bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed())
            }
            Cell::Boolean(value) => Self::Boolean(*value),
            Cell::Id(id) | Cell::Lookup(_, id) => Self::Id(Key::from(*id).bytes()),
        }
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_keep_their_order() {
        let numbers = [f64::NEG_INFINITY, -2.5, -1.0, 0.0, 1.0e-9, 1.0, 47.6, f64::INFINITY];
        let sorted: Vec<SortValue> =
            numbers.iter().map(|number| SortValue::of(&Cell::Double(*number))).collect();
        assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]), "{sorted:?}");
        assert!(SortValue::of(&Cell::Null) < sorted[0]);
    }
}
