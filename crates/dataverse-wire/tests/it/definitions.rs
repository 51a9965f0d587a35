//! Definitions of the standard tables, read and written back.

use std::io::Read;

use dataverse_wire::metadata::{
    ColumnType, DateTimeBehavior, ManyToOne, Ownership, RequiredLevel, TableDefinition, parse_definitions,
};
use serde_json::Value;

use crate::fixture;

pub(crate) fn standard_json() -> Vec<u8> {
    let mut json = Vec::new();
    let packed = fixture("metadata/standard-tables.json.gz");
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut json).unwrap();
    json
}

fn standard() -> Vec<TableDefinition> {
    parse_definitions(&standard_json()).unwrap()
}

fn table<'a>(tables: &'a [TableDefinition], name: &str) -> &'a TableDefinition {
    tables.iter().find(|table| table.logical_name == name).unwrap()
}

#[test]
fn the_standard_tables_are_read_completely() {
    let tables = standard();
    assert_eq!(tables.len(), 170);
    let columns: usize = tables.iter().map(|table| table.columns.len()).sum();
    assert_eq!(columns, 6716);
    let options: usize =
        tables.iter().flat_map(|t| t.columns.values()).map(|column| column.column_type.options().len()).sum();
    assert_eq!(options, 10_708);
    assert_eq!(tables.iter().filter(|table| table.has_sequence_number()).count(), 120);

    let account = table(&tables, "account");
    assert_eq!((account.primary_id.as_str(), account.ownership), ("accountid", Ownership::User));
    assert_eq!(account.column("name").unwrap().column_type, ColumnType::String { max_length: 160 });
    assert_eq!(account.column("ownerid").unwrap().required, RequiredLevel::SystemRequired);
    let latitude = &account.column("address1_latitude").unwrap().column_type;
    assert_eq!(*latitude, ColumnType::Double { min: -90.0, max: 90.0, precision: 5 });
    let offset = &account.column("address1_utcoffset").unwrap().column_type;
    assert_eq!(*offset, ColumnType::Integer { min: -1500, max: 1500 });
    assert!(account.column("accountid").unwrap().is_primary_id);

    let contact = table(&tables, "contact");
    let birth = &contact.column("birthdate").unwrap().column_type;
    assert_eq!(*birth, ColumnType::DateTime { behavior: DateTimeBehavior::DateOnly, date_only_format: true });
}

#[test]
fn every_lookup_of_the_metadata_has_the_property_that_it_names() {
    let tables = standard();
    let mut checked = 0;
    for table in &tables {
        let named = |relation: &&ManyToOne| {
            !relation.navigation_property.is_empty() && table.column(&relation.column).is_some()
        };
        for relation in table.many_to_one.iter().filter(named) {
            let property = table.navigation_property(&relation.column, &relation.referenced_table);
            assert_eq!(property.as_deref(), Some(relation.navigation_property.as_str()));
            checked += 1;
        }
        for navigation in table.navigations() {
            assert!(!navigation.property.is_empty());
        }
    }
    assert!(checked > 2000, "{checked}");
    let property = |name: &str, column: &str, target: &str| {
        table(&tables, name).navigation_property(column, target).unwrap_or_default()
    };
    assert_eq!(property("incident", "customerid", "account"), "customerid_account");
    assert_eq!(property("task", "regardingobjectid", "incident"), "regardingobjectid_incident_task");
    assert_eq!(property("task", "ownerid", "team"), "ownerid");
    assert_eq!(property("feedback", "regardingobjectid", "contact"), "ContactId");
    assert_eq!(property("listmember", "entityid", "lead"), "entityid_lead");
    assert_eq!(property("category", "parentcategoryid", "category"), "parentcategoryid");
    assert_eq!(property("annotation", "objectid", "account"), "objectid_account");
}

/// The rule that steps in where the metadata names nothing agrees with what the metadata names, nearly always: the
/// exceptions are known relationships with names of their own.
#[test]
fn the_suffix_rule_agrees_with_the_metadata_where_both_speak() {
    let mut tables = standard();
    let mut exceptions = Vec::new();
    let mut agreeing = 0;
    for table in &mut tables {
        let relations = std::mem::take(&mut table.many_to_one);
        for relation in relations {
            let Some(by_rule) = table.navigation_property(&relation.column, &relation.referenced_table)
            else {
                continue;
            };
            if by_rule == relation.navigation_property {
                agreeing += 1;
            } else {
                exceptions.push(format!(
                    "{}.{} {}",
                    table.logical_name, relation.column, relation.navigation_property
                ));
            }
        }
    }
    assert!(agreeing > 1900, "{agreeing} against {exceptions:?}");
    assert!(exceptions.len() < 100, "{exceptions:?}");
}

/// Every property of the file that is also written must come back with its value; numbers compare as numbers.
fn assert_kept(path: &str, original: &Value, written: &Value) {
    match (original, written) {
        (Value::Object(original), Value::Object(written)) => {
            // Labels keep the user's language only.
            for (name, value) in original.iter().filter(|(name, _)| *name != "LocalizedLabels") {
                if let Some(again) = written.get(name) {
                    assert_kept(&format!("{path}.{name}"), value, again);
                } else {
                    let is_left_out =
                        ["@odata.type", "RelationshipType", "IsCustomRelationship", "LanguageCode"];
                    assert!(is_left_out.contains(&name.as_str()) || value.is_null(), "{path}.{name} is lost");
                }
            }
        }
        (Value::Array(original), Value::Array(written)) => {
            assert_eq!(original.len(), written.len(), "{path}");
            for (position, (value, again)) in original.iter().zip(written).enumerate() {
                assert_kept(&format!("{path}[{position}]"), value, again);
            }
        }
        (Value::Number(original), Value::Number(written)) => {
            assert_eq!(original.as_f64(), written.as_f64(), "{path}");
        }
        _ => assert_eq!(original, written, "{path}"),
    }
}

