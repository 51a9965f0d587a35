//! Corrections of metadata.

use dataverse_wire::metadata::{ColumnType, Overrides, RequiredLevel, TableDefinition, parse_definitions};

use crate::definitions::standard_json;
use crate::fixture;

fn apply(json: &str) -> Result<Vec<TableDefinition>, String> {
    let overrides = Overrides::parse(json.as_bytes()).map_err(|error| format!("{error:?}"))?;
    let mut tables = parse_definitions(&standard_json()).unwrap();
    overrides.apply(&mut tables).map_err(|error| error.to_string())?;
    Ok(tables)
}

fn table<'a>(tables: &'a [TableDefinition], name: &str) -> &'a TableDefinition {
    tables.iter().find(|table| table.logical_name == name).unwrap()
}

#[test]
fn the_fixture_applies_once_and_again() {
    let overrides = Overrides::parse(&fixture("metadata/overrides.json")).unwrap();
    let mut tables = parse_definitions(&standard_json()).unwrap();
    for file in ["metadata/custom-tables.json", "metadata/npsp-tables.json"] {
        tables.extend(parse_definitions(&fixture(file)).unwrap());
    }
    overrides.apply(&mut tables).unwrap();
    let incident = table(&tables, "incident");
    assert_eq!(incident.column("customerid").unwrap().required, RequiredLevel::SystemRequired);
    assert_eq!(incident.state_of_status(1000), Some(1));
    let account = table(&tables, "account");
    assert_eq!(account.navigation_property("new_branchid", "new_branch").as_deref(), Some("new_BranchId"));
    let mut once = tables.clone();
    overrides.apply(&mut tables).unwrap();
    // Options that are removed and added again move to the end of their list.
    for table in once.iter_mut().chain(&mut tables) {
        for column in table.columns.values_mut() {
            if let ColumnType::Choice { options } | ColumnType::Status { options } = &mut column.column_type {
                options.sort_by_key(|option| option.value);
            }
        }
    }
    assert!(tables == once, "applying it twice changes something");
}

#[test]
fn each_setting_reaches_its_column() {
    let tables = apply(
        r#"{"overrides":[
        {"table":"account","column":"name","max_length":50,"required":"SystemRequired","source":"s"},
        {"table":"account","column":"numberofemployees","min":1,"max":5,"valid_for_update":false,"source":"s"},
        {"table":"account","column":"revenue","precision":4,"source":"s"},
        {"table":"account","column":"lastonholdtime","behavior":"TimeZoneIndependent","source":"s"},
        {"table":"lead","column":"statuscode","options":[{"value":1,"label":"Fresh"},{"value":99,"add":true,"label":"X","state":2},{"value":2,"remove":true}],"source":"s"},
        {"table":"account","keys":[{"SchemaName":"new_Number","KeyAttributes":["accountnumber"]}],"source":"s"},
        {"add_table":{"LogicalName":"new_y","EntitySetName":"new_ys","PrimaryIdAttribute":"new_yid",
            "Attributes":[{"LogicalName":"new_yid","AttributeType":"Uniqueidentifier"}]},"source":"s"}
    ]}"#,
    )
    .unwrap();
    let account = table(&tables, "account");
    assert_eq!(account.column("name").unwrap().column_type, ColumnType::String { max_length: 50 });
    let employees = account.column("numberofemployees").unwrap();
    assert_eq!(employees.column_type, ColumnType::Integer { min: 1, max: 5 });
    assert!(!employees.valid_for_update);
    assert_eq!(account.keys[0].columns, ["accountnumber"]);
    let lead = table(&tables, "lead");
    assert_eq!(lead.state_of_status(99), Some(2));
    assert_eq!(lead.statuses()[0].label, "Fresh");
    assert!(lead.statuses().iter().all(|option| option.value != 2));
    assert_eq!(table(&tables, "new_y").entity_set_name, "new_ys");
}

#[test]
fn an_override_that_fits_nothing_is_named() {
    for (entry, reason) in [
        (r#"{"table":"acount","column":"name","max_length":5,"source":"s"}"#, "no such table"),
        (r#"{"table":"account","column":"nam","max_length":5,"source":"s"}"#, "no such column"),
        (
            r#"{"table":"account","column":"name","precision":5,"source":"s"}"#,
            "a column of StringType has no precision",
        ),
        (r#"{"table":"account","column":"name","options":[{"value":1}],"source":"s"}"#, "has no options"),
        (r#"{"table":"account","required":"None","source":"s"}"#, "names none"),
        (r#"{"table":"account","column":"name","source":"s"}"#, "changes nothing"),
        (r#"{"column":"name","max_length":5,"source":"s"}"#, "names no table"),
        (r#"{"table":"account","column":"name","max_length":5,"source":" "}"#, "names no source"),
        (
            r#"{"table":"lead","column":"statuscode","options":[{"value":77,"state":1}],"source":"s"}"#,
            "no option 77",
        ),
        (
            r#"{"table":"account","keys":[{"SchemaName":"k","KeyAttributes":["nope"]}],"source":"s"}"#,
            "unknown column nope",
        ),
        (
            r#"{"table":"account","add_column":{"LogicalName":"name","AttributeType":"Memo"},"source":"s"}"#,
            "already there as StringType",
        ),
        (
            r#"{"add_table":{"LogicalName":"account","EntitySetName":"x","PrimaryIdAttribute":"y"},"source":"s"}"#,
            "another entity set",
        ),
        (r#"{"table":"account","column":"name","max_lenght":5,"source":"s"}"#, "max_lenght"),
        (r#"{"table":"account","column":"name","required":"Always","source":"s"}"#, "no required level"),
        (r#"{"table":"account","column":"name","max_length":5}"#, "source"),
    ] {
        let error = apply(&format!(r#"{{"overrides":[{entry}]}}"#)).unwrap_err();
        assert!(error.contains(reason), "{entry}: {error}");
    }
}
