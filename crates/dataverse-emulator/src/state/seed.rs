//! What an organisation has before anybody has written to it.

use std::collections::HashMap;

use uuid::Uuid;

use super::key::{Key, named_id};
use super::organisation::{Organisation, Seeds};
use super::row::{Cell, Draft, Form};
use crate::schema::Table;

/// The ids that follow from a seed.
pub(crate) fn seeds(seed: u64, users: u32) -> Seeds {
    Seeds {
        organization: named_id(seed, "organization"),
        business_unit: named_id(seed, "businessunit"),
        team: named_id(seed, "team"),
        currency: named_id(seed, "USD"),
        roles: ROLES.iter().map(|name| named_id(seed, name)).collect(),
        users: (1..=users.max(1)).map(|number| named_id(seed, &format!("user-{number}"))).collect(),
    }
}

/// Roles that are there from the start; both may do everything here.
const ROLES: [&str; 2] = ["System Administrator", "Basic User"];

/// Names of privileges with their access rights.
const RIGHTS: [(&str, i64); 8] = [
    ("Read", 1),
    ("Write", 2),
    ("Append", 4),
    ("AppendTo", 16),
    ("Create", 32),
    ("Delete", 65_536),
    ("Share", 262_144),
    ("Assign", 524_288),
];

/// The name of the root business unit and of its team.
const ROOT: &str = "emulated";

/// Adds the organisation itself, its root business unit and team, users with their roles, currencies,
/// subjects and a queue; whatever the metadata has tables for.
pub(crate) fn plant(organisation: &mut Organisation, seed: u64, now: i64) {
    let seeds = organisation.seeds.clone();
    let mut garden = Garden { organisation, now, user: seeds.users[0] };
    let limit = ("maxuploadfilesize", Value::Number(crate::write::DOCUMENT_BYTES));
    garden.add("organization", seeds.organization, &[("name", Value::Text(ROOT)), limit]);
    garden.add(
        "businessunit",
        seeds.business_unit,
        &[
            ("name", Value::Text(ROOT)),
            ("isdisabled", Value::Yes(false)),
            ("organizationid", Value::Row("organization", seeds.organization)),
        ],
    );
    for (id, name, code, symbol, rate) in
        [(seeds.currency, "US Dollar", "USD", "$", "1"), (named_id(seed, "EUR"), "Euro", "EUR", "€", "0.92")]
    {
        garden.add(
            "transactioncurrency",
            id,
            &[
                ("currencyname", Value::Text(name)),
                ("isocurrencycode", Value::Text(code)),
                ("currencysymbol", Value::Text(symbol)),
                ("currencyprecision", Value::Number(2)),
                ("exchangerate", Value::Digits(rate)),
            ],
        );
    }
    let roles = seeds.roles.clone();
    for (id, name) in roles.iter().copied().zip(ROLES) {
        garden.add(
            "role",
            id,
            &[
                ("name", Value::Text(name)),
                ("businessunitid", Value::Row("businessunit", seeds.business_unit)),
            ],
        );
    }
    for (index, id) in seeds.users.iter().enumerate() {
        let number = index + 1;
        let (first, full) = (format!("user-{number}"), format!("# user-{number}"));
        let domain = format!("user-{number}@emulated.example");
        garden.add(
            "systemuser",
            *id,
            &[
                ("firstname", Value::Text("#")),
                ("lastname", Value::Text(&first)),
                ("fullname", Value::Text(&full)),
                ("domainname", Value::Text(&domain)),
                ("internalemailaddress", Value::Text(&domain)),
                ("businessunitid", Value::Row("businessunit", seeds.business_unit)),
                ("applicationid", Value::Id(named_id(seed, &format!("application-{number}")))),
                ("azureactivedirectoryobjectid", Value::Id(named_id(seed, &format!("object-{number}")))),
                ("accessmode", Value::Number(4)),
                ("isdisabled", Value::Yes(false)),
            ],
        );
        garden.pair("systemuserroles_association", &[("systemuser", *id), ("role", roles[0])]);
    }
    garden.add(
        "team",
        seeds.team,
        &[
            ("name", Value::Text(ROOT)),
            ("teamtype", Value::Number(0)),
            ("isdefault", Value::Yes(true)),
            ("businessunitid", Value::Row("businessunit", seeds.business_unit)),
            ("administratorid", Value::Row("systemuser", seeds.users[0])),
        ],
    );
    garden.pair("teamroles_association", &[("team", seeds.team), ("role", roles[1])]);
    for name in ["Default Subject", "Query", "Service", "Products"] {
        garden.add("subject", named_id(seed, &format!("subject {name}")), &[("title", Value::Text(name))]);
    }
    garden.add("queue", named_id(seed, "queue"), &[("name", Value::Text("Support"))]);
    let tables = garden.organisation.schema.clone();
    plant_privileges(organisation, tables.tables().map(AsRef::as_ref), now);
}

