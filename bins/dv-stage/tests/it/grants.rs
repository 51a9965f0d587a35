//! Who may do what with a shared staging database.

use migration::Step;

use crate::world::World;

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
        script.contains("GRANT CREATE TABLE, CREATE VIEW, CREATE PROCEDURE TO [dv_developer];"),
        "{script}"
    );
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
