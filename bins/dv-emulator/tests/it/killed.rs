//! `--data`: killed in the middle of bulk creates, started again.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{get, refused, start};

/// Rows of one request.
const ROWS: usize = 50;

fn row_id(batch: usize, row: usize) -> String {
    format!("00000000-0000-4000-{row:04x}-{batch:012x}")
}

/// Sends a bulk create; `false` when no whole answer came.
fn create_batch(address: &str, batch: usize) -> bool {
    let rows: Vec<String> = (0..ROWS)
        .map(|row| {
            format!(
                r#"{{"@odata.type":"Microsoft.Dynamics.CRM.account","accountid":"{}","name":"batch {batch}","importsequencenumber":{batch}}}"#,
                row_id(batch, row)
            )
        })
        .collect();
    let body = format!(r#"{{"Targets":[{}]}}"#, rows.join(","));
    post(address, "accounts/Microsoft.Dynamics.CRM.CreateMultiple", &body)
        .is_some_and(|answer| answer.starts_with("HTTP/1.1 200") && answer.ends_with("]}"))
}

fn post(address: &str, target: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!(
        "POST /api/data/v9.2/{target} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn count(address: &str, batch: usize) -> usize {
    let path = format!("/api/data/v9.2/accounts/$count?$filter=importsequencenumber%20eq%20{batch}");
    let answer = get(address, &path);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.rsplit("\r\n").next().unwrap().trim_start_matches('\u{feff}').parse().unwrap()
}

/// Creates batches from four connections until `enough` were acknowledged, then kills the process; says which were
/// acknowledged.
fn run_until_killed(folder: &Path, next: &AtomicUsize, enough: usize) -> Vec<usize> {
    let (mut child, address) = start(&["--data", folder.to_str().unwrap()]);
    let acknowledged = Mutex::new(Vec::new());
    let counted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let batch = next.fetch_add(1, Ordering::SeqCst);
                    if !create_batch(&address, batch) {
                        return;
                    }
                    acknowledged.lock().unwrap().push(batch);
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while counted.load(Ordering::SeqCst) < enough {
            std::thread::yield_now();
        }
        // SIGKILL: nothing of the process can be tidied up.
        child.kill().unwrap();
        child.wait().unwrap();
    });
    acknowledged.into_inner().unwrap()
}

#[test]
fn every_acknowledged_row_survives_a_kill_and_every_batch_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(1);
    let mut acknowledged = Vec::new();
    for round in 1..=3 {
        acknowledged.extend(run_until_killed(folder.path(), &next, 10 * round));
    }
    let (mut child, address) = start(&["--data", folder.path().to_str().unwrap()]);
    let mut whole = 0;
    for batch in 1..next.load(Ordering::SeqCst) {
        let rows = count(&address, batch);
        assert!(rows == ROWS || rows == 0, "batch {batch} is torn: {rows} of {ROWS}");
        assert!(rows == ROWS || !acknowledged.contains(&batch), "batch {batch} was acknowledged and is gone");
        whole += usize::from(rows == ROWS);
    }
    assert!(acknowledged.len() >= 60 && whole >= acknowledged.len(), "{whole} of {}", acknowledged.len());
    let last =
        get(&address, &format!("/api/data/v9.2/accounts({})?$select=name", row_id(acknowledged[59], 7)));
    assert!(last.contains(&format!("batch {}", acknowledged[59])), "{last}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_folder_that_does_not_fit_is_wrong_input_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let (mut child, _) = start(&["--data", path]);
    let (code, text) = refused(&["--data", path]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("another emulator keeps its rows there"), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, text) = refused(&["--data", path, "--seed", "9"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("start with the same --seed, or with another folder"), "{text}");
}

#[test]
fn a_plan_of_faults_kills_it_before_or_after_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (data, faults) = (folder.path().join("data"), folder.path().join("faults.json"));
    let run = |plan: &str| {
        std::fs::write(&faults, plan).unwrap();
        start(&["--data", data.to_str().unwrap(), "--faults", faults.to_str().unwrap()])
    };
    for (kind, batch, expected) in [("kill", 1, 0), ("kill_after_commit", 2, ROWS)] {
        let plan = format!(r#"{{"rules":[{{"kind":"{kind}","path":"*CreateMultiple"}}]}}"#);
        let (mut child, address) = run(&plan);
        assert!(!create_batch(&address, batch), "{kind} answers nothing");
        assert_eq!(child.wait().unwrap().code(), Some(137));
        let (mut child, address) = run("{}");
        assert_eq!(count(&address, batch), expected, "{kind}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
