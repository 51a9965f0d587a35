//! Verification against an emulator over a real socket and a real staging database.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod guids;

use std::sync::Arc;

use dataverse_client::{Client, StaticToken, WriteOptions};
use dataverse_emulator::{Emulator, Options as EmulatorOptions};
use dataverse_wire::literal::RowKey;
use dataverse_wire::metadata::TableDefinition;
use reconcile::{Quiet, Report, VerifyTable, verify};
use serde_json::json;
use staging_schema::{StagedColumn, StagedKind, Statement, TargetTable, Value, control, ddl};
use staging_store::Store;
use staging_store::contract::ScratchStaging;
use uuid::Uuid;

const BASE: i64 = 1_000_000_000;

/// An emulator with two accounts, and a staging database that believes to have loaded them.
struct Stage {
    emulator: Emulator,
    client: Client,
    store: Store,
    table: VerifyTable,
    ids: Vec<Uuid>,
    _staging: ScratchStaging,
}

impl Stage {
    async fn new() -> Self {
        let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
        let token = Arc::new(StaticToken::new("user-1"));
        let mut options = dataverse_client::Options::new(emulator.url().parse().unwrap(), token);
        // Where the service has gone, nothing is won by waiting.
        options.retry.attempts = 1;
        let client = Client::new(options).unwrap();
        let definition = client.table_definition("account").await.unwrap().unwrap();
        let staged = TargetTable::new(
            "account",
            vec![
                StagedColumn::new("name", StagedKind::Text { max: 160 }),
                StagedColumn::new("revenue", StagedKind::Money { precision: 2 }),
                StagedColumn::new("fax", StagedKind::Text { max: 50 }),
            ],
        )
        .unwrap();
        let staging = ScratchStaging::new().await.unwrap();
        let store = Store::open(staging.options()).await.unwrap();
        store.execute_all(&ddl::control_tables()).await.unwrap();
        store.execute_all(&ddl::target_table(&staged)).await.unwrap();
        let table =
            VerifyTable { definition: Arc::new(definition), staged, base: Some(BASE), association: None };
        let mut stage = Self { emulator, client, store, table, ids: Vec::new(), _staging: staging };
        for (row_id, name, revenue) in [(1, "Ærø 😀", "91234567890123.4567"), (2, "Bo", "12.5")] {
            let id = stage.create(row_id, name, revenue).await;
            stage.stage(row_id, name, revenue, Some(id)).await;
            stage.ids.push(id);
        }
        stage
    }

    fn definition(&self) -> &TableDefinition {
        &self.table.definition
    }

    async fn create(&self, row_id: i64, name: &str, revenue: &str) -> Uuid {
        // Written as text: through a double, the revenue would lose digits before it is sent.
        let row = format!(
            r#"{{"name":{},"revenue":{revenue},"importsequencenumber":{}}}"#,
            json!(name),
            BASE + row_id
        );
        let entity_set = &self.definition().entity_set_name;
        self.client.create(entity_set, row, &WriteOptions::default()).await.unwrap()
    }

    /// Stages a row; the database numbers them as they come.
    async fn stage(&self, row_id: i64, name: &str, revenue: &str, id: Option<Uuid>) {
        let columns = [
            control::SOURCE_TABLE,
            control::SOURCE_KEY,
            control::ROW_HASH,
            control::DATAVERSE_ID,
            control::PROCESSING_FLAG,
            "name",
            "revenue",
        ];
        let values = vec![
            Value::Text("Account".into()),
            Value::Text(format!("key-{row_id}")),
            Value::Text(format!("{row_id:064x}")),
            id.map_or(Value::Null, |id| Value::Text(id.to_string())),
            Value::Text(if id.is_some() { "P" } else { "E" }.into()),
            Value::Text(name.into()),
            Value::Text(revenue.into()),
        ];
        let insert = Statement::new(
            |d| {
                format!(
                    "INSERT INTO {} ({}) VALUES ({})",
                    d.table(&self.table.staged.name()),
                    columns.map(|column| d.quote(column)).join(", "),
                    (1..=columns.len()).map(|n| d.param(n)).collect::<Vec<_>>().join(", ")
                )
            },
            values,
        );
        self.store.execute(&insert).await.unwrap();
        let table = self.table.staged.name();
        let newest = Statement::new(
            |d| format!("SELECT MAX({}) FROM {}", d.quote(control::ROW_ID), d.table(&table)),
            Vec::new(),
        );
        assert_eq!(
            self.store.count(&newest).await.unwrap(),
            row_id.unsigned_abs(),
            "rows are staged in order"
        );
    }

    async fn verify(&self) -> Report {
        verify(&self.store, &self.client, std::slice::from_ref(&self.table), &Quiet).await.unwrap()
    }

