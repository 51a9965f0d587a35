//! Several processes on one staging database, on the engine that the environment asks for.

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::world::{Organisation, PROJECT, Rehearsal, is_on_a_server};

/// Each of them a contact.
const ACCOUNTS: usize = 400;
/// Many chunks, so that everybody gets some.
const SETTINGS: [&str; 4] = ["--set", "load.concurrency=2", "--set", "load.chunk=10"];
/// Until all are at work: none comes too late, and who is killed has requests on their way.
const SLOW: Duration = Duration::from_secs(1);

/// A process that loads, and when it sends something.
struct Worker {
    child: Child,
    sends: Receiver<()>,
    said: JoinHandle<Vec<Value>>,
}

impl Worker {
    fn start(project: &Rehearsal, organisation: &Organisation) -> Self {
        let (child, events) = project.start(organisation, &SETTINGS);
        let (sender, sends) = mpsc::channel();
        // Read to the end, or the process would wait for us.
        let said = std::thread::spawn(move || {
            let tell = |event: &Value| {
                if event["what"] == "sending" {
                    // Nobody counts any more.
                    let _ = sender.send(());
                }
            };
            events.inspect(tell).collect()
        });
        Self { child, sends, said }
    }

    fn sends(&self) {
        self.sends.recv().expect("a request is sent");
    }

    /// What it sent while nobody looked does not count: that may be answered already.
    fn sends_from_now_on(&self) {
        while self.sends.try_recv().is_ok() {}
        self.sends();
    }

    fn killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.join().unwrap();
    }

    fn ends_well(mut self) {
        let said = self.said.join().unwrap();
        let status = self.child.wait().unwrap();
        let last: Vec<_> = said.iter().rev().take(20).rev().map(Value::to_string).collect();
        assert!(status.success(), "{status}: {}", last.join("\n"));
    }
}

/// So many processes load together; one of them may be killed while its requests are on their way.
fn load_with(processes: usize, is_one_killed: bool) {
    is_on_a_server();
    let organisation = Organisation::start();
    organisation.slow(SLOW);
    let project = Rehearsal::large(ACCOUNTS);
    // Several processes on a busy machine: nothing here is about answers that come too late.
    let patient = [("lease = \"2s\"", "lease = \"8s\""), ("\"1s\"", "\"4s\""), ("\"1100ms\"", "\"4100ms\"")];
    project.write(
        "migration.toml",
        &patient.iter().fold(PROJECT.to_owned(), |text, (old, new)| text.replace(old, new)),
    );
    organisation.prepare(&project);
    let mut workers: Vec<_> = (0..processes).map(|_| Worker::start(&project, &organisation)).collect();
    for worker in &workers {
        worker.sends();
    }
    if is_one_killed {
        let victim = workers.remove(0);
        victim.sends_from_now_on();
        victim.killed();
    }
    organisation.slow(Duration::from_millis(20));
    for worker in workers {
        worker.ends_well();
    }
    everything_is_there_once(&project, &organisation);
    if is_one_killed {
        let again = "SELECT ChunkId FROM target_Chunk WHERE LeaseNumber > 1";
        assert!(!project.query(again).is_empty(), "its chunks came back when their leases ended");
    }
    let names = "SELECT DISTINCT Worker FROM target_Request WHERE Pass = 'insert'";
    let names = project.query(names);
    assert_eq!(names.len(), processes, "each has done a part: {names:?}");
}

/// Rows of a table of the organisation: its name column by id, and whom it points at.
fn rows(organisation: &Organisation, set: &str, id: &str, name: &str, lookup: &str) -> Vec<[String; 3]> {
    let page = organisation.get(&format!("{set}?$select={name},{lookup}"));
    let page: Value = serde_json::from_str(page.trim_start_matches('\u{feff}')).unwrap();
    assert!(page["@odata.nextLink"].is_null(), "one page holds all");
    let text = |row: &Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
    page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| [text(row, id), text(row, name), text(row, lookup)])
        .collect()
}

#[track_caller]
fn everything_is_there_once(project: &Rehearsal, organisation: &Organisation) {
    let accounts = rows(organisation, "accounts", "accountid", "name", "_primarycontactid_value");
    let contacts = rows(organisation, "contacts", "contactid", "lastname", "_parentcustomerid_value");
    let of = |rows: &[[String; 3]]| -> BTreeMap<String, [String; 3]> {
        rows.iter().map(|row| (row[1].clone(), row.clone())).collect()
    };
    let (by_account, by_contact) = (of(&accounts), of(&contacts));
    let doubled = (accounts.len(), contacts.len(), by_account.len(), by_contact.len());
    assert_eq!(doubled, (ACCOUNTS, ACCOUNTS, ACCOUNTS, ACCOUNTS), "none twice, none missing");
    for n in 1..=ACCOUNTS {
        let (account, contact) = (&by_account[&format!("Account {n}")], &by_contact[&format!("Contact {n}")]);
        assert_eq!((&account[2], &contact[2]), (&contact[0], &account[0]), "row {n} points at its own");
    }
    for (table, letter, word, there) in
        [("account", 'A', "Account", by_account), ("contact", 'C', "Contact", by_contact)]
    {
        let staged = project.query(&format!(
            "SELECT DataMigration_SourceKey, DataMigration_ProcessingFlag, DataMigration_DataverseId FROM target_{table}"
        ));
        assert_eq!(staged.len(), ACCOUNTS);
        for cells in staged {
            let name = cells[0].replace(letter, &format!("{word} "));
            assert_eq!(cells[1..], ["P".to_owned(), there[&name][0].clone()], "{table} {}", cells[0]);
        }
        let successes =
            project.query(&format!("SELECT RowId FROM target_{table}_Success WHERE Pass = 'insert'"));
        assert_eq!(successes.len(), ACCOUNTS, "one success for each {table}");
        assert_eq!(
            project.query(&format!("SELECT RowId FROM target_{table}_Error")),
            Vec::<Vec<String>>::new()
        );
    }
    let open = "SELECT RequestId FROM target_Request WHERE State = 'sent'";
    assert_eq!(project.query(open), Vec::<Vec<String>>::new(), "no request is in doubt");
    assert_eq!(organisation.verify(project), Vec::<String>::new());
    let after = project.load(organisation, &["--json"]).expect(0).json();
    let sent = after["tables"].as_array().unwrap().iter().map(|table| table["requests"].as_u64().unwrap());
    assert_eq!(
        (after["open"].clone(), sent.sum()),
        (serde_json::json!([]), 0_u64),
        "nothing is left to be sent"
    );
}

#[test]
fn two_processes_share_the_work_and_nothing_is_doubled() {
    load_with(2, false);
}

#[test]
fn four_processes_share_the_work_and_nothing_is_doubled() {
    load_with(4, false);
}

#[test]
fn one_of_two_processes_that_is_killed_is_taken_over_by_the_other() {
    load_with(2, true);
}

#[test]
fn one_of_four_processes_that_is_killed_is_taken_over_by_the_others() {
    load_with(4, true);
}
