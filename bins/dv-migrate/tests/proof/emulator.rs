//! An emulator in a process of its own, gone with the test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::script::root;

pub(crate) struct EmulatorProcess {
    process: Child,
    pub(crate) url: String,
}

impl EmulatorProcess {
    /// The binary, built when it is not there yet: it belongs to another package than these tests.
    pub(crate) fn binary() -> PathBuf {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        BUILT
            .get_or_init(|| {
                let built = Command::new(env!("CARGO"))
                    .args(["build", "--quiet", "--locked", "-p", "dv-emulator"])
                    .current_dir(root())
                    .status()
                    .expect("cargo runs these tests, so it can be started");
                assert!(built.success(), "dv-emulator does not build");
                PathBuf::from(env!("CARGO_BIN_EXE_dv-migrate")).with_file_name("dv-emulator")
            })
            .clone()
    }

    /// Starts one with the tables of all fixture projects and waits until it serves.
    pub(crate) fn start() -> Self {
        Self::with_tables("fixtures/metadata/npsp-tables.json")
    }

    /// The same with other tables for npsp.
    pub(crate) fn with_tables(npsp: &str) -> Self {
        let mut command = Command::new(Self::binary());
        // `DATAVERSE_EMULATOR_SETTINGS=flipped` turns every fact that no document confirms the other way.
        if std::env::var_os("DATAVERSE_EMULATOR_SETTINGS").is_some_and(|value| value == "flipped") {
            let file = std::env::temp_dir().join(format!("dv-emulator-flipped-{}.json", std::process::id()));
            let settings =
                serde_json::to_vec(&dataverse_emulator::Settings::flipped()).expect("plain values");
            std::fs::write(&file, settings).expect("the folder for temporary files can be written");
            command.arg("--settings").arg(file);
        }
        let mut process = command
            .args(["--listen", "127.0.0.1:0"])
            .args(["--metadata", "fixtures/metadata/custom-tables.json"])
            .args(["--metadata", npsp])
            .current_dir(root())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary was just built");
        let mut ready = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut ready).expect("the emulator says where it listens");
        let said: serde_json::Value =
            serde_json::from_str(&ready).unwrap_or_else(|error| panic!("{error} in {ready:?}"));
        let url = said["url"].as_str().expect("the line names the URL").to_owned();
        Self { process, url }
    }
}

impl Drop for EmulatorProcess {
    fn drop(&mut self) {
        // It may have gone already; there is nobody left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
