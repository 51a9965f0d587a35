//! Rows whose GUIDs are made by us, or kept from the source: they carry no number, and are found by their GUID alone.

use std::sync::Arc;

use dataverse_client::{Client, StaticToken, WriteOptions};
use dataverse_emulator::{Emulator, Options as EmulatorOptions};
use dataverse_wire::literal::RowKey;
use reconcile::{Quiet, TableReport, VerifyTable, verify};
use serde_json::json;
use staging_schema::{GuidStrategy, StagedColumn, StagedKind, Statement, TargetTable, control};
use staging_store::Store;
use staging_store::contract::ScratchStaging;
use uuid::Uuid;

/// Four staged accounts, of which three have arrived, and one that somebody else has created.
struct Stage {
    _emulator: Emulator,
    client: Client,
    store: Store,
    table: VerifyTable,
    ids: Vec<Uuid>,
    _staging: ScratchStaging,
}

impl Stage {
    async fn new(guid: GuidStrategy) -> Self {
        let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
        let token = Arc::new(StaticToken::new("user-1"));
        let options = dataverse_client::Options::new(emulator.url().parse().unwrap(), token);
        let client = Client::new(options).unwrap();
        let definition = Arc::new(client.table_definition("account").await.unwrap().unwrap());
        let columns = vec![StagedColumn::new("name", StagedKind::Text { max: 160 })];
        let staged = TargetTable::new("account", columns).unwrap().with_guid(guid);
        let staging = ScratchStaging::new().await.unwrap();
        let store = Store::open(staging.options()).await.unwrap();
        store.ensure_tables(std::slice::from_ref(&staged)).await.unwrap();
        // In the order of SQL Server's `uniqueidentifier`: the last six bytes count first.
        let ids =
            (1..=4_u128).map(|n| Uuid::from_u128(0x00d5_0000_0000_4000_8000_0000_0000_0000 + n)).collect();
        let table = VerifyTable { definition, staged, base: None, association: None };
        let stage = Self { _emulator: emulator, client, store, table, ids, _staging: staging };
        stage.stage().await;
        for row in 0..3 {
            stage.create(row).await;
        }
        let stranger = json!({"name": "Not ours"}).to_string();
        stage.client.create("accounts", stranger, &WriteOptions::default()).await.unwrap();
        stage
    }

    async fn stage(&self) {
        let columns = [
            control::SOURCE_TABLE,
            control::SOURCE_KEY,
            control::CLIENT_ID,
            control::DATAVERSE_ID,
            control::PROCESSING_FLAG,
            "name",
        ];
        let mut appender = self.store.append(&self.table.staged.name(), columns);
        let mut batch = appender.batch();
        for (row, id) in self.ids.iter().enumerate() {
            let (id, has_arrived) = (id.to_string(), row < 3);
            batch.push_text("Account");
            batch.push_text(&format!("key-{row}"));
            batch.push_text(&id);
            batch.push_option(has_arrived.then_some(id.as_str()));
            batch.push_text(if has_arrived { "P" } else { "E" });
            batch.push_text(&format!("Account {row}"));
        }
        appender.push(batch).await.unwrap();
        assert_eq!(appender.finish().await.unwrap(), 4);
    }

    async fn create(&self, row: usize) {
        let body = json!({"accountid": self.ids[row], "name": format!("Account {row}")}).to_string();
        let id = self.client.create("accounts", body, &WriteOptions::default()).await.unwrap();
        assert_eq!(id, self.ids[row]);
    }

    async fn verify(&self) -> (bool, TableReport) {
        let mut report =
            verify(&self.store, &self.client, std::slice::from_ref(&self.table), &Quiet).await.unwrap();
        (report.is_clean(), report.tables.remove(0))
    }

    /// Column, source key, and the GUID in Dataverse.
    async fn differences(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let list = Statement::new(
            |d| {
                format!(
                    "SELECT ColumnName, SourceKey, DataverseId FROM {} ORDER BY ColumnName, SourceKey",
                    d.table(&reconcile::difference_table())
                )
            },
            Vec::new(),
        );
        let rows = self.store.query(&list).await.unwrap();
        let text = |row: &staging_store::Row, at| row.get(at).as_text().map(str::to_owned);
        rows.iter().map(|row| (text(row, 0).unwrap(), text(row, 1), text(row, 2))).collect()
    }
}

const STRATEGIES: [GuidStrategy; 2] = [GuidStrategy::Sequential, GuidStrategy::Source];

#[tokio::test]
async fn rows_are_found_by_the_guids_that_they_were_given_and_others_are_nobody_s_business() {
    for guid in STRATEGIES {
        let stage = Stage::new(guid).await;
        let (is_clean, account) = stage.verify().await;
        assert!(is_clean, "{guid:?}: {account:?}");
        assert_eq!((account.staged, account.loaded, account.errors), (4, 3, 1), "{guid:?}");
        assert_eq!((account.found, account.agreeing, account.missing), (3, 3, 0), "{guid:?}");
        assert_eq!(account.unexpected, Some(0), "{guid:?}");
        assert!(stage.differences().await.is_empty());
    }
}

#[tokio::test]
async fn a_changed_row_and_a_missing_one_are_named_by_their_source_keys() {
    for guid in STRATEGIES {
        let stage = Stage::new(guid).await;
        let options = WriteOptions::default();
        let changed = json!({"name": "Another"}).to_string();
        stage.client.update("accounts", &RowKey::from(stage.ids[0]), changed, &options).await.unwrap();
        stage.client.delete("accounts", &RowKey::from(stage.ids[2]), &options).await.unwrap();
        let (is_clean, account) = stage.verify().await;
        assert!(!is_clean);
        assert_eq!((account.found, account.missing, account.differing), (2, 1, 1), "{guid:?}");
        let id = |row: usize| Some(stage.ids[row].to_string());
        let key = |row: usize| Some(format!("key-{row}"));
        assert_eq!(
            stage.differences().await,
            [("accountid".to_owned(), key(2), id(2)), ("name".to_owned(), key(0), id(0))],
            "{guid:?}"
        );
    }
}

#[tokio::test]
async fn a_row_that_arrived_without_staging_knowing_it_is_told() {
    for guid in STRATEGIES {
        let stage = Stage::new(guid).await;
        // Committed later than anybody waited for.
        stage.create(3).await;
        let (is_clean, account) = stage.verify().await;
        assert!(!is_clean, "{guid:?}: {account:?}");
        assert_eq!((account.loaded, account.found, account.unexpected), (3, 3, Some(1)), "{guid:?}");
        let stray = ("accountid".to_owned(), Some("key-3".to_owned()), Some(stage.ids[3].to_string()));
        assert_eq!(stage.differences().await, [stray], "{guid:?}");
    }
}
