//! Closing actions: the state is read first, so that no close activity is made twice (reference §9).

use std::collections::HashMap;

use dataverse_client::{Filter, Query, Row, WriteOptions};
use uuid::Uuid;

use crate::context::Context;
use crate::lane::Lane;
use crate::operation::Operation;
use crate::probe::id_of;
use crate::rows::{Request, Slot};
use crate::state::{StateForm, Wanted};
use crate::verdict::Verdict;

/// Rows whose states are read by one question.
const ROWS_PER_QUERY: usize = 100;

impl Operation<'_> {
    /// Sets states row by row. Rows that are as wanted already are successes without a write.
    pub(crate) async fn send_states(
        &self,
        ctx: &Context<'_>,
        lane: &Lane,
        request: &Request,
        options: &WriteOptions,
        form: &StateForm,
    ) -> Verdict {
        let present = match self.read_states(lane, request).await {
            Ok(present) => present,
            Err(error) => return self.failed_read(error),
        };
        let wanted = |slot: &Slot| form.wanted(request.rows.view(*slot));
        let state = |slot: &Slot| request.rows.id(*slot).and_then(|id| present.get(&id)).copied();
        let is_there = |slot: &Slot| {
            state(slot).is_some_and(|(state, status)| form.is_there(wanted(slot), state, status))
        };
        let (there, missing): (Vec<Slot>, Vec<Slot>) = request.slots.iter().copied().partition(is_there);
        let done: Vec<_> = there.into_iter().map(|slot| self.changed(request, slot)).collect();
        if missing.is_empty() {
            return Verdict::settled(done, Vec::new());
        }
        let opens = |slot: &Slot| Some((*slot, form.opens(wanted(slot), state(slot)?.0)?));
        let opened: Vec<(Slot, Wanted)> = missing.iter().filter_map(opens).collect();
        match self.send_batch(ctx, lane, request, &missing, &opened, options).await {
            Verdict::Settled { mut successes, errors, again, apart, doubtful } => {
                successes.extend(done);
                Verdict::Settled { successes, errors, again, apart, doubtful }
            }
            // Those that are as wanted will be found so again.
            other => other,
        }
    }

    async fn read_states(
        &self,
        lane: &Lane,
        request: &Request,
    ) -> Result<HashMap<Uuid, (i64, i64)>, dataverse_client::Error> {
        let definition = &self.table.definition;
        let ids: Vec<Uuid> = request.slots.iter().filter_map(|slot| request.rows.id(*slot)).collect();
        let mut present = HashMap::new();
        for ids in ids.chunks(ROWS_PER_QUERY) {
            let query = Query::new(&definition.entity_set_name)
                .select([definition.primary_id.as_str(), "statecode", "statuscode"])
                .filter(Filter::any_of(&definition.primary_id, ids.iter().copied()));
            for row in lane.client.query(&query).all::<Row>().await? {
                let cell = |name: &str| row.get(name).and_then(serde_json::Value::as_i64);
                if let (Some(id), Some(state)) = (id_of(self.table, &row), cell("statecode")) {
                    present.insert(id, (state, cell("statuscode").unwrap_or(-1)));
                }
            }
        }
        Ok(present)
    }

    /// A read that failed: nothing was written.
    fn failed_read(&self, error: dataverse_client::Error) -> Verdict {
        if error.is_transient() || error.is_in_doubt() {
            Verdict::Postponed(error)
        } else {
            self.failed(error)
        }
    }
}
