//! What is wrong with a mapping, found before anything runs.

use std::fmt;

/// One mistake in the project's mapping: which map, which column, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The mapping: `account from Account`.
    pub map: String,
    /// The Dataverse column, where the mistake is about one.
    pub column: Option<String>,
    /// One clear sentence.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "map {}, column {column}: {}", self.map, self.message),
            None => write!(f, "map {}: {}", self.map, self.message),
        }
    }
}

/// Collects the problems of one mapping.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    pub(crate) map: String,
    pub(crate) found: &'a mut Vec<Problem>,
}

impl Problems<'_> {
    pub(crate) fn table(&mut self, message: impl Into<String>) {
        self.found.push(Problem { map: self.map.clone(), column: None, message: message.into() });
    }

    pub(crate) fn column(&mut self, column: &str, message: impl Into<String>) {
        let column = Some(column.to_owned());
        self.found.push(Problem { map: self.map.clone(), column, message: message.into() });
    }
}
