//! `dv-stage discard`.

use std::io::{BufRead as _, IsTerminal as _};

use dv_terminal::table::thousands;
use dv_terminal::{Global, output};
use migration::{ExitStatus, Project};

pub(crate) async fn discard(global: &Global, project: &Project, unverified: bool, yes: bool) -> ExitStatus {
    let staging = &project.settings().staging;
    if !yes {
        if !std::io::stdin().is_terminal() {
            output::error(
                &format!("{staging} would be removed, and nobody can be asked"),
                Some("add --yes when that is what you want"),
            );
            return ExitStatus::Input;
        }
        output::say(format!("Remove {staging}? It cannot be had again. Type yes:"));
        let mut answer = String::new();
        let is_yes = std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes";
        if !is_yes {
            output::say("nothing was removed");
            return ExitStatus::Stopped;
        }
    }
    match migration::discard(project, unverified).await {
        Ok(discarded) if global.json => output::json(&discarded),
        Ok(discarded) => {
            for file in &discarded.files {
                output::text(format!("removed {}", file.display()));
            }
            let gone = if discarded.tables > 0 {
                format!("{} tables were dropped, {staging} stays", discarded.tables)
            } else {
                format!("{} bytes are free", thousands(discarded.bytes))
            };
            output::text(format!(
                "{} staged rows, {} of them in Dataverse, {}; {gone}",
                thousands(discarded.staged),
                thousands(discarded.arrived),
                if discarded.verified { "verified" } else { "not verified" },
            ));
        }
        Err(error) => {
            let again = format!("dv-stage discard --project {}", project.folder().display());
            return output::failure(&error, &again, global.json);
        }
    }
    ExitStatus::Done
}
