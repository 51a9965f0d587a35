//! Files and images, up and down, through everything that can go wrong on the way.

use std::sync::Arc;
use std::time::Duration;

use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::{ColumnDefinition, ColumnType, TableDefinition};
use dataverse_client::{Client, Deleted, Error, FileColumn, Options, RetryPolicy, StaticToken, WriteOptions};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Settings};
use futures::StreamExt as _;
use uuid::Uuid;

use crate::office::settings;

const CHUNK: usize = 4 << 20;
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3];

struct Archive {
    emulator: Emulator,
    client: Client,
    key: RowKey,
}

/// An emulator with the table `new_record`, which has a file and an image, and a row in it.
async fn archive(settings: Settings) -> Archive {
    let definition = TableDefinition::new("new_record", "new_records", "new_recordid")
        .with_column(ColumnDefinition::new("new_name", ColumnType::String { max_length: 100 }))
        .with_column(ColumnDefinition::new("new_file", ColumnType::File))
        .with_column(ColumnDefinition::new("new_photo", ColumnType::Image));
    let options = dataverse_emulator::Options {
        metadata: vec![definition],
        settings,
        ..dataverse_emulator::Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let client = Client::new(Options {
        request_timeout: Duration::from_secs(20),
        retry: RetryPolicy { first_wait: Duration::from_millis(1), ..RetryPolicy::default() },
        ..Options::new(emulator.url().parse().unwrap(), Arc::new(StaticToken::new("user-1")))
    })
    .unwrap();
    let id = client.create("new_records", r#"{"new_name":"x"}"#, &WriteOptions::default()).await.unwrap();
    Archive { emulator, client, key: RowKey::Id(id) }
}

impl Archive {
    fn file(&self) -> FileColumn<'_> {
        FileColumn::new("new_records", &self.key, "new_file")
    }

    async fn upload_parts(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let options = WriteOptions::default();
        self.client.upload_file_from(&self.file(), name, content.len() as u64, content, &options).await
    }

    async fn content(&self) -> Option<Vec<u8>> {
        let download = self.client.download_file(&self.file()).await.unwrap()?;
        let mut content = Vec::new();
        assert_eq!(download.size(), download.write_to(&mut content).await.unwrap());
        Some(content)
    }

    fn suffer(&self, rule: FaultRule) {
        self.emulator.set_faults(FaultPlan::of([rule.times(1)]));
    }

    fn hits(&self) -> u64 {
        self.emulator.stats().faults.values().sum()
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n * 37 % 253).unwrap()).collect()
}

#[tokio::test]
async fn a_file_goes_up_in_one_request_or_in_parts_and_comes_down_in_parts() {
    let archive = archive(settings()).await;
    assert_eq!(archive.content().await, None);
    archive.client.upload_file(&archive.file(), "a.txt", "hello", &WriteOptions::default()).await.unwrap();
    assert_eq!(archive.content().await.unwrap(), b"hello");
    let content = bytes(CHUNK * 2 + 1_000);
    archive.upload_parts("big.pdf", &content).await.unwrap();
    let download = archive.client.download_file(&archive.file()).await.unwrap().unwrap();
    assert_eq!((download.name(), download.mime_type()), (Some("big.pdf"), Some("application/pdf")));
    assert_eq!(download.size(), content.len() as u64);
    let parts: Vec<_> = download.into_stream().map(|part| part.unwrap()).collect().await;
    assert_eq!(parts.iter().map(bytes::Bytes::len).collect::<Vec<_>>(), [CHUNK, CHUNK, 1_000]);
    assert_eq!(parts.concat(), content);
    let options = WriteOptions::default();
    assert_eq!(archive.client.delete_file(&archive.file(), &options).await.unwrap(), Deleted::Removed);
    assert_eq!(archive.content().await, None);
}

#[tokio::test]
async fn empty_files_and_names_beyond_ascii_arrive_too() {
    let archive = archive(settings()).await;
    let options = WriteOptions::default();
    for content in [&b""[..], b"x"] {
        archive.client.upload_file(&archive.file(), "plain.txt", content.to_vec(), &options).await.unwrap();
        assert_eq!(archive.content().await.unwrap(), content);
        archive.upload_parts("parts.txt", content).await.unwrap();
        assert_eq!(archive.content().await.unwrap(), content);
    }
    archive.client.upload_file(&archive.file(), "Größe – 100%.txt", "x", &options).await.unwrap();
    let download = archive.client.download_file(&archive.file()).await.unwrap().unwrap();
    assert_eq!(download.name(), Some("Größe – 100%.txt"));
}

