//! What points to other rows, by names that only metadata knows, and values of the caller's own types.

use serde::Serialize;
use uuid::Uuid;

use super::fields::Fields;
use crate::literal::Reference;
use crate::metadata::TableDefinition;
use crate::{Error, participation_mask};

/// Somebody who takes part in an activity.
#[derive(Debug, Clone, PartialEq)]
pub struct Party<'a> {
    /// The party list column: `from`, `to`, `requiredattendees` and so on.
    pub part: &'a str,
    /// Who.
    pub who: PartyKind<'a>,
}

/// Who takes part.
#[derive(Debug, Clone, PartialEq)]
pub enum PartyKind<'a> {
    /// A row of a table whose rows may take part, by its logical name.
    Row {
        /// Logical name of the table, such as `contact`.
        table: &'a str,
        /// The row.
        row: Reference,
    },
    /// An address that belongs to no row.
    Address(&'a str),
}

impl<B: AsMut<Vec<u8>>> Fields<B> {
    /// Points a lookup to a row of `target`, through the navigation property that the metadata of `table` names: the
    /// relationship's own, or the one of a lookup of several tables (reference §2.7).
    ///
    /// ```
    /// use dataverse_wire::metadata::{ColumnDefinition, ColumnType, TableDefinition};
    /// use dataverse_wire::write::RowWriter;
    /// let targets = vec!["account".to_owned(), "contact".to_owned()];
    /// let incident = TableDefinition::new("incident", "incidents", "incidentid")
    ///     .with_column(ColumnDefinition::new("customerid", ColumnType::Customer { targets }));
    /// let contact = TableDefinition::new("contact", "contacts", "contactid");
    /// let mut row = RowWriter::new();
    /// row.lookup(&incident, "customerid", &contact, &uuid::Uuid::nil())?;
    /// assert_eq!(
    ///     row.finish(),
    ///     br#"{"customerid_contact@odata.bind":"/contacts(00000000-0000-0000-0000-000000000000)"}"#
    /// );
    /// # Ok::<(), dataverse_wire::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Lookup`] if `column` is no lookup of `table`, or cannot point to `target`.
    pub fn lookup(
        &mut self,
        table: &TableDefinition,
        column: &str,
        target: &TableDefinition,
        id: &Uuid,
    ) -> Result<&mut Self, Error> {
        let navigation = navigation(table, column, &target.logical_name)?;
        Ok(self.bind(&navigation, &target.entity_set_name, id))
    }

    /// As [`Self::lookup`], to a row named by alternate key, or to one of the same change set by its content id (`$1`).
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub fn lookup_reference(
        &mut self,
        table: &TableDefinition,
        column: &str,
        target: &TableDefinition,
        reference: &str,
    ) -> Result<&mut Self, Error> {
        let navigation = navigation(table, column, &target.logical_name)?;
        Ok(self.bind_reference(&navigation, reference))
    }

    /// Clears a lookup. One of several tables is cleared through any of its properties.
    ///
    /// # Errors
    /// As [`Self::lookup`].
    pub fn clear_lookup(&mut self, table: &TableDefinition, column: &str) -> Result<&mut Self, Error> {
        let target = table.navigations().find(|navigation| navigation.column == column);
        let Some(found) = target else { return Err(no_lookup(table, column, "")) };
        Ok(self.unbind(&found.property))
    }

