//! The client over HTTPS, against the emulator's own certificate.

use std::path::Path;
use std::sync::Arc;

use dataverse_client::{Client, Options, Query, RetryPolicy, StaticToken, WriteOptions};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule};

async fn serve(folder: &Path) -> Emulator {
    let options = dataverse_emulator::Options {
        tls: Some(folder.to_owned()),
        ..dataverse_emulator::Options::default()
    };
    Emulator::start(options).await.unwrap()
}

fn client(emulator: &Emulator, authority: Option<&Path>) -> Client {
    let root_certificates = authority.map(|path| std::fs::read(path).unwrap()).into_iter().collect();
    Client::new(Options {
        root_certificates,
        retry: RetryPolicy { attempts: 1, ..RetryPolicy::default() },
        ..Options::new(emulator.url().parse().unwrap(), Arc::new(StaticToken::new("user-1")))
    })
    .unwrap()
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_connects_and_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let emulator = serve(folder.path()).await;
    assert!(emulator.url().starts_with("https://127.0.0.1:"));
    let trusting = client(&emulator, Some(&authority));
    assert_eq!(trusting.who_am_i().await.unwrap().organization_id, emulator.organization_id());
    let error = client(&emulator, None).who_am_i().await.unwrap_err();
    assert!(error.is_transient() && !error.is_in_doubt(), "{error:?}");
    assert!(format!("{error:?}").to_lowercase().contains("certificate"), "{error:?}");
    emulator.shutdown().await.unwrap();

    // The authority stays, so that a restart does not need another client.
    let before = std::fs::read(&authority).unwrap();
    let emulator = serve(folder.path()).await;
    assert_eq!(std::fs::read(&authority).unwrap(), before);
    client(&emulator, Some(&authority)).who_am_i().await.unwrap();
}

#[tokio::test]
async fn links_are_https_and_answers_get_lost_over_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = serve(folder.path()).await;
    let client = client(&emulator, Some(&folder.path().join("ca.pem")));
    for name in ["a", "b", "c"] {
        client.create("accounts", format!(r#"{{"name":"{name}"}}"#), &WriteOptions::default()).await.unwrap();
    }
    let mut pages = client.query(&Query::new("accounts").select(["name"]).page_rows(2));
    let mut rows = 0;
    while let Some(page) = pages.next_page().await.unwrap() {
        rows += page.rows.len();
    }
    assert_eq!(rows, 3, "the link to the second page is followed");
    let lost = FaultRule::new(FaultKind::LoseAnswer).on_method("POST").times(1);
    emulator.set_faults(FaultPlan::of([lost]));
    let error = client.create("accounts", "{}", &WriteOptions::default()).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error:?}");
    assert_eq!(emulator.stats().rows["account"], 4);
}
