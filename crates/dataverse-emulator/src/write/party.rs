//! Activity parties: rows of their own that come and go with their activity.

use uuid::Uuid;

use super::body::RowDraft;
use super::create::{bind_by_key, check_lookups};
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::state::row::{Cell, Draft, Form};
use crate::state::{Key, Transaction, sort_key};

/// Adds parties to an activity.
pub(super) fn add(
    tx: &mut Transaction<'_>,
    activity: &Table,
    id: Uuid,
    parties: Vec<RowDraft>,
) -> Result<(), Refusal> {
    let schema = tx.schema();
    let Some(table) = schema.named("activityparty") else {
        return Err(refusal::not_emulated("Activity parties without the table activityparty"));
    };
    let (Some(activity_column), Some(mask)) =
        (table.by_name.get("activityid"), table.by_name.get("participationtypemask"))
    else {
        return Err(refusal::not_emulated("An activityparty without activityid and participationtypemask"));
    };
    for mut party in parties {
        bind_by_key(tx, table, &mut party)?;
        check_lookups(tx, table, &party.cells)?;
        let names_somebody = ["partyid", "addressused"]
            .iter()
            .any(|name| table.by_name.get(*name).is_some_and(|column| party.cells.find(*column).is_some()));
        if party.cells.find(*mask).is_none() || !names_somebody {
            return Err(refusal::refusal(
                400,
                0x8004_3506,
                format!(
                    "Invalid party: a party of {} needs a participationtypemask and a partyid or an address.",
                    activity.name
                ),
            ));
        }
        party.cells.set(*activity_column, Cell::Lookup(activity.id, id));
        let party_id = tx.next_id();
        tx.insert(table.id, party_id, &mut party.cells);
    }
    Ok(())
}

/// The owner and the regarding row may be parties as well (types 9 and 8): brings them up to date.
pub(super) fn sync_derived(tx: &mut Transaction<'_>, activity: &Table, id: Uuid) {
    if activity.activity.is_none() || !tx.settings.derived_parties {
        return;
    }
    let schema = tx.schema();
    let Some(table) = schema.named("activityparty") else { return };
    let (Some(activity_column), Some(mask), Some(party)) = (
        table.by_name.get("activityid").copied(),
        table.by_name.get("participationtypemask").copied(),
        table.by_name.get("partyid").copied(),
    ) else {
        return;
    };
    let mut wanted: Vec<(i64, Cell<'static>)> = Vec::new();
    if let Some(row) = tx.row(activity.id, id) {
        for (number, column) in [(9, "ownerid"), (8, "regardingobjectid")] {
            if let Some(column) = activity.by_name.get(column)
                && let Some(Cell::Lookup(kind, target)) = crate::state::row::get(row, *column, Form::Lookup)
            {
                wanted.push((number, Cell::Lookup(kind, target)));
            }
        }
    }
    for key in parties_of(tx, table, activity_column, id) {
        let Some(row) = tx.organisation().rows(table.id).get(key) else { continue };
        let Some(Cell::Integer(number @ (8 | 9))) = crate::state::row::get(row, mask, Form::Integer) else {
            continue;
        };
        let who = crate::state::row::get(row, party, Form::Lookup);
        match wanted.iter().position(|(wanted, cell)| *wanted == number && Some(*cell) == who) {
            Some(position) => drop(wanted.remove(position)),
            None => tx.remove(table.id, key.id()),
        }
    }
    for (number, cell) in wanted {
        let mut cells = Draft::default();
        cells.set(mask, Cell::Integer(number));
        cells.set(party, cell);
        cells.set(activity_column, Cell::Lookup(activity.id, id));
        let party_id = tx.next_id();
        tx.insert(table.id, party_id, &mut cells);
    }
}

fn parties_of(tx: &Transaction<'_>, table: &Table, activity_column: u16, id: Uuid) -> Vec<Key> {
    match sort_key(Cell::Id(id)) {
        Some(key) => tx.organisation().rows(table.id).in_range(activity_column, &(key..=key)),
        None => Vec::new(),
    }
}

/// Replaces the parties of an activity: `PUT …/email_activity_parties`.
pub(crate) fn replace_parties(
    tx: &mut Transaction<'_>,
    activity: &Table,
    id: Uuid,
    parties: Vec<RowDraft>,
) -> Result<(), Refusal> {
    if !tx.exists(activity.id, id) {
        return Err(refusal::no_row(&activity.name, id));
    }
    remove_all(tx, id);
    add(tx, activity, id, parties)?;
    sync_derived(tx, activity, id);
    let mut touch = Draft::default();
    super::system::fill_modified(tx, activity, &mut touch);
    tx.change(activity.id, id, &mut touch);
    Ok(())
}

/// Parties go with their activity.
pub(super) fn remove_all(tx: &mut Transaction<'_>, id: Uuid) {
    let schema = tx.schema();
    let Some(table) = schema.named("activityparty") else { return };
    let Some(column) = table.by_name.get("activityid") else { return };
    for key in parties_of(tx, table, *column, id) {
        tx.remove(table.id, key.id());
    }
}
