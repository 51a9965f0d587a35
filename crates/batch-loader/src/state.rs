//! States: set last, by plain update or by the action that the table demands (reference §9).

use dataverse_wire::write::Fields;
use staging_schema::StagedKind;
use staging_store::RowView;

use crate::closing::Closing;
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
    closings: Vec<Closing>,
    is_email: bool,
}

/// A state with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) state: i64,
    pub(crate) status: Option<i64>,
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
        let closings = Closing::of(table, columns);
        Self {
            state_at,
            status_at,
            defaults: defaults.collect(),
            closings,
            is_email: table.name() == "email",
        }
    }

    /// Whether some states of the table are reached by an action that must not be repeated.
    pub(crate) fn has_closing_action(&self) -> bool {
        !self.closings.is_empty()
    }

    /// Most requests that one row may need inside a batch.
    pub(crate) fn parts_of_row(&self) -> usize {
        if self.closings.iter().any(Closing::may_open) { 2 } else { 1 }
    }

    /// What a row is to become.
    pub(crate) fn wanted(&self, row: RowView<'_>) -> Wanted {
        let cell = |at: Option<usize>| at.and_then(|at| row.get(HEADER + at).as_integer());
        let state = cell(self.state_at).unwrap_or(0);
        Wanted { state, status: cell(self.status_at).or_else(|| self.default_status(state)) }
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
        self.wanted(row).write(to);
    }

    /// What closes a row, where the state that it is to have demands an action.
    pub(crate) fn closing(&self, wanted: Wanted) -> Option<&Closing> {
        self.closings.iter().find(|closing| closing.state() == wanted.state)
    }

    /// Whether a row is as it is to become.
    pub(crate) fn is_there(&self, wanted: Wanted, state: i64, status: i64) -> bool {
        // A closing action may choose another status of the same state; the state is what counts then.
        let is_status = || wanted.status.is_none_or(|wanted| wanted == status);
        state == wanted.state && (self.closing(wanted).is_some() || is_status())
    }

    /// The state that a row must have before it can become what it is to, unless it may as it is.
    pub(crate) fn opens(&self, wanted: Wanted, present: i64) -> Option<Wanted> {
        let state = self.closing(wanted)?.opens(present)?;
        Some(Wanted { state, status: self.default_status(state) })
    }

    fn default_status(&self, state: i64) -> Option<i64> {
        self.defaults.iter().find(|(known, _)| *known == state).map(|(_, status)| *status)
    }
}

impl Wanted {
    /// State and status of a plain update.
    pub(crate) fn write<B: AsMut<Vec<u8>>>(self, to: &mut Fields<B>) {
        to.integer("statecode", self.state);
        if let Some(status) = self.status {
            to.integer("statuscode", status);
        }
    }
}
