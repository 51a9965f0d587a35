//! A project in a folder: metadata, sources, mappings and a staging database.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use dataverse_wire::metadata::{Overrides, TableDefinition, parse_definitions};
use jiff::Timestamp;
use optionset_mapping::Separators;
use row_transform::model::{Owners, TableMapping};
use row_transform::{Plan, Problem, Script, Staged, functions, plan};
use source_extract::{Options, SourceTable, extract, headers};
use staging_schema::{Dialect, Statement, Value, ddl};
use staging_store::contract::ScratchStaging;
use staging_store::{Store, StoreOptions};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// The metadata of the example organisation.
pub(crate) fn definitions() -> Vec<TableDefinition> {
    let metadata = fixtures().join("metadata");
    let mut json = Vec::new();
    let packed = std::fs::File::open(metadata.join("standard-tables.json.gz")).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut json).unwrap();
    let mut tables = parse_definitions(&json).unwrap();
    for custom in ["custom-tables.json", "npsp-tables.json"] {
        tables.extend(parse_definitions(&std::fs::read(metadata.join(custom)).unwrap()).unwrap());
    }
    let overrides = Overrides::parse(&std::fs::read(metadata.join("overrides.json")).unwrap()).unwrap();
    overrides.apply(&mut tables).unwrap();
    tables
}

/// The part of a project file that is ours.
#[derive(serde::Deserialize)]
struct ProjectFile {
    #[serde(default)]
    owners: Owners,
    map: Vec<TableMapping>,
}

pub(crate) struct Project {
    pub(crate) staging: ScratchStaging,
    pub(crate) store: Store,
    pub(crate) definitions: Vec<TableDefinition>,
    mappings: Vec<TableMapping>,
    owners: Owners,
}

impl Project {
    /// A project from the text of its file, with empty sources.
    pub(crate) async fn new(toml: &str, definitions: Vec<TableDefinition>) -> Self {
        let staging = ScratchStaging::new().await.unwrap();
        std::fs::create_dir(staging.folder().join("source")).unwrap();
        let options = StoreOptions { functions: functions(), ..staging.options() };
        let store = Store::open(options).await.unwrap();
        let file: ProjectFile = toml::from_str(toml).unwrap();
        Self { staging, store, definitions, mappings: file.map, owners: file.owners }
    }

