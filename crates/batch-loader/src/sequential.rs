//! GUIDs made by us, in the order in which SQL Server sorts `uniqueidentifier`.

use uuid::Uuid;

/// Text bytes in the order of their weight when SQL Server compares two GUIDs.
#[cfg(test)]
const WEIGHT: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0];

/// The highest RowId that a sequential GUID can carry: 40 bits.
pub const MAX_SEQUENTIAL_ROW: i64 = (1 << 40) - 1;

/// What the sequential GUIDs of one run have in common.
///
/// The ids rise with the RowId in SQL Server's order, which compares the last six bytes first: a clustered index is
/// appended to, not torn. Those six bytes are the time, so that a later run comes later; 34 random bits keep runs of
/// one millisecond apart. The form is that of version 8 (RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequentialSeed {
    milliseconds: [u8; 6],
    random: [u8; 5],
}

impl SequentialSeed {
    /// A seed of this moment.
    pub fn new() -> Self {
        let milliseconds = jiff::Timestamp::now().as_millisecond().to_be_bytes();
        let noise = Uuid::new_v4().into_bytes();
        Self::of([2, 3, 4, 5, 6, 7].map(|at| milliseconds[at]), [0, 1, 2, 3, 4].map(|at| noise[at]))
    }

    fn of(milliseconds: [u8; 6], random: [u8; 5]) -> Self {
        Self { milliseconds, random }
    }
}

impl Default for SequentialSeed {
    fn default() -> Self {
        Self::new()
    }
}

/// The GUID of one row; `row` is between 1 and [`MAX_SEQUENTIAL_ROW`].
pub fn sequential_id(seed: SequentialSeed, row: i64) -> Uuid {
    #[expect(clippy::cast_sign_loss, reason = "RowIds start at 1 and are checked against MAX_SEQUENTIAL_ROW")]
    let row = row as u64 & ((1 << 40) - 1);
    let byte = |shift: u32| u8::try_from(row >> shift & 0xff).unwrap_or_default();
    let mut id = [0; 16];
    // The heaviest six bytes are the time: all rows of a run are neighbours.
    id[10..].copy_from_slice(&seed.milliseconds);
    // Then 40 bits of the RowId, around the variant (two bits of byte 8) and the version (four bits of byte 6).
    id[8] = 0x80 | byte(34) & 0x3f;
    id[9] = byte(26);
    id[7] = byte(18);
    id[6] = 0x80 | byte(14) & 0x0f;
    id[5] = byte(6);
    id[4] = (byte(0) & 0x3f) << 2 | seed.random[0] & 0x03;
    id[..4].copy_from_slice(&seed.random[1..]);
    Uuid::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weighed(id: Uuid) -> [u8; 16] {
        WEIGHT.map(|position| id.as_bytes()[position])
    }

    #[test]
    fn an_id_has_the_form_of_version_eight() {
        let id = sequential_id(SequentialSeed::new(), 77);
        assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
    }

    proptest! {
        #[test]
        fn ids_rise_with_the_row_in_the_order_of_sql_server(time: [u8; 6], noise: [u8; 5], a in 1..MAX_SEQUENTIAL_ROW, b in 1..MAX_SEQUENTIAL_ROW) {
            let seed = SequentialSeed::of(time, noise);
            prop_assert_eq!(a.cmp(&b), weighed(sequential_id(seed, a)).cmp(&weighed(sequential_id(seed, b))));
        }
    }
}
