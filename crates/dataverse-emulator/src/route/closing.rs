//! The messages that close cases, opportunities, quotes and orders, each with its close activity.

use uuid::Uuid;

use super::action::{missing, table_named};
use super::exchange::Answer;
use crate::refusal::{self, Refusal};
use crate::state::row::{self, Cell, Draft, Form};
use crate::state::{Transaction, sort_key};
use crate::write::{Closing, RowDraft, close, create};

/// `CloseIncident`, `WinOpportunity` and their kin.
#[derive(Debug)]
pub(crate) struct CloseMessage {
    pub(super) kind: &'static CloseKind,
    pub(super) status: i64,
    /// The close activity, which names the row that is closed.
    pub(super) activity: Box<RowDraft>,
}

/// What a closing message closes, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CloseKind {
    pub(super) message: &'static str,
    /// The parameter that holds the close activity.
    pub(super) parameter: &'static str,
    pub(super) activity: &'static str,
    /// The lookup of the activity that names the closed row.
    lookup: &'static str,
    table: &'static str,
    state: i64,
}

pub(super) const CLOSINGS: [CloseKind; 7] = [
    CloseKind {
        message: "CloseIncident",
        parameter: "IncidentResolution",
        activity: "incidentresolution",
        lookup: "incidentid",
        table: "incident",
        state: 1,
    },
    CloseKind {
        message: "WinOpportunity",
        parameter: "OpportunityClose",
        activity: "opportunityclose",
        lookup: "opportunityid",
        table: "opportunity",
        state: 1,
    },
    CloseKind {
        message: "LoseOpportunity",
        parameter: "OpportunityClose",
        activity: "opportunityclose",
        lookup: "opportunityid",
        table: "opportunity",
        state: 2,
    },
    CloseKind {
        message: "WinQuote",
        parameter: "QuoteClose",
        activity: "quoteclose",
        lookup: "quoteid",
        table: "quote",
        state: 2,
    },
    CloseKind {
        message: "CloseQuote",
        parameter: "QuoteClose",
        activity: "quoteclose",
        lookup: "quoteid",
        table: "quote",
        state: 3,
    },
    CloseKind {
        message: "CancelSalesOrder",
        parameter: "OrderClose",
        activity: "orderclose",
        lookup: "salesorderid",
        table: "salesorder",
        state: 2,
    },
    CloseKind {
        message: "FulfillSalesOrder",
        parameter: "OrderClose",
        activity: "orderclose",
        lookup: "salesorderid",
        table: "salesorder",
        state: 3,
    },
];

/// Closes the row that the activity names, and keeps the activity as completed.
pub(super) fn close_by(tx: &mut Transaction<'_>, message: CloseMessage) -> Result<Answer, Refusal> {
    let CloseMessage { kind, status, activity } = message;
    let activities = table_named(tx, kind.activity)?;
    let table = table_named(tx, kind.table)?;
    let lookup = activities.by_name.get(kind.lookup).copied();
    let closed = lookup.and_then(|column| activity.cells.get(column, Form::Lookup));
    let Some(Cell::Lookup(_, id)) = closed else {
        return Err(missing(kind.message, &format!("{}.{}", kind.parameter, kind.lookup)));
    };
    if kind.table == "incident" && has_open_activities(tx, id) {
        return Err(refusal::refusal(
            400,
            0x8004_440A,
            "The incident can not be closed because there are open activities for this incident.",
        ));
    }
    let mut also = Draft::default();
    if kind.table == "opportunity" {
        let ended =
            activities.by_name.get("actualend").and_then(|column| activity.cells.get(*column, Form::Instant));
        let day = match ended {
            Some(Cell::Instant(seconds)) => seconds.div_euclid(86_400),
            _ => tx.caller.now.div_euclid(86_400),
        };
        if let Some(column) = table.by_name.get("actualclosedate") {
            match table.column(*column).kind.form() {
                Some(Form::Day) => also.set(*column, Cell::Day(i32::try_from(day).unwrap_or_default())),
                _ => also.set(*column, Cell::Instant(day * 86_400)),
            }
        }
        let revenue = activities.by_name.get("actualrevenue").and_then(|column| activity.cells.find(*column));
        if let (Some(column), Some(bytes)) = (table.by_name.get("actualvalue"), revenue) {
            also.set_bytes(*column, bytes);
        }
    }
    close(tx, Closing { table: &table, id, state: kind.state, status: Some(status), also })?;
    let close_id = create(tx, activities.id, *activity)?;
    if activities.system.state.is_some() {
        let also = Draft::default();
        close(tx, Closing { table: &activities, id: close_id, state: 1, status: None, also })?;
    }
    Ok(Answer::no_content())
}

fn has_open_activities(tx: &Transaction<'_>, regarding: Uuid) -> bool {
    let schema = tx.schema();
    let Some(wanted) = sort_key(Cell::Id(regarding)) else { return false };
    schema.tables().filter(|table| table.activity.is_some()).any(|table| {
        let (Some(column), Some(state)) = (table.by_name.get("regardingobjectid"), table.system.state) else {
            return false;
        };
        let rows = tx.organisation().rows(table.id);
        rows.in_range(*column, &(wanted..=wanted)).into_iter().any(|key| {
            let state = rows.get(key).and_then(|bytes| row::get(bytes, state, Form::Integer));
            matches!(state, Some(Cell::Integer(0 | 3)))
        })
    })
}
