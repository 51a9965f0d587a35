//! Parties of activities: nested in their activity's body at insert (reference §2.9).

use std::collections::BTreeMap;

use dataverse_wire::metadata::TableDefinition;
use dataverse_wire::write::Fields;
use staging_schema::{StagedKind, ValueRef};
use uuid::Uuid;

use crate::Error;
use crate::columns::Unwritable;
use crate::plan::{LoadTable, Plan};

/// One party of one staged row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    /// The party list column.
    pub(crate) part: String,
    /// The table it belongs to, if it is a row.
    pub(crate) table: Option<String>,
    /// Its GUID, if it is a row that is loaded.
    pub(crate) id: Option<Uuid>,
    /// The address used, if one is staged.
    pub(crate) address: Option<String>,
}

/// How parties of one table are written.
#[derive(Debug, Clone)]
pub(crate) struct PartyForm {
    collection: String,
    entity_sets: BTreeMap<String, String>,
}

/// Participation type masks by the name of the party list column (reference §2.9).
fn mask(part: &str) -> Option<i64> {
    Some(match part {
        "from" => 1,
        "to" => 2,
        "cc" => 3,
        "bcc" => 4,
        "requiredattendees" => 5,
        "optionalattendees" => 6,
        "organizer" => 7,
        "resources" => 10,
        "customer" | "customers" => 11,
        _ => return None,
    })
}

impl PartyForm {
    /// None for a table without staged parties.
    pub(crate) fn of(table: &LoadTable, plan: &Plan) -> Result<Option<Self>, Error> {
        if !table.staged.has_parties() {
            return Ok(None);
        }
        let complaint = |complaint: String| Error::Plan { table: table.name().to_owned(), complaint };
        let collection = table
            .definition
            .party_collection()
            .ok_or_else(|| complaint("parties are staged, but it is no activity".to_owned()))?;
        let mut entity_sets = BTreeMap::new();
        for column in &table.staged.columns {
            let StagedKind::Parties { targets } = &column.kind else { continue };
            if mask(&column.name).is_none() {
                return Err(complaint(format!("{} is no list of parties that is known", column.name)));
            }
            for target in targets {
                let set = plan
                    .entity_set(target)
                    .or(match target.as_str() {
                        "systemuser" => Some("systemusers"),
                        _ => None,
                    })
                    .ok_or_else(|| {
                        complaint(format!(
                            "the entity set of {target}, a party of {}, is not in the plan",
                            column.name
                        ))
                    })?;
                entity_sets.insert(target.clone(), set.to_owned());
            }
        }
        Ok(Some(Self { collection, entity_sets }))
    }

    /// Writes the parties of one row; none are not written.
    pub(crate) fn write<B: AsMut<Vec<u8>>>(
        &self,
        parties: &[Party],
        to: &mut Fields<B>,
    ) -> Result<(), Unwritable> {
        if parties.is_empty() {
            return Ok(());
        }
        let mut fault = None;
        to.array(&self.collection, |items| {
            for party in parties {
                if let Err(unwritable) = self.write_one(party, &mut items.item()) {
                    fault.get_or_insert(unwritable);
                }
            }
        });
        fault.map_or(Ok(()), Err)
    }

    fn write_one<B: AsMut<Vec<u8>>>(&self, party: &Party, item: &mut Fields<B>) -> Result<(), Unwritable> {
        let unwritable = |message: String| Unwritable { column: party.part.clone(), message };
        let mask = mask(&party.part)
            .ok_or_else(|| unwritable("it is no list of parties that is known".to_owned()))?;
        match (&party.id, &party.address) {
            (Some(id), _) => {
                let table = party.table.as_deref().unwrap_or_default();
                let set = self.entity_sets.get(table);
                let set = set.ok_or_else(|| unwritable(format!("a party cannot be a row of {table}")))?;
                item.bind(&TableDefinition::party_navigation(table), set, id);
            }
            (None, Some(_)) => {}
            (None, None) => return Err(unwritable("one of its parties is not in Dataverse".to_owned())),
        }
        item.integer("participationtypemask", mask);
        if let Some(address) = &party.address {
            item.text("addressused", address);
        }
        Ok(())
    }
}

impl Party {
    /// From the cells part, table, GUID and address.
    pub(crate) fn read(
        part: ValueRef<'_>,
        table: ValueRef<'_>,
        id: ValueRef<'_>,
        address: ValueRef<'_>,
    ) -> Self {
        Self {
            part: part.as_text().unwrap_or_default().to_owned(),
            table: table.as_text().map(str::to_owned),
            id: crate::columns::guid(id),
            address: address.as_text().map(str::to_owned),
        }
    }
}
