//! Definitions changed at run time: choices, labels, relationships, several tables at once (reference §7.5).

use serde_json::{Value, json};

use crate::client::{Office, office};

fn label(text: &str) -> Value {
    json!({"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]})
}

fn text(name: &str) -> Value {
    json!({"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": name, "MaxLength": 100})
}

/// A table with one more column than its name.
async fn table(office: &Office, name: &str, column: Value) {
    let mut primary = text("new_Name");
    primary["IsPrimaryName"] = true.into();
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": name,
        "DisplayName": label(name), "DisplayCollectionName": label(name), "OwnershipType": "UserOwned",
        "HasNotes": false, "HasActivities": false, "Description": label("made by a test"),
        "Attributes": [primary, column]
    });
    office.post("EntityDefinitions", body).await.ok();
}

const COLORS: &str = "GlobalOptionSetDefinitions(Name='new_colors')";

async fn colors(office: &Office) -> String {
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "Name": "new_colors", "DisplayName": label("Colors"),
        "IsGlobal": true, "OptionSetType": "Picklist",
        "Options": [{"Value": 1, "Label": label("Red")}, {"Label": label("Green")}]
    });
    office.post("GlobalOptionSetDefinitions", body).await.id()
}

#[tokio::test]
async fn a_global_choice_is_made_bound_changed_and_deleted_when_nobody_uses_it() {
    let office = office().await;
    let id = colors(&office).await;
    let set = office.get(COLORS).await.ok().json();
    assert_eq!(set["MetadataId"], id);
    assert_eq!(set["Options"][1]["Value"], 100_000_000, "the service numbers what comes without a value");
    assert_eq!(set["Options"][0]["Label"]["UserLocalizedLabel"]["Label"], "Red");
    let column = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "SchemaName": "new_Color",
        "GlobalOptionSet@odata.bind": format!("/GlobalOptionSetDefinitions({id})")
    });
    table(&office, "new_Paint", column).await;
    let row = office.create("new_paints", json!({"new_color": 1})).await;
    office.post("new_paints", json!({"new_color": 2})).await.refused_with(400, "0x8004431a");
    let insert = json!({"OptionSetName": "new_colors", "Value": 2, "Label": label("Blue")});
    assert_eq!(office.post("InsertOptionValue", insert).await.ok().json()["NewOptionValue"], 2);
    office.patch(&format!("new_paints({row})"), json!({"new_color": 2})).await.ok();
    assert_eq!(office.delete(COLORS).await.status, 400, "a column uses it");
    office.delete("EntityDefinitions(LogicalName='new_paint')").await.ok();
    office.delete(COLORS).await.ok();
    office.get(COLORS).await.refused_with(404, "0x80040217");
}

#[tokio::test]
async fn a_column_of_a_global_choice_shows_it_as_global_and_never_as_its_own() {
    let office = office().await;
    colors(&office).await;
    let column = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata", "SchemaName": "new_Shades",
        "OptionSet": {"IsGlobal": true, "Name": "new_colors"}
    });
    table(&office, "new_Wall", column).await;
    let found = office
        .get("EntityDefinitions(LogicalName='new_wall')/Attributes/Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet,GlobalOptionSet")
        .await
        .rows();
    assert_eq!(found[0]["OptionSet"], Value::Null);
    assert_eq!(found[0]["GlobalOptionSet"]["Name"], "new_colors");
    assert_eq!(found[0]["GlobalOptionSet"]["Options"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn put_replaces_a_global_choice_for_every_column_that_shares_it() {
    let office = office().await;
    colors(&office).await;
    let column = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "SchemaName": "new_Color",
        "GlobalOptionSet@odata.bind": "/GlobalOptionSetDefinitions(Name='new_colors')"
    });
    table(&office, "new_Paint", column).await;
    let mut set = office.get(COLORS).await.json();
    set["Options"] = json!([{"Value": 7, "Label": label("Violet")}]);
    office.put(COLORS, set).await.ok();
    office.create("new_paints", json!({"new_color": 7})).await;
    office.post("new_paints", json!({"new_color": 1})).await.refused_with(400, "0x8004431a");
}