    /// The parties of an activity, all of its party list columns in one collection (reference §2.9).
    ///
    /// # Errors
    /// [`Error::Lookup`] if `activity` is none, or for a part that is no party list column.
    pub fn parties(&mut self, activity: &TableDefinition, parties: &[Party<'_>]) -> Result<&mut Self, Error> {
        let Some(collection) = activity.party_collection() else {
            return Err(no_lookup(activity, "activity_parties", ""));
        };
        self.party_items(activity, &collection, parties)
    }

    /// The same collection under another name: `value`, where all parties are replaced (reference §2.8).
    ///
    /// # Errors
    /// As [`Self::parties`].
    pub fn party_items(
        &mut self,
        activity: &TableDefinition,
        name: &str,
        parties: &[Party<'_>],
    ) -> Result<&mut Self, Error> {
        let mut masks = Vec::with_capacity(parties.len());
        for party in parties {
            masks.push(participation_mask(party.part).ok_or_else(|| no_lookup(activity, party.part, ""))?);
        }
        Ok(self.array(name, |items| {
            for (party, mask) in parties.iter().zip(masks) {
                let mut item = items.item();
                match &party.who {
                    PartyKind::Row { table, row } => {
                        let navigation = TableDefinition::party_navigation(table);
                        item.bind_reference(&navigation, &format!("/{row}"));
                    }
                    PartyKind::Address(address) => {
                        item.text("addressused", address);
                    }
                }
                item.integer("participationtypemask", i64::from(mask));
            }
        }))
    }

    /// The fields of a value of the caller's own type, which serialises as an object.
    ///
    /// ```
    /// use dataverse_wire::write::RowWriter;
    /// #[derive(serde::Serialize)]
    /// struct Contact<'a> {
    ///     lastname: &'a str,
    /// }
    /// let mut row = RowWriter::new();
    /// row.values(&Contact { lastname: "O'Hara" })?.integer("numberofchildren", 2);
    /// assert_eq!(row.finish(), br#"{"lastname":"O'Hara","numberofchildren":2}"#);
    /// # Ok::<(), dataverse_wire::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Body`] if it does not serialise, or not as an object.
    pub fn values<T: Serialize>(&mut self, value: &T) -> Result<&mut Self, Error> {
        let json = serde_json::to_vec(value).map_err(|source| Error::Body { reason: source.to_string() })?;
        let Some(inside) = json.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) else {
            return Err(Error::Body { reason: "it is no object with fields".to_owned() });
        };
        self.splice(inside);
        Ok(self)
    }
}

fn navigation(table: &TableDefinition, column: &str, target: &str) -> Result<String, Error> {
    table.navigation_property(column, target).ok_or_else(|| no_lookup(table, column, target))
}

fn no_lookup(table: &TableDefinition, column: &str, target: &str) -> Error {
    Error::Lookup { table: table.logical_name.clone(), column: column.to_owned(), target: target.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::RowWriter;
    use super::*;
    use crate::metadata::{ColumnDefinition, ColumnType};

    fn email() -> TableDefinition {
        let targets = vec!["account".to_owned(), "contact".to_owned()];
        let mut email = TableDefinition::new("email", "emails", "activityid")
            .with_column(ColumnDefinition::new("regardingobjectid", ColumnType::Lookup { targets }));
        email.is_activity = true;
        email
    }

    fn text(row: RowWriter) -> String {
        String::from_utf8(row.finish()).unwrap()
    }

    #[test]
    fn parties_of_all_kinds_stand_in_one_collection() {
        let sender = Reference::new("systemusers", Uuid::nil());
        let parties = [
            Party { part: "from", who: PartyKind::Row { table: "systemuser", row: sender } },
            Party { part: "to", who: PartyKind::Address("a@b.example") },
        ];
        let mut row = RowWriter::new();
        row.parties(&email(), &parties).unwrap();
        assert_eq!(
            text(row),
            r#"{"email_activity_parties":[{"partyid_systemuser@odata.bind":"/systemusers(00000000-0000-0000-0000-000000000000)","participationtypemask":1},{"addressused":"a@b.example","participationtypemask":2}]}"#
        );
        let unknown = [Party { part: "subject", who: PartyKind::Address("x") }];
        assert!(RowWriter::new().parties(&email(), &unknown).is_err());
        let account = TableDefinition::new("account", "accounts", "accountid");
        assert!(RowWriter::new().parties(&account, &[]).is_err(), "no activity");
    }

    #[test]
    fn lookups_are_set_and_cleared_by_the_name_that_metadata_knows() {
        let contact = TableDefinition::new("contact", "contacts", "contactid");
        let mut row = RowWriter::new();
        row.lookup_reference(&email(), "regardingobjectid", &contact, "$1").unwrap();
        row.clear_lookup(&email(), "regardingobjectid").unwrap();
        assert_eq!(
            text(row),
            r#"{"regardingobjectid_contact_email@odata.bind":"$1","regardingobjectid_account_email@odata.bind":null}"#
        );
        let lead = TableDefinition::new("lead", "leads", "leadid");
        let error = RowWriter::new().lookup(&email(), "regardingobjectid", &lead, &Uuid::nil()).unwrap_err();
        assert_eq!(error.to_string(), "email.regardingobjectid is no lookup that can point to lead");
        assert!(RowWriter::new().clear_lookup(&email(), "subject").is_err());
    }

    #[test]
    fn only_objects_have_fields() {
        assert!(RowWriter::new().values(&[1, 2]).is_err());
        let mut row = RowWriter::new();
        row.values(&serde_json::json!({"a": null, "b": "\"x\""})).unwrap();
        assert_eq!(text(row), r#"{"a":null,"b":"\"x\""}"#);
    }
}
