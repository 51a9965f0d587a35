//! `EntityDefinitions` in the forms that clients ask for (reference §7).

use dataverse_emulator::{Options, tables_from};
use dataverse_wire::metadata::{ColumnType, parse_definitions};
use serde_json::{Value, json};

use crate::client::{office, office_with};

const ACCOUNT: &str = "EntityDefinitions(LogicalName='account')";

#[tokio::test]
async fn a_table_is_found_by_name_and_by_metadata_id() {
    let office = office().await;
    let target = format!(
        "{ACCOUNT}?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,OwnershipType"
    );
    let table = office.get(&target).await.ok().json();
    assert_eq!(table["EntitySetName"], "accounts");
    assert_eq!(table["OwnershipType"], "UserOwned");
    let id = table["MetadataId"].as_str().unwrap();
    assert_eq!(office.get(&format!("EntityDefinitions({id})")).await.json()["LogicalName"], "account");
    office.get("EntityDefinitions(LogicalName='nonsense')").await.refused_with(404, "0x80040217");
}

#[tokio::test]
async fn tables_are_listed_and_filtered_without_pages() {
    let office = office().await;
    let all = office.get("EntityDefinitions?$select=LogicalName").await.rows();
    assert!(all.len() >= 170, "{}", all.len());
    let target =
        "EntityDefinitions?%24select=LogicalName%2CEntitySetName&%24filter=LogicalName+eq+%27account%27";
    let one = office.get(target).await.rows();
    assert_eq!((one.len(), one[0]["EntitySetName"].clone()), (1, json!("accounts")));
    let owned =
        "OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'OrganizationOwned' and IsPrivate eq false";
    let some = office.get(&format!("EntityDefinitions?$select=LogicalName&$filter={owned}")).await.rows();
    assert!(some.len() < all.len() && some.iter().any(|table| table["LogicalName"] == "transactioncurrency"));
}

#[tokio::test]
async fn columns_are_cast_to_their_types() {
    let office = office().await;
    let cast = |kind: &str| format!("{ACCOUNT}/Attributes/Microsoft.Dynamics.CRM.{kind}AttributeMetadata");
    let texts = office.get(&format!("{}?$select=LogicalName,MaxLength", cast("String"))).await.ok().rows();
    let name = texts.iter().find(|column| column["LogicalName"] == "name").unwrap();
    assert_eq!(name["MaxLength"], 160);
    assert!(name["MetadataId"].is_string());
    let choices = office
        .get(&format!("{}?$select=LogicalName&$expand=OptionSet($select=Options)", cast("Picklist")))
        .await;
    let choices = choices.ok().rows();
    let industry = choices.iter().find(|column| column["LogicalName"] == "industrycode").unwrap();
    assert!(industry["OptionSet"]["Options"][0]["Label"]["UserLocalizedLabel"]["Label"].is_string());
    let bare = office.get(&cast("Picklist")).await.rows();
    assert_eq!(bare[0]["OptionSet"], Value::Null, "options come only when expanded");
    let lookups = office.get(&format!("{}?$select=LogicalName,Targets", cast("Lookup"))).await.rows();
    assert!(
        lookups
            .iter()
            .any(|it| it["LogicalName"] == "primarycontactid" && it["Targets"] == json!(["contact"]))
    );
    let states = office.get(&format!("{}?$expand=OptionSet", cast("Status"))).await.rows();
    assert!(states[0]["OptionSet"]["Options"][0]["State"].is_number());
}

#[tokio::test]
async fn relationships_of_all_kinds_are_told() {
    let office = office().await;
    let many_to_one = office.get(&format!("{ACCOUNT}/ManyToOneRelationships")).await.ok().rows();
    assert!(many_to_one.iter().any(|it| it["ReferencingEntityNavigationPropertyName"] == "primarycontactid"));
    let one_to_many = office.get(&format!("{ACCOUNT}/OneToManyRelationships")).await.ok().rows();
    assert!(one_to_many.iter().all(|it| it["ReferencedEntity"] == "account"));
    assert!(one_to_many.iter().any(|it| it["ReferencingEntity"] == "contact"));
    let pairs = office.get("EntityDefinitions(LogicalName='lead')/ManyToManyRelationships").await.ok().rows();
    assert!(pairs.iter().any(|it| it["IntersectEntityName"] == "contactleads"));
    let cast =
        "RelationshipDefinitions/Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata?$select=SchemaName";
    assert!(office.get(cast).await.ok().rows().len() >= 36);
    let filter = "RelationshipDefinitions?$filter=SchemaName eq 'contactleads_association'";
    assert_eq!(office.get(filter).await.ok().rows().len(), 1);
}

#[tokio::test]
async fn what_is_served_reads_back_as_the_definition_it_was() {
    let office = office().await;
    let target = format!("{ACCOUNT}?$expand=Attributes,Keys,ManyToOneRelationships,ManyToManyRelationships");
    let whole = office.get(&target).await.ok();
    let tables = parse_definitions(&whole.body).unwrap();
    assert_eq!(tables[0].logical_name, "account");
    assert!(tables[0].columns.len() > 150, "{}", tables[0].columns.len());
    assert!(matches!(tables[0].column("name").unwrap().column_type, ColumnType::String { max_length: 160 }));
    let target = format!("{ACCOUNT}/Attributes?$expand=OptionSet");
    assert!(office.get(&target).await.ok().text().contains("\"Options\""));
}

#[tokio::test]
async fn overrides_correct_the_metadata() {
    let office = office().await;
    let target = "EntityDefinitions(LogicalName='incident')/Attributes(LogicalName='customerid')";
    assert_eq!(office.get(target).await.ok().json()["RequiredLevel"]["Value"], "SystemRequired");
}

#[tokio::test]
async fn tables_come_from_files_too() {
    let file = include_bytes!("../../../../fixtures/metadata/custom-tables.json");
    let metadata = tables_from(file).unwrap();
    let name = metadata[0].logical_name.clone();
    let set = metadata[0].entity_set_name.clone();
    let primary = metadata[0].primary_name.clone().unwrap();
    let office = office_with(Options { metadata, ..Options::default() }).await;
    office.get(&format!("EntityDefinitions(LogicalName='{name}')")).await.ok();
    let id = office.create(&set, json!({primary.clone(): "x"})).await;
    let row = office.get(&format!("{set}({id})")).await.json();
    assert_eq!((row[primary].clone(), row["statecode"].clone()), (json!("x"), json!(0)));
    assert!(tables_from(b"[{]").is_err());
}
