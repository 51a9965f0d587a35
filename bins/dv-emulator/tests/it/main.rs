//! The program itself, run as a user runs it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod killed;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dv-emulator"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts it and waits for its address.
fn start(args: &[&str]) -> (Child, String) {
    let mut child = command(args).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    (child, ready["url"].as_str().unwrap().trim_start_matches("http://").to_owned())
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = command(args).output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn it_says_where_it_is_serves_and_ends_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let limits = folder.path().join("limits.json");
    std::fs::write(&limits, r#"{"dop-hint":9}"#).unwrap();
    let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/metadata/custom-tables.json");
    let args =
        ["--until-stdin-closes", "--seed", "5", "--limits", limits.to_str().unwrap(), "--metadata", tables];
    let (mut child, address) = start(&args);
    let answer = get(&address, "/api/data/v9.2/WhoAmI");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-ms-dop-hint: 9"), "{answer}");
    assert!(get(&address, "/api/data/v9.2/new_branchs").starts_with("HTTP/1.1 200"));
    drop(child.stdin.take());
    let ended = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(ended.elapsed() < Duration::from_secs(20), "it outlives its parent");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn wrong_values_and_wrong_files_are_clear_errors() {
    let (code, text) = refused(&["--keep", "everything"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("[possible values: rows, keys]"), "{text}");
    let (code, text) = refused(&["--metadata", "/nowhere/tables.json"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("cannot read /nowhere/tables.json"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let faults = folder.path().join("faults.json");
    std::fs::write(&faults, r#"{"rules":[{"kind":"nonsense"}]}"#).unwrap();
    let (code, text) = refused(&["--faults", faults.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(text.contains("faults.json") && text.contains("nonsense"), "{text}");
    let limits = folder.path().join("limits.json");
    std::fs::write(&limits, r#"{"time-scale":0}"#).unwrap();
    let (code, text) = refused(&["--limits", limits.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("limits: time-scale is 0"), "{text}");
    for (args, told) in [
        (&["--listen", "nowhere"][..], "invalid socket address"),
        (&["--seed", "x"], "--seed <N>"),
        (&["--nonsense"], "unexpected argument"),
    ] {
        let (code, text) = refused(args);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn tls_writes_its_authority_and_says_https() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(&["--tls", folder.path().to_str().unwrap()]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with(r#"{"url":"https://127.0.0.1:"#), "{line}");
    let authority = std::fs::read_to_string(folder.path().join("ca.pem")).unwrap();
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"));
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::write(folder.path().join("ca-key.pem"), "nonsense").unwrap();
    let (code, text) = refused(&["--tls", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("ca-key.pem"), "{text}");
}

#[test]
fn help_teaches_the_flags_the_faults_and_what_can_be_asked_meanwhile() {
    let output = command(&["--help"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "--listen",
        "--tls <DIR>",
        "--metadata <FILE>",
        "--data <DIR>",
        "--limits <FILE>",
        "--faults <FILE>",
        "--seed <N>",
        "--keep <WHAT>",
        "kill_after_commit",
        "/emulator/stats",
        "EXIT CODES",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_address_that_is_taken_is_exit_code_3() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, text) = refused(&["--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("cannot listen on 127.0.0.1:"), "{text}");
}
