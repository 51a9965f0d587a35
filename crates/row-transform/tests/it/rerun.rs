//! Transformation again: unchanged, changed, gone, and after rows were sent.

use crate::support::{Project, definitions};

const PROJECT: &str = r#"
[[map]]
table = "account"
source = "Account"
key = "Id"
sql = ["mark.sql"]
[map.columns]
name = "Name"
industrycode = "Industry"
primarycontactid = { lookup = "Contact", to = "contact" }
description = { script = true }
[[map]]
table = "contact"
source = "Contact"
key = "Id"
[map.columns]
lastname = "Name"
"#;

async fn project() -> Project {
    let project = Project::new(PROJECT, definitions()).await;
    project
        .write("source/Account.csv", "Id,Name,Industry,Contact\nA,Alpha,Accounting,1\nB,Beta,Consulting,\n");
    project.write("source/Contact.csv", "Id,Name\n1,One\n2,Two\n");
    mark(&project, |name, join| format!("{name} {join} '!'"));
    project
}

/// A script in both forms: `text` is what it writes, from the name and the operator that joins texts.
fn mark(project: &Project, text: impl Fn(&str, &str) -> String) {
    for (file, join) in [("mark.sql", "||"), ("mark.mssql.sql", "+")] {
        project.write(file, &format!("UPDATE ${{target.account}} SET description = {}", text("name", join)));
    }
}

const STATE: &str = "SELECT DataMigration_SourceKey, name, description, industrycode, primarycontactid_SourceKey, primarycontactid, \
    DataMigration_Generation, DataMigration_ActionFlag, DataMigration_ProcessingFlag FROM target_account ORDER BY DataMigration_RowId";

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let project = project().await;
    project.run().await;
    let first = project.rows("SELECT * FROM target_account").await;
    assert_eq!(project.rows(STATE).await, ["A|Alpha|Alpha!|1|1|-|1|I|U", "B|Beta|Beta!|7|-|-|1|I|U"]);
    let again = project.run().await;
    assert!(
        again.staged.iter().all(|staged| staged.inserted + staged.changed + staged.removed == 0),
        "{:?}",
        again.staged
    );
    assert_eq!(project.rows("SELECT * FROM target_account").await, first);
}

#[tokio::test]
async fn a_changed_row_begins_a_new_generation_and_is_resolved_again() {
    let project = project().await;
    project.run().await;
    let sent = "UPDATE target_account SET DataMigration_DataverseId = '00000000-0000-0000-0000-0000000000aa', DataMigration_ProcessingFlag = 'P', primarycontactid = '00000000-0000-0000-0000-0000000000c1'";
    project.execute(sent).await;
    // Alpha points to another contact; Beta's industry is called something that means the same.
    project
        .write("source/Account.csv", "Id,Name,Industry,Contact\nA,Alpha,Accounting,2\nB,Beta,CONSULTING,\n");
    let run = project.run().await;
    assert_eq!(run.staged[0].changed, 2);
    let rows = project.rows(STATE).await;
    assert_eq!(rows[0], "A|Alpha|Alpha!|1|2|-|2|U|U");
    assert_eq!(rows[1], "B|Beta|Beta!|7|-|00000000-0000-0000-0000-0000000000c1|2|U|U");
}

#[tokio::test]
async fn only_what_a_script_really_changed_begins_a_new_generation() {
    let project = project().await;
    project.run().await;
    project.execute("UPDATE target_account SET DataMigration_DataverseId = '00000000-0000-0000-0000-0000000000aa', DataMigration_ProcessingFlag = 'P'").await;
    mark(&project, |name, join| format!("CASE {name} WHEN 'Beta' THEN 'new' ELSE {name} {join} '!' END"));
    project.run().await;
    let rows = project.rows(STATE).await;
    assert!(rows[0].ends_with("|1|I|P"), "{rows:?}");
    assert!(rows[1].ends_with("|2|U|U"), "{rows:?}");
}

#[tokio::test]
async fn rows_that_left_the_source_go_unless_something_of_them_was_sent() {
    let project = project().await;
    project.run().await;
    project
        .execute(
            "UPDATE target_contact SET DataMigration_DataverseId = '00000000-0000-0000-0000-0000000000aa' WHERE DataMigration_SourceKey = '2'",
        )
        .await;
    project.write("source/Contact.csv", "Id,Name\n3,Three\n");
    let run = project.run().await;
    let contact = &run.staged[1];
    assert_eq!((contact.inserted, contact.removed, contact.vanished), (1, 1, 1));
    let keys = project.rows("SELECT DataMigration_SourceKey FROM target_contact ORDER BY 1").await;
    assert_eq!(keys, ["2", "3"]);
    assert_eq!(run.findings, ["account A primarycontactid lookup 1"]);
}
