//! The three projects in `fixtures`, on their real data.

use crate::support::Project;

#[tokio::test]
async fn the_salesforce_export_is_staged_whole_and_without_findings() {
    let project = Project::fixture("sf-workshop", "sf-data-cloud-workshop").await;
    let run = project.run().await;
    insta::assert_debug_snapshot!(run.counts());
    assert_eq!(run.findings, Vec::<String>::new());
    let cases = project.rows("SELECT statuscode_Text, statuscode, statecode, COUNT(*) FROM target_incident GROUP BY statuscode_Text, statuscode, statecode ORDER BY 1").await;
    assert_eq!(cases, ["Closed|5|1|14", "in_progress|1|0|11", "open|1|0|15"]);
    let account = project
        .rows("SELECT name, revenue, overriddencreatedon, ownerid_SourceKey, transactioncurrencyid_SourceKey FROM target_account WHERE DataMigration_SourceKey = '001Ec00000GGw3hIAD'")
        .await;
    assert_eq!(account, ["Walker Henson and Compton|6759560|2024-01-22T14:49:34Z|005Ec000004oBPNIA2|USD"]);
    let unmapped = row_transform::unmapped_columns(&project.store, &run.plan).await.unwrap();
    let with_values: Vec<_> = unmapped.iter().filter(|column| column.values > 0).collect();
    assert!(
        with_values.is_empty(),
        "the project maps or ignores every column with values, but {with_values:?}"
    );
    assert!(unmapped.iter().any(|column| column.source == "Account" && column.column == "DunsNumber"));
}

#[tokio::test]
async fn seventeen_thousand_rows_of_npsp_are_staged_with_a_derived_primary_contact() {
    let project = Project::fixture("npsp", "npsp-1k").await;
    let run = project.run().await;
    assert_eq!(run.findings, Vec::<String>::new());
    assert_eq!(run.counts()["opportunity from Opportunity"], 1_517);
    let derived = project
        .rows("SELECT COUNT(*) FROM target_account WHERE primarycontactid_SourceKey IS NOT NULL")
        .await;
    assert_eq!(derived, ["882"]);
    let again = project.run().await;
    let touched: u64 = again.staged.iter().map(|staged| staged.inserted + staged.changed).sum();
    assert_eq!((touched, again.choices_changed, again.states_changed), (0, 0, 0));
    let generations = project.rows("SELECT DISTINCT DataMigration_Generation FROM target_account").await;
    assert_eq!(generations, ["1"]);
}

#[tokio::test]
async fn employees_report_to_employees_and_three_sources_feed_one_table() {
    let project = Project::fixture("northwind", "northwind").await;
    let run = project.run().await;
    assert_eq!(run.findings, Vec::<String>::new());
    let rows = project
        .rows(
            "SELECT DataMigration_SourceKey, birthdate, new_reportstoid_SourceKey, new_reportstoid_SourceTable FROM target_contact \
             WHERE DataMigration_SourceTable = 'Employees' ORDER BY 1",
        )
        .await;
    assert_eq!(rows[..2], ["1|1948-12-08|2|Employees", "2|1952-02-19|-|-"]);
    let people = project
        .rows("SELECT firstname, lastname FROM target_contact WHERE DataMigration_SourceTable = 'Customers' AND DataMigration_SourceKey = 'ALFKI'")
        .await;
    assert_eq!(people, ["Maria|Anders"]);
}
