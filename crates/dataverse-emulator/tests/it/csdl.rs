//! `$metadata` (reference §7.3, and the documents on the Web API's service documents).

use std::collections::{BTreeMap, BTreeSet};

use dataverse_emulator::{Options, Settings};
use roxmltree::{Document, Node};
use serde_json::json;

use crate::client::{Office, office, office_with};

async fn metadata(office: &Office, query: &str) -> String {
    let reply = office.get(&format!("$metadata{query}")).await.ok();
    assert!(reply.header("content-type").starts_with("application/xml"), "{}", reply.header("content-type"));
    reply.text()
}

/// Elements of one name, anywhere.
fn all<'a>(document: &'a Document<'a>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    document
        .descendants()
        .filter(move |node| node.has_tag_name(("http://docs.oasis-open.org/odata/ns/edm", tag)))
}

fn named<'a>(document: &'a Document<'a>, tag: &'static str, name: &str) -> Node<'a, 'a> {
    all(document, tag)
        .find(|node| node.attribute("Name") == Some(name))
        .unwrap_or_else(|| panic!("no {tag} {name}"))
}

fn child<'a>(node: Node<'a, 'a>, tag: &str, name: &str) -> Node<'a, 'a> {
    node.children()
        .find(|child| child.tag_name().name() == tag && child.attribute("Name") == Some(name))
        .unwrap_or_else(|| panic!("no {tag} {name} in {:?}", node.attribute("Name")))
}

/// `Collection(mscrm.task)` as `task`.
fn plain(kind: &str) -> &str {
    kind.trim_start_matches("Collection(").trim_end_matches(')').trim_start_matches("mscrm.")
}

/// Names of one kind of member, those of base types included.
fn members<'a>(types: &BTreeMap<&str, Node<'a, 'a>>, name: &str, tag: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = Some(types[name]);
    while let Some(node) = next {
        for child in node.children().filter(|child| child.tag_name().name() == tag) {
            assert!(found.insert(child.attribute("Name").unwrap()), "{name} has {child:?} twice");
        }
        next = node.attribute("BaseType").map(|base| types[plain(base)]);
    }
    found
}

#[tokio::test]
async fn every_name_in_the_document_leads_somewhere() {
    let office = office().await;
    for query in ["", "?annotations=true"] {
        let text = metadata(&office, query).await;
        let document = Document::parse(&text).unwrap();
        let schema = all(&document, "Schema").next().unwrap();
        assert_eq!(
            (schema.attribute("Namespace"), schema.attribute("Alias")),
            (Some("Microsoft.Dynamics.CRM"), Some("mscrm"))
        );
        let types: BTreeMap<&str, Node<'_, '_>> =
            all(&document, "EntityType").map(|node| (node.attribute("Name").unwrap(), node)).collect();
        let others: BTreeSet<&str> = ["ComplexType", "EnumType"]
            .iter()
            .flat_map(|tag| all(&document, tag))
            .map(|node| node.attribute("Name").unwrap())
            .collect();
        for node in document.descendants() {
            let Some(kind) = node.attribute("Type").or(node.attribute("BaseType")).map(plain) else {
                continue;
            };
            let is_known = kind.starts_with("Edm.")
                || kind.starts_with("OData.")
                || types.contains_key(kind)
                || others.contains(kind);
            assert!(is_known, "{kind} of {:?}", node.attribute("Name"));
        }
        let of = |tag| -> BTreeMap<&str, BTreeSet<&str>> {
            types.keys().map(|name| (*name, members(&types, name, tag))).collect()
        };
        let (all_properties, all_navigations) = (of("Property"), of("NavigationProperty"));
        for name in types.keys() {
            let (properties, navigations) = (&all_properties[name], &all_navigations[name]);
            assert!(properties.is_disjoint(navigations), "{name}");
            for node in types[name].children().filter(|node| node.tag_name().name() == "NavigationProperty") {
                let target = plain(node.attribute("Type").unwrap());
                if let Some(partner) = node.attribute("Partner") {
                    assert!(all_navigations[target].contains(partner), "{name}: {node:?}");
                }
                for constraint in
                    node.children().filter(|node| node.tag_name().name() == "ReferentialConstraint")
                {
                    assert!(
                        properties.contains(constraint.attribute("Property").unwrap()),
                        "{name}: {constraint:?}"
                    );
                    let key = constraint.attribute("ReferencedProperty").unwrap();
                    assert!(all_properties[target].contains(key), "{name}: {constraint:?}");
                }
            }
        }
        let container = all(&document, "EntityContainer").next().unwrap();
        let sets: BTreeSet<&str> = container
            .children()
            .filter(|node| node.tag_name().name() == "EntitySet")
            .map(|node| node.attribute("Name").unwrap())
            .collect();
        let listed = office.get("").await.ok().rows();
        let listed: BTreeSet<&str> = listed.iter().map(|set| set["name"].as_str().unwrap()).collect();
        assert_eq!(sets, listed, "as in the service document");
        for binding in all(&document, "NavigationPropertyBinding") {
            assert!(sets.contains(binding.attribute("Target").unwrap()), "{binding:?}");
        }
        for import in all(&document, "FunctionImport").chain(all(&document, "ActionImport")) {
            let (tag, name) = match import.attribute("Function") {
                Some(name) => ("Function", name),
                None => ("Action", import.attribute("Action").unwrap()),
            };
            named(&document, tag, name.trim_start_matches("Microsoft.Dynamics.CRM."));
        }
    }
}