#[tokio::test]
async fn options_of_a_local_choice_come_go_and_change_their_labels() {
    let office = office().await;
    let column = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "SchemaName": "new_Kind",
        "OptionSet": {"IsGlobal": false, "OptionSetType": "Picklist", "Options": [{"Value": 1, "Label": label("One")}]}
    });
    table(&office, "new_Thing", column).await;
    let of = |value: i64| json!({"EntityLogicalName": "new_thing", "AttributeLogicalName": "new_kind", "Value": value});
    let mut insert = of(2);
    insert["Label"] = label("Two");
    office.post("InsertOptionValue", insert).await.ok();
    let mut update = of(2);
    update["Label"] = label("Zwei");
    update["MergeLabels"] = false.into();
    office.post("UpdateOptionValue", update).await.ok();
    let row = office.create("new_things", json!({"new_kind": 2})).await;
    let annotated = [("Prefer", "odata.include-annotations=\"*\"")];
    let read =
        office.send("GET", &format!("new_things({row})?$select=new_kind"), &annotated, b"").await.json();
    assert_eq!(read["new_kind@OData.Community.Display.V1.FormattedValue"], "Zwei");
    office.post("DeleteOptionValue", of(1)).await.ok();
    office.post("new_things", json!({"new_kind": 1})).await.refused_with(400, "0x8004431a");
}

#[tokio::test]
async fn a_status_is_added_to_a_state() {
    let office = office().await;
    table(&office, "new_Thing", text("new_Extra")).await;
    let body = json!({
        "EntityLogicalName": "new_thing", "AttributeLogicalName": "statuscode", "StateCode": 1, "Label": label("Broken")
    });
    let value = office.post("InsertStatusValue", body).await.ok().json()["NewOptionValue"].as_i64().unwrap();
    let id = office.create("new_things", json!({"new_name": "x"})).await;
    office.patch(&format!("new_things({id})"), json!({"statecode": 1, "statuscode": value})).await.ok();
    office
        .patch(&format!("new_things({id})"), json!({"statecode": 0, "statuscode": value}))
        .await
        .refused_with(400, "0x80048408");
}

#[tokio::test]
async fn a_definition_is_changed_by_put_and_never_by_patch() {
    let office = office().await;
    table(&office, "new_Thing", text("new_Extra")).await;
    let url = "EntityDefinitions(LogicalName='new_thing')";
    let mut body = office.get(url).await.json();
    body["DisplayName"] = label("Ding");
    assert_eq!(office.patch(url, body.clone()).await.status, 405);
    office.put(url, body).await.ok();
    let now = office.get(url).await.json();
    assert_eq!(now["DisplayName"]["UserLocalizedLabel"]["Label"], "Ding");
    assert_eq!(now["Description"]["UserLocalizedLabel"]["Label"], "made by a test");
    assert_eq!(
        (now["PrimaryNameAttribute"].clone(), now["EntitySetName"].clone()),
        (json!("new_name"), json!("new_things"))
    );
}

#[tokio::test]
async fn merge_labels_keeps_other_languages_and_without_it_they_are_gone() {
    let office = office().await;
    table(&office, "new_Thing", text("new_Extra")).await;
    let url = "EntityDefinitions(LogicalName='new_thing')";
    let german = json!({"LocalizedLabels": [{"Label": "Ding", "LanguageCode": 1031}]});
    let put = async |headers: &[(&str, &str)]| {
        let mut body = office.get(url).await.json();
        body["DisplayName"] = german.clone();
        office.send("PUT", url, headers, body.to_string().as_bytes()).await.ok();
        office.get(url).await.json()["DisplayName"]["LocalizedLabels"].as_array().unwrap().len()
    };
    assert_eq!(put(&[("MSCRM.MergeLabels", "true")]).await, 2);
    assert_eq!(put(&[]).await, 1);
}

#[tokio::test]
async fn a_column_is_widened_by_put_and_keeps_its_type() {
    let office = office().await;
    table(&office, "new_Thing", text("new_Extra")).await;
    let url = "EntityDefinitions(LogicalName='new_thing')/Attributes(LogicalName='new_extra')";
    let cast = format!("{url}/Microsoft.Dynamics.CRM.StringAttributeMetadata");
    let mut body = office.get(&cast).await.ok().json();
    office.post("new_things", json!({"new_extra": "x".repeat(120)})).await.refused_with(400, "0x80044331");
    body["MaxLength"] = 200.into();
    body["RequiredLevel"] = json!({"Value": "ApplicationRequired"});
    office.put(&cast, body.clone()).await.ok();
    office.create("new_things", json!({"new_extra": "x".repeat(120)})).await;
    let now = office.get(&cast).await.json();
    assert_eq!(
        (now["MaxLength"].clone(), now["RequiredLevel"]["Value"].clone()),
        (json!(200), json!("ApplicationRequired"))
    );
    body["@odata.type"] = "Microsoft.Dynamics.CRM.IntegerAttributeMetadata".into();
    body["AttributeTypeName"] = json!({"Value": "IntegerType"});
    assert_eq!(office.put(url, body).await.status, 400);
}

