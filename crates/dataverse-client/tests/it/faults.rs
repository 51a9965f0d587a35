//! Every kind of fault that the emulator knows, and what the client makes of it: nothing lost, nothing done twice.

use std::sync::Arc;
use std::time::Duration;

use dataverse_client::wire::fault::{FaultClass, ServiceCode};
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::{ColumnDefinition, ColumnType, TableDefinition, TableType};
use dataverse_client::wire::write::{RowWriter, TargetsWriter};
use dataverse_client::{Client, Error, Options, Query, RetryPolicy, StaticToken, WriteOptions};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule};
use uuid::Uuid;

use crate::office::{settings, start_with};

struct World {
    emulator: Emulator,
    client: Client,
}

/// An emulator on which the first write (or the request that the rule says) suffers.
async fn suffering(rule: FaultRule) -> World {
    let emulator = Emulator::start(dataverse_emulator::Options {
        settings: settings(),
        ..dataverse_emulator::Options::default()
    })
    .await
    .unwrap();
    let moment = Duration::from_millis(1);
    let client = Client::new(Options {
        request_timeout: Duration::from_secs(20),
        retry: RetryPolicy { first_wait: moment, throttle_wait: moment, ..RetryPolicy::default() },
        ..Options::new(emulator.url().parse().unwrap(), Arc::new(StaticToken::new("user-1")))
    })
    .unwrap();
    emulator.set_faults(FaultPlan::of([rule.times(1)]));
    World { emulator, client }
}

/// The first request that writes.
fn on_write(kind: FaultKind) -> FaultRule {
    FaultRule::new(kind).on_path("accounts*")
}

