//! Definitions made through the client, read back and used, against the emulator.

use std::sync::Arc;
use std::time::Duration;

use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::{
    CascadeRule, ChoiceOption, ColumnType, DateTimeBehavior, KeyStatus, Ownership, RequiredLevel, TableType,
};
use dataverse_client::wire::write::RowWriter;
use dataverse_client::{
    Client, Deleted, Error, NewChoice, NewColumn, NewKey, NewLookup, NewManyToMany, NewTable, Options,
    OptionsOf, RetryPolicy, Row, StaticToken, WriteOptions,
};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Settings};

use crate::emulated::{start, table};
use crate::server::{Reaction, Server, answer};

fn text(name: &str, max_length: u32) -> NewColumn {
    NewColumn::new(name, name, ColumnType::String { max_length })
}

fn options(labels: &[&str]) -> Vec<ChoiceOption> {
    labels.iter().zip(1..).map(|(label, value)| ChoiceOption::new(value, *label)).collect()
}

async fn project(client: &Client) {
    client.define().table(&NewTable::new("new_Project", "Project", "Projects")).await.unwrap();
}

#[tokio::test]
async fn a_table_is_made_with_columns_of_every_kind_and_reads_back_as_it_was_said() {
    let (_emulator, client) = start(Vec::new()).await;
    let kinds = [
        ("String", ColumnType::String { max_length: 40 }),
        ("Memo", ColumnType::Memo { max_length: 500 }),
        ("Integer", ColumnType::Integer { min: 0, max: 9 }),
        ("BigInt", ColumnType::BigInt),
        ("Decimal", ColumnType::Decimal { min: 0.0, max: 10.0, precision: 2 }),
        ("Double", ColumnType::Double { min: -1.5, max: 1.5, precision: 3 }),
        ("Money", ColumnType::Money { min: 0.0, max: 1_000.0, precision: 2 }),
        (
            "Boolean",
            ColumnType::Boolean { true_label: "Yes".into(), false_label: "No".into(), default: Some(true) },
        ),
        ("Instant", ColumnType::DateTime { behavior: DateTimeBehavior::UserLocal, date_only_format: false }),
        ("Day", ColumnType::DateTime { behavior: DateTimeBehavior::DateOnly, date_only_format: true }),
        ("Choice", ColumnType::Choice { options: options(&["Red", "Green"]) }),
        ("Choices", ColumnType::MultiChoice { options: options(&["a", "b", "c"]) }),
        ("File", ColumnType::File),
        ("Image", ColumnType::Image),
    ];
    let mut new = NewTable::new("new_Thing", "Thing", "Things");
    new.description = Some("made by a test".to_owned());
    for (name, kind) in &kinds {
        new = new.with_column(NewColumn::new(format!("new_{name}"), *name, kind.clone()));
    }
    let id = client.define().table(&new).await.unwrap();
    let made = table(&client, "new_thing").await;
    assert_eq!(made.metadata_id.as_deref(), Some(id.to_string().as_str()));
    assert_eq!(
        (made.entity_set_name.as_str(), made.primary_name.as_deref()),
        ("new_things", Some("new_name"))
    );
    assert_eq!((made.ownership, made.display_name.as_deref()), (Ownership::User, Some("Thing")));
    for (name, kind) in &kinds {
        let column = made.column(&format!("new_{}", name.to_lowercase())).unwrap();
        assert_eq!((&column.column_type, column.display_name.as_deref()), (kind, Some(*name)));
    }
}

#[tokio::test]
async fn tables_may_be_elastic_or_owned_by_the_organisation() {
    let (_emulator, client) = start(Vec::new()).await;
    let define = client.define();
    let elastic =
        NewTable { table_type: TableType::Elastic, ..NewTable::new("new_Signal", "Signal", "Signals") };
    define.table(&elastic).await.unwrap();
    assert_eq!(table(&client, "new_signal").await.table_type, TableType::Elastic);
    let shared =
        NewTable { ownership: Ownership::Organization, ..NewTable::new("new_Rate", "Rate", "Rates") };
    define.table(&shared).await.unwrap();
    let made = table(&client, "new_rate").await;
    assert_eq!((made.ownership, made.column("ownerid")), (Ownership::Organization, None));
}

