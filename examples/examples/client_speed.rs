//! What a create costs our process: the client, and bare HTTP clients that post bytes prepared beforehand.
//!
//! `tests/bench_clients.py` starts it, beside clients that others wrote. By hand, against an emulator without limits:
//! `cargo run --release --example client_speed -- --url URL --subject ours|reqwest|hyper --rows 50000 --batch 100`
//!
//! A batch of 1 means single creates. The subject `definitions` reads the definitions of so many tables instead. Prints one line of JSON. CPU time is read from Linux's `/proc`.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use dataverse_client::wire::metadata::TableDefinition;
use dataverse_client::wire::write::{Fields, RowWriter, TargetsWriter};
use dataverse_client::{Client, Options, StaticToken, WriteOptions};
use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const SET: &str = "tasks";
const MESSAGE: &str = "tasks/Microsoft.Dynamics.CRM.CreateMultiple";

struct Arguments {
    url: String,
    subject: String,
    rows: usize,
    batch: usize,
    in_flight: usize,
    root_certificate: Option<Vec<u8>>,
}

fn arguments() -> anyhow::Result<Arguments> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (pairs, []) = words.as_chunks::<2>() else { anyhow::bail!("every option has a value") };
    let value = |name: &str| pairs.iter().find(|[given, _]| given == name).map(|[_, value]| value.clone());
    let number = |name: &str, default: usize| value(name).map_or(Ok(default), |text| text.parse());
    Ok(Arguments {
        url: value("--url").context("--url is missing")?,
        subject: value("--subject").context("--subject is missing")?,
        rows: number("--rows", 50_000)?,
        batch: number("--batch", 100)?,
        in_flight: number("--in-flight", 20)?,
        root_certificate: value("--ca").map(std::fs::read).transpose()?,
    })
}

/// Ten columns of every common kind.
fn write_row<B: AsMut<Vec<u8>>>(row: &mut Fields<B>, number: i64, text: &mut String) {
    use std::fmt::Write as _;
    text.clear();
    // A `String` takes whatever is written to it.
    let _ = write!(text, "Call Contoso Workshop and Sons about order {number}");
    row.text("subject", text)
        .text("description", "They asked for an offer \"as soon as possible\", by e-mail.\nSecond line.")
        .text("category", "Sales")
        .text("subcategory", "Telephone")
        .integer("prioritycode", number % 3)
        .integer("percentcomplete", number % 101)
        .integer("actualdurationminutes", number % 600)
        .integer("scheduleddurationminutes", 30)
        .text("scheduledstart", "2026-11-21T08:00:00Z")
        .text("scheduledend", "2026-11-21T08:30:00Z");
}

fn single_body(number: i64, text: &mut String) -> Bytes {
    let mut row = RowWriter::new();
    write_row(&mut row, number, text);
    row.into()
}

fn bulk_body(first: i64, rows: usize, text: &mut String) -> Bytes {
    let mut targets = TargetsWriter::new("task");
    for number in (first..).take(rows) {
        write_row(&mut targets.row(), number, text);
    }
    targets.finish().into()
}

/// Processor time of all threads of this process so far, in nanoseconds.
fn processor_time() -> anyhow::Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let spent = std::fs::read_to_string(task?.path().join("schedstat"))?;
        sum += spent.split(' ').next().context("schedstat")?.parse::<u64>()?;
    }
    Ok(sum)
}

/// Highest resident memory of this process.
fn peak_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let given = arguments()?;
    let requests = given.rows.div_ceil(given.batch);
    let (started, before, created) = match given.subject.as_str() {
        "ours" => ours(&given, requests).await?,
        "reqwest" => bare_reqwest(&given, requests).await?,
        "hyper" => bare_hyper(&given, requests).await?,
        "definitions" => definitions(&given).await?,
        other => anyhow::bail!("`{other}` is no subject: ours, reqwest, hyper, definitions"),
    };
    let seconds = started.elapsed().as_secs_f64();
    let (spent, peak) = (processor_time()? - before, peak_mib()?);
    ensure!(created == given.rows, "{created} of {} rows were answered", given.rows);
    #[expect(clippy::cast_precision_loss, reason = "counts and times of a benchmark")]
    let (rows, spent) = (given.rows as f64, spent as f64);
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds, "rows_per_second": rows / seconds, "cpu_us_per_row": spent / 1_000.0 / rows,
            "peak_mib": peak,
        })
    );
    Ok(())
}