#[test]
fn what_was_read_is_written_back() {
    let json = standard_json();
    let original: Value = serde_json::from_slice(&json).unwrap();
    let tables = parse_definitions(&json).unwrap();
    let written = serde_json::json!({ "value": tables });
    assert_kept("", &original["value"], &written["value"]);
    let again = parse_definitions(written.to_string().as_bytes()).unwrap();
    assert_eq!(again, tables);
}

#[test]
fn one_table_a_bare_list_and_a_list_in_an_object_are_all_read() {
    let one = r#"{"@odata.context":"x","LogicalName":"lead","EntitySetName":"leads","PrimaryIdAttribute":"leadid","MetadataId":"m"}"#;
    for text in [one.to_owned(), format!("[{one}]"), format!("\u{feff}{{\"value\":[{one}]}}")] {
        let tables = parse_definitions(text.as_bytes()).unwrap();
        assert_eq!((tables.len(), tables[0].entity_set_name.as_str()), (1, "leads"), "{text}");
    }
    for bad in ["", "{}", "[1]", "{\"value\":1}", "nonsense"] {
        assert!(parse_definitions(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn the_richer_form_of_the_live_service_is_read() {
    let label = |text: &str| {
        serde_json::json!({
            "LocalizedLabels": [
                {"Label": text, "LanguageCode": 1031, "IsManaged": true, "MetadataId": "m", "HasChanged": null}
            ],
            "UserLocalizedLabel": null
        })
    };
    let column = |name: &str, coarse: &str, precise: &str| {
        serde_json::json!({
            "LogicalName": name, "SchemaName": name, "AttributeType": coarse,
            "AttributeTypeName": {"Value": precise}, "DisplayName": label(name),
            "RequiredLevel": {"Value": "ApplicationRequired", "CanBeChanged": true, "ManagedPropertyLogicalName": "x"},
            "IsValidForCreate": true, "IsSecured": false, "AttributeOf": null
        })
    };
    let mut multi = column("new_colours", "Virtual", "MultiSelectPicklistType");
    multi["OptionSet"] = Value::Null;
    multi["GlobalOptionSet"] = serde_json::json!({"Name": "colours", "IsGlobal": true, "OptionSetType": "Picklist",
        "Options": [{"Value": 1, "Label": label("Rot"), "Description": {}, "Color": null, "IsManaged": true}]});
    let mut state = column("statecode", "State", "StateType");
    state["OptionSet"] = serde_json::json!({"Options": [{"Value": 1, "Label": label("Zu"), "DefaultStatus": 5, "InvariantName": "Closed"}]});
    let mut status = column("statuscode", "Status", "StatusType");
    status["OptionSet"] = serde_json::json!({"Options": [
        {"Value": 2, "State": 1, "Label": label("Weg"), "TransitionData": "<allowedtransitions/>"},
        {"Value": 5, "State": 1, "Label": label("Fertig"), "TransitionData": null}]});
    let document = serde_json::json!({
        "LogicalName": "new_x", "SchemaName": "new_X", "EntitySetName": "new_xes", "PrimaryIdAttribute": "new_xid",
        "TableType": "Elastic", "DisplayName": label("X"), "OwnershipType": "SomethingNew",
        "Attributes": [multi, column("new_file", "Virtual", "FileType"), column("new_image", "Virtual", "ImageType"), state, status],
        "Keys": [{"SchemaName": "new_Key", "LogicalName": "new_key", "KeyAttributes": ["new_a"], "EntityKeyIndexStatus": "Pending"}]
    });
    let tables = parse_definitions(document.to_string().as_bytes()).unwrap();
    let table = &tables[0];
    assert_eq!(table.display_name.as_deref(), Some("X"));
    let colours = table.column("new_colours").unwrap();
    assert_eq!(colours.required, RequiredLevel::ApplicationRequired);
    let ColumnType::MultiChoice { options } = &colours.column_type else { panic!("a multi-choice") };
    assert_eq!((options[0].value, options[0].label.as_str()), (1, "Rot"));
    assert!(colours.option_set.as_ref().unwrap().is_global);
    assert_eq!(table.column("new_file").unwrap().column_type, ColumnType::File);
    assert_eq!(table.column("new_image").unwrap().column_type, ColumnType::Image);
    assert_eq!((table.default_status_of(1), table.state_of_status(2)), (Some(5), Some(1)));
    assert_eq!(table.ownership, Ownership::None);
    assert_eq!(table.keys[0].columns, ["new_a"]);
    let again = parse_definitions(&serde_json::to_vec(table).unwrap()).unwrap();
    assert_eq!(&again[0], table);
}

proptest::proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = parse_definitions(&bytes);
        let _ = dataverse_wire::metadata::Overrides::parse(&bytes);
    }
}