#[tokio::test]
async fn every_kind_of_column_can_be_made_and_holds_its_values() {
    let office = office().await;
    table(&office, "new_Thing", text("new_Extra")).await;
    let kinds = [
        (json!({"Type": "Memo", "MaxLength": 2000}), json!("many\nlines")),
        (json!({"Type": "Integer", "MinValue": 1, "MaxValue": 9, "Format": "None"}), json!(9)),
        (json!({"Type": "BigInt"}), json!(9_007_199_254_740_993_i64)),
        (json!({"Type": "Decimal", "MinValue": 0, "MaxValue": 10, "Precision": 2}), json!(1.25)),
        (json!({"Type": "Double", "Precision": 3}), json!(0.125)),
        (json!({"Type": "Money", "PrecisionSource": 2}), json!(12.5)),
        (
            json!({"Type": "Boolean", "DefaultValue": false, "OptionSet": {
            "TrueOption": {"Value": 1, "Label": label("Yes")}, "FalseOption": {"Value": 0, "Label": label("No")}}}),
            json!(true),
        ),
        (json!({"Type": "DateTime", "Format": "DateAndTime"}), json!("2026-11-21T08:00:00Z")),
        (
            json!({"Type": "DateTime", "Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}),
            json!("2026-11-21"),
        ),
        (
            json!({"Type": "MultiSelectPicklist", "OptionSet": {"Options": [
            {"Value": 1, "Label": label("a")}, {"Value": 2, "Label": label("b")}]}}),
            json!("1,2"),
        ),
    ];
    for (number, (kind, value)) in kinds.into_iter().enumerate() {
        let mut body = kind;
        let class = body["Type"].as_str().unwrap().to_owned();
        body["@odata.type"] = format!("Microsoft.Dynamics.CRM.{class}AttributeMetadata").into();
        body["SchemaName"] = format!("new_Column{number}").into();
        body.as_object_mut().unwrap().remove("Type");
        office.post("EntityDefinitions(LogicalName='new_thing')/Attributes", body).await.ok();
        let column = format!("new_column{number}");
        let id = office.create("new_things", json!({ &column: value })).await;
        let row = office.get(&format!("new_things({id})?$select={column}")).await.json();
        assert_eq!(row[&column], value, "{class}");
    }
    let id = office.create("new_things", json!({"new_column5": 10})).await;
    let row = office.get(&format!("new_things({id})")).await.json();
    assert_eq!(row["new_column5_base"], row["new_column5"], "money comes with its amount in base currency");
    assert!(row["_transactioncurrencyid_value"].is_string());
}

#[tokio::test]
async fn create_entities_makes_several_tables_or_none() {
    let office = office().await;
    let entity = |name: &str| {
        json!({
            "@odata.type": "Microsoft.Dynamics.CRM.ComplexEntityMetadata", "SchemaName": name, "OwnershipType": "UserOwned",
            "DisplayName": label(name), "Attributes": [{
                "@odata.type": "Microsoft.Dynamics.CRM.ComplexStringAttributeMetadata", "SchemaName": "new_Name",
                "IsPrimaryName": true, "MaxLength": 50}, {
                "@odata.type": "Microsoft.Dynamics.CRM.ComplexPicklistAttributeMetadata", "SchemaName": "new_Kind",
                "OptionSet": {"@odata.type": "Microsoft.Dynamics.CRM.ComplexOptionSetMetadata", "IsGlobal": false,
                              "Options": [{"Value": 1, "Label": label("One")}]}}]
        })
    };
    office.post("CreateEntities", json!({"Entities": [entity("new_A"), entity("new_B")]})).await.ok();
    office.create("new_as", json!({"new_name": "x", "new_kind": 1})).await;
    office.create("new_bs", json!({"new_name": "x"})).await;
    let reply = office.post("CreateEntities", json!({"Entities": [entity("new_C"), entity("new_A")]})).await;
    assert_eq!(reply.status, 400);
    office.get("new_cs").await.refused_with(404, "0x8006088a");
}

#[tokio::test]
async fn a_lookup_of_several_tables_is_made_in_one_call_and_bound_by_target() {
    let office = office().await;
    table(&office, "new_Visit", text("new_Extra")).await;
    let relation = |to: &str| {
        json!({"SchemaName": format!("new_visit_{to}"), "ReferencedEntity": to, "ReferencingEntity": "new_visit",
               "CascadeConfiguration": {"Assign": "NoCascade", "Delete": "RemoveLink"}})
    };
    let body = json!({
        "OneToManyRelationships": [relation("account"), relation("contact")],
        "Lookup": {"@odata.type": "Microsoft.Dynamics.CRM.ComplexLookupAttributeMetadata", "AttributeType": "Lookup",
                   "AttributeTypeName": {"Value": "LookupType"}, "SchemaName": "new_Visited", "DisplayName": label("Visited")}
    });
    let made = office.post("CreatePolymorphicLookupAttribute", body).await.ok().json();
    assert_eq!(made["RelationshipIds"].as_array().unwrap().len(), 2);
    assert!(made["AttributeId"].is_string());
    let contact = office.create("contacts", json!({"lastname": "x"})).await;
    let body = json!({"new_name": "v", "new_Visited_contact@odata.bind": format!("/contacts({contact})")});
    let id = office.create("new_visits", body).await;
    assert_eq!(office.get(&format!("new_visits({id})")).await.json()["_new_visited_value"], contact);
}

#[tokio::test]
async fn a_relationship_goes_with_its_lookup_or_its_pairs() {
    let office = office().await;
    table(&office, "new_Thing", text("new_Extra")).await;
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_account_thing",
        "ReferencedEntity": "account", "ReferencingEntity": "new_thing",
        "Lookup": {"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "new_AccountId"}
    });
    let one = office.post("RelationshipDefinitions", body).await.id();
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", "SchemaName": "new_thing_contact",
        "Entity1LogicalName": "new_thing", "Entity2LogicalName": "contact", "IntersectEntityName": "new_thing_contact"
    });
    let many = office.post("RelationshipDefinitions", body).await.id();
    let found = office.get("RelationshipDefinitions?$filter=SchemaName eq 'new_thing_contact'").await.rows();
    assert_eq!(found[0]["MetadataId"], many);
    let both = office.get("EntityDefinitions(LogicalName='contact')/ManyToManyRelationships").await.rows();
    assert!(both.iter().any(|it| it["SchemaName"] == "new_thing_contact"));
    office.send("DELETE", &format!("RelationshipDefinitions({one})"), &[("If-Match", "*")], b"").await.ok();
    office.get("new_things?$select=_new_accountid_value").await.refused_with(400, "0x80060888");
    office.delete(&format!("RelationshipDefinitions({many})")).await.ok();
    let id = office.create("new_things", json!({"new_name": "x"})).await;
    assert_eq!(office.get(&format!("new_things({id})/new_thing_contact")).await.status, 404);
    assert_eq!(
        office.delete("RelationshipDefinitions(SchemaName='account_primary_contact')").await.status,
        400
    );
}