#[tokio::test]
async fn parts_that_get_lost_on_the_way_are_sent_and_asked_for_again() {
    let archive = archive(settings()).await;
    let content = bytes(CHUNK + 5);
    let kinds =
        [FaultKind::LoseAnswer, FaultKind::ResetBefore, FaultKind::ResetDuring, FaultKind::Unavailable];
    for (index, kind) in (0..).zip(kinds) {
        // The request that begins the upload passes, its first part suffers.
        let rule = FaultRule::new(kind).on_path("*/new_file").on_method("PATCH").after(1);
        archive.suffer(FaultRule { retry_after: 0, ..rule });
        archive.upload_parts("x.bin", &content).await.unwrap();
        assert_eq!(archive.hits(), 1 + 2 * index, "{kind:?}");
        let rule = FaultRule::new(kind).on_path("*/$value").after(1);
        archive.suffer(FaultRule { retry_after: 0, ..rule });
        assert_eq!(archive.content().await.unwrap(), content, "{kind:?}");
        assert_eq!(archive.hits(), 2 + 2 * index, "{kind:?}");
    }
    archive.suffer(FaultRule::new(FaultKind::CutAnswer).on_path("*/$value"));
    assert_eq!(archive.content().await.unwrap(), content, "half a part is no part");
}

#[tokio::test]
async fn a_lost_answer_to_the_last_part_is_in_doubt_and_uploading_again_is_safe() {
    let archive = archive(settings()).await;
    let content = bytes(CHUNK + 5);
    archive.suffer(FaultRule::new(FaultKind::LoseAnswer).on_path("*/new_file").on_method("PATCH").after(2));
    let error = archive.upload_parts("x.bin", &content).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error:?}");
    assert_eq!(archive.content().await.unwrap(), content);
    archive.upload_parts("x.bin", &content).await.unwrap();
    assert_eq!(archive.content().await.unwrap(), content);
}

#[tokio::test]
async fn a_reader_of_another_length_than_told_leaves_the_old_file_there() {
    let archive = archive(settings()).await;
    let options = WriteOptions::default();
    archive.client.upload_file(&archive.file(), "old", "old", &options).await.unwrap();
    for (length, told) in [(2_u64, "x is longer than 2 bytes"), (9, "x ends after 4 of 9 bytes")] {
        let error = archive
            .client
            .upload_file_from(&archive.file(), "x", length, &b"1234"[..], &options)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Input { .. }) && error.to_string().contains(told), "{error}");
        assert_eq!(archive.content().await.unwrap(), b"old");
    }
}

#[tokio::test]
async fn what_is_too_large_or_no_image_is_refused() {
    let archive = archive(settings()).await;
    let error = archive.upload_parts("x", &bytes(33 << 20)).await.unwrap_err();
    assert_eq!(error.fault().unwrap().code.0, 0x8004_4A02, "{error:?}");
    let photo = FileColumn::new("new_records", &archive.key, "new_photo");
    let error =
        archive.client.upload_file(&photo, "x.png", "no image", &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.fault().unwrap().code.0, 0x8007_2553, "{error:?}");
    let nobody = RowKey::Id(Uuid::from_u128(9));
    let nowhere = FileColumn::new("new_records", &nobody, "new_file");
    let error = archive.client.upload_file(&nowhere, "x", "x", &WriteOptions::default()).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    assert!(archive.client.download_file(&nowhere).await.unwrap().is_none());
}

#[tokio::test]
async fn files_in_the_database_are_downloaded_in_one_piece() {
    let archive = archive(Settings { files_in_database: true, ..settings() }).await;
    let content = bytes(CHUNK + 5);
    archive.upload_parts("x.bin", &content).await.unwrap();
    assert_eq!(archive.content().await.unwrap(), content);
}

#[tokio::test]
async fn an_image_goes_up_and_comes_down() {
    let archive = archive(settings()).await;
    let photo = FileColumn::new("new_records", &archive.key, "new_photo");
    let options = WriteOptions::default();
    archive.client.upload_file(&photo, "x.png", PNG, &options).await.unwrap();
    let download = archive.client.download_file(&photo).await.unwrap().unwrap();
    assert_eq!(download.mime_type(), Some("image/png"));
    let mut content = Vec::new();
    download.write_to(&mut content).await.unwrap();
    assert_eq!(content, PNG);
    let in_full = archive.client.download_file(&photo.clone().in_full()).await.unwrap();
    assert!(in_full.is_none(), "the column keeps thumbnails only");
    archive.client.delete_file(&photo, &options).await.unwrap();
    assert!(archive.client.download_file(&photo).await.unwrap().is_none());
}