/// Adds the privileges that roles may have on tables.
pub(crate) fn plant_privileges<'t>(
    organisation: &mut Organisation,
    tables: impl Iterator<Item = &'t Table>,
    now: i64,
) {
    let user = organisation.seeds.users[0];
    let mut garden = Garden { organisation, now, user };
    for table in tables.filter(|table| !table.is_intersect) {
        for (right, number) in RIGHTS {
            let name = format!("prv{right}{}", table.definition.schema_name);
            let id = privilege_id(table, right);
            garden.add(
                "privilege",
                id,
                &[("name", Value::Text(&name)), ("accessright", Value::Number(number))],
            );
        }
    }
}

/// The privilege that lets a role do something with rows of a table: `Read`, `Create` and so on.
pub(crate) fn privilege_id(table: &Table, right: &str) -> Uuid {
    named_id(5, &format!("prv{right}{}", table.name))
}

enum Value<'a> {
    Text(&'a str),
    Number(i64),
    Digits(&'a str),
    Yes(bool),
    Id(Uuid),
    Row(&'a str, Uuid),
}

struct Garden<'o> {
    organisation: &'o mut Organisation,
    now: i64,
    user: Uuid,
}

impl Garden<'_> {
    fn add(&mut self, name: &str, id: Uuid, values: &[(&str, Value<'_>)]) {
        let schema = self.organisation.schema.clone();
        let Some(table) = schema.named(name) else { return };
        let mut cells = Draft::default();
        let id_of = |name: &str| schema.named(name).map(|table| table.id);
        for (column, value) in values {
            let Some(column) = table.by_name.get(*column) else { continue };
            let form = table.column(*column).kind.form();
            let cell = match value {
                Value::Text(text) => Some(Cell::Text(text)),
                Value::Number(number) => Some(Cell::Integer(*number)),
                Value::Digits(digits) => Some(Cell::Digits(digits)),
                Value::Yes(yes) => Some(Cell::Boolean(*yes)),
                Value::Row(kind, id) if form == Some(Form::Lookup) => {
                    id_of(kind).map(|kind| Cell::Lookup(kind, *id))
                }
                Value::Id(id) | Value::Row(_, id) => Some(Cell::Id(*id)),
            };
            if let Some(cell) = cell {
                cells.set(*column, cell);
            }
        }
        let system = table.system;
        for column in [system.created_on, system.modified_on].into_iter().flatten() {
            cells.set(column, Cell::Instant(self.now));
        }
        if let Some(users) = id_of("systemuser") {
            let by_user = [system.created_by, system.modified_by, system.owner];
            for column in by_user.into_iter().flatten() {
                cells.set(column, Cell::Lookup(users, self.user));
            }
        }
        if let (Some(column), Some(units)) = (system.owning_business_unit, id_of("businessunit")) {
            cells.set(column, Cell::Lookup(units, self.organisation.seeds.business_unit));
        }
        if let Some(column) = system.state {
            cells.set(column, Cell::Integer(0));
            if let (Some(column), Some(status)) = (system.status, table.default_status(0)) {
                cells.set(column, Cell::Integer(status.into()));
            }
        }
        let version = self.organisation.next_version();
        self.organisation.rows_mut(table.id).put(Key::from(id), Some(cells.make_row(version)));
    }

    fn pair(&mut self, relationship: &str, ends: &[(&str, Uuid); 2]) {
        let schema = self.organisation.schema.clone();
        let Some(pair) = schema.pairs().iter().find(|pair| pair.schema_name == relationship) else { return };
        let ends: HashMap<&str, Uuid> = ends.iter().copied().collect();
        let mut cells = Draft::default();
        for (table, column) in [(pair.first, pair.first_column), (pair.second, pair.second_column)] {
            if let Some(id) = ends.get(schema.table(table).name.as_str()) {
                cells.set(column, Cell::Id(*id));
            }
        }
        let id = self.organisation.next_id();
        let version = self.organisation.next_version();
        self.organisation.rows_mut(pair.intersect).put(Key::from(id), Some(cells.make_row(version)));
    }
}