    async fn differences(&self) -> Vec<Vec<Value>> {
        let list = Statement::new(
            |d| {
                format!(
                    "SELECT {c}, {k}, {s}, {r} FROM {t} ORDER BY {c}, {k}",
                    c = d.quote("ColumnName"),
                    k = d.quote("SourceKey"),
                    s = d.quote("Staged"),
                    r = d.quote("ReadBack"),
                    t = d.table(&reconcile::difference_table())
                )
            },
            Vec::new(),
        );
        self.store.query(&list).await.unwrap().iter().map(|row| row.values().to_vec()).collect()
    }
}

#[tokio::test]
async fn what_arrived_agrees_to_the_last_digit() {
    let stage = Stage::new().await;
    stage.stage(3, "refused", "1", None).await;
    let report = stage.verify().await;
    let account = &report.tables[0];
    assert!(report.is_clean(), "{account:?}");
    assert_eq!((account.staged, account.loaded, account.errors, account.agreeing), (3, 2, 1, 2));
    assert_eq!(account.values, 6);
    assert_eq!(stage.differences().await, Vec::<Vec<Value>>::new());
}

#[tokio::test]
async fn a_changed_value_a_missing_row_and_a_stranger_are_each_named() {
    let stage = Stage::new().await;
    let accounts = stage.definition().entity_set_name.clone();
    let options = WriteOptions::default();
    let first = RowKey::from(stage.ids[0]);
    stage
        .client
        .update(&accounts, &first, json!({"name": "Aero", "fax": "0"}).to_string(), &options)
        .await
        .unwrap();
    let second = RowKey::from(stage.ids[1]);
    stage.client.delete(&accounts, &second, &options).await.unwrap();
    let stranger = stage.create(2, "Nobody staged me", "1").await;

    let report = stage.verify().await;
    let account = &report.tables[0];
    assert!(!report.is_clean());
    assert_eq!((account.found, account.missing, account.differing, account.unexpected), (1, 1, 1, Some(1)));
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        stage.differences().await,
        [
            vec![text("accountid"), Value::Null, Value::Null, text(&stranger.to_string())],
            vec![text("accountid"), text("key-2"), text(&stage.ids[1].to_string()), Value::Null],
            vec![text("fax"), text("key-1"), Value::Null, text("0")],
            vec![text("name"), text("key-1"), text("Ærø 😀"), text("Aero")],
        ]
    );
}

#[tokio::test]
async fn a_second_verification_replaces_what_the_first_one_found() {
    let stage = Stage::new().await;
    let accounts = stage.definition().entity_set_name.clone();
    let first = RowKey::from(stage.ids[0]);
    let options = WriteOptions::default();
    stage.client.update(&accounts, &first, json!({"name": "Aero"}).to_string(), &options).await.unwrap();
    assert!(!stage.verify().await.is_clean());
    stage.client.update(&accounts, &first, json!({"name": "Ærø 😀"}).to_string(), &options).await.unwrap();
    assert!(stage.verify().await.is_clean());
    assert!(stage.differences().await.is_empty());
}

#[tokio::test]
async fn an_unreachable_service_is_an_error_and_not_a_clean_report() {
    let stage = Stage::new().await;
    let Stage { emulator, client, store, table, .. } = stage;
    emulator.shutdown().await.unwrap();
    let error = verify(&store, &client, &[table], &Quiet).await.unwrap_err();
    assert!(error.service().is_some(), "{error}");
}

#[tokio::test]
async fn a_row_that_was_deleted_is_not_missing_and_one_that_is_still_there_is_told() {
    let stage = Stage::new().await;
    for id in &stage.ids {
        let deleted = Statement::new(
            |d| {
                format!(
                    "UPDATE {} SET {} = 'D' WHERE {} = {}",
                    d.table(&stage.table.staged.name()),
                    d.quote(control::ACTION_FLAG),
                    d.quote(control::DATAVERSE_ID),
                    d.param(1)
                )
            },
            vec![Value::Text(id.to_string())],
        );
        stage.store.execute(&deleted).await.unwrap();
    }
    let report = stage.verify().await;
    assert_eq!((report.tables[0].loaded, report.tables[0].deleted), (2, 0), "still to be deleted");

    let success = Statement::new(
        |d| {
            format!(
                "INSERT INTO {} (RowId, Pass, Generation, Kind) VALUES (1, 'delete', 1, 'changed'), (2, 'delete', 1, 'changed')",
                d.table(&stage.table.staged.success())
            )
        },
        Vec::new(),
    );
    stage.store.execute(&success).await.unwrap();
    let accounts = stage.definition().entity_set_name.clone();
    stage.client.delete(&accounts, &RowKey::from(stage.ids[0]), &WriteOptions::default()).await.unwrap();
    let report = stage.verify().await;
    let account = &report.tables[0];
    assert_eq!((account.loaded, account.deleted, account.missing, account.differing), (0, 2, 0, 1));
    let left = Value::Text(stage.ids[1].to_string());
    let told = vec![Value::Text("accountid".into()), Value::Text("key-2".into()), Value::Null, left];
    assert_eq!(stage.differences().await, [told]);
}
