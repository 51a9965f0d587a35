//! States: set last, by plain update or by the action that the table demands (reference §9).

use dataverse_wire::write::{Fields, RowWriter};
use staging_schema::{StagedKind, ValueRef};
use staging_store::RowView;
use uuid::Uuid;

use crate::columns::{Columns, Unwritable};
use crate::operation::HEADER;
use crate::plan::LoadTable;

/// Statuses in which an e-mail leaves the building: Pending Send and Sending.
const SENDING: [i64; 2] = [6, 7];

/// How the state of a row is set.
#[derive(Debug, Clone)]
pub(crate) struct StateForm {
    state_at: Option<usize>,
    status_at: Option<usize>,
    /// Statuses by state, for rows whose status is not staged or belongs to another state.
    defaults: Vec<(i64, i64)>,
    closing: Option<Closing>,
    is_email: bool,
}

/// A table some of whose states are reached by an action that also creates a closing activity.
#[derive(Debug, Clone)]
struct Closing {
    kind: ClosingKind,
    /// Position of the staged date and amount of the close, where staged.
    end_at: Option<usize>,
    amount_at: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClosingKind {
    Incident,
    Opportunity,
}

/// A state with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) state: i64,
    pub(crate) status: Option<i64>,
}

/// An unbound action with its body.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) body: Vec<u8>,
}

impl StateForm {
    pub(crate) fn of(table: &LoadTable, columns: &mut Columns) -> Self {
        let mut place = |kind: &StagedKind| {
            let column = table.staged.columns.iter().find(|column| column.kind == *kind)?;
            Some(columns.read_also(&column.name))
        };
        let (state_at, status_at) = (place(&StagedKind::State), place(&StagedKind::Status));
        let defaults = table.definition.states().iter().filter_map(|state| {
            let status = table.definition.default_status_of(state.value)?;
            Some((state.value.into(), status.into()))
        });
        let kind = match table.name() {
            "incident" => Some(ClosingKind::Incident),
            "opportunity" => Some(ClosingKind::Opportunity),
            _ => None,
        };
        let mut staged = |name: &str| table.staged.column(name).map(|column| columns.read_also(&column.name));
        let closing = kind.map(|kind| Closing {
            kind,
            end_at: (kind == ClosingKind::Opportunity).then(|| staged("actualclosedate")).flatten(),
            amount_at: (kind == ClosingKind::Opportunity).then(|| staged("actualvalue")).flatten(),
        });
        Self { state_at, status_at, defaults: defaults.collect(), closing, is_email: table.name() == "email" }
    }

    /// Whether some states of the table are reached by an action that must not be repeated.
    pub(crate) fn has_closing_action(&self) -> bool {
        self.closing.is_some()
    }

    /// What a row is to become.
    pub(crate) fn wanted(&self, row: RowView<'_>) -> Wanted {
        let cell = |at: Option<usize>| at.and_then(|at| row.get(HEADER + at).as_integer());
        let state = cell(self.state_at).unwrap_or(0);
        let default = self.defaults.iter().find(|(known, _)| *known == state).map(|(_, status)| *status);
        Wanted { state, status: cell(self.status_at).or(default) }
    }

    /// A row whose state would do harm.
    pub(crate) fn refuse(&self, row: RowView<'_>) -> Option<Unwritable> {
        let wanted = self.wanted(row);
        let would_send = self.is_email && wanted.status.is_some_and(|status| SENDING.contains(&status));
        would_send.then(|| Unwritable {
            column: "statuscode".to_owned(),
            message: "the e-mail would be sent; stage another status".to_owned(),
        })
    }

    /// State and status of a plain update.
    pub(crate) fn write<B: AsMut<Vec<u8>>>(&self, row: RowView<'_>, to: &mut Fields<B>) {
        let wanted = self.wanted(row);
        to.integer("statecode", wanted.state);
        if let Some(status) = wanted.status {
            to.integer("statuscode", status);
        }
    }

    /// The action that closes a row, where its state demands one.
    pub(crate) fn action(&self, row: RowView<'_>, id: Uuid) -> Option<Action> {
        let closing = self.closing.as_ref()?;
        let wanted = self.wanted(row);
        let (name, activity, navigation, set, subject) = match (closing.kind, wanted.state) {
            (ClosingKind::Incident, 1) => (
                "CloseIncident",
                "incidentresolution",
                "incidentid",
                "incidents",
                "Resolved before migration",
            ),
            (ClosingKind::Opportunity, 1) => (
                "WinOpportunity",
                "opportunityclose",
                "opportunityid",
                "opportunities",
                "Won before migration",
            ),
            (ClosingKind::Opportunity, 2) => (
                "LoseOpportunity",
                "opportunityclose",
                "opportunityid",
                "opportunities",
                "Lost before migration",
            ),
            _ => return None,
        };
        let parameter = match closing.kind {
            ClosingKind::Incident => "IncidentResolution",
            ClosingKind::Opportunity => "OpportunityClose",
        };
        let mut body = RowWriter::new();
        body.object(parameter, |close| {
            close.odata_type(activity).text("subject", subject).bind(navigation, set, &id);
            let cell = |at: Option<usize>| at.map_or(ValueRef::Null, |at| row.get(HEADER + at));
            if let Some(end) = cell(closing.end_at).as_text() {
                // A date is midnight; a date and time goes as it is.
                let midnight = if end.len() == 10 { "T00:00:00Z" } else { "" };
                close.text("actualend", &format!("{end}{midnight}"));
            }
            if let Some(amount) = cell(closing.amount_at).as_text() {
                close.number("actualrevenue", amount);
            }
        });
        // -1 lets the service choose the default status of the state.
        body.integer("Status", wanted.status.unwrap_or(-1));
        Some(Action { name, body: body.finish() })
    }
}
