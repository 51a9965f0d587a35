//! Each kind of rule, on rows made for it.

use staging_schema::Dialect;

use crate::support::{Project, definitions};

/// Stages one source with rules for `contact` and reads staged columns back.
async fn staged(rules: &str, csv: &str, select: &str) -> (Vec<String>, Vec<String>) {
    let toml =
        format!("[[map]]\ntable = \"contact\"\nsource = \"S\"\nkey = \"Id\"\n[map.columns]\n{rules}\n");
    let project = Project::new(&toml, definitions()).await;
    project.write("source/S.csv", csv);
    let run = project.run().await;
    let rows =
        project.rows(&format!("SELECT {select} FROM target_contact ORDER BY DataMigration_RowId")).await;
    (rows, run.findings)
}

#[tokio::test]
async fn texts_are_renamed_joined_trimmed_fitted_and_defaulted() {
    let rules = r#"
lastname = { from = "Name", trim = true, default = "nobody" }
description = { concat = ["A", "B"], separator = " / " }
jobtitle = { template = "{A} of {{{B}}}" }
firstname = { from = ["B", "A"] }
salutation = { constant = "Dear" }
department = { expression = "CASE WHEN s.A = 'x' THEN (SELECT COUNT(*) FROM ${source.S}) END" }
suffix = { from = "Long", fit = true }
"#;
    let csv = "Id,Name,A,B,Long\n1,\"\u{a0} Müller \",x,y,12345678😀\n2,,x,,123456789😀\n3,\" \",,,\n";
    let (rows, findings) =
        staged(rules, csv, "lastname, description, jobtitle, firstname, salutation, department, suffix")
            .await;
    assert_eq!(
        rows,
        [
            "Müller|x / y|x of {y}|y|Dear|3|12345678😀",
            "nobody|x|x of {}|x|Dear|3|123456789",
            "nobody|-|-|-|Dear|-|-",
        ]
    );
    assert_eq!(findings, Vec::<String>::new());
}

#[tokio::test]
async fn numbers_dates_and_booleans_are_read_as_the_rule_says() {
    let rules = r#"
lastname = "Id"
annualincome = { from = "Income", decimal = "," }
creditlimit = { from = "Limit", round = true }
numberofchildren = "Children"
birthdate = { from = "Born", format = ["%d.%m.%Y", "%Y-%m-%d"] }
overriddencreatedon = { from = "Created", zone = "Europe/Vienna" }
donotemail = { from = "NoMail", true = ["1"], false = [""] }
"#;
    let csv = "Id,Income,Limit,Children,Born,Created,NoMail\n\
        1,\"1.234,50\",2.000049,3,31.12.1999,2024-07-01 12:00,1\n\
        2,\"0,5\",7,,2000-01-02,2024-07-01T12:00:00.000+0000,\n\
        3,1.5,,x,soon,never,2\n";
    let (rows, findings) = staged(
        rules,
        csv,
        "annualincome, creditlimit, numberofchildren, birthdate, overriddencreatedon, donotemail",
    )
    .await;
    assert_eq!(
        rows,
        [
            "1234.5|2|3|1999-12-31|2024-07-01T10:00:00Z|1",
            "0.5|7|-|2000-01-02|2024-07-01T12:00:00Z|0",
            "-|-|-|-|-|-",
        ]
    );
    assert_eq!(
        findings,
        [
            "contact 3 annualincome number 1.5",
            "contact 3 birthdate date soon",
            "contact 3 donotemail boolean 2",
            "contact 3 numberofchildren number x",
            "contact 3 overriddencreatedon date never",
        ]
    );
}

