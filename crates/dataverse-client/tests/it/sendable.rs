//! Every call can be spawned: its future is `Send`. The compiler checks it here, not in somebody's program.

use dataverse_client::wire::batch::BatchRequest;
use dataverse_client::wire::literal::{Reference, RowKey};
use dataverse_client::wire::metadata::ChoiceOption;
use dataverse_client::wire::metadata::TableDefinition;
use dataverse_client::{
    BulkMessage, Client, ContinueOnError, CosmosQuery, Define, DeltaLink, Download, FileColumn,
    IncidentResolution, NewChoice, NewColumn, NewKey, NewLookup, NewManyToMany, NewTable, OpportunityClose,
    OptionsOf, QualifyLead, Query, Row, WriteOptions,
};
use uuid::Uuid;

use crate::server::{Server, created};

fn sendable<F: Future + Send>(_: F) {}

#[tokio::test]
async fn every_call_can_be_spawned() {
    let server = Server::scripted(vec![created()]).await;
    let c = &server.client();
    let o = &WriteOptions::default();
    let key = &RowKey::Id(Uuid::nil());
    let table = &TableDefinition::new("account", "accounts", "accountid");
    let reference = &Reference::new("accounts", Uuid::nil());

    sendable(c.who_am_i());
    sendable(c.organization());
    sendable(c.table_names());
    sendable(c.table_definition("account"));
    sendable(c.table_definitions(&["account"]));
    sendable(c.create("accounts", "{}", o));
    sendable(c.create_returning::<Row>("accounts", "{}", &["name"], o));
    sendable(c.retrieve::<Row>("accounts", key, &["name"]));
    sendable(c.update("accounts", key, "{}", o));
    sendable(c.update_unchanged("accounts", key, "W/\"1\"", "{}", o));
    sendable(c.upsert("accounts", key, "{}", o));
    sendable(c.delete("accounts", key, o));
    let query = &Query::new("accounts");
    sendable(c.retrieve_with::<Row>(query, key));
    sendable(c.retrieve_if_changed::<Row>(query, key, "W/\"1\""));
    sendable(c.update_returning::<Row>("accounts", key, "{}", &["name"], o));
    sendable(c.upsert_returning::<Row>("accounts", key, "{}", &["name"], o));
    sendable(c.create_if_absent("accounts", key, "{}", o));
    sendable(c.delete_unchanged("accounts", key, "W/\"1\"", o));
    sendable(c.replace_parties(table, Uuid::nil(), &[], o));
    sendable(c.associate(reference, "contacts", reference, o));
    sendable(c.disassociate(reference, "contacts", reference, o));
    sendable(c.create_multiple(table, "{}", o));
    sendable(c.update_multiple(table, "{}", o));
    sendable(c.upsert_multiple(table, "{}", o));
    sendable(c.delete_multiple(table, "{}", o));
    sendable(c.create_rows(table, &[], o));
    sendable(c.update_rows(table, &[], o));
    sendable(c.upsert_rows(table, &[], o));
    sendable(c.delete_rows(table, &[], o));
    sendable(c.cosmos_page(table, &CosmosQuery::new("select * from c"), None));
    sendable(c.supports_bulk(table, BulkMessage::Create));
    sendable(c.execute_batch(BatchRequest::default(), ContinueOnError::Yes, o));
    sendable(c.action("WinQuote", "{}", o));
    sendable(c.bound_action("leads", key, "QualifyLead", "{}", o));
    sendable(c.function::<Row>("WhoAmI"));
    sendable(c.close_incident(Uuid::nil(), 5, &IncidentResolution::default(), o));
    sendable(c.win_opportunity(Uuid::nil(), 3, &OpportunityClose::default(), o));
    sendable(c.lose_opportunity(Uuid::nil(), 4, &OpportunityClose::default(), o));
    sendable(c.qualify_lead(Uuid::nil(), 3, QualifyLead::default(), o));
    sendable(c.add_list_members(Uuid::nil(), "contact", "contactid", &[], o));
    sendable(c.changes(query).next_page());
    sendable(c.count_changes(&DeltaLink::new("accounts?$deltatoken=1")));
    sendable(c.count("accounts", None));
    sendable(c.total_record_counts(&["account"]));
    sendable(c.query(query).next_page());
    sendable(c.query(query).next_page_as::<Row>());
    sendable(c.query(query).next_page_bytes());
    sendable(c.query(query).all::<Row>());
    sendable(futures::StreamExt::next(&mut Box::pin(c.query(query).into_stream())));
    sendable(c.global_choice("new_choice"));
    let _ = (definitions as fn(_, _, _, _, _), relations as fn(_, _, _), files as fn(_, _, _, _));
    assert!(server.arrived().is_empty(), "nothing is sent before it is awaited");
}

/// Compiled, never called.
fn definitions(
    d: &Define,
    table: &NewTable,
    column: &NewColumn,
    key: &NewKey,
    choice: (&NewChoice, &ChoiceOption),
) {
    sendable(d.table(table));
    sendable(d.column("account", column));
    sendable(d.key("account", key));
    sendable(d.wait_for_key("account", "k", std::time::Duration::ZERO));
    sendable(d.reactivate_key("account", "k"));
    sendable(d.choice(choice.0));
    sendable(d.option(OptionsOf::Choice("new_choice"), choice.1));
    sendable(d.publish(&["account"]));
    sendable(d.publish_all());
    sendable(d.delete_table("t"));
    sendable(d.delete_column("t", "c"));
    sendable(d.delete_relationship("r"));
    sendable(d.delete_choice("c"));
    sendable(d.delete_key("t", "k"));
}

/// Compiled, never called.
fn relations(d: &Define, lookup: &NewLookup, pairs: &NewManyToMany) {
    sendable(d.lookup(lookup));
    sendable(d.many_to_many(pairs));
}

/// Compiled, never called.
fn files(c: &Client, place: &FileColumn<'_>, mut download: Download, o: &WriteOptions) {
    sendable(c.upload_file(place, "a.txt", "bytes", o));
    sendable(c.upload_file_from(place, "a.txt", 0, tokio::io::empty(), o));
    sendable(c.download_file(place));
    sendable(c.delete_file(place, o));
    sendable(download.next_chunk());
    sendable(download.write_to(tokio::io::sink()));
}

/// Sorted names of all `pub async fn` below a directory.
fn public_calls(directory: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            public_calls(&path, found);
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            if let Some(rest) = line.trim_start().strip_prefix("pub async fn ") {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                found.insert(rest[..end].to_owned());
            }
        }
    }
}

#[test]
fn no_call_is_missing_in_this_file() {
    let mut calls = std::collections::BTreeSet::new();
    public_calls(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut calls);
    let here = include_str!("sendable.rs");
    let is_missing =
        |name: &String| !here.contains(&format!(".{name}(")) && !here.contains(&format!(".{name}::<"));
    let missing: Vec<_> = calls.into_iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "add them to `every_call_can_be_spawned`: {missing:?}");
}
