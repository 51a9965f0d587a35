//! What validation says about a row.

use std::fmt;

/// The rule that a staged value breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The source row has no key.
    KeyMissing,
    /// The source key occurs again; the first row with it is the one that loads.
    DuplicateKey,
    /// The key ends with blanks, which SQL Server cannot tell apart.
    KeyBlanks,
    /// The key is longer than SQL Server can keep unique.
    KeyLength,
    /// A value that the platform demands is missing.
    Required,
    /// Longer than the column, in UTF-16 units.
    Length,
    /// A control character that the service refuses.
    ControlCharacter,
    /// Not readable as a number (for whole numbers: has a fraction).
    MalformedNumber,
    /// Not readable as a date in the formats of the rule.
    MalformedDate,
    /// Neither a word for true nor one for false.
    MalformedBoolean,
    /// Not a GUID.
    MalformedGuid,
    /// Outside the column's smallest and largest value.
    Range,
    /// More digits behind the point than the column keeps.
    Precision,
    /// Before 1753-01-01, the service's first day.
    DateRange,
    /// No option has this text or value.
    Option,
    /// The status does not belong to the state.
    StatusOfState,
    /// The key of the parent exists nowhere.
    Lookup,
}

impl Rule {
    /// All rules.
    pub const ALL: &'static [Self] = &[
        Self::KeyMissing,
        Self::DuplicateKey,
        Self::KeyBlanks,
        Self::KeyLength,
        Self::Required,
        Self::Length,
        Self::ControlCharacter,
        Self::MalformedNumber,
        Self::MalformedDate,
        Self::MalformedBoolean,
        Self::MalformedGuid,
        Self::Range,
        Self::Precision,
        Self::DateRange,
        Self::Option,
        Self::StatusOfState,
        Self::Lookup,
    ];

    /// The word in `RuleName` of the error table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyMissing => "key-missing",
            Self::DuplicateKey => "duplicate-key",
            Self::KeyBlanks => "key-blanks",
            Self::KeyLength => "key-length",
            Self::Required => "required",
            Self::Length => "length",
            Self::ControlCharacter => "control-character",
            Self::MalformedNumber => "number",
            Self::MalformedDate => "date",
            Self::MalformedBoolean => "boolean",
            Self::MalformedGuid => "guid",
            Self::Range => "range",
            Self::Precision => "precision",
            Self::DateRange => "date-range",
            Self::Option => "option",
            Self::StatusOfState => "status-of-state",
            Self::Lookup => "lookup",
        }
    }

    /// The rule of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.as_str() == word)
    }

    /// What is wrong and what to do, for people.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::KeyMissing => "the source row has no key: fill it, or leave the row out with `where`",
            Self::DuplicateKey => {
                "the source key occurs more than once: the first row loads, this one does not"
            }
            Self::KeyBlanks => {
                "the source key ends with blanks, which SQL Server cannot tell from none: trim it in the source"
            }
            Self::KeyLength => {
                "the source key is longer than 450 characters, the most that SQL Server keeps unique: take another column"
            }
            Self::Required => "the platform demands a value: fill it in the source or give a `default`",
            Self::Length => "the text is longer than the column: shorten it or say `fit = true`",
            Self::ControlCharacter => {
                "the text contains a control character that the service refuses: remove it"
            }
            Self::MalformedNumber => {
                "the text is no number that the column takes: correct it, or say `decimal` or `round`"
            }
            Self::MalformedDate => "the text is no date: correct it, or say its `format`",
            Self::MalformedBoolean => "the text means neither true nor false: add it to `true` or `false`",
            Self::MalformedGuid => "the text is no GUID",
            Self::Range => "the number is outside the column's range",
            Self::Precision => {
                "the number has more digits behind the point than the column keeps: say `round = true`"
            }
            Self::DateRange => "the date is outside 1753-01-01 to 9999-12-31",
            Self::Option => "no option is mapped to this text: complete migration.OptionSetMapping",
            Self::StatusOfState => "the status does not belong to the state",
            Self::Lookup => {
                "no staged row has this key: stage the parent, correct the key, or say `missing = \"blank\"`"
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a finding keeps its row from loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The row does not load.
    Error,
    /// The row loads; somebody should look.
    Warning,
}

impl Severity {
    /// The word in `migration.Finding`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Severity {
    /// The severity of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Error, Self::Warning].into_iter().find(|severity| severity.as_str() == word)
    }
}

/// One finding, as `migration.Finding` holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The target table.
    pub table: String,
    /// The staged row.
    pub row_id: i64,
    /// Where the row comes from.
    pub source_table: String,
    /// Its source key.
    pub source_key: String,
    /// The Dataverse column; none where the row as such is at fault.
    pub column: Option<String>,
    /// The rule.
    pub rule: Rule,
    /// Whether the row loads all the same.
    pub severity: Severity,
    /// The value at fault, shortened.
    pub value: Option<String>,
}

/// How many rows of a table break a rule in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingCount {
    /// The target table.
    pub table: String,
    /// The Dataverse column; none where rows as such are at fault.
    pub column: Option<String>,
    /// The rule.
    pub rule: Rule,
    /// Whether the rows load all the same.
    pub severity: Severity,
    /// Rows.
    pub rows: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reads_back_from_its_word() {
        for &rule in Rule::ALL {
            assert_eq!(Rule::from_word(rule.as_str()), Some(rule));
        }
    }
}