#[tokio::test]
async fn references_owners_and_parties_find_key_and_table() {
    let toml = r#"
[owners]
column = "Owner"
fallback = { table = "systemuser", id = "me" }
[[map]]
table = "account"
source = "A"
key = "Id"
[map.columns]
name = "Name"
[[map]]
table = "contact"
source = "C"
key = "Id"
[map.columns]
lastname = "Name"
parentcustomerid = { lookup = "Account", to = "account", missing = "blank" }
[[map]]
table = "email"
source = "E"
key = ["Box", "Number"]
[map.columns]
subject = "Subject"
regardingobjectid = { lookup = "What", by_prefix = { "a" = "account", "q" = "" }, else = { lookup = "Who", to = "contact" } }
[map.parties]
to = [{ lookup = "Who", to = "contact" }, { lookup = "Other", by_prefix = { "a" = "account", "c" = "contact" } }]
from = [{ address = "Sender" }]
"#;
    let project = Project::new(toml, definitions()).await;
    project.write("source/A.csv", "Id,Name,Owner\na1,Alpha,u1\n");
    project.write("source/C.csv", "Id,Name,Account,Owner\nc1,One,a1,\nc2,Two,a9,u2\n");
    project.write(
        "source/E.csv",
        "Box,Number,Subject,What,Who,Other,Sender\nin,1,Hi,a1,c1,a1,x@example.com\nin,2,Ho,q7,c1,,\nin,3,No,z1,,,\nin,,Lost,,,c9,\n",
    );
    let run = project.run().await;
    assert_eq!(
        run.findings,
        [
            "contact c2 parentcustomerid lookup a9",
            "email in|3 regardingobjectid lookup z1",
            "email (no key) line 5 - key-missing -",
            "email (no key) line 5 to lookup c9",
        ]
    );
    let rows = project
        .rows("SELECT DataMigration_SourceKey, regardingobjectid_SourceKey, regardingobjectid_Table FROM target_email ORDER BY DataMigration_RowId")
        .await;
    assert_eq!(rows, ["in|1|a1|account", "in|2|c1|contact", "in|3|z1|-", "(no key) line 5|-|-"]);
    let parties = project
        .rows("SELECT RowId, Part, Position, PartyTable, PartySourceTable, PartySourceKey, AddressUsed FROM target_email_Party ORDER BY 1, 2, 3")
        .await;
    assert_eq!(
        parties,
        [
            "1|from|1|-|-|-|x@example.com",
            "1|to|1|contact|C|c1|-",
            "1|to|2|account|A|a1|-",
            "2|to|1|contact|C|c1|-",
            "4|to|2|contact|C|c9|-",
        ]
    );
    let contacts = project
        .rows("SELECT DataMigration_SourceKey, parentcustomerid_SourceKey, ownerid_SourceKey, DataMigration_ProcessingFlag FROM target_contact ORDER BY 1")
        .await;
    assert_eq!(contacts, ["c1|a1|-|U", "c2|-|u2|U"]);
    // The warning stays although the lookup has been emptied.
    assert_eq!(project.run().await.findings, run.findings);
}

#[tokio::test]
async fn the_second_row_with_a_key_is_staged_but_does_not_load() {
    let (rows, findings) = staged(
        "lastname = \"Name\"",
        "Id,Name\n1,first\n1,second\n2,x\n1,third\n",
        "DataMigration_SourceKey, DataMigration_ProcessingFlag",
    )
    .await;
    assert_eq!(rows, ["1|U", "1 (again) line 3|E", "2|U", "1 (again) line 5|E"]);
    assert_eq!(
        findings,
        ["contact 1 (again) line 3 - duplicate-key 1", "contact 1 (again) line 5 - duplicate-key 1"]
    );
}

#[tokio::test]
async fn an_expression_finds_rows_of_another_source_table_by_their_key() {
    let toml = r#"
[[map]]
table = "account"
source = "Company"
key = "Id"
columns = { name = "Name" }
[[map]]
table = "lead"
source = "Prospect"
key = "Id"
columns = { companyname = { expression = "(SELECT c.Name FROM ${source.Company} c WHERE c.Id = s.Company)" } }
"#;
    let project = Project::new(toml, definitions()).await;
    project.write("source/Company.csv", "Id,Name\nA,Acme\nB,Bolt\n");
    project.write("source/Prospect.csv", "Id,Company\n1,B\n2,A\n3,\n");
    project.run().await;
    let names = "SELECT companyname FROM target_lead ORDER BY DataMigration_RowId";
    assert_eq!(project.rows(names).await, ["Bolt", "Acme", "-"]);
    // SQL Server makes hash joins of such subqueries.
    if project.store.dialect() == Dialect::Mssql {
        return;
    }
    let steps = project.rows("EXPLAIN QUERY PLAN SELECT Name FROM source_Company WHERE Id = 'A'").await;
    assert!(steps[0].contains("SEARCH source_Company USING INDEX IX_source_Company_Key"), "{steps:?}");
    // Nobody looks into the other one, and what is read once needs no index.
    let steps = project.rows("EXPLAIN QUERY PLAN SELECT Company FROM source_Prospect WHERE Id = '1'").await;
    assert!(steps[0].contains("SCAN source_Prospect"), "{steps:?}");
}