impl World {
    async fn create(&self) -> Result<Uuid, Error> {
        self.client.create("accounts", r#"{"name":"x"}"#, &WriteOptions::default()).await
    }

    async fn create_two(&self) -> Result<Vec<Uuid>, Error> {
        let account = self.client.table_definition("account").await?.unwrap();
        let mut targets = TargetsWriter::new("account");
        for name in ["a", "b"] {
            targets.row().text("name", name);
        }
        self.client.create_multiple(&account, targets.finish(), &WriteOptions::default()).await
    }

    async fn upsert(&self) -> Result<(), Error> {
        let key = RowKey::Id(Uuid::from_u128(7));
        self.client.upsert("accounts", &key, r#"{"name":"x"}"#, &WriteOptions::default()).await.map(drop)
    }

    fn accounts(&self) -> u64 {
        self.emulator.stats().rows.get("account").copied().unwrap_or(0)
    }

    fn hits(&self, kind: &str) -> u64 {
        self.emulator.stats().faults.get(kind).copied().unwrap_or(0)
    }
}

#[tokio::test]
async fn a_lost_or_cut_answer_leaves_creates_in_doubt_and_repeats_upserts() {
    for kind in [FaultKind::LoseAnswer, FaultKind::CutAnswer] {
        let world = suffering(on_write(kind)).await;
        let error = world.create_two().await.unwrap_err();
        assert!(error.is_in_doubt(), "{kind:?}: {error:?}");
        assert_eq!(error.request().unwrap().attempts, 1);
        assert_eq!(world.accounts(), 2, "{kind:?}: committed once");

        let world = suffering(on_write(kind)).await;
        world.upsert().await.unwrap();
        assert_eq!(world.accounts(), 1);
    }
}

#[tokio::test]
async fn a_reset_before_or_during_the_body_leaves_creates_in_doubt_though_nothing_was_done() {
    for (kind, name) in [(FaultKind::ResetBefore, "reset_before"), (FaultKind::ResetDuring, "reset_during")] {
        let world = suffering(on_write(kind)).await;
        let error = world.create().await.unwrap_err();
        assert!(error.is_in_doubt(), "{kind:?}: the client cannot know: {error:?}");
        assert_eq!((world.accounts(), world.hits(name)), (0, 1));

        let world = suffering(on_write(kind)).await;
        world.upsert().await.unwrap();
        assert_eq!(world.accounts(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_commit_long_after_the_client_gave_up_is_in_doubt_until_it_lands() {
    let world = suffering(on_write(FaultKind::CommitLate).delayed_by(Duration::from_millis(400))).await;
    let hasty = WriteOptions { timeout: Some(Duration::from_millis(50)), ..WriteOptions::default() };
    let error = world.client.create("accounts", "{}", &hasty).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error:?}");
    assert_eq!(world.accounts(), 0, "whoever looks now finds nothing");
    tokio::time::timeout(Duration::from_secs(30), async {
        while world.accounts() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("it lands after all");
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let world = suffering(on_write(FaultKind::Slow).delayed_by(Duration::from_millis(200))).await;
    world.create().await.unwrap();
    assert_eq!((world.accounts(), world.hits("slow")), (1, 1));
}

#[tokio::test]
async fn storms_of_429_are_borne_whatever_their_code() {
    for code in
        [ServiceCode::THROTTLED_REQUESTS, ServiceCode::THROTTLED_TIME, ServiceCode::THROTTLED_CONCURRENCY]
    {
        let rule =
            FaultRule { retry_after: 0, ..on_write(FaultKind::Throttle).with_code(code).in_bursts_of(4) };
        let world = suffering(rule.clone()).await;
        world.emulator.set_faults(FaultPlan::of([rule.times(4)]));
        world.create().await.unwrap();
        assert_eq!((world.accounts(), world.hits("throttle")), (1, 4), "{code}");
    }
}

#[tokio::test]
async fn throttled_queries_are_borne_though_they_are_no_429() {
    for code in [0x8004_8544, 0x8004_8644, 0x8004_8744] {
        let rule = on_write(FaultKind::QueryThrottle).with_code(ServiceCode(code));
        let world = suffering(rule).await;
        let page = world.client.query(&Query::new("accounts").select(["name"])).next_page().await.unwrap();
        assert!(page.unwrap().rows.is_empty());
        assert_eq!(world.hits("query_throttle"), 1);
    }
}

#[tokio::test]
async fn an_unavailable_service_leaves_creates_in_doubt_unless_its_database_said_no() {
    let world = suffering(on_write(FaultKind::Unavailable)).await;
    let error = world.create().await.unwrap_err();
    assert!(error.is_in_doubt(), "{error:?}");
    world.upsert().await.unwrap();

    let world = suffering(on_write(FaultKind::Unavailable).with_code(ServiceCode(0x8004_A001))).await;
    world.create().await.unwrap();
    assert_eq!(world.accounts(), 1, "the governor refused before anything was done");
}

#[tokio::test]
async fn a_deadlock_was_rolled_back_and_is_repeated_once() {
    let world = suffering(on_write(FaultKind::Deadlock)).await;
    world.create_two().await.unwrap();
    assert_eq!((world.accounts(), world.hits("deadlock")), (2, 1));
}

#[tokio::test]
async fn a_timeout_of_the_database_comes_back_to_be_split() {
    let world = suffering(on_write(FaultKind::SqlTimeout)).await;
    let error = world.create_two().await.unwrap_err();
    assert_eq!(error.class(), FaultClass::Request, "{error:?}");
    assert_eq!(world.accounts(), 0);
}

#[tokio::test]
async fn an_expired_token_is_replaced_and_the_request_sent_again() {
    let world = suffering(on_write(FaultKind::TokenExpired)).await;
    world.create().await.unwrap();
    assert_eq!((world.accounts(), world.hits("token_expired")), (1, 1));
}

#[tokio::test]
async fn a_service_that_is_killed_leaves_creates_in_doubt_and_reads_without_answer() {
    for kind in [FaultKind::Kill, FaultKind::KillAfterCommit] {
        let world = suffering(on_write(kind)).await;
        let error = world.create().await.unwrap_err();
        assert!(error.is_in_doubt(), "{kind:?}: {error:?}");
        world.emulator.killed().await;
        let error = world.client.who_am_i().await.unwrap_err();
        assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
        assert_eq!(world.accounts(), u64::from(kind == FaultKind::KillAfterCommit));
    }
}

#[tokio::test]
async fn rows_of_an_elastic_table_that_fail_by_themselves_are_told_and_can_be_sent_again() {
    let text = ColumnType::String { max_length: 100 };
    let mut table = TableDefinition::new("new_reading", "new_readings", "new_readingid")
        .with_column(ColumnDefinition::new("new_name", text));
    table.table_type = TableType::Elastic;
    let (emulator, client) = start_with(vec![table], settings()).await;
    let table = client.table_definition("new_reading").await.unwrap().unwrap();
    let rule =
        FaultRule { rows: 2, ..FaultRule::new(FaultKind::PartialFailure).on_path("new_readings*").times(1) };
    emulator.set_faults(FaultPlan::of([rule]));
    let rows: Vec<Vec<u8>> = (0_u128..5)
        .map(|n| {
            let mut row = RowWriter::new();
            row.guid("new_readingid", &Uuid::from_u128(n + 1)).text("new_name", "x");
            row.finish()
        })
        .collect();
    let send = |rows: Vec<Vec<u8>>| {
        let (client, table) = (&client, &table);
        async move {
            let rows: Vec<_> = rows.into_iter().map(Into::into).collect();
            client.create_rows(table, &rows, &WriteOptions::default()).await.unwrap()
        }
    };
    let outcomes = send(rows.clone()).await;
    let done: Vec<bool> = outcomes.iter().map(dataverse_client::RowOutcome::is_done).collect();
    assert_eq!(done, [true, false, true, false, true]);
    assert_eq!(emulator.stats().rows["new_reading"], 3);
    let again = rows.into_iter().zip(&done).filter(|(_, done)| !**done).map(|(row, _)| row).collect();
    assert!(send(again).await.iter().all(dataverse_client::RowOutcome::is_done));
    assert_eq!(emulator.stats().rows["new_reading"], 5);
}
