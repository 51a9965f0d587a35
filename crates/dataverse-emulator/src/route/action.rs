//! Messages that do more than write a row: closing, qualifying, adding members.

use std::borrow::Cow;
use std::collections::HashMap;

use dataverse_wire::literal::RowKey;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::apply::must_find;
use super::closing::{CLOSINGS, CloseMessage, close_by};
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Table};
use crate::state::Transaction;
use crate::state::row::{self, Cell, Draft, Form, TableId};
use crate::write::{Closing, Reader, RowDraft, associate, close, create, disassociate, read_row};

/// A message with its parameters.
#[derive(Debug)]
pub(crate) enum Action {
    Close(CloseMessage),
    QualifyLead { lead: RowKey, creates: Qualified, status: i64 },
    AddListMembers { list: RowKey, members: Vec<(TableId, Uuid)> },
    Members { of: MembersOf, row: RowKey, members: Vec<Uuid>, adds: bool },
}

/// A table whose rows have members, and the relationship that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MembersOf {
    table: &'static str,
    relationship: &'static str,
}

const OF_TEAM: MembersOf = MembersOf { table: "team", relationship: "teammembership_association" };
const OF_ROLE: MembersOf = MembersOf { table: "role", relationship: "roleprivileges_association" };

/// Which rows a qualified lead turns into.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Qualified {
    account: bool,
    contact: bool,
    opportunity: bool,
}

type Parameters<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

impl Action {
    /// A message that is not bound to a row; unknown names are no resource.
    pub(super) fn unbound(reader: Reader<'_>, name: &str, request: &Request) -> Result<Self, Refusal> {
        let name = name.strip_prefix("Microsoft.Dynamics.CRM.").unwrap_or(name);
        if request.method != "POST" {
            return Err(refusal::no_segment(name));
        }
        if let Some(kind) = CLOSINGS.iter().find(|kind| kind.message == name) {
            let parameters = parameters(name, &request.body)?;
            let table = reader.schema.named(kind.activity).ok_or_else(|| refusal::no_segment(name))?;
            let activity = parameters.get(kind.parameter).ok_or_else(|| missing(name, kind.parameter))?;
            let activity = Box::new(read_row(reader, table, activity.get().as_bytes())?);
            return Ok(Self::Close(CloseMessage {
                kind,
                status: number(&parameters, "Status")?.unwrap_or(-1),
                activity,
            }));
        }
        match name {
            "AddListMembersList" => {
                let parameters = parameters(name, &request.body)?;
                let list = parameters.get("List").ok_or_else(|| missing(name, "List"))?;
                let (_, list) = row_named(reader, list, Some("list"))?;
                let members = members(reader, name, &parameters)?;
                Ok(Self::AddListMembers { list: RowKey::Id(list), members })
            }
            "BulkDelete" | "Merge" => Err(refusal::not_emulated(format_args!("The message {name}"))),
            "WhoAmI" => Err(refusal::refusal(
                404,
                0,
                format!("No HTTP resource was found that matches the request URI '{}'.", request.target),
            )),
            _ => Err(refusal::no_segment(name)),
        }
    }

    /// A message to one row.
    pub(super) fn bound(
        reader: Reader<'_>,
        table: &Table,
        key: RowKey,
        name: &str,
        request: &Request,
    ) -> Result<Self, Refusal> {
        let name = name.strip_prefix("Microsoft.Dynamics.CRM.").unwrap_or(name);
        let parameters = parameters(name, &request.body)?;
        match (table.name.as_str(), name) {
            ("lead", "QualifyLead") => {
                let asks = |name: &str| parameters.get(name).is_some_and(|value| value.get() == "true");
                let creates = Qualified {
                    account: asks("CreateAccount"),
                    contact: asks("CreateContact"),
                    opportunity: asks("CreateOpportunity"),
                };
                let status = number(&parameters, "Status")?.unwrap_or(-1);
                Ok(Self::QualifyLead { lead: key, creates, status })
            }
            ("team", "AddMembersTeam" | "RemoveMembersTeam") => {
                let members = members(reader, name, &parameters)?.into_iter().map(|(_, id)| id).collect();
                Ok(Self::Members { of: OF_TEAM, row: key, members, adds: name == "AddMembersTeam" })
            }
            ("role", "AddPrivilegesRole") => {
                #[derive(serde::Deserialize)]
                struct Given {
                    #[serde(rename = "PrivilegeId")]
                    id: Uuid,
                }
                let list = parameters.get("Privileges").ok_or_else(|| missing(name, "Privileges"))?;
                let given: Vec<Given> =
                    serde_json::from_str(list.get()).map_err(|error| refusal::payload(name, error))?;
                let members = given.into_iter().map(|given| given.id).collect();
                Ok(Self::Members { of: OF_ROLE, row: key, members, adds: true })
            }
            _ => Err(refusal::no_segment(name)),
        }
    }
}

