//! States that are reached by an action, which also makes a closing activity and must not be repeated (reference §9).

use dataverse_wire::write::RowWriter;
use staging_schema::ValueRef;
use staging_store::RowView;
use uuid::Uuid;

use crate::columns::Columns;
use crate::operation::HEADER;
use crate::plan::LoadTable;

/// What closes rows of a table in one of its states.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    table: &'static str,
    state: i64,
    /// The action, below the service root.
    action: &'static str,
    /// The parameter that holds the closing activity.
    parameter: &'static str,
    activity: &'static str,
    /// The lookup of the activity that names the closed row, and the row's entity set.
    navigation: &'static str,
    entity_set: &'static str,
    subject: &'static str,
    /// The state from which the row is brought into another one first, if it is still there.
    opens: Option<(i64, i64)>,
    /// Columns of the closed row that hold when it was closed, and for how much.
    end: Option<&'static str>,
    amount: Option<&'static str>,
}

const INCIDENT: Kind = Kind {
    table: "incident",
    state: 1,
    action: "CloseIncident",
    parameter: "IncidentResolution",
    activity: "incidentresolution",
    navigation: "incidentid",
    entity_set: "incidents",
    subject: "Resolved before migration",
    opens: None,
    end: None,
    amount: None,
};

const OPPORTUNITY: Kind = Kind {
    table: "opportunity",
    state: 1,
    action: "WinOpportunity",
    parameter: "OpportunityClose",
    activity: "opportunityclose",
    navigation: "opportunityid",
    entity_set: "opportunities",
    subject: "Won before migration",
    opens: None,
    end: Some("actualclosedate"),
    amount: Some("actualvalue"),
};

const QUOTE: Kind = Kind {
    table: "quote",
    state: 2,
    action: "WinQuote",
    parameter: "QuoteClose",
    activity: "quoteclose",
    navigation: "quoteid",
    entity_set: "quotes",
    subject: "Won before migration",
    // A draft is neither won nor lost: it has to be active.
    opens: Some((0, 1)),
    end: Some("closedon"),
    amount: None,
};

const ORDER: Kind = Kind {
    table: "salesorder",
    state: 2,
    action: "CancelSalesOrder",
    parameter: "OrderClose",
    activity: "orderclose",
    navigation: "salesorderid",
    entity_set: "salesorders",
    subject: "Cancelled before migration",
    opens: None,
    end: None,
    amount: None,
};

const KINDS: [Kind; 7] = [
    INCIDENT,
    OPPORTUNITY,
    Kind { state: 2, action: "LoseOpportunity", subject: "Lost before migration", ..OPPORTUNITY },
    QUOTE,
    Kind { state: 3, action: "CloseQuote", subject: "Closed before migration", ..QUOTE },
    ORDER,
    Kind {
        state: 3,
        // Bound to the orders as a whole.
        action: "salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder",
        subject: "Fulfilled before migration",
        end: Some("datefulfilled"),
        ..ORDER
    },
];

/// How rows of a table are closed in one state.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    kind: &'static Kind,
    /// Position of the staged date and amount of the close, where staged.
    end_at: Option<usize>,
    amount_at: Option<usize>,
}

/// An action with its body.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Closing {
    /// The closings of a table.
    pub(crate) fn of(table: &LoadTable, columns: &mut Columns) -> Vec<Self> {
        let mut staged =
            |name: Option<&str>| table.staged.column(name?).map(|column| columns.read_also(&column.name));
        let kinds = KINDS.iter().filter(|kind| kind.table == table.name());
        kinds.map(|kind| Self { kind, end_at: staged(kind.end), amount_at: staged(kind.amount) }).collect()
    }

    /// The state in which it leaves a row.
    pub(crate) fn state(&self) -> i64 {
        self.kind.state
    }

    /// The state into which a row is brought before it is closed, if it must not be closed as it is.
    pub(crate) fn opens(&self, present: i64) -> Option<i64> {
        self.kind.opens.filter(|(from, _)| *from == present).map(|(_, to)| to)
    }

    /// Whether a row may need another request before it is closed.
    pub(crate) fn may_open(&self) -> bool {
        self.kind.opens.is_some()
    }

    /// The action that closes a row.
    pub(crate) fn action(&self, row: RowView<'_>, id: Uuid, status: Option<i64>) -> Action {
        let kind = self.kind;
        let mut body = RowWriter::new();
        body.object(kind.parameter, |close| {
            close.odata_type(kind.activity).text("subject", kind.subject).bind(
                kind.navigation,
                kind.entity_set,
                &id,
            );
            let cell = |at: Option<usize>| at.map_or(ValueRef::Null, |at| row.get(HEADER + at));
            if let Some(end) = cell(self.end_at).as_text() {
                // A date is midnight; a date and time goes as it is.
                let midnight = if end.len() == 10 { "T00:00:00Z" } else { "" };
                close.text("actualend", &format!("{end}{midnight}"));
            }
            if let Some(amount) = cell(self.amount_at).as_text() {
                close.number("actualrevenue", amount);
            }
        });
        // -1 lets the service choose the default status of the state.
        body.integer("Status", status.unwrap_or(-1));
        Action { name: kind.action, body: body.finish() }
    }
}
