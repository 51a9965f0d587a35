//! What became of single rows, whatever shape the service answered in (reference §4.2).

use std::collections::HashMap;

use dataverse_wire::fault::{FaultClass, RowFault, ServiceCode, ServiceFault};
use dataverse_wire::metadata::TableDefinition;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::bulk::BulkMessage;
use crate::{Error, PartOutcome};

/// What became of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum RowOutcome {
    /// It was written, or deleted.
    Done {
        /// Its id, where the service or the caller named it.
        id: Option<Uuid>,
        /// Whether it was created; none where the service does not tell: an upsert in bulk.
        created: Option<bool>,
    },
    /// The service said no to this row, and did not write it. Class `Throttled` means that it may be sent again.
    Refused(ServiceFault),
}

impl RowOutcome {
    /// It was written, or deleted.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// The row's id, where it is known.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Done { id, .. } => *id,
            Self::Refused(_) => None,
        }
    }

    /// Whether it was created, where the service tells.
    pub fn created(&self) -> Option<bool> {
        match self {
            Self::Done { created, .. } => *created,
            Self::Refused(_) => None,
        }
    }

    /// What the service said, if it said no.
    pub fn fault(&self) -> Option<&ServiceFault> {
        match self {
            Self::Refused(fault) => Some(fault),
            Self::Done { .. } => None,
        }
    }

    /// The outcome of a row that travelled as a request of its own.
    pub(super) fn of_part(part: PartOutcome, message: BulkMessage, named: Option<Uuid>) -> Self {
        match part {
            PartOutcome::Done { id, .. } => Self::Done { id: id.or(named), created: implied(message) },
            PartOutcome::Refused(fault) => Self::Refused(fault),
            // A service that stops in spite of `odata.continue-on-error`.
            PartOutcome::NotExecuted => {
                let text = "not executed: an earlier row failed";
                Self::Refused(ServiceFault::new(ServiceCode::NONE, text).with_status(424))
            }
        }
    }
}

/// What a message itself says about whether a row was created.
fn implied(message: BulkMessage) -> Option<bool> {
    match message {
        BulkMessage::Create => Some(true),
        BulkMessage::Update | BulkMessage::Delete => Some(false),
        BulkMessage::Upsert => None,
    }
}

/// What a success may say: nothing, ids, or whether each row was created.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(rename = "Ids")]
    ids: Option<Vec<Uuid>>,
    #[serde(rename = "Results", alias = "value")]
    results: Option<Vec<Value>>,
}

/// The outcomes of a message that went well; `named` are the ids that the caller gave. None if the answer does not fit
/// the rows that were sent.
pub(super) fn all_done(
    table: &TableDefinition,
    message: BulkMessage,
    named: &[Option<Uuid>],
    body: &[u8],
) -> Option<Vec<RowOutcome>> {
    let told: Told = serde_json::from_slice(body).unwrap_or_default();
    let counts = [told.ids.as_ref().map(Vec::len), told.results.as_ref().map(Vec::len)];
    let fits = counts.iter().flatten().all(|count| *count == named.len());
    // Ids are what a create is asked for; all else is a gift.
    if !fits || (message == BulkMessage::Create && told.ids.is_none()) {
        return None;
    }
    let outcome = |(index, named): (usize, &Option<Uuid>)| {
        let id = told.ids.as_ref().map(|ids| ids[index]);
        let result = told.results.as_ref().map(|results| &results[index]);
        let target = result.and_then(|result| result.get("Target")?.get(&table.primary_id)?.as_str());
        let created = result.and_then(|result| result.get("RecordCreated")?.as_bool());
        RowOutcome::Done {
            id: id.or_else(|| target?.parse().ok()).or(*named),
            created: implied(message).or(created),
        }
    };
    Some(named.iter().enumerate().map(outcome).collect())
}

/// An elastic table writes what it can, and lists the rows that failed, or all of them.
pub(super) fn partly_done(
    error: Error,
    message: BulkMessage,
    named: &[Option<Uuid>],
) -> Result<Vec<RowOutcome>, Error> {
    let Error::Refused { request, fault, .. } = &error else { return Err(error) };
    if fault.rows.is_empty() {
        // Without a list, a complaint about one row says nothing about the others.
        return match fault.class() {
            FaultClass::Row | FaultClass::Transient if named.len() > 1 => {
                Err(Error::InDoubt { request: request.clone(), source: fault.clone() })
            }
            _ => Err(error),
        };
    }
    let Some(faults) = fault.of_rows(named.len()) else {
        let source = format!("the service tells of rows that were not sent: {fault}").into();
        return Err(Error::InDoubt { request: request.clone(), source });
    };
    let told: HashMap<usize, &RowFault> = fault.rows.iter().map(|row| (row.request_index, row)).collect();
    let outcome = |((index, named), fault): ((usize, &Option<Uuid>), Option<ServiceFault>)| {
        if let Some(fault) = fault {
            return RowOutcome::Refused(fault);
        }
        let id = told.get(&index).and_then(|row| row.id.as_ref()?.parse().ok()).or(*named);
        RowOutcome::Done { id, created: implied(message) }
    };
    Ok(named.iter().enumerate().zip(faults).map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableDefinition {
        TableDefinition::new("account", "accounts", "accountid")
    }

    #[test]
    fn an_answer_of_another_length_is_no_answer() {
        let one = format!(r#"{{"Ids":["{}"]}}"#, Uuid::nil());
        let named = [None, None];
        assert_eq!(all_done(&table(), BulkMessage::Create, &named, one.as_bytes()), None);
        assert_eq!(all_done(&table(), BulkMessage::Create, &named, b""), None);
        assert_eq!(
            all_done(&table(), BulkMessage::Create, &[None], one.as_bytes()).unwrap()[0].id(),
            Some(Uuid::nil())
        );
        assert_eq!(all_done(&table(), BulkMessage::Upsert, &named, b"").unwrap().len(), 2);
    }

    #[test]
    fn results_tell_what_was_created_and_which_row_it_is() {
        let body = format!(
            r#"{{"Results":[{{"RecordCreated":true,"Target":{{"accountid":"{}"}}}},{{"RecordCreated":false}}]}}"#,
            Uuid::max()
        );
        let outcomes =
            all_done(&table(), BulkMessage::Upsert, &[None, Some(Uuid::nil())], body.as_bytes()).unwrap();
        assert_eq!((outcomes[0].id(), outcomes[0].created()), (Some(Uuid::max()), Some(true)));
        assert_eq!((outcomes[1].id(), outcomes[1].created()), (Some(Uuid::nil()), Some(false)));
    }
}
