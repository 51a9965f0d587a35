//! States and statuses: where rows start, what may follow, and what closes a row for good.

use uuid::Uuid;

use super::system;
use crate::refusal::{self, Refusal};
use crate::schema::{Belonging, Table};
use crate::state::Transaction;
use crate::state::row::{self, Cell, ColumnId, Draft, Form};

/// States that plain updates cannot reach, with the message that does (reference §9).
const BY_MESSAGE_ONLY: [(&str, i64, &str); 7] = [
    ("incident", 1, "CloseIncidentRequest"),
    ("opportunity", 1, "WinOpportunityRequest"),
    ("opportunity", 2, "LoseOpportunityRequest"),
    ("quote", 2, "WinQuoteRequest"),
    ("quote", 3, "CloseQuoteRequest"),
    ("salesorder", 2, "CancelSalesOrderRequest"),
    ("salesorder", 3, "FulfillSalesOrderRequest"),
];

/// The states of a table in which its rows take no changes.
fn is_closed(table: &Table, state: i64) -> bool {
    match table.name.as_str() {
        "incident" | "opportunity" => state != 0,
        "quote" | "invoice" => state == 2 || state == 3,
        "salesorder" => (2..=4).contains(&state),
        _ => table.activity.is_some() && (state == 1 || state == 2),
    }
}

/// The state in which rows of a table start.
fn first_state(table: &Table) -> i64 {
    let states = table.definition.states();
    if states.is_empty() || states.iter().any(|option| option.value == 0) {
        return 0;
    }
    states.iter().map(|option| i64::from(option.value)).min().unwrap_or(0)
}

fn integer(cells: &Draft, column: ColumnId) -> Option<i64> {
    match cells.get(column, Form::Integer) {
        Some(Cell::Integer(value)) => Some(value),
        _ => None,
    }
}

/// Gives a new row its state and status; a status of another state is refused.
pub(super) fn start(tx: &Transaction<'_>, table: &Table, id: Uuid, cells: &mut Draft) -> Result<(), Refusal> {
    let Some(state_column) = table.system.state else { return Ok(()) };
    let first = first_state(table);
    let accepts_inactive = !tx.settings.inactive_status_on_create.refuses();
    let status = table.system.status.and_then(|column| integer(cells, column));
    let asked = integer(cells, state_column).filter(|_| accepts_inactive);
    let mut state = asked.unwrap_or(first);
    if let Some(status) = status {
        match table.state_of(status) {
            Belonging::Nowhere => return Err(refusal::bad_status(table, status, state, id)),
            Belonging::State(other) if other != state => {
                if !accepts_inactive || asked.is_some() {
                    return Err(refusal::bad_status(table, status, state, id));
                }
                state = other;
            }
            Belonging::State(_) | Belonging::Anywhere => {}
        }
    }
    cells.set(state_column, Cell::Integer(state));
    if let (None, Some(column), Some(default)) = (status, table.system.status, table.default_status(state)) {
        cells.set(column, Cell::Integer(default.into()));
    }
    Ok(())
}

/// Checks what an update does to the state of a row, and completes the pair.
pub(super) fn change(
    tx: &Transaction<'_>,
    table: &Table,
    id: Uuid,
    old: &[u8],
    cells: &mut Draft,
) -> Result<(), Refusal> {
    let Some(state_column) = table.system.state else { return Ok(()) };
    let before = match row::get(old, state_column, Form::Integer) {
        Some(Cell::Integer(state)) => state,
        _ => first_state(table),
    };
    let asked = integer(cells, state_column);
    let state = asked.unwrap_or(before);
    let owner = table.system.owner;
    let touches_more = cells
        .columns()
        .any(|column| column != state_column && Some(column) != table.system.status && Some(column) != owner);
    if is_closed(table, before)
        && is_closed(table, state)
        && touches_more
        && tx.settings.update_of_closed_row.refuses()
    {
        return Err(refusal::refusal(
            400,
            0x8004_0230,
            format!("The object cannot be updated because it is inactive. ({} with Id {id})", table.name),
        ));
    }
    if state != before
        && let Some((_, _, message)) =
            BY_MESSAGE_ONLY.iter().find(|(name, closed, _)| *name == table.name && *closed == state)
    {
        return Err(refusal::refusal(
            400,
            0x8004_0233,
            format!(
                "This message can not be used to set the state of {} to {}. In order to set state of {} to {}, use \
                 the {message} message instead.",
                table.name,
                table.state_label(state),
                table.name,
                table.state_label(state)
            ),
        ));
    }
    complete(table, id, old, state, asked.is_some(), cells)
}

