//! Copies of the staging database while a load is at work, and what becomes of one in its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::world::{Organisation, Rehearsal, is_on_a_server, skipped};

fn copies(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn an_old_copy_is_put_back_after_the_load_went_on_and_nothing_is_doubled() {
    if is_on_a_server() {
        return skipped("a server writes its copies itself");
    }
    let organisation = Organisation::start();
    organisation.slow(Duration::from_millis(250));
    let project = Rehearsal::large(400);
    organisation.prepare(&project);
    let folder = project.file("copies");
    fs::create_dir(&folder).unwrap();
    let folder_name = folder.to_str().unwrap();
    let every = [
        "--set",
        "load.concurrency=2",
        "--backup-every",
        "1s",
        "--backup-keep",
        "100",
        "--backup-to",
        folder_name,
    ];
    let (mut load, events) = project.start(&organisation, &every);
    let said: Vec<String> = events
        .filter(|event| event["event"] == "notice")
        .filter_map(|event| event["message"].as_str().map(str::to_owned))
        .filter(|message| message.starts_with("backup "))
        .collect();
    assert!(load.wait().unwrap().success());
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (400, 400));

    let copies = copies(&folder);
    assert!(copies.len() >= 2, "{copies:?}");
    assert_eq!(copies.len(), said.len(), "{said:?}");
    assert!(copies.iter().all(|copy| copy.extension().is_none_or(|end| end != "part")), "{copies:?}");
    assert!(
        !said[0].contains("800 of them in Dataverse"),
        "the first copy was taken in the middle: {said:?}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(&copies[0]).unwrap().permissions().mode() & 0o777,
            0o600,
            "for its owner alone"
        );
    }
    for name in ["staging.db-wal", "staging.db-shm"] {
        // They may have gone by themselves.
        let _ = fs::remove_file(project.file(name));
    }
    fs::copy(&copies[0], project.file("staging.db")).unwrap();
    let again = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!(again["open"], serde_json::json!([]));
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (400, 400), "none twice");
}

#[test]
fn only_the_latest_copies_are_kept_and_no_other_file_is_touched() {
    if is_on_a_server() {
        return skipped("a server writes its copies itself");
    }
    let organisation = Organisation::start();
    organisation.slow(Duration::from_millis(250));
    let project = Rehearsal::large(400);
    organisation.prepare(&project);
    let folder = project.file("copies");
    fs::create_dir(&folder).unwrap();
    let precious = ["staging.db.auto-old", "staging.db.backup-1", "zebra"];
    for name in precious {
        fs::write(folder.join(name), "kept").unwrap();
    }
    let every = ["--set", "load.concurrency=2", "--backup-every", "1s", "--backup-keep", "1", "--backup-to"];
    let mut arguments = every.to_vec();
    arguments.push(folder.to_str().unwrap());
    project.load(&organisation, &arguments).expect(0);
    let names: Vec<_> =
        copies(&folder).iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let ours = names.iter().filter(|name| !precious.contains(&name.as_str())).count();
    assert_eq!((names.len(), ours), (4, 1), "{names:?}");
}

#[test]
fn a_folder_that_is_not_there_is_said_before_anything_is_sent() {
    if is_on_a_server() {
        return skipped("a server writes its copies itself");
    }
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    organisation.prepare(&project);
    let missing = project.file("no/such/folder");
    let arguments = ["--backup-every", "1s", "--backup-to", missing.to_str().unwrap()];
    let finished = project.load(&organisation, &arguments).expect(2);
    assert!(finished.stderr.contains("there is no folder"), "{}", finished.stderr);
    assert_eq!(organisation.rows("account"), 0);
}

#[test]
fn how_often_must_be_a_time_or_nothing_is_sent() {
    let organisation = Organisation::start();
    let project = Rehearsal::small();
    organisation.prepare(&project);
    let finished = project.load(&organisation, &["--backup-every", "soon"]).expect(2);
    assert!(finished.stderr.contains("write 30s, 15m or 2h"), "{}", finished.stderr);
    assert_eq!(organisation.rows("account"), 0);
}

#[test]
fn a_server_that_takes_no_copies_is_told_of_and_the_load_goes_on() {
    if !is_on_a_server() {
        return;
    }
    let organisation = Organisation::start();
    organisation.slow(Duration::from_millis(500));
    let project = Rehearsal::large(40);
    organisation.prepare(&project);
    // A folder that no server has; Babelfish refuses every backup.
    let every = ["--set", "load.concurrency=1", "--backup-every", "1s", "--backup-to", "/no/such/folder"];
    let (mut load, events) = project.start(&organisation, &every);
    let said: Vec<String> = events
        .filter(|event| event["event"] == "notice")
        .filter_map(|event| event["message"].as_str().map(str::to_owned))
        .filter(|message| message.contains("backup"))
        .collect();
    assert!(load.wait().unwrap().success());
    assert!(said[0].starts_with("no backup was taken, the load goes on"), "{said:?}");
    assert!(
        said[0].contains("copy it to /no/such/folder/dvt_") && said[0].contains(".auto-1.bak"),
        "{said:?}"
    );
    assert_eq!((organisation.rows("account"), organisation.rows("contact")), (40, 40));
}
