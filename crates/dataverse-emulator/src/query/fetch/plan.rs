//! From a query in words to one in columns: every name is found, or refused.

use super::super::ast::Comparison;
use super::super::bind::{Binder, Condition, Path};
use super::join::{Join, Linked, Test};
use super::operator::{Asker, condition};
use super::parse::{Entity, Fetch, Filter, Link, LinkKind, Order, Part, RawCondition};
use crate::refusal::{self, Refusal};
use crate::schema::{Content, Kind, Schema, Table};
use crate::settings::Settings;
use crate::state::row::{ColumnId, TableId};

/// A table of the query, by its place in joined rows; the root is the first.
pub(super) type Slot = usize;

/// A query, ready to be run.
#[derive(Debug)]
pub(super) struct Plan {
    /// The table of each slot.
    pub(super) slots: Vec<TableId>,
    /// Met by the root row alone.
    pub(super) own: Vec<Test>,
    /// What an index may narrow the root rows by; part of `own`.
    pub(super) narrowing: Option<Condition>,
    pub(super) joins: Vec<Join>,
    /// Met by joined rows.
    pub(super) after: Vec<Test>,
    pub(super) outputs: Vec<Output>,
    pub(super) orders: Vec<OrderBy>,
}

/// A value of the answer.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) slot: Slot,
    pub(super) column: ColumnId,
    /// Its key in the JSON object.
    pub(super) name: String,
}

/// By what rows are ordered.
#[derive(Debug)]
pub(super) struct OrderBy {
    pub(super) slot: Slot,
    pub(super) column: ColumnId,
    pub(super) descending: bool,
}

/// Names a query's parts.
pub(super) struct Planner<'a> {
    pub(super) schema: &'a Schema,
    pub(super) settings: &'a Settings,
    pub(super) asker: Asker,
    slots: Vec<TableId>,
    /// What `entityname` may say.
    names: Vec<(String, Slot)>,
    links: usize,
}

/// A table of the query with its place, before its parts are bound.
struct Place<'f> {
    slot: Slot,
    parent: Slot,
    /// How its columns are called: `contact.fullname`.
    alias: String,
    entity: &'f Entity,
}

/// Documented (reference of FetchXML: join tables, limitations).
const MAX_LINKS: usize = 15;

impl<'a> Planner<'a> {
    pub(super) fn new(schema: &'a Schema, settings: &'a Settings, asker: Asker) -> Self {
        Self { schema, settings, asker, slots: Vec::new(), names: Vec::new(), links: 0 }
    }

    pub(super) fn plan(&mut self, fetch: &Fetch, root: &Table) -> Result<Plan, Refusal> {
        let mut places = Vec::new();
        self.place(&fetch.entity, 0, &mut places)?;
        let mut plan = Plan {
            slots: Vec::new(),
            own: Vec::new(),
            narrowing: None,
            joins: Vec::new(),
            after: Vec::new(),
            outputs: Vec::new(),
            orders: Vec::new(),
        };
        for place in &places {
            let (own, after) = self.filters(place)?;
            match &place.entity.link {
                None => plan.own = own,
                Some(link) => plan.joins.push(self.join(place, link, own)?),
            }
            plan.after.extend(after);
            for link in place.entity.links.iter().filter(|link| is_semi_join(link)) {
                let test = self.linked(link, place.slot)?;
                if place.slot == 0 { plan.own.push(test) } else { plan.after.push(test) }
            }
            if !fetch.aggregate {
                self.outputs(place, &mut plan.outputs)?;
                for order in &place.entity.orders {
                    plan.orders.push(self.order(place, order)?);
                }
            }
        }
        if !fetch.aggregate && !fetch.distinct {
            add_row_columns(root, &fetch.entity, &mut plan.outputs);
        }
        plan.narrowing = plan
            .own
            .iter()
            .filter_map(|test| match test {
                Test::On(0, condition) => Some(condition.clone()),
                _ => None,
            })
            .reduce(|left, right| Condition::And(Box::new(left), Box::new(right)));
        plan.slots.clone_from(&self.slots);
        Ok(plan)
    }

