//! Refused rows, changed by rules that the project allows before they are taken again.

use crate::world::{Organisation, PROJECT, Rehearsal};

const OVERRIDES: &str =
    r#"{"overrides":[{"table":"account","column":"new_grade","max_length":50,"source":"a mistake"}]}"#;

/// A project that believes a column to be longer than it is.
fn too_long(repairs: &str) -> (Organisation, Rehearsal) {
    let organisation = Organisation::start();
    let column = r##"{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"new_grade","MaxLength":5}"##;
    let made = organisation.request("POST", "EntityDefinitions(LogicalName='account')/Attributes", column);
    assert!(made.starts_with("HTTP/1.1 204"), "{made}");
    let project = PROJECT
        .replace("[target]", "[target]\noverrides = \"overrides.json\"")
        .replace("parentaccountid =", "new_grade = \"Grade\"\nparentaccountid =")
        .replace("[[map]]\ntable = \"account\"", &format!("{repairs}\n[[map]]\ntable = \"account\""));
    let rehearsal = Rehearsal::with(
        &project,
        "Id,Name,Parent,Contact,Grade\nA1,Alpha,,,excellent\nA2,Beta,A1,,good\n",
        "Id,Name,Account\nC1,Anna,A1\n",
    );
    rehearsal.write("overrides.json", OVERRIDES);
    organisation.prepare(&rehearsal);
    rehearsal.load(&organisation, &[]).expect(1);
    assert_eq!(organisation.rows("account"), 1);
    (organisation, rehearsal)
}

#[test]
fn a_repair_that_the_project_does_not_allow_is_refused_and_changes_nothing() {
    let (organisation, project) = too_long("");
    let before = project.staging();
    let refused = project.load(&organisation, &["--retry-errors", "--repair", "trim"]).expect(2);
    assert!(refused.stderr.contains("the project does not allow the repair trim"), "{}", refused.stderr);
    assert!(refused.stderr.contains("trim = …"), "{}", refused.stderr);
    assert_eq!(project.staging(), before);
}

#[test]
fn a_text_that_is_too_long_is_cut_and_the_row_arrives() {
    let (organisation, project) = too_long("[load.repairs]\ntrim = true");
    let without = project.load(&organisation, &["--retry-errors"]).expect(1);
    assert!(!without.stderr.contains("repaired by"), "{}", without.stderr);
    let repaired = project.load(&organisation, &["--retry-errors", "--repair", "trim"]).expect(0);
    assert!(
        repaired.stderr.contains("account: 1 repaired by trim; see migration.Repair"),
        "{}",
        repaired.stderr
    );
    let found = organisation.get("accounts?$select=new_grade&$orderby=name");
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["value"][0]["new_grade"], "excel");
    // Staged anew, the repaired row is not a changed one.
    organisation.prepare(&project);
    let again = project.load(&organisation, &["--json"]).expect(0).json();
    let requests =
        again["tables"].as_array().unwrap().iter().map(|table| table["requests"].as_u64().unwrap());
    assert_eq!(requests.sum::<u64>(), 0);
}

/// A contact whose account somebody has deleted in Dataverse.
fn orphan(repairs: &str) -> (Organisation, Rehearsal, String) {
    let organisation = Organisation::start();
    let project = Rehearsal::with(
        PROJECT,
        "Id,Name,Parent,Contact\nA1,Alpha,,\nA2,Beta,,\n",
        "Id,Name,Account\nC1,Anna,A2\n",
    );
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    let id = |name: &str| {
        let found = organisation.get(&format!("accounts?$select=accountid&$filter=name%20eq%20'{name}'"));
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        found["value"][0]["accountid"].as_str().unwrap().to_owned()
    };
    let (alpha, beta) = (id("Alpha"), id("Beta"));
    let deleted = organisation.request("DELETE", &format!("accounts({alpha})"), "");
    assert!(deleted.starts_with("HTTP/1.1 204"), "{deleted}");
    project.write("source/Contact.csv", "Id,Name,Account\nC1,Anna,A2\nC2,Bo,A1\n");
    let repairs = repairs.replace("BETA", &beta);
    project.write(
        "migration.toml",
        &PROJECT.replace("[[map]]\ntable = \"account\"", &format!("{repairs}\n[[map]]\ntable = \"account\"")),
    );
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(1);
    assert_eq!(organisation.rows("contact"), 1);
    (organisation, project, beta)
}

#[test]
fn a_lookup_whose_row_is_gone_is_emptied_where_the_project_says_so() {
    let (organisation, project, _) = orphan("[load.repairs]\nblank_lookup = [\"contact.parentcustomerid\"]");
    project.load(&organisation, &["--retry-errors", "--repair", "blank-lookup"]).expect(0);
    let found = organisation.get("contacts/$count?$filter=_parentcustomerid_value%20eq%20null");
    assert!(found.ends_with('1'), "{found}");
}

