//! Row identities in the order in which SQL Server sorts `uniqueidentifier`.

use uuid::Uuid;

/// A row's id, comparable as the service's database compares it: pages come in this order, and ids
/// made by [`IdSource`] or by a client that knows the order are appended at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key([u8; 16]);

/// Position of each byte of the text form, most significant first (as in .NET's `SqlGuid`).
const ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0];

impl Key {
    /// Nothing sorts before it.
    pub(crate) const FIRST: Self = Self([0; 16]);
    /// Nothing sorts after it.
    pub(crate) const LAST: Self = Self([0xFF; 16]);

    pub(crate) fn id(self) -> Uuid {
        let mut bytes = [0; 16];
        for (sorted, plain) in self.0.iter().zip(ORDER) {
            bytes[plain] = *sorted;
        }
        Uuid::from_bytes(bytes)
    }

    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl From<Uuid> for Key {
    fn from(id: Uuid) -> Self {
        let bytes = id.as_bytes();
        Self(ORDER.map(|plain| bytes[plain]))
    }
}

/// Makes ids as the service does: each sorts after the one before, and all look random enough.
#[derive(Debug, Clone)]
pub(crate) struct IdSource {
    node: [u8; 6],
    next: u64,
}

impl IdSource {
    pub(crate) fn new(seed: u64) -> Self {
        let mut node = [0; 6];
        node.copy_from_slice(&mix(seed).to_be_bytes()[..6]);
        node[0] |= 1; // Set in node numbers that are not a network card's.
        Self { node, next: 1 + (mix(seed ^ 0xA5A5) >> 40) }
    }

    /// How far it is.
    pub(crate) fn position(&self) -> u64 {
        self.next
    }

    /// Goes on from there.
    pub(crate) fn set_position(&mut self, next: u64) {
        self.next = next;
    }

    pub(crate) fn next_id(&mut self) -> Uuid {
        let count = self.next;
        self.next += 1;
        let count = count.to_be_bytes();
        let mut key = [0; 16];
        key[..6].copy_from_slice(&self.node);
        key[6..8].copy_from_slice(&[0x88, 0xB3]);
        key[8..10].copy_from_slice(&[0x11, 0xF0]);
        key[10..].copy_from_slice(&count[2..]);
        Key(key).id()
    }
}

/// An id that follows from a seed and a name: the organisation, the users, the metadata.
pub(crate) fn named_id(seed: u64, name: &str) -> Uuid {
    let mut state = mix(seed ^ 0x5DEE_CE66);
    let mut words = [0_u64; 2];
    for (index, byte) in name.bytes().enumerate() {
        state = mix(state ^ u64::from(byte).wrapping_add(index as u64));
        words[index % 2] ^= state;
    }
    words[0] ^= mix(state);
    words[1] ^= mix(state ^ 1);
    uuid::Builder::from_u128(u128::from(words[0]) << 64 | u128::from(words[1]))
        .with_version(uuid::Version::Random)
        .into_uuid()
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_its_id_back() {
        let id = Uuid::parse_str("00112233-4455-6677-8899-aabbccddeeff").unwrap();
        assert_eq!(Key::from(id).id(), id);
        assert_eq!(Key::from(id).bytes()[..2], [0xAA, 0xBB], "the last group weighs most");
    }

    #[test]
    fn made_ids_sort_in_the_order_they_were_made_in() {
        let mut source = IdSource::new(7);
        let ids: Vec<Uuid> = (0..100_000).map(|_| source.next_id()).collect();
        assert!(ids.windows(2).all(|pair| Key::from(pair[0]) < Key::from(pair[1])));
    }

    #[test]
    fn named_ids_depend_on_seed_and_name_alone() {
        assert_eq!(named_id(1, "user-1"), named_id(1, "user-1"));
        assert_ne!(named_id(1, "user-1"), named_id(1, "user-2"));
        assert_ne!(named_id(1, "user-1"), named_id(2, "user-1"));
    }
}