/// The status must belong to the state; a state without status gets its default.
fn complete(
    table: &Table,
    id: Uuid,
    old: &[u8],
    state: i64,
    state_is_asked: bool,
    cells: &mut Draft,
) -> Result<(), Refusal> {
    let Some(status_column) = table.system.status else { return Ok(()) };
    let before = match row::get(old, status_column, Form::Integer) {
        Some(Cell::Integer(status)) => Some(status),
        _ => None,
    };
    let status = match integer(cells, status_column) {
        Some(status) => {
            let fits = match table.state_of(status) {
                Belonging::Nowhere => false,
                Belonging::Anywhere => true,
                Belonging::State(known) => known == state,
            };
            if !fits {
                return Err(refusal::bad_status(table, status, state, id));
            }
            Some(status)
        }
        None if state_is_asked => {
            let keeps = before.filter(|status| table.state_of(*status) == Belonging::State(state));
            let status = keeps.or_else(|| table.default_status(state).map(i64::from));
            if let Some(status) = status {
                cells.set(status_column, Cell::Integer(status));
            }
            status
        }
        None => None,
    };
    match (before, status) {
        (Some(before), Some(status)) if before != status => check_transition(table, before, status),
        _ => Ok(()),
    }
}

/// Custom transitions, where a table enforces them.
fn check_transition(table: &Table, before: i64, status: i64) -> Result<(), Refusal> {
    if !table.definition.enforce_state_transitions {
        return Ok(());
    }
    let allowed = table
        .definition
        .statuses()
        .iter()
        .find(|option| i64::from(option.value) == before)
        .and_then(|option| option.transitions.as_deref());
    match allowed {
        Some(xml) if !xml.contains(&format!("tostatusid=\"{status}\"")) => Err(refusal::refusal(
            400,
            0x8004_F00E,
            format!("The status {before} of {} may not be followed by {status}.", table.name),
        )),
        _ => Ok(()),
    }
}

/// A message that closes a row: which state, which status, and what else it sets.
#[derive(Debug)]
pub(crate) struct Closing<'a> {
    pub(crate) table: &'a Table,
    pub(crate) id: Uuid,
    pub(crate) state: i64,
    /// The status to take; `None` (or -1 on the wire) takes the state's default.
    pub(crate) status: Option<i64>,
    /// Columns that the message sets on the closed row.
    pub(crate) also: Draft,
}

/// Closes a row as a message does, past the rules of plain updates.
pub(crate) fn close(tx: &mut Transaction<'_>, mut closing: Closing<'_>) -> Result<(), Refusal> {
    let (table, id) = (closing.table, closing.id);
    let (Some(state_column), Some(status_column)) = (table.system.state, table.system.status) else {
        return Err(refusal::not_emulated(format_args!("Closing rows of {}", table.name)));
    };
    let Some(old) = tx.row(table.id, id) else { return Err(refusal::no_row(&table.name, id)) };
    if let Some(Cell::Integer(before)) = row::get(old, state_column, Form::Integer) {
        let is_draft = table.name == "quote" && before == 0;
        if is_closed(table, before) || is_draft && tx.settings.close_of_draft_quote.refuses() {
            let state = table.state_label(before);
            let text = if is_draft {
                format!("{} with Id {id} is {state}; it has to be active to be closed.", table.name)
            } else {
                format!("{} with Id {id} is already {state}.", table.name)
            };
            return Err(refusal::refusal(400, 0x8004_0233, text));
        }
    }
    let cells = &mut closing.also;
    cells.set(state_column, Cell::Integer(closing.state));
    if let Some(status) = closing.status.filter(|status| *status != -1) {
        cells.set(status_column, Cell::Integer(status));
    }
    complete(table, id, old, closing.state, true, cells)?;
    let old: Box<[u8]> = old.into();
    system::fill_money(tx, table, cells, Some(&old));
    system::fill_modified(tx, table, cells);
    tx.change(table.id, id, cells);
    Ok(())
}
