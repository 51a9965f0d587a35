//! What became of the requests of a batch.

use std::ops::Deref;

use bytes::Bytes;
use dataverse_wire::batch::{Answer as PartAnswer, BatchItem, BatchRequest, Operation};
use dataverse_wire::fault::{FaultClass, ServiceFault};
use dataverse_wire::literal::Reference;
use uuid::Uuid;

use crate::refusal::request_id_of;
use crate::send::Answer;

/// What became of one request of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum PartOutcome {
    /// It succeeded.
    Done {
        /// HTTP status.
        status: u16,
        /// The row that was created or changed, if the service named it by id.
        id: Option<Uuid>,
        /// The body, of reads and of writes that return something.
        body: Bytes,
    },
    /// The service said no. For a request of a change set: to it or to a companion; nothing of the set was written.
    Refused(ServiceFault),
    /// It was not tried, since an earlier one failed.
    NotExecuted,
}

impl PartOutcome {
    /// It succeeded.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// The row that was created or changed.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Done { id, .. } => *id,
            Self::Refused(_) | Self::NotExecuted => None,
        }
    }

    /// What the service said, if it said no.
    pub fn fault(&self) -> Option<&ServiceFault> {
        match self {
            Self::Refused(fault) => Some(fault),
            Self::Done { .. } | Self::NotExecuted => None,
        }
    }

    pub(super) fn of(answer: &PartAnswer) -> Self {
        if !answer.is_success() {
            return Self::Refused(ServiceFault::parse(answer.status, &answer.body));
        }
        let named = answer.header("OData-EntityId").or_else(|| answer.header("Location"));
        let reference = named.map(Reference::parse).and_then(Result::ok);
        Self::Done {
            status: answer.status,
            id: reference.and_then(|reference| reference.key.id()),
            body: answer.body.clone(),
        }
    }
}

/// The outcomes of a batch, in the order of its requests: a slice of [`PartOutcome`], and the errors by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcomes {
    parts: Vec<PartOutcome>,
    errors: Vec<PartError>,
}

/// A request of a batch that the service refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "request {index} of the batch, {target}: refused{}",
    request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default()
)]
#[non_exhaustive]
pub struct PartError {
    /// Position among the requests of the batch, from 0, those of change sets counted one by one.
    pub index: usize,
    /// The table's entity set, or what else was asked for.
    pub target: String,
    /// The row, where the request named one by id.
    pub row: Option<Uuid>,
    /// What the service said.
    #[source]
    pub fault: ServiceFault,
    /// The service's id of the batch, for its support.
    pub request_id: Option<String>,
}

impl PartError {
    /// What to do about it.
    pub fn class(&self) -> FaultClass {
        self.fault.class()
    }
}

impl Outcomes {
    pub(super) fn new(parts: Vec<PartOutcome>, batch: &BatchRequest, answer: &Answer, root: &str) -> Self {
        let mut errors = Vec::new();
        if parts.iter().any(|part| part.fault().is_some()) {
            let request_id = request_id_of(&answer.headers);
            let operations = batch.items.iter().flat_map(|item| match item {
                BatchItem::Operation(operation) => std::slice::from_ref(operation),
                BatchItem::ChangeSet(operations) => operations.as_slice(),
            });
            for (index, (part, operation)) in parts.iter().zip(operations).enumerate() {
                let Some(fault) = part.fault() else { continue };
                let (target, row) = named(operation, root);
                errors.push(PartError {
                    index,
                    target,
                    row,
                    fault: fault.clone(),
                    request_id: request_id.clone(),
                });
            }
        }
        Self { parts, errors }
    }

    /// What was refused, with the names of table and row and the service's id of the batch.
    pub fn errors(&self) -> &[PartError] {
        &self.errors
    }
}

/// Entity set and row of a request; alternate keys hold values of rows, and are left out.
pub(super) fn named(operation: &Operation, root: &str) -> (String, Option<Uuid>) {
    let path = operation.target.strip_prefix(root).unwrap_or(&operation.target).trim_start_matches('/');
    let path = path.split('?').next().unwrap_or_default();
    let end = path.find(['(', '/']).unwrap_or(path.len());
    let row = path[end..].find(')').and_then(|close| Reference::parse(&path[..=end + close]).ok());
    (path[..end].to_owned(), row.and_then(|reference| reference.key.id()))
}

impl Deref for Outcomes {
    type Target = [PartOutcome];

    fn deref(&self) -> &[PartOutcome] {
        &self.parts
    }
}

impl IntoIterator for Outcomes {
    type Item = PartOutcome;
    type IntoIter = std::vec::IntoIter<PartOutcome>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}

impl<'a> IntoIterator for &'a Outcomes {
    type Item = &'a PartOutcome;
    type IntoIter = std::slice::Iter<'a, PartOutcome>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataverse_wire::batch::Method;

    #[test]
    fn an_error_names_table_and_row_but_no_value() {
        let root = "https://o/api/data/v9.2/";
        let id = Uuid::max();
        for (target, set, row) in [
            (format!("{root}accounts"), "accounts", None),
            (format!("{root}accounts({id})?$select=name"), "accounts", Some(id)),
            (format!("/leads({id})/contactleads_association/$ref"), "leads", Some(id)),
            (format!("{root}accounts(accountnumber='SECRET')"), "accounts", None),
            ("$1".to_owned(), "$1", None),
            ("accounts(".to_owned(), "accounts", None),
        ] {
            let operation = Operation::new(Method::Patch, target.as_str());
            assert_eq!(named(&operation, root), (set.to_owned(), row), "{target}");
        }
    }
}
