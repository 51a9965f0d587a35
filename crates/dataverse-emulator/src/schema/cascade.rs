//! What happens to the rows that point to a row which is assigned or deleted.
//!
//! Metadata says so in `CascadeConfiguration`. The built-in tables come without it: for them stands the usual list
//! below, which no document of the reference gives, and which [`crate::Settings::usual_cascades`] turns off.

use dataverse_wire::metadata::CascadeRule;

use super::column::Kind;
use super::table::Table;
use crate::state::row::{ColumnId, TableId};

/// A lookup that points to rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dependent {
    /// The table that has the lookup.
    pub(crate) table: TableId,
    pub(crate) column: ColumnId,
    pub(crate) assign: CascadeRule,
    pub(crate) delete: CascadeRule,
    /// Nobody said so: it is the usual.
    pub(crate) is_usual: bool,
}

/// Rows that belong to what they point to: assigned and deleted with it. `*activity` stands for every activity.
const PARENTAL: [(&str, &str); 13] = [
    ("*activity", "regardingobjectid"),
    ("annotation", "objectid"),
    ("contact", "parentcustomerid"),
    ("opportunity", "customerid"),
    ("incident", "customerid"),
    ("quote", "customerid"),
    ("salesorder", "customerid"),
    ("invoice", "customerid"),
    ("opportunityproduct", "opportunityid"),
    ("quotedetail", "quoteid"),
    ("salesorderdetail", "salesorderid"),
    ("invoicedetail", "invoiceid"),
    ("productpricelevel", "pricelevelid"),
];

/// Rows that are nothing without what they point to, and have no owner of their own.
const DELETED_WITH: [(&str, &str); 8] = [
    ("activityparty", "partyid"),
    ("activitymimeattachment", "activityid"),
    ("activitymimeattachment", "objectid"),
    ("connection", "record1id"),
    ("connection", "record2id"),
    ("queueitem", "objectid"),
    ("incidentresolution", "incidentid"),
    ("opportunityclose", "opportunityid"),
];

/// Rows that pass to a new owner with what they point to, and outlive it.
const ASSIGNED_WITH: [(&str, &str); 2] = [("account", "parentaccountid"), ("incident", "parentcaseid")];

/// Lookups that keep what they point to from being deleted.
const RESTRICTING: [&str; 6] = [
    "transactioncurrencyid",
    "uomid",
    "defaultuomid",
    "uomscheduleid",
    "defaultuomscheduleid",
    "businessunitid",
];

/// Lines that keep their product.
const SOLD: [(&str, &str); 4] = [
    ("opportunityproduct", "productid"),
    ("quotedetail", "productid"),
    ("salesorderdetail", "productid"),
    ("invoicedetail", "productid"),
];

/// Lookups that the platform fills, and leaves as they are.
const LEFT_ALONE: [&str; 11] = [
    "createdby",
    "createdonbehalfby",
    "createdbyexternalparty",
    "modifiedby",
    "modifiedonbehalfby",
    "modifiedbyexternalparty",
    "ownerid",
    "owningbusinessunit",
    "owningteam",
    "owninguser",
    "organizationid",
];

/// The lookups of a table, each with the tables it points to and what follows from that.
pub(super) fn dependents<'t>(
    table: &'t Table,
    id_of: impl Fn(&str) -> Option<TableId> + 't,
) -> impl Iterator<Item = (TableId, Dependent)> + 't {
    let lookups = (0..).zip(&table.columns).filter_map(|(id, column)| match &column.kind {
        Kind::Lookup { targets, .. } if column.view_of.is_none() => Some((id, column, targets)),
        _ => None,
    });
    lookups.flat_map(move |(id, column, targets)| {
        let usual = usual(table, &column.name);
        let told: Vec<(TableId, (CascadeRule, CascadeRule))> = table
            .definition
            .many_to_one
            .iter()
            .filter(|relation| relation.column == column.name)
            .filter_map(|relation| {
                let cascade = relation.cascade?;
                Some((id_of(&relation.referenced_table)?, (cascade.assign, cascade.delete)))
            })
            .collect();
        targets.clone().into_iter().map(move |target| {
            let told = told.iter().find(|(table, _)| *table == target).map(|(_, rules)| *rules);
            let (assign, delete) = told.unwrap_or(usual);
            let is_usual = told.is_none();
            (target, Dependent { table: table.id, column: id, assign, delete, is_usual })
        })
    })
}

fn usual(table: &Table, column: &str) -> (CascadeRule, CascadeRule) {
    let is_in = |list: &[(&str, &str)]| {
        list.iter().any(|(name, of)| {
            *of == column && (*name == table.name || (*name == "*activity" && table.activity.is_some()))
        })
    };
    if LEFT_ALONE.contains(&column) {
        (CascadeRule::NoCascade, CascadeRule::NoCascade)
    } else if is_in(&PARENTAL) {
        (CascadeRule::Cascade, CascadeRule::Cascade)
    } else if is_in(&DELETED_WITH) {
        (CascadeRule::NoCascade, CascadeRule::Cascade)
    } else if is_in(&ASSIGNED_WITH) {
        (CascadeRule::Cascade, CascadeRule::RemoveLink)
    } else if (RESTRICTING.contains(&column) && !table.definition.is_custom) || is_in(&SOLD) {
        (CascadeRule::NoCascade, CascadeRule::Restrict)
    } else {
        (CascadeRule::NoCascade, CascadeRule::RemoveLink)
    }
}
