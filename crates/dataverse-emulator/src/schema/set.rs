//! All tables of an organisation, and what connects them.

use std::collections::HashMap;
use std::sync::Arc;

use dataverse_wire::metadata::CascadeRule;

use super::cascade::{Dependent, dependents};
use super::table::Table;
use crate::state::row::{ColumnId, TableId};

/// The tables by number, name and entity set. Cheap to clone and change: run-time customisation makes
/// a new one while running requests keep theirs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    tables: Vec<Arc<Table>>,
    by_name: HashMap<String, TableId>,
    by_set: HashMap<String, TableId>,
    collections: HashMap<TableId, HashMap<String, Collection>>,
    pairs: Vec<Pair>,
    addresses: HashMap<TableId, Vec<AddressSlot>>,
    dependents: HashMap<TableId, Vec<Dependent>>,
}

/// One of the addresses that come with an account, a contact or a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressSlot {
    pub(crate) number: i64,
    /// `customeraddress` or `leadaddress`.
    pub(crate) table: TableId,
    /// `address1_addressid` of the parent.
    pub(crate) id_column: ColumnId,
    pub(crate) number_column: ColumnId,
    pub(crate) parent_column: ColumnId,
    /// Columns that both show, `address1_city` of the parent and `city` of the address; sorted.
    pub(crate) shared: Vec<(ColumnId, ColumnId)>,
}

/// A collection-valued navigation property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    /// The rows of `table` whose lookup `column` points here.
    Children { table: TableId, column: ColumnId },
    /// The other ends of an N:N relationship; `from_first` when this is its first table.
    Pairs { pair: usize, from_first: bool },
}

/// An N:N relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) schema_name: String,
    pub(crate) intersect: TableId,
    pub(crate) first: TableId,
    pub(crate) first_column: ColumnId,
    pub(crate) second: TableId,
    pub(crate) second_column: ColumnId,
}

impl Schema {
    /// Connects tables. Those with the same number replace each other: the last one counts.
    pub(crate) fn of(tables: Vec<Arc<Table>>) -> Self {
        let mut schema = Self { tables, ..Self::default() };
        for table in schema.tables.iter().filter(|table| !table.gone) {
            schema.by_name.insert(table.name.clone(), table.id);
            schema.by_set.insert(table.entity_set.clone(), table.id);
        }
        schema.connect();
        schema.find_dependents();
        schema.find_addresses();
        schema
    }

    fn find_dependents(&mut self) {
        let mut found: HashMap<TableId, Vec<Dependent>> = HashMap::new();
        for table in self.tables.iter().filter(|table| !table.gone) {
            for (parent, dependent) in dependents(table, |name| self.by_name.get(name).copied()) {
                if dependent.assign != CascadeRule::NoCascade || dependent.delete != CascadeRule::NoCascade {
                    found.entry(parent).or_default().push(dependent);
                }
            }
        }
        self.dependents = found;
    }

    /// The lookups that point to a table, where an assignment or a delete there matters to them.
    pub(crate) fn dependents(&self, table: TableId) -> &[Dependent] {
        self.dependents.get(&table).map_or(&[], Vec::as_slice)
    }

    fn find_addresses(&mut self) {
        for (parent, address) in
            [("account", "customeraddress"), ("contact", "customeraddress"), ("lead", "leadaddress")]
        {
            let (Some(parent), Some(address)) = (self.named(parent), self.named(address)) else { continue };
            let (Some(number_column), Some(parent_column)) =
                (address.by_name.get("addressnumber").copied(), address.by_name.get("parentid").copied())
            else {
                continue;
            };
            let slots = (1..=3)
                .filter_map(|number| {
                    let prefix = format!("address{number}_");
                    let id_column = *parent.by_name.get(&format!("{prefix}addressid"))?;
                    let mut shared: Vec<(ColumnId, ColumnId)> = parent
                        .by_name
                        .iter()
                        .filter_map(|(name, column)| {
                            let there = address.by_name.get(name.strip_prefix(&prefix)?)?;
                            let same_form =
                                parent.column(*column).kind.form() == address.column(*there).kind.form();
                            (same_form && *column != id_column && *there != address.primary)
                                .then_some((*column, *there))
                        })
                        .collect();
                    shared.sort_unstable();
                    let table = address.id;
                    Some(AddressSlot { number, table, id_column, number_column, parent_column, shared })
                })
                .collect();
            self.addresses.insert(parent.id, slots);
        }
    }

