//! Files that are written, and those that must not be.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{CRM, run, written};

#[track_caller]
fn refused_with(graph: &Path, arguments: &[&str], why: &str) {
    let output = run(graph, arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{told}");
    assert!(told.contains(why), "{told}");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_picture_never_overwrites_what_is_read_whatever_it_is_called() {
    let (folder, path) = written(CRM);
    let roundabout = folder.path().join("../").join(folder.path().file_name().unwrap()).join("graph.csv");
    let mut same = vec![path.clone(), roundabout];
    #[cfg(unix)]
    {
        let link = folder.path().join("link.svg");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        same.push(link);
    }
    for output in same {
        for argument in ["--svg", "--html"] {
            refused_with(&path, &[argument, output.to_str().unwrap()], "would overwrite what is read");
        }
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), CRM);
}

#[test]
fn two_pictures_do_not_share_a_file() {
    let (folder, path) = written(CRM);
    let [one, other] = ["plan", "./plan"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    refused_with(&path, &["--svg", &one, "--html", &other], "is the file of --svg as well");
    assert_eq!(names(folder.path()), ["graph.csv"]);
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("plan", &link).unwrap();
        refused_with(
            &path,
            &["--svg", &one, "--html", link.to_str().unwrap()],
            "is the file of --svg as well",
        );
    }
}

#[test]
fn where_one_picture_cannot_be_written_none_is() {
    let (folder, path) = written(CRM);
    let svg = folder.path().join("plan.svg");
    fs::write(&svg, "an older picture").unwrap();
    let nowhere = folder.path().join("nowhere/plan.html");
    refused_with(
        &path,
        &["--svg", svg.to_str().unwrap(), "--html", nowhere.to_str().unwrap()],
        "nowhere/plan.html cannot be written",
    );
    assert_eq!(fs::read_to_string(&svg).unwrap(), "an older picture");
    assert_eq!(names(folder.path()), ["graph.csv", "plan.svg"]);
    refused_with(&path, &["--svg", folder.path().to_str().unwrap()], "is a folder");
    refused_with(&path, &["--html", "-"], "--html - names no file");
}

#[test]
fn without_a_plan_no_picture_is_touched() {
    let (folder, path) = written("table,column,target,required,filled_rows\na,x,b,true,1\nb,y,a,true,1\n");
    let svg = folder.path().join("plan.svg");
    refused_with(&path, &["--svg", svg.to_str().unwrap()], "no table can be loaded first");
    assert_eq!(names(folder.path()), ["graph.csv"]);
}

#[cfg(unix)]
#[test]
fn a_picture_behind_a_link_is_replaced_where_it_is_with_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = written(CRM);
    let (real, link) = (folder.path().join("real.svg"), folder.path().join("link.svg"));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert!(run(&path, &["--svg", link.to_str().unwrap()]).status.success());
    assert!(fs::read_to_string(&real).unwrap().contains("<svg"));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    // What is no file is written to and stays what it is.
    assert!(run(&path, &["--svg", "/dev/null"]).status.success());
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn the_standard_input_is_read_plain_or_packed() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(CRM.as_bytes()).unwrap();
    for bytes in [CRM.as_bytes().to_vec(), packer.finish().unwrap()] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dv-sequence"))
            .args(["--graph", "-", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(plan["cost"], serde_json::json!(1500));
    }
}
