//! Every mistake in a project file is said with its place, all at once.

use std::fs;
use std::path::Path;

use migration::{Overrides, Project};
use tempfile::TempDir;

const GOOD: &str = r#"
[project]
name = "sample"
[target]
url = "https://contoso.crm.dynamics.com"
auth = "azure-cli"
[owners]
fallback = { table = "systemuser", id = "me" }
[[map]]
table = "account"
source = "Account"
key = "Id"
[map.columns]
name = "Name"
"#;

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("source")).unwrap();
    for (file, header) in [("Account.csv", "Id,Name\n"), ("Contact.csv", "Id,FirstName,LastName,AccountId\n")]
    {
        fs::write(folder.path().join("source").join(file), header).unwrap();
    }
    folder
}

/// All messages for this text, with the folder's name made stable.
fn messages(text: &str, overrides: &Overrides) -> String {
    let folder = folder();
    let errors = Project::parse(folder.path(), text, overrides).expect_err("the project has mistakes");
    errors.to_string().replace(&format!("{}/", folder.path().display()), "")
}

fn file(text: &str) -> String {
    messages(text, &Overrides::default())
}

#[test]
fn a_project_without_mistakes_opens() {
    let folder = folder();
    Project::parse(folder.path(), GOOD, &Overrides::default()).expect("no mistakes");
}

