//! What a server does without this crate, for `tests/bench_staging.py` to compare with, a line of JSON each.
//!
//! `plain_tds bulk FILE.csv` sends the rows by one bulk insert into a new table of the columns that a source table has;
//! `plain_tds batch FILE.sql` executes a statement as people type it, and rolls it back. `STAGING_BENCH_CONNECTION` names the database.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Instant;

use tiberius::{Client, ColumnData, Config, SqlBulkCopyOption, TokenRow};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
type Connection = Client<Compat<TcpStream>>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, file] = arguments.as_slice() else { return Err("bulk FILE.csv or batch FILE.sql".into()) };
    let connection =
        std::env::var("STAGING_BENCH_CONNECTION").map_err(|_| "STAGING_BENCH_CONNECTION is not set")?;
    let mut config = Config::from_ado_string(&connection)?;
    config.command_timeout(None);
    let tcp = TcpStream::connect(config.get_addr()).await?;
    tcp.set_nodelay(true)?;
    let mut client = Box::pin(Client::connect(config, tcp.compat_write())).await?;
    let (rows, seconds) = match what.as_str() {
        "bulk" => bulk(&mut client, Path::new(file)).await?,
        "batch" => batch(&mut client, Path::new(file)).await?,
        _ => return Err("bulk or batch".into()),
    };
    println!("{{\"rows\":{rows},\"seconds\":{seconds:.3}}}");
    Ok(())
}

async fn run(client: &mut Connection, text: &str) -> Outcome {
    client.simple_query(text).await?.into_results().await?;
    Ok(())
}

/// The file has no quotes and no commas in its values.
async fn bulk(client: &mut Connection, file: &Path) -> Outcome<(u64, f64)> {
    let mut lines = BufReader::new(File::open(file)?).lines();
    let header = lines.next().ok_or("the file is empty")??;
    let columns: Vec<&str> = header.split(',').collect();
    let definitions: Vec<_> = columns.iter().map(|column| format!("[{column}] nvarchar(max) NULL")).collect();
    let create = "CREATE TABLE dbo.PlainContact (RowId bigint IDENTITY(1, 1) NOT NULL PRIMARY KEY, ";
    run(client, &format!("{create}{})", definitions.join(", "))).await?;
    let start = Instant::now();
    let options = SqlBulkCopyOption::CheckConstraints.into();
    let mut insert = client.bulk_insert_with_options("dbo.PlainContact", &columns, options, &[]).await?;
    let mut rows = 0;
    for line in lines {
        let line = line?;
        let mut cells = TokenRow::with_capacity(columns.len());
        for cell in line.split(',') {
            cells.push(ColumnData::String(Some(cell.to_owned().into())));
        }
        insert.send(cells).await?;
        rows += 1;
    }
    insert.finalize().await?;
    let seconds = start.elapsed().as_secs_f64();
    run(client, "DROP TABLE dbo.PlainContact").await?;
    Ok((rows, seconds))
}

async fn batch(client: &mut Connection, file: &Path) -> Outcome<(u64, f64)> {
    let text = std::fs::read_to_string(file)?;
    run(client, "BEGIN TRANSACTION").await?;
    let start = Instant::now();
    let rows = client.execute(text, &[]).await?.total();
    let seconds = start.elapsed().as_secs_f64();
    run(client, "ROLLBACK TRANSACTION").await?;
    Ok((rows, seconds))
}
