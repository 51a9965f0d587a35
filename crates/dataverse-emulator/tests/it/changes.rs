//! Change tracking (reference §13.4).

use dataverse_emulator::{Limits, Options, Settings, standard_tables};
use serde_json::{Value, json};

use crate::client::{Office, Reply, office, office_with};

const TRACK: (&str, &str) = ("Prefer", "odata.track-changes");

/// What follows the service's address, as the tests' client wants it.
fn below(office: &Office, link: &Value) -> String {
    let link = link.as_str().unwrap_or_else(|| panic!("no link: {link}"));
    link.strip_prefix(&office.emulator.url()).unwrap().to_owned()
}

async fn first(office: &Office, target: &str) -> (Reply, String) {
    let reply = office.send("GET", target, &[TRACK], b"").await.ok();
    let link = below(office, &reply.json()["@odata.deltaLink"]);
    (reply, link)
}

async fn account(office: &Office, name: &str) -> String {
    office.create("accounts", json!({ "name": name })).await
}

async fn rename(office: &Office, id: &str, name: &str) {
    let body = json!({ "name": name }).to_string();
    office.send("PATCH", &format!("accounts({id})"), &[], body.as_bytes()).await.ok();
}

async fn delete(office: &Office, id: &str) {
    office.send("DELETE", &format!("accounts({id})"), &[], b"").await.ok();
}