async fn ours(given: &Arguments, requests: usize) -> anyhow::Result<(Instant, u64, usize)> {
    let mut options = Options::new(given.url.parse()?, Arc::new(StaticToken::new("user-1")));
    options.root_certificates.extend(given.root_certificate.clone());
    let client = Client::new(options)?;
    let table = TableDefinition::new("task", SET, "activityid");
    // The connection of a first call is not counted, for anyone.
    client.who_am_i().await?;
    let (started, before) = (Instant::now(), processor_time()?);
    let options = &WriteOptions::default();
    let (client, table) = (&client, &table);
    let calls = (0..requests).map(|request| async move {
        let mut text = String::new();
        let first = i64::try_from(request * given.batch)?;
        if given.batch == 1 {
            client.create(SET, single_body(first, &mut text), options).await?;
            return Ok(1);
        }
        let body = bulk_body(first, given.batch, &mut text);
        anyhow::Ok(client.create_multiple(table, body, options).await?.len())
    });
    let created: Vec<usize> =
        futures::stream::iter(calls).buffer_unordered(given.in_flight).try_collect().await?;
    Ok((started, before, created.iter().sum()))
}

/// Reads the definitions of the first tables by name, with one call.
async fn definitions(given: &Arguments) -> anyhow::Result<(Instant, u64, usize)> {
    let client = Client::new(Options::new(given.url.parse()?, Arc::new(StaticToken::new("user-1"))))?;
    let names = client.table_names().await?;
    let names: Vec<&str> = names.iter().take(given.rows).map(|table| table.logical_name.as_str()).collect();
    let (started, before) = (Instant::now(), processor_time()?);
    let found = client.table_definitions(&names).await?;
    Ok((started, before, found.into_iter().flatten().count()))
}

/// The request that the bare clients send again and again.
fn prepared(given: &Arguments) -> anyhow::Result<(http::Uri, http::HeaderMap, Bytes)> {
    let mut text = String::new();
    let (path, body) = match given.batch {
        1 => (SET, single_body(1, &mut text)),
        rows => (MESSAGE, bulk_body(1, rows, &mut text)),
    };
    let mut headers = http::HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer user-1"),
        ("accept", "application/json"),
        ("content-type", "application/json; charset=utf-8"),
        ("odata-version", "4.0"),
        ("odata-maxversion", "4.0"),
    ] {
        headers.insert(name, value.parse()?);
    }
    Ok((format!("{}/api/data/v9.2/{path}", given.url).parse()?, headers, body))
}

async fn bare_reqwest(given: &Arguments, requests: usize) -> anyhow::Result<(Instant, u64, usize)> {
    let (uri, headers, body) = prepared(given)?;
    let mut builder = reqwest::Client::builder().http1_only();
    if let Some(pem) = &given.root_certificate {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    let http = builder.build()?;
    let url: reqwest::Url = uri.to_string().parse()?;
    http.get(url.join("WhoAmI")?).headers(headers.clone()).send().await?;
    let (started, before) = (Instant::now(), processor_time()?);
    let (http, url, headers, body) = (&http, &url, &headers, &body);
    let calls = (0..requests).map(|_| async move {
        let answer = http.post(url.clone()).headers(headers.clone()).body(body.clone()).send().await?;
        answer.error_for_status()?.bytes().await?;
        anyhow::Ok(given.batch)
    });
    let created: Vec<usize> =
        futures::stream::iter(calls).buffer_unordered(given.in_flight).try_collect().await?;
    Ok((started, before, created.iter().sum()))
}

async fn bare_hyper(given: &Arguments, requests: usize) -> anyhow::Result<(Instant, u64, usize)> {
    let (uri, headers, body) = prepared(given)?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let http: hyper_util::client::legacy::Client<_, Full<Bytes>> =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let post = |body: Bytes| {
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        http.request(request)
    };
    let (started, before) = (Instant::now(), processor_time()?);
    let (post, body) = (&post, &body);
    let calls = (0..requests).map(|_| async move {
        let answer = post(body.clone()).await?;
        ensure!(answer.status().is_success(), "answered {}", answer.status());
        answer.into_body().collect().await?;
        anyhow::Ok(given.batch)
    });
    let created: Vec<usize> =
        futures::stream::iter(calls).buffer_unordered(given.in_flight).try_collect().await?;
    Ok((started, before, created.iter().sum()))
}