#[tokio::test]
async fn types_and_relationships_are_as_the_documents_show_them() {
    let office = office().await;
    let text = metadata(&office, "").await;
    let document = Document::parse(&text).unwrap();
    let account = named(&document, "EntityType", "account");
    assert_eq!(account.attribute("BaseType"), Some("mscrm.crmbaseentity"));
    assert!(text.contains("<EntityType Name=\"crmbaseentity\" Abstract=\"true\" />"));
    for (name, kind) in [
        ("accountid", "Edm.Guid"),
        ("name", "Edm.String"),
        ("revenue", "Edm.Decimal"),
        ("numberofemployees", "Edm.Int32"),
        ("industrycode", "Edm.Int32"),
        ("donotemail", "Edm.Boolean"),
        ("createdon", "Edm.DateTimeOffset"),
        ("versionnumber", "Edm.Int64"),
        ("address1_latitude", "Edm.Double"),
        ("_primarycontactid_value", "Edm.Guid"),
    ] {
        assert_eq!(child(account, "Property", name).attribute("Type"), Some(kind), "{name}");
    }
    let created_by = child(account, "NavigationProperty", "createdby");
    assert_eq!(
        (created_by.attribute("Type"), created_by.attribute("Partner")),
        (Some("mscrm.systemuser"), Some("lk_accountbase_createdby"))
    );
    let constraint =
        created_by.children().find(|node| node.tag_name().name() == "ReferentialConstraint").unwrap();
    assert_eq!(
        (constraint.attribute("Property"), constraint.attribute("ReferencedProperty")),
        (Some("_createdby_value"), Some("systemuserid"))
    );
    let tasks = child(account, "NavigationProperty", "Account_Tasks");
    assert_eq!(
        (tasks.attribute("Type"), tasks.attribute("Partner")),
        (Some("Collection(mscrm.task)"), Some("regardingobjectid_account_task"))
    );
    assert_eq!(child(account, "NavigationProperty", "ownerid").attribute("Type"), Some("mscrm.principal"));
    // Many-to-many: the same name on both sides.
    for (table, other) in [("systemuser", "team"), ("team", "systemuser")] {
        let members =
            child(named(&document, "EntityType", table), "NavigationProperty", "teammembership_association");
        let kind = format!("Collection(mscrm.{other})");
        assert_eq!(
            (members.attribute("Type"), members.attribute("Partner")),
            (Some(kind.as_str()), Some("teammembership_association"))
        );
    }
    assert_eq!(named(&document, "EntityType", "systemuser").attribute("BaseType"), Some("mscrm.principal"));
    assert_eq!(named(&document, "EntityType", "task").attribute("BaseType"), Some("mscrm.activitypointer"));
    let who = named(&document, "Function", "WhoAmI");
    assert_eq!(
        who.children().find(|node| node.tag_name().name() == "ReturnType").unwrap().attribute("Type"),
        Some("mscrm.WhoAmIResponse")
    );
}