#[tokio::test]
async fn a_column_is_added_to_a_standard_table_and_deleted_again() {
    let (_emulator, client) = start(Vec::new()).await;
    let define = client.define().in_solution("Tests").with_language(1031);
    let mut column = text("new_Extra", 7);
    column.required = RequiredLevel::Recommended;
    column.format = Some("Email".to_owned());
    define.column("account", &column).await.unwrap();
    let made = table(&client, "account").await;
    let found = made.column("new_extra").unwrap();
    assert_eq!(found.column_type, ColumnType::String { max_length: 7 });
    assert_eq!((found.required, found.format.as_deref()), (RequiredLevel::Recommended, Some("Email")));
    assert_eq!(define.delete_column("account", "new_extra").await.unwrap(), Deleted::Removed);
    assert_eq!(define.delete_column("account", "new_extra").await.unwrap(), Deleted::WasGone);
    assert!(table(&client, "account").await.column("new_extra").is_none());
}

#[tokio::test]
async fn a_global_choice_is_shared_by_columns_and_grows_for_all_of_them() {
    let (_emulator, client) = start(Vec::new()).await;
    let define = client.define();
    let choice = NewChoice {
        name: "new_colors".to_owned(),
        label: "Colors".to_owned(),
        options: options(&["Red", "Green"]),
    };
    assert_eq!(client.global_choice("new_colors").await.unwrap(), None);
    let id = define.choice(&choice).await.unwrap();
    let known = client.global_choice("new_colors").await.unwrap().unwrap();
    assert_eq!((known.id, known.options), (id, options(&["Red", "Green"])));
    project(&client).await;
    define.column("new_project", &NewColumn::of_choice("new_Color", "Color", id)).await.unwrap();
    define.option(OptionsOf::Choice("new_colors"), &ChoiceOption::new(3, "Blue")).await.unwrap();
    let made = table(&client, "new_project").await;
    let column = made.column("new_color").unwrap();
    assert_eq!(column.column_type.options().len(), 3);
    assert!(column.option_set.as_ref().unwrap().is_global);
    let refused = define.delete_choice("new_colors").await.unwrap_err();
    assert_eq!(refused.fault().unwrap().status, 400, "{refused}");
    define.delete_column("new_project", "new_color").await.unwrap();
    assert_eq!(define.delete_choice("new_colors").await.unwrap(), Deleted::Removed);
}

#[tokio::test]
async fn an_option_is_added_to_the_choice_of_one_column() {
    let (_emulator, client) = start(Vec::new()).await;
    let define = client.define();
    project(&client).await;
    let column = NewColumn::new("new_Kind", "Kind", ColumnType::Choice { options: options(&["One"]) });
    define.column("new_project", &column).await.unwrap();
    let of = OptionsOf::Column { table: "new_project", column: "new_kind" };
    define.option(of, &ChoiceOption::new(2, "Two")).await.unwrap();
    let again = define.option(of, &ChoiceOption::new(2, "Again")).await.unwrap_err();
    assert!(again.fault().is_some() && !again.is_in_doubt());
    let made = table(&client, "new_project").await;
    assert_eq!(made.column("new_kind").unwrap().column_type.options()[1], ChoiceOption::new(2, "Two"));
}

