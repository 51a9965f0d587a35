//! A copy of the Salesforce export with rows spoiled on purpose, one way each.

use crate::support::Project;

/// Appends rows to a source: copies of its first row under a new key with some cells changed.
struct Spoiler<'a> {
    project: &'a Project,
}

impl Spoiler<'_> {
    fn add(&self, source: &str, changes: &[(&str, &str)]) {
        let path = self.project.staging.folder().join("source").join(format!("{source}.csv"));
        let text = std::fs::read_to_string(&path).unwrap();
        let mut reader = csv_records(&text);
        let header = reader.next().unwrap();
        let mut row = reader.next().unwrap();
        for (column, value) in changes {
            let at = header.iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}"));
            row[at] = (*value).to_owned();
        }
        let cells: Vec<String> =
            row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        std::fs::write(&path, format!("{text}{end}{}\n", cells.join(","))).unwrap();
    }
}

/// A reader of its own, so that the test does not lean on the code under test.
fn csv_records(text: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    let mut rest = text.trim_start_matches('\u{feff}').chars().peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted && rest.peek() == Some(&'"') => {
                    rest.next();
                    cell.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\r' if !quoted => {}
                '\n' if !quoted => break,
                c => cell.push(c),
            }
        }
        row.push(cell);
        Some(row)
    })
}

#[tokio::test]
async fn every_spoiled_row_is_named_with_its_column_and_rule_and_the_others_stay_free() {
    let project = Project::fixture("sf-workshop", "sf-data-cloud-workshop").await;
    let spoil = Spoiler { project: &project };
    let long = "C".repeat(77) + "😀😀";
    spoil.add("Account", &[("Id", "A1"), ("BillingCity", &long)]);
    spoil.add("Account", &[("Id", "A2"), ("Name", "Bell\u{7}Boy")]);
    spoil.add("Account", &[("Id", "A3"), ("Industry", "Alchemy")]);
    spoil.add("Account", &[("Id", "A4"), ("NumberOfEmployees", "-5")]);
    spoil.add("Account", &[("Id", "A5"), ("NumberOfEmployees", "12.5")]);
    spoil.add("Account", &[("Id", "A6"), ("AnnualRevenue", "a lot")]);
    spoil.add("Account", &[("Id", "A7"), ("AnnualRevenue", "1.23456")]);
    spoil.add("Contact", &[("Id", "C1"), ("Birthdate", "2023-02-30")]);
    spoil.add("Contact", &[("Id", "C2"), ("Birthdate", "1700-01-01")]);
    spoil.add("Contact", &[("Id", "C3"), ("Employed__c", "Maybe")]);
    spoil.add("Contact", &[("Id", "C4"), ("AccountId", "nobody")]);
    spoil.add("Contact", &[]);
    spoil.add("Case", &[("Id", "K1"), ("Status", "reopened")]);
    spoil.add("Case", &[("Id", "K2"), ("AccountId", ""), ("ContactId", "")]);
    spoil.add("Task", &[("Id", "T1"), ("WhatId", "006nobody")]);
    spoil.add("Task", &[("Id", "T2"), ("WhatId", "999nobody")]);
    spoil.add("CampaignMember", &[("Id", "M1"), ("LeadId", "00Qnobody"), ("ContactId", "")]);
    spoil.add("Lead", &[("Id", "L1 ")]);
    spoil.add("Lead", &[("Id", "caseonly")]);
    spoil.add("Lead", &[("Id", "CASEONLY")]);
    spoil.add("Opportunity", &[("Id", "")]);
    let run = project.run().await;
    let mut findings = run.findings.clone();
    findings.sort();
    insta::assert_snapshot!(findings.join("\n"));
    let flagged =
        project.rows("SELECT COUNT(*), SUM(CASE WHEN DataMigration_ProcessingFlag = 'E' THEN 1 ELSE 0 END) FROM target_account").await;
    assert_eq!(flagged, ["29|7"]);
    let errors = project
        .rows("SELECT Pass, Generation, ColumnName, RuleName, Value, Retried FROM target_account_Error WHERE RuleName = 'option'")
        .await;
    assert_eq!(errors, ["validate|1|industrycode|option|Alchemy|0"]);

    // Found again, and nothing changes.
    let again = project.run().await;
    assert_eq!(again.findings, run.findings);
    assert_eq!(project.rows("SELECT COUNT(*) FROM target_account_Error").await, ["7"]);

    // Somebody decides what alchemy is, and somebody repairs a staged row by hand.
    project
        .execute("UPDATE migration_OptionSetMapping SET TargetValue = 6, Origin = 'me' WHERE SourceText = 'Alchemy'")
        .await;
    project.execute("UPDATE target_account SET name = 'Bellboy' WHERE DataMigration_SourceKey = 'A2'").await;
    project.run().await;
    let flags = project
        .rows("SELECT DataMigration_SourceKey, DataMigration_ProcessingFlag, DataMigration_Generation FROM target_account WHERE DataMigration_SourceKey IN ('A2', 'A3', 'A4') ORDER BY 1")
        .await;
    assert_eq!(flags, ["A2|U|1", "A3|U|2", "A4|E|1"]);
}
