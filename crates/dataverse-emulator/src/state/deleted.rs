//! Which rows are gone since when: what change tracking tells besides the rows that are there.

use std::collections::HashMap;

use uuid::Uuid;

use super::row::TableId;

/// Deletions of tables that track their changes, since an organisation was begun or read back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deleted {
    /// Nothing is known of deletions up to this version.
    since: u64,
    /// In the order of their versions.
    rows: HashMap<TableId, Vec<(u64, Uuid)>>,
}

impl Deleted {
    /// Begins anew at a version.
    pub(super) fn begin_at(&mut self, version: u64) {
        self.since = version;
        self.rows.clear();
    }

    pub(super) fn note(&mut self, table: TableId, version: u64, id: Uuid) {
        self.rows.entry(table).or_default().push((version, id));
    }

    /// Whether everything that was deleted after a version is known.
    pub(crate) fn reaches_back_to(&self, version: u64) -> bool {
        version >= self.since
    }

    /// The rows that were deleted after one version and up to another.
    pub(crate) fn between(&self, table: TableId, after: u64, until: u64) -> &[(u64, Uuid)] {
        let rows = self.rows.get(&table).map_or(&[][..], Vec::as_slice);
        let from = rows.partition_point(|(version, _)| *version <= after);
        let to = rows.partition_point(|(version, _)| *version <= until);
        &rows[from..to.max(from)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_are_told_between_two_versions() {
        let mut deleted = Deleted::default();
        deleted.begin_at(10);
        for version in [11, 13, 17] {
            deleted.note(1, version, Uuid::from_u128(version.into()));
        }
        let found = |after, until| {
            deleted.between(1, after, until).iter().map(|(version, _)| *version).collect::<Vec<_>>()
        };
        assert_eq!(found(10, 17), [11, 13, 17]);
        assert_eq!(found(11, 16), [13]);
        assert_eq!(found(17, 16), [0; 0]);
        assert!(deleted.reaches_back_to(10) && !deleted.reaches_back_to(9));
        assert!(deleted.between(2, 0, 99).is_empty());
    }
}
