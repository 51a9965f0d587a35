//! Rows that a project's script stages to be deleted, in a delta after the first load.

use crate::world::{Organisation, PROJECT, Rehearsal};

const MORE: &str = r#"
[[map]]
table = "incident"
source = "Case"
key = "Id"
sql = ["scripts/deleted.sql"]
[map.columns]
title = "Id"
customerid = { lookup = "Account", to = "account" }
statuscode = "Status"
[[map]]
table = "task"
source = "Task"
key = "Id"
guid = "sequential"
ignore = ["Deleted"]
[map.columns]
subject = "Id"
regardingobjectid = { lookup = "Case", to = "incident" }
statuscode = "Status"
"#;

const SCRIPT: &str = "UPDATE ${target.task} SET DataMigration_ActionFlag = 'D' WHERE DataMigration_SourceKey IN \
                      (SELECT Id FROM ${source.Task} WHERE Deleted = '1');";

const MAPPING: &str = "SourceTable,TargetTable,TargetColumn,SourceText,TargetText,TargetValue\n\
                       Case,incident,statuscode,open,In Progress,1\nCase,incident,statuscode,done,Problem Solved,5\n\
                       Task,task,statuscode,open,Not Started,2\nTask,task,statuscode,done,Completed,5\n";

fn project(cases: &str, tasks: &str) -> Rehearsal {
    let accounts = "Id,Name,Parent,Contact\nA1,Alpha,,\n";
    let project = Rehearsal::with(&format!("{PROJECT}{MORE}"), accounts, "Id,Name,Account\nC1,Anna,A1\n");
    project.write("scripts/deleted.sql", SCRIPT);
    project.write("optionset-mapping.csv", MAPPING);
    stage(&project, cases, tasks);
    project
}

fn stage(project: &Rehearsal, cases: &str, tasks: &str) {
    project.write("source/Case.csv", &format!("Id,Account,Status\n{cases}"));
    project.write("source/Task.csv", &format!("Id,Case,Status,Deleted\n{tasks}"));
}

#[test]
fn a_row_goes_although_it_changed_in_the_same_delta_and_the_verification_does_not_miss_it() {
    let organisation = Organisation::start();
    let project = project("K1,A1,open\n", "T1,K1,open,0\nT2,K1,open,0\n");
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    assert_eq!(
        organisation.verify(&project),
        Vec::<String>::new(),
        "tasks have ids of our own, and no numbers"
    );

    stage(&project, "K1,A1,open\n", "T1,K1,done,1\nT2,K1,done,0\n");
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);
    assert_eq!(organisation.rows("task"), 1);
    assert_eq!(organisation.verify(&project), Vec::<String>::new());
}

#[test]
fn a_case_is_resolved_although_a_task_that_goes_with_the_delta_was_open() {
    let organisation = Organisation::start();
    let project = project("K1,A1,open\n", "T1,K1,open,0\n");
    organisation.prepare(&project);
    project.load(&organisation, &[]).expect(0);

    stage(&project, "K1,A1,done\n", "T1,K1,open,1\n");
    organisation.prepare(&project);
    let done = project.load(&organisation, &["--json"]).expect(0).json();
    assert_eq!(done["open"], serde_json::json!([]));
    assert_eq!((organisation.rows("task"), organisation.rows("incidentresolution")), (0, 1));
}