#[test]
fn broken_toml_names_every_broken_line_and_says_what_it_can_of_the_rest() {
    insta::assert_snapshot!(file(
        r#"
[project]
name = sample
[target]
url = "https://contoso.crm.dynamics.com
auth = "azure-cli"
auth = "static-token"
[lod]
chunk = 10
"#
    ));
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one() {
    insta::assert_snapshot!(file(
        r#"
[project]
nmae = "sample"
colour = "blue"
[target]
ulr = "https://contoso.crm.dynamics.com"
auth = "azure-cly"
[laod]
[[source.table]]
name = "Account"
fiel = "Account.csv"
[[map]]
table = "account"
source = "Acount"
keys = "Id"
[map.columns]
name = { form = "Name", fitt = true }
parentaccountid = { lookup = "Parent", too = "account" }
"#
    ));
}

#[test]
fn wrong_types_are_named_where_they_stand() {
    insta::assert_snapshot!(file(
        r#"
[project]
name = 5
[target]
url = ["https://contoso.crm.dynamics.com"]
auth = "azure-cli"
[load]
chunk = "many"
lease = "five minutes or so"
error_rate_limit = true
[[map]]
table = "account"
source = "Account"
key = 7
mode = "insert"
[map.columns]
name = ["Name"]
fax = { from = "Fax", trim = "yes" }
[[map]]
table = "contact"
source = "Contact"
key = "Id"
[map.columns]
firstname = 5
"#
    ));
}

#[test]
fn an_address_must_be_a_host_reached_by_https() {
    let messages: Vec<String> = [
        "not an address",
        "contoso.crm.dynamics.com",
        "http://contoso.crm.dynamics.com",
        "ftp://contoso.crm.dynamics.com",
        "https://me:pw@contoso.crm.dynamics.com",
        "https://contoso.crm.dynamics.com/api/data/v9.2/",
        "https://",
    ]
    .iter()
    .map(|url| file(&GOOD.replace("https://contoso.crm.dynamics.com", url)))
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn an_emulator_on_this_machine_is_reached_without_encryption() {
    for url in ["http://127.0.0.1:4000", "http://localhost:4000/", "http://[::1]:4000"] {
        let folder = folder();
        let text = GOOD.replace("https://contoso.crm.dynamics.com", url);
        Project::parse(folder.path(), &text, &Overrides::default()).expect(url);
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let text = GOOD.replace(
        "auth = \"azure-cli\"",
        "auth = \"azure-cli\"\nclient_secret = \"hunter2\"\ntoken = \"hunter2\"\n",
    ) + "[staging]\npassword = \"hunter2\"\n";
    let messages = file(&text);
    assert!(!messages.contains("hunter2"));
    insta::assert_snapshot!(messages);
}

#[test]
fn the_key_of_the_staging_file_never_stands_in_a_setting() {
    let file = |staging: &str| file(&format!("{GOOD}[staging]\n{staging}\n"));
    let overrides = Overrides {
        environment: [("DV__STAGING__KEY".to_owned(), "hunter2".to_owned())].into(),
        flags: vec![("staging.key".to_owned(), "hunter2".to_owned())],
    };
    for said in [file("key = \"hunter2\""), messages(GOOD, &overrides)] {
        assert!(said.contains("name that: key_variable = \"DV_STAGING_KEY\""), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let said = file("key_variable = \"hunter2\"");
    assert!(said.contains("this is not the name of an environment variable"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let said = file("engine = \"sqlserver\"\nkey_variable = \"DV_STAGING_KEY\"");
    assert!(said.contains("a SQL Server encrypts its database by itself"), "{said}");
}

#[test]
fn what_is_mapped_twice_to_nothing_or_from_nowhere_is_named() {
    insta::assert_snapshot!(file(
        r#"
[target]
url = "https://contoso.crm.dynamics.com"
auth = "client-secret"
overrides = "nowhere.json"
[staging]
engine = "sqlserver"
path = "missing/staging.db"
[source]
[[source.table]]
name = "Orders"
file = "orders-2026.csv"
delimiter = "||"
[[source.table]]
name = "orders"
[owners]
fallback = { table = "queue", id = "me" }
[load]
chunk = 0
lease = "10s"
quiet_time = "-5s"
error_rate_limit = 7
[[map]]
table = "account"
source = "Account"
key = "Id"
match_on = ["name"]
sql = ["scripts/gone.sql"]
[map.columns]
name = {}
Fax = "Fax"
telephone1 = { from = "Phone", constant = "1" }
fax = { lookup = "Fax", trim = true }
[[map]]
table = "account"
source = "Account"
key = "Id"
[[map]]
table = "Contact"
source = "contact"
key = "Id"
mode = "match"
[[map]]
table = "lead"
source = "Lead"
key = "Id"
mode = "match"
match_on = ["emailaddres1"]
[map.columns]
emailaddress1 = "Email"
[map.parties]
to = [{}, { lookup = "Who" }]
"#
    ));
}

#[test]
fn a_column_mapped_twice_is_an_error_of_the_file() {
    insta::assert_snapshot!(file(&format!("{GOOD}name = \"FullName\"\n")));
}

#[test]
fn an_empty_project_says_what_is_missing() {
    insta::assert_snapshot!(file(""));
}

#[test]
fn a_section_left_incomplete_is_named() {
    insta::assert_snapshot!(file(&format!(
        "{GOOD}[[map]]\ntable = \"contact\"\n[[map]]\nsource = \"Contact\"\n[[source.table]]\nfile = \"Contact.csv\"\n"
    )));
}

#[test]
fn mistakes_in_the_environment_and_in_flags_name_the_variable_and_the_flag() {
    let overrides = Overrides {
        environment: [
            ("DV__TARGET__ULR", "https://contoso.crm.dynamics.com"),
            ("DV__LOAD__CHUNK", "many"),
            ("DV__STAGING__ENGINE", "oracle"),
            ("DV__TARGET__CLIENT_SECRET", "hunter2"),
            ("DV__LOAD__MAX_CONCURRENCY", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        flags: vec![
            ("target.url".to_owned(), "nowhere".to_owned()),
            ("load.leese".to_owned(), "5m".to_owned()),
            ("load.attempts".to_owned(), "often".to_owned()),
            ("target.token".to_owned(), "hunter2".to_owned()),
        ],
    };
    let messages = messages(GOOD, &overrides);
    assert!(!messages.contains("hunter2"));
    insta::assert_snapshot!(messages);
}

#[test]
fn a_folder_without_a_project_says_how_to_make_one() {
    let error = Project::open(Path::new("/nowhere/at/all"), &Overrides::default()).unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[test]
fn a_file_that_is_no_text_is_named_by_its_line() {
    let folder = folder();
    fs::write(folder.path().join("migration.toml"), b"[project]\nname = \"M\xfcller\"\n").unwrap();
    let error = Project::open(folder.path(), &Overrides::default()).unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[test]
fn every_mistake_of_an_application_user_is_named_by_its_key() {
    let text = GOOD.replace(
        "auth = \"azure-cli\"",
        "auth = \"client-secret\"\ntenant = \"t\"\nclient_id = \"one\"\n[[target.user]]\nclient_id = \"ONE\"\nvariable = \"DV_SECOND\"\n\
         [[target.user]]\nname = \"third\"\nclient_id = \"three\"\nvariable = \"k8S~d0nt-print-me\"\n\
         [[target.user]]\nclient_id = \"four\"\n[[target.user]]\nauth = \"azure-cli\"\n\
         [[target.user]]\nauth = \"client-secrets\"\n[[target.user]]\nclient_id = \"six\"\nvariable = \"DV_SECOND\"\nsecret = \"x\"\n",
    );
    let found = file(&text);
    assert!(!found.contains("d0nt"), "{found}");
    insta::assert_snapshot!(found);
}

#[test]
fn an_application_user_takes_what_it_does_not_say_from_the_target() {
    let folder = folder();
    let text = GOOD.replace(
        "auth = \"azure-cli\"",
        "auth = \"client-secret\"\ntenant = \"t\"\nclient_id = \"one\"\n[[target.user]]\nclient_id = \"two\"\nvariable = \"DV_SECOND\"\n",
    );
    let project = Project::parse(folder.path(), &text, &Overrides::default()).expect("no mistakes");
    let [user] = project.settings().target.users.as_slice() else { panic!("there is one more user") };
    assert_eq!((user.name.as_str(), user.variable.as_deref()), ("user 2", Some("DV_SECOND")));
    let auth = migration::Auth::ClientSecret { tenant: "t".into(), client_id: "two".into() };
    assert_eq!(user.auth, auth);
}

#[test]
fn repairs_name_columns_that_are_mapped_and_rows_that_could_be() {
    let text = GOOD.replace(
        "[[map]]",
        "[load.repairs]\ndefault_option = { \"account.industrycod\" = 1 }\nblank_lookup = [\"account.name\", \"parentid\"]\n\
         placeholder_parent = { account = \"none\" }\ntrimm = true\n[[map]]",
    );
    insta::assert_snapshot!(file(&text));
}