    /// The addresses that come with rows of a table; none for most.
    pub(crate) fn addresses(&self, table: TableId) -> &[AddressSlot] {
        self.addresses.get(&table).map_or(&[], Vec::as_slice)
    }

    /// The parents whose columns a row of an address table shows, with their slots.
    pub(crate) fn address_parents(&self, address: TableId) -> impl Iterator<Item = (TableId, &AddressSlot)> {
        self.addresses
            .iter()
            .flat_map(|(parent, slots)| slots.iter().map(|slot| (*parent, slot)))
            .filter(move |(_, slot)| slot.table == address)
    }

    fn connect(&mut self) {
        let mut collections: HashMap<TableId, HashMap<String, Collection>> = HashMap::new();
        let mut pairs: Vec<Pair> = Vec::new();
        for table in self.tables.iter().filter(|table| !table.gone) {
            for relation in &table.definition.many_to_one {
                let (Some(parent), Some(column)) =
                    (self.by_name.get(&relation.referenced_table), table.by_name.get(&relation.column))
                else {
                    continue;
                };
                let child = Collection::Children { table: table.id, column: *column };
                let names = collections.entry(*parent).or_default();
                if let Some(name) = &relation.collection_property {
                    names.insert(name.clone(), child);
                }
                names.entry(relation.schema_name.clone()).or_insert(child);
            }
            for relation in &table.definition.many_to_many {
                if pairs.iter().any(|pair| pair.schema_name == relation.schema_name) {
                    continue; // Told by both of its tables.
                }
                let (Some(first), Some(second), Some(intersect)) = (
                    self.by_name.get(&relation.table1),
                    self.by_name.get(&relation.table2),
                    self.by_name.get(&relation.intersect_table),
                ) else {
                    continue;
                };
                let between = self.table(*intersect);
                let (Some(first_column), Some(second_column)) =
                    (between.by_name.get(&relation.column1), between.by_name.get(&relation.column2))
                else {
                    continue;
                };
                let pair = pairs.len();
                collections
                    .entry(*second)
                    .or_default()
                    .insert(relation.navigation2.clone(), Collection::Pairs { pair, from_first: false });
                collections
                    .entry(*first)
                    .or_default()
                    .insert(relation.navigation1.clone(), Collection::Pairs { pair, from_first: true });
                pairs.push(Pair {
                    schema_name: relation.schema_name.clone(),
                    intersect: *intersect,
                    first: *first,
                    first_column: *first_column,
                    second: *second,
                    second_column: *second_column,
                });
            }
        }
        self.collections = collections;
        self.pairs = pairs;
    }

    pub(crate) fn table(&self, id: TableId) -> &Arc<Table> {
        &self.tables[usize::from(id)]
    }

    /// Every table that is there, in the order of the metadata.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.iter().filter(|table| !table.gone)
    }

    /// All numbers ever given, deleted tables included.
    pub(crate) fn slots(&self) -> &[Arc<Table>] {
        &self.tables
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Table>> {
        self.by_name.get(name).map(|id| self.table(*id))
    }

    pub(crate) fn by_entity_set(&self, name: &str) -> Option<&Arc<Table>> {
        self.by_set.get(name).map(|id| self.table(*id))
    }

    pub(crate) fn collection(&self, table: TableId, name: &str) -> Option<Collection> {
        self.collections.get(&table)?.get(name).copied()
    }

    pub(crate) fn pair(&self, number: usize) -> &Pair {
        &self.pairs[number]
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
}