#[tokio::test]
async fn what_a_row_is_served_with_is_what_its_type_says() {
    let office = office().await;
    let text = metadata(&office, "").await;
    let document = Document::parse(&text).unwrap();
    let types: BTreeMap<&str, Node<'_, '_>> =
        all(&document, "EntityType").map(|node| (node.attribute("Name").unwrap(), node)).collect();
    for (set, table, body) in [
        ("accounts", "account", json!({"name": "x"})),
        ("tasks", "task", json!({"subject": "x"})),
        ("contacts", "contact", json!({"lastname": "x"})),
    ] {
        let id = office.create(set, body).await;
        let row = office.get(&format!("{set}({id})")).await.ok().json();
        let properties = members(&types, table, "Property");
        for name in row.as_object().unwrap().keys().filter(|name| !name.contains('@')) {
            assert!(properties.contains(name.as_str()), "{table}.{name}");
        }
    }
}

#[tokio::test]
async fn annotations_come_when_asked_for() {
    let office = office().await;
    let plain = metadata(&office, "").await;
    assert!(
        !plain.contains("Org.OData.Capabilities.V1.ChangeTracking")
            && !plain.contains("Org.OData.Core.V1.Description")
    );
    let annotated = metadata(&office, "?annotations=true").await;
    let document = Document::parse(&annotated).unwrap();
    let set = named(&document, "EntitySet", "accounts");
    let tracking = set
        .children()
        .find(|node| node.attribute("Term") == Some("Org.OData.Capabilities.V1.ChangeTracking"))
        .unwrap();
    assert!(tracking.descendants().any(
        |node| node.attribute("Property") == Some("Supported") && node.attribute("Bool") == Some("true")
    ));
    let version = child(named(&document, "EntityType", "account"), "Property", "versionnumber");
    let terms: Vec<&str> = version.children().filter_map(|node| node.attribute("Term")).collect();
    assert!(
        terms.contains(&"Org.OData.Core.V1.Computed") && terms.contains(&"Org.OData.Core.V1.Permissions"),
        "{terms:?}"
    );
    let preferred =
        office.send("GET", "$metadata", &[("Prefer", "odata.include-annotations=\"*\"")], b"").await.ok();
    assert_eq!(preferred.text(), annotated);
    let settings = Settings { standard_change_tracking: false, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    assert!(
        !metadata(&office, "?annotations=true").await.contains("Org.OData.Capabilities.V1.ChangeTracking")
    );
}

#[tokio::test]
async fn tables_and_keys_made_at_run_time_are_in_it() {
    let office = office().await;
    let label = json!({"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": "A <b> & \"c\"", "LanguageCode": 1033}]});
    let body = json!({"SchemaName": "new_Thing", "DisplayName": label, "DisplayCollectionName": label, "OwnershipType": "UserOwned",
        "Attributes": [{"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Name", "IsPrimaryName": true, "MaxLength": 100, "DisplayName": label}]});
    office.post("EntityDefinitions", body).await.ok();
    let key = json!({"SchemaName": "new_ByName", "DisplayName": label, "KeyAttributes": ["new_name"]});
    office.post("EntityDefinitions(LogicalName='new_thing')/Keys", key).await.ok();
    let text = metadata(&office, "?annotations=true").await;
    let document = Document::parse(&text).unwrap();
    let thing = named(&document, "EntityType", "new_thing");
    assert_eq!(child(thing, "Property", "new_name").attribute("Type"), Some("Edm.String"));
    let path = thing.descendants().find_map(|node| node.attribute("PropertyPath"));
    assert_eq!(path, Some("new_name"), "the alternate key");
    let bulk = all(&document, "Action").find(|node| {
        node.attribute("Name") == Some("CreateMultiple")
            && node.descendants().any(|part| part.attribute("Type") == Some("Collection(mscrm.new_thing)"))
    });
    assert!(bulk.is_some());
}
