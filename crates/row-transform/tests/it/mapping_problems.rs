//! Mistakes in a mapping, all told at once.

use crate::support::{Project, definitions};

#[tokio::test]
async fn every_mistake_is_told_with_map_and_column_before_anything_runs() {
    let toml = r#"
[owners]
fallback = { table = "queue" }
[[map]]
table = "acount"
source = "S"
key = "Id"
[[map]]
table = "account"
source = "Nowhere"
key = "Id"
[[map]]
table = "account"
source = "S"
key = "id"
where = "s.x = ${S}"
[[map]]
table = "contact"
source = "S"
key = "Id"
ignore = ["Nothing"]
[map.columns]
lastname = "nam"
firstName = "Name"
nosuchthing = "Name"
createdon = "Name"
contactid = "Id"
fullname = "Name"
jobtitle = {}
suffix = { from = "Name", constant = "x" }
salutation = { from = "Name", missing = "blank" }
numberofchildren = { constant = "many" }
governmentid = { constant = "longer than the fifty characters that the column takes" }
birthdate = { from = "Name", zone = "Europe/Wien", fit = true }
anniversary = { from = "Name", format = "%!" }
parentcustomerid = { lookup = "Name" }
ownerid = { lookup = "Name", to = "systemuser" }
transactioncurrencyid = { lookup = "Name", to = "account" }
defaultpricelevelid = { lookup = "Name" }
preferredsystemuserid = "Name"
description = { template = "{Name" }
department = { expression = "${nowhere}" }
gendercode = { lookup = "Name", to = "account" }
[map.parties]
to = [{ lookup = "Name", to = "contact" }]
[[map]]
table = "contact"
source = "S"
key = "Id"
[[map]]
table = "incident"
source = "S"
key = "Id"
mode = "match"
[[map]]
table = "campaign"
source = "S"
key = "Id"
[map.columns]
message = "Name"
"#;
    let project = Project::new(toml, definitions()).await;
    project.write("source/S.csv", "Id,Name\n");
    let problems = project.plan().unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[tokio::test]
async fn a_rule_that_cannot_be_read_says_what_a_rule_is() {
    let error = toml::from_str::<row_transform::model::TableMapping>(
        "table = \"a\"\nsource = \"s\"\nkey = \"k\"\n[columns]\nname = { form = \"Name\" }",
    )
    .unwrap_err();
    assert!(error.to_string().contains("unknown field `form`"), "{error}");
    let error = toml::from_str::<row_transform::model::TableMapping>(
        "table = \"a\"\nsource = \"s\"\nkey = \"k\"\n[columns]\nname = 3",
    )
    .unwrap_err();
    assert!(error.to_string().contains("the name of a source column, or a table"), "{error}");
}