#[test]
fn a_lookup_whose_row_is_gone_points_to_the_placeholder() {
    let (organisation, project, beta) = orphan("[load.repairs]\nplaceholder_parent = { account = \"BETA\" }");
    project.load(&organisation, &["--retry-errors", "--repair", "placeholder-parent"]).expect(0);
    let found = organisation.get(&format!("contacts/$count?$filter=_parentcustomerid_value%20eq%20{beta}"));
    assert!(found.ends_with('2'), "{found}");
}

/// What `migration.Repair` holds, a line per repair: column, rule, what it was, what it became.
fn recorded(project: &Rehearsal) -> Vec<String> {
    let rows = project.query(
        "SELECT ColumnName, [Rule], FromValue, ToValue, ErrorCode FROM migration_Repair ORDER BY RepairId",
    );
    rows.into_iter().map(|cells| cells.join("|")).collect()
}

#[test]
fn an_option_that_the_target_does_not_know_becomes_the_one_that_the_project_names() {
    let organisation = Organisation::start();
    // The project believes in an option that the organisation does not have.
    let overrides = r#"{"overrides":[{"table":"account","column":"industrycode","options":[
        {"value":999,"label":"Alchemy","add":true}],"source":"a mistake"}]}"#;
    let repairs = "[load.repairs]\ndefault_option = { \"account.industrycode\" = 1 }";
    let project = PROJECT
        .replace("[target]", "[target]\noverrides = \"overrides.json\"")
        .replace("parentaccountid =", "industrycode = \"Industry\"\nparentaccountid =")
        .replace("[[map]]\ntable = \"account\"", &format!("{repairs}\n[[map]]\ntable = \"account\""));
    let project = Rehearsal::with(
        &project,
        "Id,Name,Parent,Contact,Industry\nA1,Alpha,,,Alchemy\nA2,Beta,,,Accounting\n",
        "Id,Name,Account\nC1,Anna,A1\n",
    );
    project.write("overrides.json", overrides);
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(1);
    assert_eq!(organisation.rows("account"), 1);
    let repaired = project.load(&organisation, &["--retry-errors", "--repair", "default-option"]).expect(0);
    assert!(repaired.stderr.contains("account: 1 repaired by default-option"), "{}", repaired.stderr);
    let found = organisation.get("accounts?$select=industrycode&$orderby=name");
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        (&found["value"][0]["industrycode"], &found["value"][1]["industrycode"]),
        (&1.into(), &1.into())
    );
    let recorded = recorded(&project);
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert!(recorded[0].starts_with("industrycode|default-option|999|1|0x"), "{recorded:?}");
}

#[test]
fn a_row_whose_owner_cannot_own_goes_to_the_fallback() {
    let organisation = Organisation::start();
    let me: serde_json::Value = serde_json::from_str(&organisation.get("WhoAmI")).unwrap();
    let (me, unit) = (me["UserId"].as_str().unwrap(), me["BusinessUnitId"].as_str().unwrap());
    // A user that is disabled and has no role.
    let user = format!(
        r#"{{"domainname":"gone@contoso.example","firstname":"Gone","lastname":"Away","businessunitid@odata.bind":"businessunits({unit})"}}"#
    );
    let made = organisation.request("POST", "systemusers", &user);
    assert!(made.starts_with("HTTP/1.1 204"), "{made}");
    let users = "[[map]]\ntable = \"systemuser\"\nsource = \"User\"\nkey = \"Id\"\nmode = \"match\"\n\
                 match_on = [\"domainname\"]\n[map.columns]\ndomainname = \"Login\"\n";
    let project =
        PROJECT.replace("parentaccountid =", "ownerid = { owner = \"OwnerId\" }\nparentaccountid =").replace(
            "[[map]]\ntable = \"account\"",
            &format!("[load.repairs]\nfallback_owner = true\n{users}[[map]]\ntable = \"account\""),
        );
    let project = Rehearsal::with(
        &project,
        "Id,Name,Parent,Contact,OwnerId\nA1,Alpha,,,U1\nA2,Beta,,,\n",
        "Id,Name,Account\nC1,Anna,A2\n",
    );
    project.write("source/User.csv", "Id,Login\nU1,gone@contoso.example\n");
    organisation.prepare(&project);
    let refused = project.load(&organisation, &[]).expect(1);
    assert_eq!(organisation.rows("account"), 1, "{}", refused.stderr);
    let repaired = project.load(&organisation, &["--retry-errors", "--repair", "fallback-owner"]).expect(0);
    assert!(repaired.stderr.contains("account: 1 repaired by fallback-owner"), "{}", repaired.stderr);
    let found = organisation.get(&format!("accounts/$count?$filter=_ownerid_value%20eq%20{me}"));
    assert!(found.ends_with('2'), "{found}");
    let recorded = recorded(&project);
    assert_eq!(recorded.len(), 2, "the owner and its table: {recorded:?}");
    assert!(recorded.iter().all(|line| line.contains("|fallback-owner|")), "{recorded:?}");
    assert!(recorded[0].contains(me), "{recorded:?}");
}