    /// Gives a table and those joined to it their slots and names.
    fn place<'f>(
        &mut self,
        entity: &'f Entity,
        parent: Slot,
        places: &mut Vec<Place<'f>>,
    ) -> Result<(), Refusal> {
        let table = self.table(&entity.name)?;
        let slot = self.slots.len();
        self.slots.push(table.id);
        let alias = match (&entity.alias, &entity.link) {
            (Some(alias), _) => alias.clone(),
            (None, None) => entity.name.clone(),
            (None, Some(link)) => {
                self.links += 1;
                // Documented: the table's name where a lookup leads to it, and a number behind it otherwise.
                let is_parent = link.from.as_ref() == Some(&table.column(table.primary).name);
                if is_parent && !self.names.iter().any(|(name, _)| *name == entity.name) {
                    entity.name.clone()
                } else {
                    format!("{}{}", entity.name, self.links)
                }
            }
        };
        if entity.link.is_some() && self.slots.len() > MAX_LINKS + 1 {
            return Err(refusal::refusal(
                400,
                0x8004_430D,
                "Number of link entities in query exceeded maximum limit.",
            ));
        }
        self.names.push((alias.clone(), slot));
        places.push(Place { slot, parent, alias, entity });
        for link in entity.links.iter().filter(|link| !is_semi_join(link)) {
            self.place(link, slot, places)?;
        }
        Ok(())
    }

    pub(super) fn table(&self, name: &str) -> Result<&'a Table, Refusal> {
        self.schema.named(name).map(AsRef::as_ref).ok_or_else(|| refusal::no_table(name))
    }

    pub(super) fn column(&self, slot: Slot, name: &str) -> Result<ColumnId, Refusal> {
        let table = self.schema.table(self.slots[slot]);
        let column = table.by_name.get(name).filter(|column| table.column(**column).read);
        let column = column.copied().ok_or_else(|| refusal::no_column(&table.name, name))?;
        self.settings.must_keep(table, column)?;
        Ok(column)
    }

    /// The slot of an `entityname`: an alias, or the name of a table.
    pub(super) fn slot(&self, name: &str) -> Result<Slot, Refusal> {
        let by_alias = self.names.iter().find(|(alias, _)| alias == name).map(|(_, slot)| *slot);
        let by_table = || self.slots.iter().position(|table| self.schema.table(*table).name == name);
        by_alias.or_else(by_table).ok_or_else(|| {
            refusal::refusal(400, 0x8004_0203, format!("Link entity with name or alias {name} is not found."))
        })
    }

    fn join(&self, place: &Place<'_>, link: &Link, own: Vec<Test>) -> Result<Join, Refusal> {
        let (Some(from), Some(to)) = (&link.from, &link.to) else {
            let name = &place.entity.name;
            return Err(refusal::not_emulated(format_args!("A link-entity '{name}' without from and to")));
        };
        let table = self.schema.table(self.slots[place.slot]);
        let parent = self.schema.table(self.slots[place.parent]);
        if link.kind != LinkKind::Outer && (table.elastic.is_some() || parent.elastic.is_some()) {
            return Err(refusal::refusal(400, 0x8004_8D0B, "Link entities are not supported."));
        }
        let from = self.column(place.slot, from)?;
        Ok(Join {
            slot: place.slot,
            parent: place.parent,
            table: table.id,
            // Rows of elastic tables are kept by id and partition.
            is_primary: from == table.primary && table.elastic.is_none(),
            from,
            to: self.column(place.parent, to)?,
            kind: link.kind,
            own,
            index: std::cell::OnceCell::new(),
        })
    }

    /// A linked table that only decides whether its parent is there.
    fn linked(&mut self, entity: &Entity, parent: Slot) -> Result<Test, Refusal> {
        let mut places = Vec::new();
        self.place(entity, parent, &mut places)?;
        let mut joins = Vec::new();
        let mut after = Vec::new();
        for place in &places {
            if !place.entity.attributes.is_empty() || place.entity.all {
                return Err(refusal::refusal(
                    400,
                    0x8004_0203,
                    format!(
                        "No columns can be selected from the link-entity '{}' of this link-type.",
                        place.alias
                    ),
                ));
            }
            let (own, later) = self.filters(place)?;
            after.extend(later);
            if let Some(link) = &place.entity.link {
                joins.push(self.join(place, link, own)?);
            }
            for link in place.entity.links.iter().filter(|link| is_semi_join(link)) {
                after.push(self.linked(link, place.slot)?);
            }
        }
        let first = joins.remove(0);
        Ok(Test::Linked(Box::new(Linked { first, joins, after })))
    }

    /// The filters of a table: those met by its own row, and those that look at others.
    fn filters(&mut self, place: &Place<'_>) -> Result<(Vec<Test>, Vec<Test>), Refusal> {
        let mut own = Vec::new();
        let mut after = Vec::new();
        for filter in &place.entity.filters {
            let mut tests = Vec::new();
            self.flatten(filter, place.slot, &mut tests)?;
            for test in tests {
                if test.looks_only_at(place.slot) { own.push(test) } else { after.push(test) }
            }
        }
        Ok((own, after))
    }

    /// Parts that must all hold come one by one, so that each can be met as early as possible.
    fn flatten(&mut self, filter: &Filter, slot: Slot, tests: &mut Vec<Test>) -> Result<(), Refusal> {
        if filter.any {
            let parts: Result<_, _> = filter.parts.iter().map(|part| self.part(part, slot)).collect();
            tests.push(Test::Any(parts?));
            return Ok(());
        }
        for part in &filter.parts {
            match part {
                Part::Filter(inner) => self.flatten(inner, slot, tests)?,
                other => tests.push(self.part(other, slot)?),
            }
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, slot: Slot) -> Result<Test, Refusal> {
        match part {
            Part::Filter(filter) => {
                let mut tests = Vec::new();
                self.flatten(filter, slot, &mut tests)?;
                Ok(Test::All(tests))
            }
            Part::Condition(condition) => self.condition(condition, slot),
            Part::Link(entity) => {
                let is_filter = matches!(
                    entity.link.as_ref().map(|link| link.kind),
                    Some(LinkKind::Exists | LinkKind::NotAny | LinkKind::All)
                );
                if is_filter {
                    return self.linked(entity, slot);
                }
                let text = "Within a filter, the link-type is any, not any, all, not all, exists or in.";
                Err(refusal::refusal(400, 0x8004_0203, text))
            }
        }
    }

    fn condition(&self, raw: &RawCondition, slot: Slot) -> Result<Test, Refusal> {
        let slot = raw.entity.as_deref().map_or(Ok(slot), |name| self.slot(name))?;
        let column = self.column(slot, &raw.attribute)?;
        let table = self.schema.table(self.slots[slot]);
        if let Some(other) = &raw.value_of {
            let comparison = Comparison::from_word(&raw.operator).ok_or_else(|| {
                refusal::refusal(
                    400,
                    0x8004_0203,
                    format!("The condition operator '{}' does not compare columns.", raw.operator),
                )
            })?;
            let (other_slot, name) = match other.split_once('.') {
                Some((alias, name)) => (self.slot(alias)?, name),
                None => (slot, other.as_str()),
            };
            let other = self.column(other_slot, name)?;
            return Ok(Test::Columns { left: (slot, column), comparison, right: (other_slot, other) });
        }
        let path = Path { hops: Vec::new(), table: table.id, column };
        let binder = Binder { schema: self.schema, table, settings: self.settings };
        Ok(Test::On(slot, condition(&binder, &self.asker, path, &raw.operator, &raw.values)?))
    }

    fn outputs(&self, place: &Place<'_>, outputs: &mut Vec<Output>) -> Result<(), Refusal> {
        let table = self.schema.table(self.slots[place.slot]);
        let is_root = place.entity.link.is_none();
        let usual = |column: ColumnId| {
            let column = table.column(column);
            if is_root { column.property.clone() } else { format!("{}.{}", place.alias, column.name) }
        };
        let everything = place.entity.all || (is_root && place.entity.attributes.is_empty());
        if everything {
            let all = (0..).zip(&table.columns);
            for (column, _) in all.filter(|(_, it)| it.read && it.content != Some(Content::Image)) {
                self.settings.must_keep(table, column)?;
                outputs.push(Output { slot: place.slot, column, name: usual(column) });
            }
        }
        for attribute in &place.entity.attributes {
            let column = self.column(place.slot, &attribute.name)?;
            let name = attribute.alias.clone().unwrap_or_else(|| usual(column));
            if !outputs.iter().any(|output| output.name == name) {
                outputs.push(Output { slot: place.slot, column, name });
            } else if attribute.alias.is_some() {
                return Err(refusal::refusal(400, 0x8004_0203, format!("The alias '{name}' is used twice.")));
            }
        }
        Ok(())
    }

    fn order(&self, place: &Place<'_>, order: &Order) -> Result<OrderBy, Refusal> {
        let Some(attribute) = &order.attribute else {
            return Err(refusal::refusal(
                400,
                0x8004_0203,
                "An order by alias belongs to aggregates; other queries are ordered by attribute.",
            ));
        };
        let slot = order.entity.as_deref().map_or(Ok(place.slot), |name| self.slot(name))?;
        Ok(OrderBy { slot, column: self.column(slot, attribute)?, descending: order.descending })
    }
}

