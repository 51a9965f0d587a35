//! Encrypted files: nothing in them can be read without the key, and what is wrong with a key is said before anything changes.

use std::fs;
use std::path::Path;

use staging_store::{Error, Existing, Store, StoreOptions};
use tempfile::TempDir;

async fn fails(options: StoreOptions) -> Error {
    match Store::open(options).await {
        Ok(_) => panic!("it should not open"),
        Err(error) => {
            assert!(error.is_usage(), "{error}");
            error
        }
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_key_is_shown_to_nobody() {
    let options = StoreOptions::encrypted_sqlite("staging.db", "open sesame");
    assert!(!format!("{options:?}").contains("sesame"), "{options:?}");
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused_before_a_file_is_made() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("staging.db");
    for key in ["", "x'2DD29C'", "two\0parts"] {
        let error = fails(StoreOptions::encrypted_sqlite(&path, key)).await;
        assert!(matches!(error, Error::UnusableKey { .. }), "{error}");
        assert!(!error.to_string().contains("2DD29C"), "{error}");
    }
    assert!(files(folder.path()).is_empty());
}

#[cfg(not(feature = "sqlcipher"))]
#[tokio::test]
async fn where_nothing_can_be_encrypted_a_key_is_refused_and_nothing_is_written() {
    let (folder, store) = crate::world::store().await;
    store.close().await.unwrap();
    let before = files(folder.path());
    for name in ["staging.db", "new.db"] {
        for existing in [Existing::OpenOrCreate, Existing::Open, Existing::ReadOnly] {
            let options = StoreOptions::encrypted_sqlite(folder.path().join(name), "open sesame");
            let error = fails(StoreOptions { existing, ..options }).await;
            assert!(matches!(error, Error::NoEncryption { .. }), "{error}");
            assert!(error.to_string().contains("`sqlcipher`"), "{error}");
            assert!(!error.to_string().contains("sesame"), "{error}");
        }
    }
    assert_eq!(files(folder.path()), before);
}

#[cfg(feature = "sqlcipher")]
mod with_sqlcipher {
    use rusqlite::Connection;
    use staging_schema::backup::{self, Earlier};
    use staging_schema::{Statement, ddl};

    use super::*;
    use crate::world::{self, RAW_KEY};

    /// Not the key of any file; raw, since passphrases take their time.
    const ANOTHER_KEY: &str = "x'7A61DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086'";
    const SECRET: &str = "Zaphod Beeblebrox, Betelgeuse";

    fn holds(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Rows enough for pages of their own, with an index over them.
    async fn stage(store: &Store) {
        let source = ddl::SourceTable::new("Person", ["Id", "Name"]).unwrap();
        store.execute(&source.create()).await.unwrap();
        let mut appender = store.append(&source.name(), source.filled_columns());
        let mut batch = appender.batch();
        for row in 0..2_000 {
            batch.push_display(row);
            batch.push_text(SECRET);
            for stamp in source.filled_columns().iter().skip(2) {
                batch.push_text(stamp);
            }
        }
        appender.push(batch).await.unwrap();
        assert_eq!(appender.finish().await.unwrap(), 2_000);
        let index = Statement::same("CREATE INDEX source_Person_Name ON source_Person (Name, Id)", vec![]);
        store.execute(&index).await.unwrap();
    }

    async fn people(store: &Store) -> u64 {
        let count =
            Statement::same("SELECT COUNT(*) FROM source_Person WHERE Name = ?1", vec![SECRET.into()]);
        store.count(&count).await.unwrap()
    }

    #[tokio::test]
    async fn nothing_that_is_staged_can_be_read_in_the_files() {
        for encrypted in [false, true] {
            let (folder, store) =
                if encrypted { world::encrypted_store().await } else { world::store().await };
            stage(&store).await;
            let open = files(folder.path());
            let names: Vec<_> = open.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["staging.db", "staging.db-shm", "staging.db-wal"]);
            assert!(open[2].1.len() > 100_000, "the rows are in the log");
            let copy = folder.path().join("copy.db");
            store.query(&backup::copy(&copy.to_string_lossy(), Earlier::Keep)).await.unwrap();
            store.close().await.unwrap();
            for (name, bytes) in open.into_iter().chain(files(folder.path())) {
                // What is not encrypted shows that these words would be seen.
                let is_plain = !encrypted && !name.ends_with("-shm") && !bytes.is_empty();
                let is_written = bytes.len() > 100_000;
                assert_eq!(holds(&bytes, SECRET), is_plain && is_written, "{name} {encrypted}");
                assert_eq!(holds(&bytes, "CREATE TABLE"), is_plain && is_written, "{name} {encrypted}");
                assert!(!encrypted || !bytes.starts_with(b"SQLite format 3"), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn a_backup_is_encrypted_and_opens_with_the_same_key_alone() {
        for key in [RAW_KEY, "it's a \"passphrase\"; -- x'"] {
            let folder = TempDir::new().unwrap();
            let store = Store::open(StoreOptions::encrypted_sqlite(folder.path().join("staging.db"), key))
                .await
                .unwrap();
            stage(&store).await;
            let copy = folder.path().join("copy.db");
            // An empty file that only its owner can read stands there already.
            fs::write(&copy, "").unwrap();
            store.query(&backup::copy(&copy.to_string_lossy(), Earlier::Keep)).await.unwrap();
            store.close().await.unwrap();
            let existing = Existing::ReadOnly;
            let copied = Store::open(StoreOptions { existing, ..StoreOptions::encrypted_sqlite(&copy, key) });
            let copied = copied.await.unwrap();
            assert_eq!(people(&copied).await, 2_000);
            let sound = copied.query(&backup::verify(&copy.to_string_lossy())).await.unwrap();
            assert_eq!(sound[0].text(0).unwrap(), "ok");
            copied.close().await.unwrap();
            let error = fails(StoreOptions { existing, ..StoreOptions::sqlite(&copy) }).await;
            assert!(matches!(error, Error::NotADatabase { .. }), "{error}");
            let error = fails(StoreOptions::encrypted_sqlite(&copy, ANOTHER_KEY)).await;
            assert!(matches!(error, Error::WrongKey { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn a_wrong_or_missing_key_is_told_and_nothing_is_changed() {
        let (folder, store) = world::encrypted_store().await;
        stage(&store).await;
        store.close().await.unwrap();
        let path = folder.path().join("staging.db");
        let before = files(folder.path());
        for existing in [Existing::OpenOrCreate, Existing::Open, Existing::ReadOnly] {
            let wrong = StoreOptions::encrypted_sqlite(&path, ANOTHER_KEY);
            let error = fails(StoreOptions { existing, ..wrong }).await;
            assert!(matches!(error, Error::WrongKey { .. }), "{error}");
            let said = format!("{error} {error:?}");
            assert!(said.contains("or the file is damaged") && !said.contains("7A61DD29"), "{said}");
            let error = fails(StoreOptions { existing, ..StoreOptions::sqlite(&path) }).await;
            assert!(error.to_string().contains("an encrypted one and no key was given"), "{error}");
        }
        assert_eq!(files(folder.path()), before);
        let store = Store::open(StoreOptions::encrypted_sqlite(&path, RAW_KEY)).await.unwrap();
        assert_eq!(people(&store).await, 2_000);
    }

    #[tokio::test]
    async fn a_key_for_a_file_that_is_not_encrypted_is_refused() {
        let (folder, store) = world::store().await;
        store.close().await.unwrap();
        let before = files(folder.path());
        for existing in [Existing::OpenOrCreate, Existing::Open, Existing::ReadOnly] {
            let options = StoreOptions::encrypted_sqlite(folder.path().join("staging.db"), RAW_KEY);
            let error = fails(StoreOptions { existing, ..options }).await;
            assert!(matches!(error, Error::NotEncrypted { .. }), "{error}");
        }
        assert_eq!(files(folder.path()), before);
    }

    #[tokio::test]
    async fn a_damaged_page_is_told_as_damage_and_not_as_a_wrong_key() {
        let (folder, store) = world::encrypted_store().await;
        stage(&store).await;
        store.close().await.unwrap();
        let path = folder.path().join("staging.db");
        let mut bytes = fs::read(&path).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].iter_mut().for_each(|byte| *byte ^= 0x55);
        fs::write(&path, bytes).unwrap();
        let store = Store::open(StoreOptions::encrypted_sqlite(&path, RAW_KEY)).await.unwrap();
        let all = Statement::same("SELECT COUNT(DISTINCT DataMigration_File) FROM source_Person", vec![]);
        let error = store.query(&all).await.unwrap_err();
        assert!(error.is_damaged(), "{error:?}");
    }

    #[tokio::test]
    async fn the_connection_is_set_up_as_documented() {
        let (folder, store) = world::encrypted_store().await;
        for (pragma, expected) in
            [("journal_mode", "wal"), ("page_size", "4096"), ("temp_store", "2"), ("mmap_size", "0")]
        {
            let rows = store.query(&Statement::same(format!("PRAGMA {pragma}"), vec![])).await.unwrap();
            let value = rows[0].get(0);
            let shown =
                value.as_text().map_or_else(|| value.as_integer().unwrap().to_string(), str::to_owned);
            assert_eq!(shown, expected, "{pragma}");
        }
        let checkpoint = staging_store::Step::Query(Statement::same("PRAGMA wal_autocheckpoint", vec![]));
        let rows = store.transaction(vec![checkpoint]).await.unwrap().remove(0).into_rows();
        assert_eq!(rows[0].integer(0).unwrap(), 8_000);
        // Any tool that knows SQLCipher needs the key and nothing else.
        let other = Connection::open(folder.path().join("staging.db")).unwrap();
        other.pragma_update(None, "key", RAW_KEY).unwrap();
        let version: i64 = other.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, ddl::SCHEMA_VERSION);
    }

    #[tokio::test]
    async fn a_file_that_is_there_is_encrypted_as_the_readme_of_dv_stage_says() {
        const README: &str = include_str!("../../../../bins/dv-stage/README.md");
        let (folder, store) = world::store().await;
        stage(&store).await;
        store.close().await.unwrap();
        let script = README.split("<!-- encrypt -->\n```sql\n").nth(1).unwrap().split("```").next().unwrap();
        let target = folder.path().join("encrypted.db");
        let script = script.replace("encrypted.db", &target.to_string_lossy());
        let plain = Connection::open(folder.path().join("staging.db")).unwrap();
        for statement in script.split(";\n").filter(|statement| !statement.is_empty()) {
            // Some of them answer with rows.
            plain.prepare(statement).unwrap().raw_query().next().unwrap();
        }
        plain.close().unwrap();
        let store = Store::open(StoreOptions::encrypted_sqlite(&target, "your key")).await.unwrap();
        assert_eq!(people(&store).await, 2_000);
        let mode = store.query(&Statement::same("PRAGMA journal_mode", vec![])).await.unwrap();
        assert_eq!(mode[0].text(0).unwrap(), "wal");
        assert!(!holds(&fs::read(&target).unwrap(), SECRET));
    }
}
