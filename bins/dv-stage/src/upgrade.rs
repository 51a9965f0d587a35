//! `dv-stage upgrade`.

use dv_terminal::{Global, output};
use migration::{ExitStatus, Project};

pub(crate) async fn upgrade(global: &Global, project: &Project) -> ExitStatus {
    match migration::upgrade(project).await {
        Ok(upgraded) if global.json => output::json(&serde_json::json!({ "upgraded": upgraded })),
        Ok(Some(upgraded)) => output::text(upgraded.sentence()),
        Ok(None) => output::text(format!(
            "{} has the version of this program; nothing was changed",
            project.settings().staging
        )),
        Err(error) => {
            let again = format!("dv-stage upgrade --project {}", project.folder().display());
            return output::failure(&error, &again, global.json);
        }
    }
    ExitStatus::Done
}
