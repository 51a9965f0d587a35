//! Target tables: the typed mirror of a Dataverse table with its outcome and party tables.

use crate::Error;
use crate::column::{StagedColumn, StagedKind};
use crate::control;
use crate::flag::Pass;
use crate::name::{TableName, check_identifier};

/// How a table's rows come to be in Dataverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// They are created.
    #[default]
    Load,
    /// They are already there and found by a natural key; at most they are updated.
    Match,
}

/// What a row of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shape {
    /// A row of its own.
    #[default]
    Standard,
    /// An association of two rows: loaded in the pass `associate`, without a GUID of its own.
    Intersect,
}

/// Who makes the GUIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GuidStrategy {
    /// Dataverse does.
    #[default]
    Server,
    /// We do, in the order in which SQL Server sorts `uniqueidentifier`; kept in [`control::CLIENT_ID`] before sending.
    Sequential,
    /// The source's GUIDs are kept, in [`control::CLIENT_ID`] as well.
    Source,
}

/// A target table: which Dataverse columns are staged, and how its rows are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetTable {
    /// Logical name of the Dataverse table, which is also the name of the staging table.
    pub logical_name: String,
    /// Created or found.
    pub mode: Mode,
    /// Row or association.
    pub shape: Shape,
    /// Who makes the GUIDs.
    pub guid: GuidStrategy,
    /// The mapped columns.
    pub columns: Vec<StagedColumn>,
    /// Whether only the rows of a trial load count as pending ([`crate::pilot`]).
    pub pilot: bool,
}

/// Names in `target` that are load state, not a table of Dataverse.
const RESERVED: [&str; 4] = ["Chunk", "Request", "TableStatus", "ErrorSummary"];

impl TargetTable {
    /// A table of standard shape, in mode `load`, with GUIDs made by the server.
    ///
    /// Fails when two columns would share a name (byte case ignored, as both engines do), a name is not an identifier
    /// on both engines, uses the reserved prefix, or collides with the load state.
    pub fn new(logical_name: impl Into<String>, columns: Vec<StagedColumn>) -> Result<Self, Error> {
        let table = Self {
            logical_name: logical_name.into(),
            mode: Mode::Load,
            shape: Shape::Standard,
            guid: GuidStrategy::Server,
            columns,
            pilot: false,
        };
        check_identifier(&table.logical_name)?;
        if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(&table.logical_name)) {
            return Err(Error::ReservedName { name: table.logical_name });
        }
        // The longest name derived from the table is that of an index over its error table.
        if table.logical_name.len() > 90 {
            return Err(Error::NameTooLong { name: table.logical_name });
        }
        let mut seen = std::collections::HashSet::new();
        for name in table.staged_names() {
            check_column(&name)?;
            if !seen.insert(name.to_lowercase()) {
                return Err(Error::DuplicateColumn { table: table.logical_name, column: name });
            }
        }
        Ok(table)
    }

    /// The same in another mode.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The same in another shape.
    #[must_use]
    pub fn with_shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// The same with another maker of GUIDs.
    #[must_use]
    pub fn with_guid(self, guid: GuidStrategy) -> Self {
        Self { guid, ..self }
    }

    /// The same, with only the rows of a trial load pending, or all again.
    #[must_use]
    pub fn with_pilot(self, pilot: bool) -> Self {
        Self { pilot, ..self }
    }

    /// `target.<table>`.
    pub fn name(&self) -> TableName {
        TableName::target(&self.logical_name)
    }

    /// `target.<table>_Success`.
    pub fn success(&self) -> TableName {
        TableName::target(format!("{}_Success", self.logical_name))
    }

    /// `target.<table>_Error`.
    pub fn error(&self) -> TableName {
        TableName::target(format!("{}_Error", self.logical_name))
    }

    /// `target.<table>_Party`, which exists when [`has_parties`](Self::has_parties).
    pub fn party(&self) -> TableName {
        TableName::target(format!("{}_Party", self.logical_name))
    }

    /// Whether activities of this table stage parties.
    pub fn has_parties(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.kind, StagedKind::Parties { .. }))
    }

    /// The mapped column of this name.
    pub fn column(&self, name: &str) -> Option<&StagedColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The lookups that may stay owed.
    pub fn lookups(&self) -> impl Iterator<Item = &StagedColumn> {
        self.columns.iter().filter(|column| column.is_lookup())
    }

    /// The staged state column.
    pub fn state_column(&self) -> Option<&StagedColumn> {
        self.columns.iter().find(|column| column.kind == StagedKind::State)
    }

    /// Names of all mapped columns as they are in the staging table, without control columns.
    pub fn staged_names(&self) -> Vec<String> {
        self.columns.iter().flat_map(StagedColumn::physical).map(|column| column.name).collect()
    }

    /// The passes in which rows of this table can be pending, in the order in which they are run.
    pub fn passes(&self) -> Vec<Pass> {
        let mut passes = Vec::new();
        match (self.shape, self.mode) {
            (Shape::Intersect, _) => return vec![Pass::Associate, Pass::Delete],
            (Shape::Standard, Mode::Load) => passes.push(Pass::Insert),
            (Shape::Standard, Mode::Match) => {}
        }
        passes.push(Pass::Update);
        if self.lookups().next().is_some() {
            passes.push(Pass::Lookups);
        }
        if self.state_column().is_some() {
            passes.push(Pass::State);
        }
        passes.push(Pass::Delete);
        passes
    }
}

/// Checks the name of a column that is not ours.
pub(crate) fn check_column(name: &str) -> Result<(), Error> {
    check_identifier(name)?;
    let reserved =
        name.get(..control::PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(control::PREFIX));
    if reserved { Err(Error::ReservedName { name: name.to_owned() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_that_differ_by_case_only_are_refused() {
        let columns = vec![
            StagedColumn::new("name", StagedKind::Text { max: 10 }),
            StagedColumn::new("NAME", StagedKind::Integer),
        ];
        assert!(matches!(TargetTable::new("account", columns), Err(Error::DuplicateColumn { .. })));
    }

    #[test]
    fn a_column_that_looks_like_the_text_of_a_choice_is_a_duplicate() {
        let columns = vec![
            StagedColumn::new("kind", StagedKind::Choice),
            StagedColumn::new("kind_Text", StagedKind::Text { max: 10 }),
        ];
        assert!(matches!(TargetTable::new("account", columns), Err(Error::DuplicateColumn { .. })));
    }

    #[test]
    fn load_state_and_control_columns_keep_their_names() {
        assert!(matches!(TargetTable::new("chunk", vec![]), Err(Error::ReservedName { .. })));
        let columns = vec![StagedColumn::new("datamigration_rowid", StagedKind::Integer)];
        assert!(matches!(TargetTable::new("account", columns), Err(Error::ReservedName { .. })));
    }

    #[test]
    fn a_table_has_the_passes_that_its_shape_mode_and_columns_ask_for() {
        let lookup =
            StagedKind::Lookup { targets: vec!["contact".into()], multi_table: false, multi_source: false };
        let columns = vec![
            StagedColumn::new("primarycontactid", lookup),
            StagedColumn::new("statecode", StagedKind::State),
        ];
        let table = TargetTable::new("account", columns).unwrap();
        assert_eq!(table.passes(), [Pass::Insert, Pass::Update, Pass::Lookups, Pass::State, Pass::Delete]);
        let matched = TargetTable::new("currency", vec![]).unwrap().with_mode(Mode::Match);
        assert_eq!(matched.passes(), [Pass::Update, Pass::Delete]);
    }
}
