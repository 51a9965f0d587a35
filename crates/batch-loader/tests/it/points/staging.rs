//! The staging database of a scene, which begins each play as it was prepared: a file is copied, the tables of a server are filled
//! again from copies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use staging_schema::{Dialect, Statement};
use staging_store::contract::{ScratchDatabase, TEST_SERVER};
use staging_store::{Store, StoreOptions};
use tempfile::TempDir;

/// Where the plays of one scene are staged.
pub(super) enum Staging {
    File(TempDir),
    Server(Box<ScratchDatabase>),
}

/// How the tables become what they were.
pub(super) struct Beginning(Vec<Statement>);

impl Staging {
    /// On the engine that the environment asks for.
    pub(super) async fn new() -> Self {
        if let Ok(connection) = std::env::var(TEST_SERVER) {
            return Self::Server(Box::new(ScratchDatabase::on(&connection).await.unwrap()));
        }
        // Commits need no disk here: what is durable is what is in the file.
        Self::File(match std::path::Path::new("/dev/shm") {
            memory if memory.is_dir() => tempfile::tempdir_in(memory).unwrap(),
            _ => tempfile::tempdir().unwrap(),
        })
    }

    /// Where the act is prepared.
    pub(super) fn prepared(&self) -> StoreOptions {
        match self {
            Self::File(folder) => StoreOptions::sqlite(folder.path().join("begin.db")),
            Self::Server(database) => database.options.clone(),
        }
    }

    /// Keeps what was prepared; to be called once, when nobody writes.
    pub(super) async fn keep(&self) -> Beginning {
        match self {
            Self::File(_) => Beginning(Vec::new()),
            Self::Server(database) => {
                let store = Store::open(database.options.clone()).await.unwrap();
                let beginning = copy_tables(&store).await;
                store.close().await.unwrap();
                beginning
            }
        }
    }

    /// A database for the play of this number, as it was prepared.
    pub(super) async fn begin(&self, beginning: &Beginning, number: usize) -> StoreOptions {
        match self {
            Self::File(folder) => {
                let path = self.file(number).unwrap();
                std::fs::copy(folder.path().join("begin.db"), &path).unwrap();
                StoreOptions::sqlite(path)
            }
            Self::Server(database) => {
                let store = Store::open(database.options.clone()).await.unwrap();
                store.execute_all(&beginning.0).await.unwrap();
                store.close().await.unwrap();
                database.options.clone()
            }
        }
    }

    /// The play of this number is over.
    pub(super) fn end(&self, number: usize) {
        let Some(path) = self.file(number) else { return };
        for ending in ["db", "db-wal", "db-shm"] {
            // Those that are there.
            let _ = std::fs::remove_file(path.with_extension(ending));
        }
    }

    fn file(&self, number: usize) -> Option<PathBuf> {
        match self {
            Self::File(folder) => Some(folder.path().join(format!("{number}.db"))),
            Self::Server(_) => None,
        }
    }
}

/// Copies each table that has rows, and says how all of them are filled again. Identities go on from where they are: gaps
/// are everyday on a server.
async fn copy_tables(store: &Store) -> Beginning {
    let quote = |name: &str| Dialect::Mssql.quote(name);
    let plain = |sql: String| Statement::same(sql, Vec::new());
    let columns = "SELECT s.name, t.name, c.name, CAST(c.is_identity AS int) FROM sys.columns AS c \
                   JOIN sys.tables AS t ON t.object_id = c.object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id \
                   WHERE s.name IN ('source', 'target', 'migration') ORDER BY c.column_id";
    let mut tables: BTreeMap<(String, String), (Vec<String>, bool)> = BTreeMap::new();
    for row in store.query(&plain(columns.to_owned())).await.unwrap() {
        let text = |column| row.text(column).unwrap().to_owned();
        let (columns, has_identity) = tables.entry((text(0), text(1))).or_default();
        columns.push(quote(&text(2)));
        *has_identity |= row.integer(3).unwrap() == 1;
    }
    store.execute(&plain("EXEC('CREATE SCHEMA [begin]')".to_owned())).await.unwrap();
    let mut again = Vec::new();
    for ((schema, name), (columns, has_identity)) in tables {
        let (table, columns) = (format!("{}.{}", quote(&schema), quote(&name)), columns.join(", "));
        again.push(plain(format!("DELETE FROM {table}")));
        if store.count(&plain(format!("SELECT COUNT(*) FROM {table}"))).await.unwrap() == 0 {
            continue;
        }
        let copy = format!("[begin].{}", quote(&format!("{schema}_{name}")));
        store.execute(&plain(format!("SELECT {columns} INTO {copy} FROM {table}"))).await.unwrap();
        let fill = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {copy}");
        again.push(plain(if has_identity {
            format!("SET IDENTITY_INSERT {table} ON; {fill}; SET IDENTITY_INSERT {table} OFF")
        } else {
            fill
        }));
    }
    Beginning(again)
}
