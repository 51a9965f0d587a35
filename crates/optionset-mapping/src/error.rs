//! Why a mapping could not be proposed, applied, read or written.

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The staging database refused.
    #[error("{table}: the staging database refused while {doing}")]
    Store {
        /// The target table, or `OptionSetMapping`.
        table: String,
        /// What was being done.
        doing: &'static str,
        /// Its answer.
        source: Box<staging_store::Error>,
    },
    /// The separator of a multi-select choice cannot be used.
    #[error(
        "{table}.{column}: the separator {separator:?} must be one printable character other than a quote or a backslash"
    )]
    Separator {
        /// The target table.
        table: String,
        /// The column.
        column: String,
        /// The separator.
        separator: String,
    },
    /// The mapping could not be written as CSV.
    #[error("the mapping cannot be written as CSV")]
    Export {
        /// What the writer said.
        source: csv::Error,
    },
}

/// Says what was being done when the staging database refused.
pub(crate) fn while_doing<'t>(
    table: &'t str,
    doing: &'static str,
) -> impl FnOnce(staging_store::Error) -> Error + use<'t> {
    move |source| Error::Store { table: table.to_owned(), doing, source: Box::new(source) }
}