fn parameters<'a>(message: &str, body: &'a [u8]) -> Result<Parameters<'a>, Refusal> {
    if body.is_empty() {
        return Ok(Parameters::new());
    }
    serde_json::from_slice(body).map_err(|error| refusal::payload(message, error))
}

pub(super) fn missing(message: &str, parameter: &str) -> Refusal {
    refusal::refusal(400, 0x8004_0203, format!("Required parameter '{parameter}' of {message} is missing."))
}

fn number(parameters: &Parameters<'_>, name: &str) -> Result<Option<i64>, Refusal> {
    parameters
        .get(name)
        .map(|value| serde_json::from_str(value.get()).map_err(|error| refusal::payload(name, error)))
        .transpose()
}

/// `{"@odata.type":"Microsoft.Dynamics.CRM.contact","contactid":"…"}`.
fn row_named(
    reader: Reader<'_>,
    value: &RawValue,
    expected: Option<&str>,
) -> Result<(TableId, Uuid), Refusal> {
    let row: HashMap<String, serde_json::Value> =
        serde_json::from_str(value.get()).map_err(|error| refusal::payload("row", error))?;
    let text = |name: &str| row.get(name).and_then(serde_json::Value::as_str);
    let named = text("@odata.type")
        .and_then(|name| name.trim_start_matches('#').strip_prefix("Microsoft.Dynamics.CRM."))
        .or(expected)
        .ok_or_else(|| refusal::payload("row", "A row in a parameter needs '@odata.type'."))?;
    let table = reader.schema.named(named).ok_or_else(|| refusal::no_segment(named))?;
    // Users and teams inherit from principal, whose key is `ownerid`.
    let id = [table.column(table.primary).name.as_str(), "ownerid"]
        .iter()
        .find_map(|name| text(name))
        .and_then(dataverse_wire::literal::parse_guid)
        .ok_or_else(|| {
            refusal::payload("row", format_args!("A row of {named} in a parameter needs its id."))
        })?;
    Ok((table.id, id))
}

fn members(
    reader: Reader<'_>,
    message: &str,
    parameters: &Parameters<'_>,
) -> Result<Vec<(TableId, Uuid)>, Refusal> {
    let list = parameters.get("Members").ok_or_else(|| missing(message, "Members"))?;
    let list: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|error| refusal::payload(message, error))?;
    list.into_iter().map(|member| row_named(reader, member, None)).collect()
}

/// Does what a message asks for.
pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    action: Action,
) -> Result<Answer, Refusal> {
    match action {
        Action::Close(message) => close_by(tx, message),
        Action::QualifyLead { lead, creates, status } => qualify(tx, context, &lead, creates, status),
        Action::AddListMembers { list, members } => add_list_members(tx, &list, &members),
        Action::Members { of, row, members, adds } => change_members(tx, of, &row, &members, adds),
    }
}

pub(super) fn table_named(tx: &Transaction<'_>, name: &str) -> Result<std::sync::Arc<Table>, Refusal> {
    tx.schema().named(name).cloned().ok_or_else(|| refusal::no_segment(name))
}

