//! Who may do what with a shared staging database.

use migration::{Step, Steps};

use crate::world::{Login, World};

#[test]
fn readers_do_not_see_masked_columns_nor_what_quotes_them() {
    let world = World::new();
    world.run(Step::Prepare);
    let (script, _) = world.stage(&["grants", "--engine", "sqlserver"], 0);
    let to_readers: Vec<&str> =
        script.lines().filter(|line| line.starts_with("GRANT") && line.contains("TO [dv_reader]")).collect();
    let of = |table: &str| {
        let on = format!(" ON {table} TO");
        *to_readers.iter().find(|line| line.contains(&on)).unwrap_or_else(|| panic!("{table}: {script}"))
    };
    assert_eq!(of("[target].[account]"), "GRANT SELECT ON [target].[account] TO [dv_reader];");
    let contact = of("[target].[contact]");
    assert!(
        contact.contains("[lastname]") && contact.contains("[DataMigration_ProcessingFlag]"),
        "{contact}"
    );
    let errors = of("[target].[contact_Error]");
    assert!(errors.contains("[ErrorCode]"), "{errors}");
    let summary = of("[target].[ErrorSummary]");
    assert!(summary.contains("[Errors]"), "{summary}");
    for line in [contact, errors, summary] {
        assert!(
            !["emailaddress1", "[Message]", "[Value]", "FirstMessage", "Cause"]
                .iter()
                .any(|word| line.contains(word)),
            "{line}"
        );
    }
    let closed = ["SCHEMA::", "[source]", "OwnerMapping", "Difference", "Repair", "Setting"];
    assert!(!to_readers.iter().any(|line| closed.iter().any(|word| line.contains(word))), "{to_readers:?}");
    assert!(script.contains("GRANT BACKUP DATABASE TO [dv_operator];"), "{script}");
    assert!(
        script.contains(
            "GRANT CREATE TABLE, CREATE VIEW, CREATE PROCEDURE, CREATE FUNCTION TO [dv_developer];"
        ),
        "{script}"
    );
}

/// Runs the script of the roles; gives what Babelfish refused of it because it has no such permission.
fn grant(world: &World) -> Vec<&'static str> {
    let is_babelfish = world.is_on_babelfish();
    let (script, _) = world.stage(&["grants", "--engine", "sqlserver"], 0);
    let owner = Login::owner(world);
    let mut refused = Vec::new();
    for batch in script.split("\nGO\n") {
        if let Err(complaint) = world.ask_as(&owner, batch, "SELECT 1") {
            // Nor does it find the columns of a view.
            let unknown = ["ALTER", "CREATE TABLE", "BACKUP DATABASE", "[ErrorSummary]"];
            let unknown = unknown.into_iter().find(|word| batch.contains(word));
            assert!(is_babelfish && unknown.is_some(), "{complaint}: {batch}");
            refused.extend(unknown);
        }
    }
    refused
}

#[test]
fn the_server_lets_operators_load_and_readers_see_what_is_not_masked() {
    let world = World::new();
    if world.connection().is_none() {
        eprintln!("skipped: SQLite has no roles, and STAGING_TEST_MSSQL is not set");
        return;
    }
    world.run(Step::Sequence);
    let refused = grant(&world);
    let denied = |login: &Login, sql: &str| {
        let complaint = world.ask_as(login, sql, "SELECT 1").unwrap_err();
        assert!(complaint.to_lowercase().contains("permission"), "{sql}: {complaint}");
    };

    let operator = Login::with_role(&world, "dv_operator");
    let rest = [Step::Load, Step::Settle, Step::Verify];
    for step in rest {
        let summary = world
            .run_as(&operator, Steps::only(step))
            .unwrap_or_else(|error| panic!("{}", error.with_causes()));
        assert!(summary.open.is_empty(), "{:?}", summary.open);
    }
    assert_eq!((world.rows("account"), world.rows("contact")), (2, 1));
    denied(&operator, "CREATE TABLE target.mine (a int)");
    denied(&operator, "DELETE FROM source.Account");

    let reader = Login::with_role(&world, "dv_reader");
    let seen = "SELECT lastname, DataMigration_ProcessingFlag FROM target_contact";
    assert_eq!(world.ask_as(&reader, "", seen).unwrap(), ["Anna|P"]);
    let status = "SELECT TargetTable, Staged, Processed FROM target_TableStatus ORDER BY TargetTable";
    assert_eq!(world.ask_as(&reader, "", status).unwrap(), ["account|2|2", "contact|1|1"]);
    for closed in [
        "SELECT emailaddress1 FROM target.contact",
        "SELECT * FROM target.contact",
        "SELECT Message FROM target.contact_Error",
        "SELECT FirstMessage FROM target.ErrorSummary",
        "SELECT Email FROM source.Contact",
        "SELECT Value FROM migration.Setting",
        "UPDATE target.account SET name = 'x'",
    ] {
        denied(&reader, closed);
    }

    if !refused.is_empty() {
        eprintln!("skipped: what developers may do, since Babelfish refuses to grant {}", refused.join(", "));
        return;
    }
    // Someone of the team maps anew and stages anew.
    let developer = Login::with_role(&world, "dv_developer");
    for step in [Step::Prepare, Step::Extract, Step::Transform, Step::Sequence] {
        world.run_as(&developer, Steps::only(step)).unwrap_or_else(|error| panic!("{}", error.with_causes()));
    }
}

#[test]
fn sqlite_has_no_roles_and_says_what_protects_the_file() {
    let mut world = World::new();
    if world.is_on_a_server() {
        return;
    }
    let (said, _) = world.stage(&["grants"], 0);
    assert!(said.contains("SQLite has no roles") && said.contains("mode 600"), "{said}");
    assert!(said.contains("It is not encrypted"), "{said}");
    world.encrypt_by(None);
    let (said, _) = world.stage(&["grants"], 0);
    assert!(said.contains("who has the key of") && said.contains("nor the reports"), "{said}");
}

#[test]
fn only_what_is_mapped_can_be_masked() {
    let world = World::new();
    world.edit("masked = [\"emailaddress1\"]", "masked = [\"emailadress1\"]");
    world.run_fails(Step::Prepare, "stands in `masked` but is not mapped");
}