    /// One of the projects in `fixtures`, with its real sources.
    pub(crate) async fn fixture(name: &str, sources: &str) -> Self {
        let folder = fixtures().join("projects").join(name);
        let toml = std::fs::read_to_string(folder.join("migration.toml")).unwrap();
        let project = Self::new(&toml, definitions()).await;
        for from in [fixtures().join("source").join(sources), folder.join("source"), folder.join("scripts")] {
            let to = if from.ends_with("scripts") { "scripts" } else { "source" };
            std::fs::create_dir_all(project.staging.folder().join(to)).unwrap();
            for entry in std::fs::read_dir(&from).into_iter().flatten() {
                let path = entry.unwrap().path();
                std::fs::copy(&path, project.staging.folder().join(to).join(path.file_name().unwrap()))
                    .unwrap();
            }
        }
        if let Ok(mapping) = std::fs::read(folder.join("optionset-mapping.csv")) {
            std::fs::write(project.staging.folder().join("optionset-mapping.csv"), mapping).unwrap();
        }
        project
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.staging.folder().join(name), text).unwrap();
    }

    fn source_folder(&self) -> PathBuf {
        self.staging.folder().join("source")
    }

    pub(crate) fn plan(&self) -> Result<Plan, Vec<Problem>> {
        let tables = SourceTable::discover(&self.source_folder(), &[]).unwrap();
        let columns = headers(&self.source_folder(), &tables).unwrap();
        plan(&self.mappings, &self.owners, &self.definitions, &columns)
    }

    /// Everything from the files to the findings.
    pub(crate) async fn run(&self) -> Run {
        let plan = self.plan().unwrap_or_else(|problems| panic!("{problems:#?}"));
        for table in plan.tables() {
            self.store.execute_all(&ddl::target_table(table.target())).await.unwrap();
        }
        let at: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        for table in SourceTable::discover(&self.source_folder(), &[]).unwrap() {
            extract(&self.store, &self.source_folder(), &table, &Options::at(at)).await.unwrap();
        }
        if let Ok(csv) = std::fs::read(self.staging.folder().join("optionset-mapping.csv")) {
            let rows = optionset_mapping::read_mapping(&csv, &self.definitions).unwrap();
            optionset_mapping::import(&self.store, &rows).await.unwrap();
        }
        let mut staged = Vec::new();
        for table in plan.tables() {
            staged.extend(
                row_transform::stage(&self.store, &plan, &table.target().logical_name).await.unwrap(),
            );
        }
        let scripts: Vec<Script> = plan
            .scripts()
            .iter()
            .map(|name| Script::read(self.staging.folder(), name, self.store.dialect()).unwrap())
            .collect();
        row_transform::run_scripts(&self.store, &plan, &scripts).await.unwrap();
        let mut choices_changed = 0;
        for table in plan.tables() {
            let separators = Separators::new();
            optionset_mapping::propose(&self.store, table.target(), table.definition(), &separators)
                .await
                .unwrap();
            choices_changed +=
                optionset_mapping::apply(&self.store, table.target(), &separators).await.unwrap();
        }
        let states_changed = row_transform::derive_states(&self.store, &plan).await.unwrap();
        let mut findings = Vec::new();
        for table in plan.tables() {
            let name = &table.target().logical_name;
            row_transform::validate(&self.store, &plan, name).await.unwrap();
            for finding in row_transform::findings(&self.store, &plan, name, 10_000).await.unwrap() {
                findings.push(format!(
                    "{} {} {} {} {}",
                    finding.table,
                    finding.source_key,
                    finding.column.as_deref().unwrap_or("-"),
                    finding.rule,
                    finding.value.as_deref().unwrap_or("-"),
                ));
            }
        }
        Run { plan, staged, choices_changed, states_changed, findings }
    }

    /// Rows of a query, cells joined by `|`, NULL as `-`. Tables are named as in SQLite.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let rows = self.store.query(&of_engine(sql)).await.unwrap();
        rows.iter()
            .map(|row| {
                let cells = row.values().iter().map(|value| match value {
                    Value::Null => "-".to_owned(),
                    Value::Integer(n) => n.to_string(),
                    Value::Real(n) => n.to_string(),
                    Value::Text(text) => text.clone(),
                    Value::Blob(_) => "blob".to_owned(),
                });
                cells.collect::<Vec<_>>().join("|")
            })
            .collect()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.store.execute(&of_engine(sql)).await.unwrap();
    }
}

/// A statement whose table names, `target_account` and the like, become those of the engine.
fn of_engine(sql: &str) -> Statement {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let text = |dialect: Dialect| {
        let words = sql.split_inclusive(|c| !is_word(c)).map(|word| {
            let name = word.trim_end_matches(|c| !is_word(c));
            match name.split_once('_') {
                Some((schema @ ("source" | "target" | "migration"), table)) if dialect == Dialect::Mssql => {
                    format!("[{schema}].[{table}]{}", &word[name.len()..])
                }
                _ => word.to_owned(),
            }
        });
        words.collect()
    };
    Statement::new(text, Vec::new())
}

pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) staged: Vec<Staged>,
    pub(crate) choices_changed: u64,
    pub(crate) states_changed: u64,
    /// `table key column rule value`.
    pub(crate) findings: Vec<String>,
}

impl Run {
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.staged
            .iter()
            .map(|staged| (format!("{} from {}", staged.table, staged.source), staged.rows))
            .collect()
    }
}
