//! Who may own a row: whoever's roles let them read its table (reference §8.3, §11).

use uuid::Uuid;

use super::pair::members;
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::state::row::{self, Cell, Form};
use crate::state::{Transaction, privilege_id};

/// An owner must be there and have the right to read the table; a disabled user may own rows all the same, unless
/// [`crate::Settings::disabled_owner`] refuses that.
pub(super) fn check_owner(
    tx: &Transaction<'_>,
    table: &Table,
    kind: &Table,
    id: Uuid,
) -> Result<(), Refusal> {
    let Some(row) = tx.row(kind.id, id) else { return Err(refusal::no_row(&kind.name, id)) };
    let is_user = kind.name == "systemuser";
    let disabled = kind.by_name.get("isdisabled").filter(|_| is_user);
    let is_disabled = disabled
        .is_some_and(|column| matches!(row::get(row, *column, Form::Boolean), Some(Cell::Boolean(true))));
    if is_disabled && tx.settings.disabled_owner.refuses() {
        return Err(refusal::owner_disabled(id));
    }
    let relation = if is_user { "systemuserroles_association" } else { "teamroles_association" };
    let Some(mut roles) = members(tx.organisation(), relation, &kind.name, id) else {
        return Ok(()); // Tables without roles know no rights.
    };
    if roles.iter().any(|role| tx.organisation().seeds.roles.contains(role)) {
        return Ok(());
    }
    if is_user {
        for team in
            members(tx.organisation(), "teammembership_association", "systemuser", id).unwrap_or_default()
        {
            let of_team = members(tx.organisation(), "teamroles_association", "team", team);
            roles.extend(of_team.unwrap_or_default());
        }
    } else if !tx.settings.team_without_role.refuses() {
        return Ok(());
    }
    let privilege = privilege_id(table, "Read");
    let reads = |role: &Uuid| {
        tx.organisation().seeds.roles.contains(role)
            || members(tx.organisation(), "roleprivileges_association", "role", *role)
                .is_some_and(|privileges| privileges.contains(&privilege))
    };
    if roles.iter().any(reads) {
        return Ok(());
    }
    Err(if is_disabled {
        refusal::owner_disabled(id)
    } else if is_user && roles.is_empty() {
        refusal::refusal(
            403,
            0x8004_2F09,
            format!("The user with SystemUserId={id} has not been assigned any roles. They need a role."),
        )
    } else {
        let (word, code) = if is_user { ("user", 8) } else { ("team", 9) };
        refusal::refusal(
            403,
            0x8004_0220,
            format!(
                "Principal {word} (Id={id}, type={code}) is missing prvRead{} privilege (Id={privilege}) on OTC={} \
                 for entity '{}'",
                table.definition.schema_name,
                table.definition.object_type_code.unwrap_or_default(),
                table.name
            ),
        )
    })
}