fn qualify(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    lead: &RowKey,
    creates: Qualified,
    status: i64,
) -> Result<Answer, Refusal> {
    let leads = table_named(tx, "lead")?;
    let id = must_find(tx, leads.id, lead)?;
    let bytes: Box<[u8]> = tx.row(leads.id, id).ok_or_else(|| refusal::no_row("lead", id))?.into();
    let state = leads.system.state.and_then(|column| row::get(&bytes, column, Form::Integer));
    if !matches!(state, Some(Cell::Integer(0)) | None) {
        return Err(refusal::refusal(400, 0x8004_0233, format!("The lead with Id {id} is closed already.")));
    }
    let wanted = [
        (creates.account, "account", [("companyname", "name")].as_slice()),
        (
            creates.contact,
            "contact",
            [("firstname", "firstname"), ("lastname", "lastname"), ("emailaddress1", "emailaddress1")]
                .as_slice(),
        ),
        (creates.opportunity, "opportunity", [("subject", "name")].as_slice()),
    ];
    let mut made = Vec::new();
    for (_, name, columns) in wanted.into_iter().filter(|(asked, ..)| *asked) {
        let table = table_named(tx, name)?;
        let mut row = RowDraft::default();
        for (from, to) in columns {
            if let (Some(from), Some(to)) = (leads.by_name.get(*from), table.by_name.get(*to))
                && let Some(bytes) = row::find(&bytes, *from)
            {
                row.cells.set_bytes(*to, bytes);
            }
        }
        if let Some(column) = table.by_name.get("originatingleadid") {
            row.cells.set(*column, Cell::Lookup(leads.id, id));
        }
        let new = create(tx, table.id, row)?;
        let key = &table.column(table.primary).name;
        made.push(json!({ "@odata.type": format!("#Microsoft.Dynamics.CRM.{name}"), key: new }));
    }
    close(tx, Closing { table: &leads, id, state: 1, status: Some(status), also: Draft::default() })?;
    Ok(Answer::value(&json!({
        "@odata.context": format!("{}$metadata#Collection(Microsoft.Dynamics.CRM.crmbaseentity)", context.root),
        "value": made,
    })))
}

/// Static lists only; a member that is in the list already stays there.
fn add_list_members(
    tx: &mut Transaction<'_>,
    list: &RowKey,
    members: &[(TableId, Uuid)],
) -> Result<Answer, Refusal> {
    let lists = table_named(tx, "list")?;
    let list = must_find(tx, lists.id, list)?;
    let schema = tx.schema();
    let row = tx.row(lists.id, list).ok_or_else(|| refusal::no_row("list", list))?;
    let read = |name: &str| lists.by_name.get(name).map(|column| lists.read(list.into(), row, *column));
    if read("type") == Some(Cell::Boolean(true)) {
        let text = "Members are added to static lists only; this list is dynamic.";
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    // A list holds rows of one table, named by its object type code.
    let holds = match read("createdfromcode") {
        Some(Cell::Integer(code)) => Some(code),
        _ => None,
    };
    for (kind, id) in members {
        let member = schema.table(*kind);
        if holds.is_some() && holds != member.definition.object_type_code {
            let text = format!("The list {list} does not hold rows of {}.", member.name);
            return Err(refusal::refusal(400, 0x8004_0203, text));
        }
        let pair = schema.pairs().iter().position(|pair| {
            schema.table(pair.intersect).name == "listmember"
                && pair.first == lists.id
                && pair.second == *kind
        });
        let Some(pair) = pair else {
            let name = &schema.table(*kind).name;
            return Err(refusal::refusal(
                400,
                0x8004_0203,
                format!("Rows of {name} cannot be members of a list."),
            ));
        };
        let collection = Collection::Pairs { pair, from_first: true };
        match associate(tx, lists.id, list, collection, *id) {
            Err(refusal) if !refusal.is_duplicate() => return Err(refusal),
            _ => {}
        }
    }
    Ok(Answer::no_content())
}

fn change_members(
    tx: &mut Transaction<'_>,
    of: MembersOf,
    row: &RowKey,
    members: &[Uuid],
    adds: bool,
) -> Result<Answer, Refusal> {
    let table = table_named(tx, of.table)?;
    let row = must_find(tx, table.id, row)?;
    let schema = tx.schema();
    let collection =
        schema.collection(table.id, of.relationship).ok_or_else(|| refusal::no_segment(of.relationship))?;
    for member in members {
        if adds {
            match associate(tx, table.id, row, collection, *member) {
                Err(refusal) if !refusal.is_duplicate() => return Err(refusal),
                _ => {}
            }
        } else {
            disassociate(tx, table.id, row, collection, *member)?;
        }
    }
    Ok(Answer::no_content())
}
