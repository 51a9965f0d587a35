//! A test that needs a Dataverse: it starts one, breaks it on purpose, and looks at what was kept.
//!
//! `cargo run --example emulator_in_a_test`

use anyhow::{Context as _, ensure};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Posts JSON as a client would. `None` when the connection ended without an answer.
async fn post(emulator: &Emulator, path: &str, body: &str) -> anyhow::Result<Option<String>> {
    let mut stream = TcpStream::connect(emulator.address()).await?;
    let request = format!(
        "POST /api/data/v9.2/{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer user-1\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        emulator.address(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer).await {
        Ok(length) if length > 0 => Ok(Some(answer)),
        _ => Ok(None),
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what happened")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(Options { seed: 7, ..Options::default() }).await?;
    println!("{} serves organisation {}", emulator.url(), emulator.organization_id());

    let answer = post(&emulator, "accounts", r#"{"name":"Contoso"}"#).await?.context("an answer")?;
    println!("a create answers: {}", answer.lines().next().unwrap_or_default());

    let answer = post(&emulator, "accounts", r#"{"industrycode":4711}"#).await?.context("an answer")?;
    println!("a wrong option is refused: {}", answer.lines().last().unwrap_or_default());

    // The next create commits, and its client never hears of it.
    emulator.set_faults(FaultPlan::of([FaultRule::new(FaultKind::LoseAnswer).on_path("accounts").times(1)]));
    let lost = post(&emulator, "accounts", r#"{"name":"Fabrikam"}"#).await?;
    ensure!(lost.is_none(), "the answer should have been lost");

    let stats = emulator.stats();
    println!("{} requests, rows: {:?}", stats.requests, stats.rows.get("account"));
    ensure!(stats.rows.get("account") == Some(&2), "both accounts are there");
    emulator.shutdown().await?;
    Ok(())
}
