//! What can be wrong with text that should be one of this crate's values.

/// Why a text or a body could not be read.
///
/// Answers of the service that report a failure are no `Error`: they are values, see [`crate::fault`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A table or column name that the service could not hold.
    #[error("`{name}` is no logical name: {reason}")]
    LogicalName {
        /// The text as it was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A literal, key or reference that is not written as OData demands.
    #[error("cannot read the {what} `{text}`")]
    Literal {
        /// What was expected, such as `key predicate`.
        what: &'static str,
        /// The text as it was given.
        text: String,
    },
    /// A `$batch` body, request or response, that is not well formed.
    #[error("cannot read the batch: {reason}")]
    Batch {
        /// What is wrong, in the reader's words.
        reason: String,
    },
    /// A `$batch` request whose last line is not ended: the service answers *Stream was not readable*.
    #[error("cannot read the batch: its closing boundary is not followed by a line end")]
    BatchNotEnded,
    /// Table definitions that are not in the shape of the Web API's `EntityDefinitions`.
    #[error("cannot read table definitions")]
    Definitions {
        /// Where and why the JSON reader gave up.
        #[source]
        source: serde_json::Error,
    },
    /// An overrides file that is not JSON of the documented form.
    #[error("cannot read metadata overrides")]
    Overrides {
        /// Where and why the JSON reader gave up.
        #[source]
        source: serde_json::Error,
    },
    /// An override that does not fit the definitions it is applied to.
    #[error("override {number} ({table}{}{}): {reason}", if column.is_empty() { "" } else { "." }, column)]
    Override {
        /// Position in the file, from 1.
        number: usize,
        /// The table it names.
        table: String,
        /// The column it names, or empty.
        column: String,
        /// What does not fit.
        reason: String,
    },
    /// A column that is no lookup, or one that cannot point to this table.
    #[error("{table}.{column} is no lookup{}{}", if target.is_empty() { "" } else { " that can point to " }, target)]
    Lookup {
        /// The table whose column it is.
        table: String,
        /// The column.
        column: String,
        /// The table it was to point to, or empty.
        target: String,
    },
    /// A value that cannot be the body of a row.
    #[error("cannot write a row: {reason}")]
    Body {
        /// What is wrong.
        reason: String,
    },
}