/// Every table of a query with its slot, but for those that only decide.
pub(super) fn places_of(root: &Entity) -> Vec<(Slot, &Entity)> {
    // The same order as `place`, which numbers semi-joins after all others.
    fn walk<'f>(entity: &'f Entity, next: &mut Slot, found: &mut Vec<(Slot, &'f Entity)>) {
        found.push((*next, entity));
        *next += 1;
        for link in entity.links.iter().filter(|link| !is_semi_join(link)) {
            walk(link, next, found);
        }
    }
    let mut found = Vec::new();
    walk(root, &mut 0, &mut found);
    found
}

fn is_semi_join(entity: &Entity) -> bool {
    entity
        .link
        .as_ref()
        .is_some_and(|link| matches!(link.kind, LinkKind::Exists | LinkKind::NotAny | LinkKind::All))
}

/// The primary key comes with every row, and with an amount of money its currency.
fn add_row_columns(root: &Table, entity: &Entity, outputs: &mut Vec<Output>) {
    if entity.all || entity.attributes.is_empty() {
        return;
    }
    let has_money = outputs
        .iter()
        .any(|output| output.slot == 0 && matches!(root.column(output.column).kind, Kind::Money { .. }));
    let currency = root.system.currency.filter(|_| has_money);
    for column in currency.into_iter().chain([root.primary]) {
        let name = root.column(column).property.clone();
        if !outputs.iter().any(|output| output.name == name) {
            outputs.push(Output { slot: 0, column, name });
        }
    }
}