#[tokio::test]
async fn lookups_point_to_one_table_or_to_several_and_bind_by_what_the_definition_says() {
    let (_emulator, client) = start(Vec::new()).await;
    let define = client.define();
    project(&client).await;
    let mut one = NewLookup::new("new_AccountId", "Account", "new_project", "account");
    one.cascades.delete = CascadeRule::Restrict;
    define.lookup(&one).await.unwrap();
    let mut several = NewLookup::new("new_Sponsor", "Sponsor", "new_project", "account");
    several.targets.push("contact".to_owned());
    define.lookup(&several).await.unwrap();
    let made = table(&client, "new_project").await;
    let relation = made.many_to_one.iter().find(|it| it.column == "new_accountid").unwrap();
    assert_eq!(relation.schema_name, one.relationship_name("account"));
    assert_eq!(relation.cascade.unwrap().delete, CascadeRule::Restrict);
    assert_eq!(made.navigation_property("new_accountid", "account").as_deref(), Some("new_AccountId"));
    assert_eq!(made.navigation_property("new_sponsor", "contact").as_deref(), Some("new_Sponsor_contact"));
    let mut contact = RowWriter::new();
    contact.text("lastname", "x");
    let contact = client.create("contacts", contact.finish(), &WriteOptions::default()).await.unwrap();
    let mut row = RowWriter::new();
    row.text("new_name", "p").bind("new_Sponsor_contact", "contacts", &contact);
    let id = client.create(&made.entity_set_name, row.finish(), &WriteOptions::default()).await.unwrap();
    let read: Option<Row> =
        client.retrieve(&made.entity_set_name, &RowKey::Id(id), &["_new_sponsor_value"]).await.unwrap();
    assert_eq!(read.unwrap().id("_new_sponsor_value"), Some(contact));
    let name = one.relationship_name("account");
    assert_eq!(define.delete_relationship(&name).await.unwrap(), Deleted::Removed);
    assert!(table(&client, "new_project").await.column("new_accountid").is_none());
}

#[tokio::test]
async fn many_to_many_relationships_are_made_and_rows_paired() {
    let (_emulator, client) = start(Vec::new()).await;
    let define = client.define();
    project(&client).await;
    let relation = NewManyToMany {
        schema_name: "new_project_contact".to_owned(),
        table1: "new_project".to_owned(),
        table2: "contact".to_owned(),
    };
    define.many_to_many(&relation).await.unwrap();
    let made = table(&client, "new_project").await;
    assert_eq!(made.many_to_many[0].navigation1, "new_project_contact");
    assert_eq!(made.many_to_many[0].intersect_table, "new_project_contact");
    assert_eq!(define.delete_relationship("new_project_contact").await.unwrap(), Deleted::Removed);
    assert_eq!(define.delete_table("new_project").await.unwrap(), Deleted::Removed);
    assert_eq!(client.table_definition("new_project").await.unwrap(), None);
}

/// An emulator whose keys take `seconds` of its time, which runs sixty times faster than ours.
async fn slow_keys(seconds: u64) -> (Emulator, Client) {
    let settings = Settings { key_activation_seconds: seconds, ..Settings::default() };
    let limits = dataverse_emulator::Limits { time_scale: 60.0, ..dataverse_emulator::Limits::default() };
    let emulator = Emulator::start(dataverse_emulator::Options {
        settings,
        limits,
        ..dataverse_emulator::Options::default()
    })
    .await
    .unwrap();
    let client = Client::new(Options {
        retry: RetryPolicy { first_wait: Duration::from_millis(1), ..RetryPolicy::default() },
        ..Options::new(emulator.url().parse().unwrap(), Arc::new(StaticToken::new("user-1")))
    })
    .unwrap();
    (emulator, client)
}

#[tokio::test]
async fn a_key_is_waited_for_until_its_index_is_built() {
    let (_emulator, client) = slow_keys(40).await;
    let define = client.define();
    define
        .table(&NewTable::new("new_Item", "Item", "Items").with_column(text("new_Code", 40)))
        .await
        .unwrap();
    define.key("new_item", &NewKey::new("new_CodeKey", "By code", ["new_code"])).await.unwrap();
    let early = define.wait_for_key("new_item", "new_CodeKey", Duration::ZERO).await.unwrap_err();
    assert!(matches!(&early, Error::KeyNotActive { status: Some(KeyStatus::Pending), .. }), "{early}");
    assert!(early.is_transient(), "{early}");
    define.wait_for_key("new_item", "new_CodeKey", Duration::from_mins(1)).await.unwrap();
    let key = RowKey::parse("new_code='A1'").unwrap();
    let mut row = RowWriter::new();
    row.text("new_name", "by key");
    client.upsert("new_items", &key, row.finish(), &WriteOptions::default()).await.unwrap();
    let read: Option<Row> = client.retrieve("new_items", &key, &["new_name"]).await.unwrap();
    assert_eq!(read.unwrap().text("new_name"), Some("by key"));
    assert_eq!(define.delete_key("new_item", "new_CodeKey").await.unwrap(), Deleted::Removed);
    assert_eq!(define.delete_key("new_item", "new_CodeKey").await.unwrap(), Deleted::WasGone);
}

