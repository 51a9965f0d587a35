//! Who may own rows (reference §8.3, §11).

use dataverse_emulator::{Options, Settings, Strictness};
use serde_json::{Value, json};

use crate::client::{Office, Reply, office, office_with};

async fn unit(office: &Office) -> String {
    let unit = office.get("WhoAmI").await.json()["BusinessUnitId"].as_str().unwrap().to_owned();
    format!("businessunits({unit})")
}

/// A user that somebody made: disabled, and without roles.
async fn stub(office: &Office) -> String {
    let unit = unit(office).await;
    let body = json!({
        "domainname": "gone@contoso.example", "firstname": "Gone", "lastname": "Away",
        "businessunitid@odata.bind": unit
    });
    office.create("systemusers", body).await
}

/// A role that may read these tables, and nothing else.
async fn role(office: &Office, tables: &[&str]) -> String {
    let unit = unit(office).await;
    let role = office.create("roles", json!({"name": "Reader", "businessunitid@odata.bind": unit})).await;
    let mut privileges = Vec::new();
    for table in tables {
        let found =
            office.get(&format!("privileges?$filter=name eq 'prvRead{table}'&$select=privilegeid")).await;
        privileges.push(json!({"PrivilegeId": found.rows()[0]["privilegeid"], "Depth": "3"}));
    }
    let target = format!("roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole");
    assert_eq!(office.post(&target, json!({"Privileges": privileges})).await.status, 204);
    role
}

async fn give(office: &Office, target: &str, relationship: &str, role: &str) {
    let reference = json!({"@odata.id": format!("roles({role})")});
    office.post(&format!("{target}/{relationship}/$ref"), reference).await.ok();
}

async fn own(office: &Office, set: &str, body: Value, owner: &str) -> Reply {
    let mut body = body;
    body["ownerid@odata.bind"] = owner.into();
    office.post(set, body).await
}

#[tokio::test]
async fn a_disabled_user_owns_rows_of_the_tables_that_a_role_lets_read_and_of_no_others() {
    let office = office().await;
    let user = format!("systemusers({})", stub(&office).await);
    own(&office, "accounts", json!({"name": "x"}), &user).await.refused_with(403, "0x8004022b");
    let reader = role(&office, &["Account"]).await;
    give(&office, &user, "systemuserroles_association", &reader).await;
    own(&office, "accounts", json!({"name": "x"}), &user).await.ok();
    own(&office, "leads", json!({"subject": "x", "lastname": "x"}), &user)
        .await
        .refused_with(403, "0x8004022b");
}

#[tokio::test]
async fn an_enabled_user_without_the_right_may_not_own_a_row() {
    let office = office().await;
    let id = stub(&office).await;
    let user = format!("systemusers({id})");
    office.patch(&user, json!({"isdisabled": false})).await.ok();
    own(&office, "accounts", json!({"name": "x"}), &user).await.refused_with(403, "0x80042f09");
    let reader = role(&office, &["Lead"]).await;
    give(&office, &user, "systemuserroles_association", &reader).await;
    let reply = own(&office, "accounts", json!({"name": "x"}), &user).await;
    let message = reply.refused_with(403, "0x80040220");
    assert!(
        message.starts_with(&format!("Principal user (Id={id}, type=8) is missing prvReadAccount")),
        "{message}"
    );
}

#[tokio::test]
async fn roles_of_a_users_teams_count() {
    let office = office().await;
    let user = stub(&office).await;
    let unit = unit(&office).await;
    let team = office.create("teams", json!({"name": "t", "businessunitid@odata.bind": unit})).await;
    let reader = role(&office, &["Account"]).await;
    give(&office, &format!("teams({team})"), "teamroles_association", &reader).await;
    let member = json!({"Members": [
        {"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "ownerid": user}
    ]});
    office.post(&format!("teams({team})/Microsoft.Dynamics.CRM.AddMembersTeam"), member).await.ok();
    own(&office, "accounts", json!({"name": "x"}), &format!("systemusers({user})")).await.ok();
}

#[tokio::test]
async fn a_team_needs_a_role_to_own_a_row() {
    let office = office().await;
    let unit = unit(&office).await;
    let team = office.create("teams", json!({"name": "t", "businessunitid@odata.bind": unit})).await;
    let team = format!("teams({team})");
    own(&office, "accounts", json!({"name": "x"}), &team).await.refused_with(403, "0x80040220");
    let reader = role(&office, &["Account"]).await;
    give(&office, &team, "teamroles_association", &reader).await;
    own(&office, "accounts", json!({"name": "x"}), &team).await.ok();
    let settings = Settings { team_without_role: Strictness::Tolerate, ..Settings::default() };
    let lax = office_with(Options { settings, ..Options::default() }).await;
    let unit = self::unit(&lax).await;
    let team = lax.create("teams", json!({"name": "t", "businessunitid@odata.bind": unit})).await;
    own(&lax, "accounts", json!({"name": "x"}), &format!("teams({team})")).await.ok();
}

#[tokio::test]
async fn a_table_made_at_run_time_has_privileges_too() {
    let office = office().await;
    let name = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Name",
        "IsPrimaryName": true, "MaxLength": 100
    });
    let table = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Thing",
        "EntitySetName": "new_things", "OwnershipType": "UserOwned", "Attributes": [name]
    });
    office.post("EntityDefinitions", table).await.ok();
    let user = format!("systemusers({})", stub(&office).await);
    let reader = role(&office, &["new_Thing"]).await;
    give(&office, &user, "systemuserroles_association", &reader).await;
    own(&office, "new_things", json!({"new_name": "x"}), &user).await.ok();
}