/// Names of changed rows and ids of deleted ones, in the order given.
fn told(reply: &Reply) -> Vec<String> {
    reply
        .rows()
        .iter()
        .map(|row| match row["reason"].as_str() {
            Some(reason) => format!("{reason} {}", row["id"].as_str().unwrap()),
            None => row["name"].as_str().unwrap().to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn a_delta_link_tells_what_was_written_and_what_was_deleted_since() {
    let office = office().await;
    let (a, b, c) = (account(&office, "A").await, account(&office, "B").await, account(&office, "C").await);
    let (reply, link) = first(&office, "accounts?$select=name").await;
    assert_eq!(reply.header("preference-applied"), "odata.track-changes");
    assert_eq!(reply.rows().len(), 3);
    assert!(link.contains("accounts?$select=name&$deltatoken="), "{link}");

    let nothing = office.get(&link).await.ok();
    assert_eq!(told(&nothing), [""; 0], "nothing has happened");

    rename(&office, &b, "B2").await;
    account(&office, "D").await;
    rename(&office, &a, "A2").await;
    delete(&office, &c).await;
    let changes = office.get(&link).await.ok();
    assert_eq!(told(&changes), ["B2", "D", "A2", &format!("deleted {c}")], "by version, deletions last");
    let body = changes.json();
    assert!(body["@odata.context"].as_str().unwrap().ends_with("$metadata#accounts(name)/$delta"));
    let gone = &changes.rows()[3];
    assert!(
        gone["@odata.context"].as_str().unwrap().ends_with("$metadata#accounts/$deletedEntity"),
        "{gone}"
    );
    assert!(changes.rows()[0].get("telephone1").is_none(), "the selection stays");

    let next = below(&office, &body["@odata.deltaLink"]);
    assert_eq!(told(&office.get(&next).await.ok()), [""; 0]);
    delete(&office, &a).await;
    assert_eq!(told(&office.get(&next).await.ok()), [format!("deleted {a}")]);
    assert_eq!(told(&office.get(&link).await.ok()).len(), 4, "the first link can be followed again");
}

#[tokio::test]
async fn a_row_that_came_and_went_between_two_links_is_told_as_deleted() {
    let office = office().await;
    let (_, link) = first(&office, "accounts?$select=name").await;
    let id = account(&office, "short-lived").await;
    delete(&office, &id).await;
    assert_eq!(told(&office.get(&link).await.ok()), [format!("deleted {id}")]);
    office.create("accounts", json!({ "accountid": id, "name": "again" })).await;
    assert_eq!(told(&office.get(&link).await.ok()), ["again"], "it is there");
}

#[tokio::test]
async fn all_pages_of_a_first_synchronisation_lead_to_one_delta_link() {
    let office = office().await;
    for number in 0..7 {
        account(&office, &format!("n{number}")).await;
    }
    let headers = [("Prefer", "odata.track-changes,odata.maxpagesize=3")];
    let mut target = "accounts?$select=name".to_owned();
    let mut names = Vec::new();
    let link = loop {
        let reply = office.send("GET", &target, &headers, b"").await.ok();
        assert_eq!(reply.header("preference-applied"), "odata.track-changes,odata.maxpagesize=3");
        names.extend(told(&reply));
        let body = reply.json();
        if body["@odata.nextLink"].is_null() {
            break below(&office, &body["@odata.deltaLink"]);
        }
        assert!(body["@odata.deltaLink"].is_null(), "only the last page has it");
        target = below(&office, &body["@odata.nextLink"]);
        // Written while pages are read: perhaps not among them, but told by the delta link.
        account(&office, "meanwhile").await;
    };
    assert!(names.len() >= 7);
    let since = told(&office.get(&link).await.ok());
    assert_eq!(since, ["meanwhile", "meanwhile"]);
}

#[tokio::test]
async fn changes_come_in_pages_and_what_happens_meanwhile_is_not_lost() {
    let office = office().await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(account(&office, &format!("n{number}")).await);
    }
    let (_, link) = first(&office, "accounts?$select=name").await;
    for number in 0..5 {
        account(&office, &format!("new{number}")).await;
    }
    for id in &ids {
        delete(&office, id).await;
    }
    let headers = [("Prefer", "odata.maxpagesize=2")];
    let (mut found, mut target, mut pages) = (Vec::new(), link, 0);
    let link = loop {
        let reply = office.send("GET", &target, &headers, b"").await.ok();
        found.extend(told(&reply));
        pages += 1;
        let body = reply.json();
        if pages == 1 {
            account(&office, "late").await;
        }
        if body["@odata.nextLink"].is_null() {
            break below(&office, &body["@odata.deltaLink"]);
        }
        target = below(&office, &body["@odata.nextLink"]);
    };
    let expected: Vec<String> =
        (0..5).map(|n| format!("new{n}")).chain(ids.iter().map(|id| format!("deleted {id}"))).collect();
    assert_eq!(found, expected);
    assert_eq!(pages, 5);
    assert_eq!(told(&office.get(&link).await.ok()), ["late"]);
}

#[tokio::test]
async fn changes_can_be_counted() {
    let office = office().await;
    let id = account(&office, "A").await;
    let (_, link) = first(&office, "accounts?$select=name").await;
    let token = link.split("$deltatoken=").nth(1).unwrap();
    account(&office, "B").await;
    delete(&office, &id).await;
    let count = office.get(&format!("accounts/$count?$deltatoken={token}")).await.ok();
    assert_eq!(count.text(), "2");
}

#[tokio::test]
async fn options_that_cannot_be_tracked_are_refused_by_name() {
    let office = office().await;
    for option in ["filter=name eq 'x'", "orderby=name", "expand=primarycontactid", "top=3"] {
        let target = format!("accounts?$select=name&${option}");
        let message = office.send("GET", &target, &[TRACK], b"").await.refused_with(400, "0x80060888");
        let name = option.split('=').next().unwrap();
        assert_eq!(
            message,
            format!("The \"${name}\" query parameter isn't supported when Change Tracking is enabled.")
        );
    }
    office.get("accounts?$deltatoken=nonsense").await.refused_with(400, "0x80060888");
}

#[tokio::test]
async fn tables_say_whether_they_track_changes() {
    let mut untracked =
        standard_tables().unwrap().into_iter().find(|table| table.logical_name == "contact").unwrap();
    untracked.logical_name = "new_thing".to_owned();
    untracked.entity_set_name = "new_things".to_owned();
    untracked.many_to_many.clear();
    untracked.change_tracking = false;
    let office = office_with(Options { metadata: vec![untracked], ..Options::default() }).await;
    let names =
        office.get("EntityDefinitions?$select=LogicalName&$filter=ChangeTrackingEnabled eq true").await.ok();
    let names: Vec<String> =
        names.rows().iter().map(|row| row["LogicalName"].as_str().unwrap().to_owned()).collect();
    assert!(names.contains(&"account".to_owned()) && !names.contains(&"new_thing".to_owned()));
    office.send("GET", "new_things?$select=lastname", &[TRACK], b"").await.refused_with(400, "0x80040203");
    let settings = Settings { standard_change_tracking: false, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    office.send("GET", "accounts?$select=name", &[TRACK], b"").await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn an_old_link_asks_for_a_full_synchronisation() {
    assert_eq!(Settings::default().change_tracking_days, 7, "as documented");
    let settings = Settings { change_tracking_days: 0, ..Settings::default() };
    let limits = Limits { time_scale: 100.0, ..Limits::default() };
    let office = office_with(Options { settings, limits, ..Options::default() }).await;
    let (_, link) = first(&office, "accounts?$select=name").await;
    let expired = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        loop {
            let reply = office.get(&link).await;
            if reply.status != 200 {
                return reply;
            }
            tokio::task::yield_now().await;
        }
    });
    let message = expired.await.unwrap().refused_with(400, "0x80044352");
    assert_eq!(message, "Version stamp associated with the client has expired. Please perform a full sync.");
}

#[tokio::test]
async fn an_organisation_that_was_begun_anew_knows_no_link_of_the_old_one() {
    let office = office().await;
    for number in 0..3 {
        account(&office, &format!("n{number}")).await;
    }
    let (_, link) = first(&office, "accounts?$select=name").await;
    office.post("/emulator/reset", json!({})).await.ok();
    office.get(&link).await.refused_with(400, "0x80044352");
}

#[tokio::test]
async fn after_a_restart_links_from_before_ask_for_a_full_synchronisation() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let office = office_with(options()).await;
    let id = account(&office, "A").await;
    let (_, link) = first(&office, "accounts?$select=name").await;
    delete(&office, &id).await;
    office.emulator.shutdown().await.unwrap();
    let office = office_with(options()).await;
    office.get(&link).await.refused_with(400, "0x80044352");
    let (reply, link) = first(&office, "accounts?$select=name").await;
    assert_eq!(reply.rows().len(), 0);
    account(&office, "B").await;
    assert_eq!(told(&office.get(&link).await.ok()), ["B"]);
}