#[tokio::test]
async fn a_key_over_duplicates_says_so_and_is_reactivated_without_them() {
    let (_emulator, client) = start(Vec::new()).await;
    let define = client.define();
    let mut twins = Vec::new();
    for _ in 0..2 {
        let mut row = RowWriter::new();
        row.text("name", "twin");
        twins.push(client.create("accounts", row.finish(), &WriteOptions::default()).await.unwrap());
    }
    define.key("account", &NewKey::new("new_NameKey", "By name", ["name"])).await.unwrap();
    let longest = Duration::from_secs(5);
    let failed = define.wait_for_key("account", "new_NameKey", longest).await.unwrap_err();
    assert!(failed.to_string().contains("duplicates") && !failed.is_transient(), "{failed}");
    let none = define.wait_for_key("account", "new_Nothing", longest).await.unwrap_err();
    assert!(none.to_string().contains("no such key"), "{none}");
    client.delete("accounts", &RowKey::Id(twins[0]), &WriteOptions::default()).await.unwrap();
    define.reactivate_key("account", "new_NameKey").await.unwrap();
    define.wait_for_key("account", "new_NameKey", longest).await.unwrap();
}

#[tokio::test]
async fn a_definition_whose_answer_is_lost_is_in_doubt_and_can_be_looked_for() {
    let (emulator, client) = start(Vec::new()).await;
    emulator.set_faults(FaultPlan::of([FaultRule::new(FaultKind::LoseAnswer)
        .on_path("EntityDefinitions")
        .times(1)]));
    let lost = client.define().table(&NewTable::new("new_Project", "Project", "Projects")).await.unwrap_err();
    assert!(lost.is_in_doubt(), "{lost}");
    assert!(client.table_definition("new_project").await.unwrap().is_some());
}

#[tokio::test]
async fn definitions_are_read_past_the_caches_once_some_were_changed_and_solutions_are_named() {
    let server = Server::scripted(vec![
        answer(200, r#"{"value":[]}"#),
        Reaction::Answer {
            status: 204,
            headers: vec![(
                "OData-EntityId",
                "https://x/api/data/v9.2/EntityDefinitions(00000000-0000-0000-0000-000000000001)/Keys\
                 (00000000-0000-0000-0000-000000000002)"
                    .to_owned(),
            )],
            body: Vec::new(),
        },
        answer(200, r#"{"value":[]}"#),
    ])
    .await;
    let client = server.client();
    client.table_names().await.unwrap();
    let define = client.define().in_solution("Mine");
    let id = define.key("account", &NewKey::new("new_Key", "Key", ["name"])).await.unwrap();
    assert_eq!(id.to_string(), "00000000-0000-0000-0000-000000000002", "the key's id, not its table's");
    client.table_names().await.unwrap();
    let arrived = server.arrived();
    assert_eq!(arrived[0].header("Consistency"), None);
    assert_eq!(arrived[1].header("MSCRM.SolutionUniqueName"), Some("Mine"));
    assert_eq!(arrived[2].header("Consistency"), Some("Strong"));
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_before_anything_is_sent() {
    let (emulator, client) = start(Vec::new()).await;
    let define = client.define();
    let lookup = ColumnType::Lookup { targets: vec!["account".to_owned()] };
    for bad in [
        define.table(&NewTable::new("Project", "x", "y")).await,
        define.table(&NewTable::new("new_Pro ject", "x", "y")).await,
        define.column("account", &NewColumn::new("new_A", "a", lookup)).await,
        define.column("account", &NewColumn::new("new_A", "a", ColumnType::UniqueIdentifier)).await,
        define.column("acc'ount", &text("new_A", 5)).await,
        define
            .lookup(&NewLookup { targets: Vec::new(), ..NewLookup::new("new_A", "a", "account", "x") })
            .await,
    ] {
        assert!(matches!(bad, Err(Error::Input { .. })), "{bad:?}");
    }
    define.publish(&["account"]).await.unwrap();
    define.publish_all().await.unwrap();
    assert_eq!(emulator.stats().requests, 2);
}
