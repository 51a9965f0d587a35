//! Columns that the platform fills: who and when, owners, money in base currency, full names.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::schema::Table;
use crate::state::Transaction;
use crate::state::row::{Cell, ColumnId, Draft, Form, Mention};

/// Fills what a new row gets by itself.
pub(super) fn fill_created(tx: &Transaction<'_>, table: &Table, cells: &mut Draft) {
    let caller = tx.caller;
    let now = Cell::Instant(caller.now);
    let system = &table.system;
    // The date that is imported becomes `createdon`; the time of the import takes its place.
    let imported = system.overridden_created_on.and_then(|column| cells.get(column, Form::Instant));
    if let (Some(Cell::Instant(original)), Some(column)) = (imported, system.overridden_created_on) {
        cells.set(column, now);
        set(cells, system.created_on, Cell::Instant(original));
    } else {
        set(cells, system.created_on, now);
    }
    let users = users_table(tx);
    if let Some(users) = users {
        set(cells, system.created_by, Cell::Lookup(users, caller.user));
        if let Some(behind) = caller.on_behalf {
            set(cells, system.created_on_behalf_by, Cell::Lookup(users, behind));
        }
        if let Some(owner) = system.owner
            && cells.find(owner).is_none()
        {
            cells.set(owner, Cell::Lookup(users, caller.user));
        }
    }
    if let Some(organization) = system.organization
        && let Some(kind) = tx.organisation().schema.named("organization")
    {
        cells.set(organization, Cell::Lookup(kind.id, tx.organisation().seeds.organization));
    }
    set(cells, system.activity_type, Cell::Text(&table.name));
    fill_modified(tx, table, cells);
    fill_owning_business_unit(tx, table, cells);
    fill_money(tx, table, cells, None);
    fill_full_name(table, cells, None);
}

/// Fills the least that a row has which came along with another: there may be three times as many of those.
pub(super) fn fill_appeared(tx: &Transaction<'_>, table: &Table, cells: &mut Draft) {
    set(cells, table.system.created_on, Cell::Instant(tx.caller.now));
    set(cells, table.system.modified_on, Cell::Instant(tx.caller.now));
    if let Some(users) = users_table(tx) {
        set(cells, table.system.created_by, Cell::Lookup(users, tx.caller.user));
    }
}

/// Fills what every write leaves behind.
pub(super) fn fill_modified(tx: &Transaction<'_>, table: &Table, cells: &mut Draft) {
    set(cells, table.system.modified_on, Cell::Instant(tx.caller.now));
    if let Some(users) = users_table(tx) {
        set(cells, table.system.modified_by, Cell::Lookup(users, tx.caller.user));
        if let Some(behind) = tx.caller.on_behalf {
            set(cells, table.system.modified_on_behalf_by, Cell::Lookup(users, behind));
        }
    }
}

fn set(cells: &mut Draft, column: Option<ColumnId>, cell: Cell<'_>) {
    if let Some(column) = column {
        cells.set(column, cell);
    }
}

fn users_table(tx: &Transaction<'_>) -> Option<u16> {
    tx.organisation().schema.named("systemuser").map(|table| table.id)
}

/// The business unit of the owner that `cells` names.
pub(super) fn fill_owning_business_unit(tx: &Transaction<'_>, table: &Table, cells: &mut Draft) {
    let (Some(owner), Some(unit)) = (table.system.owner, table.system.owning_business_unit) else { return };
    let Some(Cell::Lookup(kind, id)) = cells.get(owner, Form::Lookup) else { return };
    let kind = tx.organisation().schema.table(kind);
    let Some(column) = kind.by_name.get("businessunitid") else { return };
    if let Some(Cell::Lookup(units, id)) =
        tx.row(kind.id, id).and_then(|row| crate::state::row::get(row, *column, Form::Lookup))
    {
        cells.set(unit, Cell::Lookup(units, id));
    }
}

/// Amounts need a currency; the base amounts follow from it.
pub(super) fn fill_money(tx: &Transaction<'_>, table: &Table, cells: &mut Draft, old: Option<&[u8]>) {
    let Some(currency_column) = table.system.currency else { return };
    let amounts: Vec<(ColumnId, Option<ColumnId>)> =
        table.money.iter().copied().filter(|(column, _)| cells.mention(*column).is_some()).collect();
    let currency_changes = cells.mention(currency_column).is_some();
    if amounts.is_empty() && !currency_changes {
        return;
    }
    let schema = tx.organisation().schema.clone();
    let Some(currencies) = schema.named("transactioncurrency") else { return };
    let stays = |column: ColumnId| {
        cells.mention(column).is_none()
            && old.is_some_and(|row| crate::state::row::find(row, column).is_some())
    };
    let has_amount = table.money.iter().any(|(column, _)| cells.find(*column).is_some() || stays(*column));
    let is_cleared = matches!(cells.mention(currency_column), Some(Mention::Cleared));
    let before = old.and_then(|row| crate::state::row::get(row, currency_column, Form::Lookup));
    let currency = match (cells.get(currency_column, Form::Lookup), before) {
        (Some(Cell::Lookup(_, id)), _) => id,
        (_, Some(Cell::Lookup(_, id))) if has_amount || !is_cleared => id,
        _ if has_amount => tx.organisation().seeds.currency,
        // Without any amount a row needs no currency.
        _ => {
            let bases = amounts.iter().filter_map(|(_, base)| *base);
            for column in bases.chain(table.system.exchange_rate) {
                cells.clear(column);
            }
            return;
        }
    };
    cells.set(currency_column, Cell::Lookup(currencies.id, currency));
    let rate = currencies
        .by_name
        .get("exchangerate")
        .and_then(|column| {
            match crate::state::row::get(tx.row(currencies.id, currency)?, *column, Form::Digits)? {
                Cell::Digits(digits) => digits.parse::<Decimal>().ok(),
                _ => None,
            }
        })
        .filter(|rate| !rate.is_zero())
        .unwrap_or(Decimal::ONE);
    if let Some(column) = table.system.exchange_rate {
        cells.set(column, Cell::Digits(&rate.normalize().to_string()));
    }
    for (column, base) in amounts {
        let Some(base) = base else { continue };
        let amount = match cells.get(column, Form::Digits) {
            Some(Cell::Digits(digits)) => digits.parse::<Decimal>().ok(),
            _ => None,
        };
        match amount.and_then(|amount| amount.checked_div(rate)) {
            Some(amount) => {
                let mut amount = amount.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
                amount.rescale(4);
                cells.set(base, Cell::Digits(&amount.to_string()));
            }
            None => cells.clear(base),
        }
    }
}

/// People are called by first and last name.
pub(super) fn fill_full_name(table: &Table, cells: &mut Draft, old: Option<&[u8]>) {
    let system = &table.system;
    let (Some(first), Some(last), Some(full)) = (system.first_name, system.last_name, system.full_name)
    else {
        return;
    };
    if cells.mention(first).is_none() && cells.mention(last).is_none() {
        return;
    }
    let name = |column| match cells.mention(column) {
        Some(Mention::Set(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Some(Mention::Cleared) => None,
        None => old
            .and_then(|row| crate::state::row::find(row, column))
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
    };
    let whole: Vec<String> =
        [name(first), name(last)].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if whole.is_empty() {
        cells.clear(full);
    } else {
        cells.set(full, Cell::Text(&whole.join(" ")));
    }
}