#[tokio::test]
async fn the_cascade_of_a_relationship_is_changed_by_put() {
    let office = office().await;
    table(&office, "new_Thing", text("new_Extra")).await;
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_account_thing",
        "ReferencedEntity": "account", "ReferencingEntity": "new_thing",
        "CascadeConfiguration": {"Assign": "NoCascade", "Delete": "RemoveLink"},
        "Lookup": {"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "new_AccountId"}
    });
    office.post("RelationshipDefinitions", body).await.ok();
    let url = "RelationshipDefinitions(SchemaName='new_account_thing')";
    let cast = format!("{url}/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata");
    let mut relation = office.get(&cast).await.ok().json();
    assert_eq!(relation["CascadeConfiguration"]["Delete"], "RemoveLink");
    relation["CascadeConfiguration"]["Delete"] = "Restrict".into();
    office.put(&cast, relation).await.ok();
    assert_eq!(office.get(url).await.json()["CascadeConfiguration"]["Delete"], "Restrict");
}

#[tokio::test]
async fn a_table_to_which_lookups_point_stays() {
    let office = office().await;
    table(&office, "new_Parent", text("new_Extra")).await;
    table(&office, "new_Child", text("new_Extra")).await;
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_parent_child",
        "ReferencedEntity": "new_parent", "ReferencingEntity": "new_child",
        "Lookup": {"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "new_ParentId"}
    });
    office.post("RelationshipDefinitions", body).await.ok();
    office.delete("EntityDefinitions(LogicalName='new_parent')").await.refused_with(400, "0x8004f01f");
    office.delete("EntityDefinitions(LogicalName='new_child')").await.ok();
    office.delete("EntityDefinitions(LogicalName='new_parent')").await.ok();
}

#[tokio::test]
async fn a_many_to_many_relationship_has_no_referencing_side() {
    let office = office().await;
    let many = "EntityDefinitions(LogicalName='contact')/ManyToManyRelationships";
    office.get(&format!("{many}?$select=SchemaName,ReferencingEntity")).await.refused_with(400, "0x80060888");
    office.get(&format!("{many}?$select=SchemaName,Entity1LogicalName")).await.ok();
    let cast = "RelationshipDefinitions/Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata";
    office.get(&format!("{cast}?$select=ReferencedEntity")).await.refused_with(400, "0x80060888");
}
