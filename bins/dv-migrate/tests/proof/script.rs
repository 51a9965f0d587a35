//! Running programs from the root of the workspace.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program printed and how it ended; -1 where a signal ended it.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    command: String,
    printed: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ended with {}:\n{}", self.command, self.code, self.printed)
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR"));
    bin.ancestors().nth(2).expect("bins/dv-migrate lies two folders below the root").to_path_buf()
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Outcome {
    run_with::<&str>(program, arguments, [])
}

/// The same with more in its environment.
pub(crate) fn run_with<V: AsRef<OsStr>>(
    program: &str,
    arguments: &[&str],
    environment: impl IntoIterator<Item = (&'static str, V)>,
) -> Outcome {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .env("DV_TOKEN", "user-1")
        .envs(environment)
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Outcome {
        code: output.status.code().unwrap_or(-1),
        command: format!("{program} {}", arguments.join(" ")),
        printed,
    }
}

/// The Python to run scripts with; says so aloud where there is none.
pub(crate) fn python() -> Option<String> {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: python3 is not on this machine, so nothing independent checked the product");
    }
    there.then(|| "python3".to_owned())
}
