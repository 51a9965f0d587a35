//! What can be asked for.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use load_sequence::{Ignore, Options, Strategy};

use crate::edges::{called, is_standard_input};
use crate::outputs::Output;

/// The argument of the picture alone.
pub(crate) const SVG: &str = "--svg";
/// The argument of the page with the picture.
const HTML: &str = "--html";

/// Finds the order in which tables load with the fewest rows written twice, proves it, and draws it.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) input: Input,
    /// Print the plan as one JSON object
    #[arg(long, group = "format")]
    json: bool,
    /// Print the plan for Graphviz
    #[arg(long, group = "format")]
    dot: bool,
    /// Print the plan as a Mermaid flowchart
    #[arg(long, group = "format")]
    mermaid: bool,
    /// Draw the plan into an SVG file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the plan as one HTML page, with the picture
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to order the tables
    #[arg(long, value_enum, default_value_t = Order::Cheapest)]
    strategy: Order,
    /// Lookups that play no part: COLUMN, TABLE.COLUMN, TABLE.COLUMN:TARGET or :TARGET; several separated by commas
    #[arg(long, value_name = "LOOKUPS", value_delimiter = ',')]
    ignore: Vec<String>,
    /// How long to try to prove that no order is cheaper [default: 10, and no proof of parts with more than 20,000 pairs of tables]
    #[arg(long, value_name = "N", value_parser = seconds, allow_hyphen_values = true)]
    proof_seconds: Option<Duration>,
}

/// Where the lookups come from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Input {
    /// Edge list, one line per lookup and target, packed by gzip or not; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) graph: Option<PathBuf>,
    /// Folder of a dv-migrate project: its mapped lookups, counted in its staging database. Nothing is written, nobody asked
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
}

impl Input {
    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        match (&self.graph, &self.project) {
            (Some(file), _) => called(file),
            (None, folder) => folder.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        }
    }

    /// Files that are read as the arguments name them.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let list = self.graph.iter().filter(|path| !is_standard_input(path)).cloned();
        list.chain(self.project.iter().map(|folder| folder.join("migration.toml"))).collect()
    }
}

const AFTER_HELP: &str = "\
The edge list:
  table,column,target,required,filled_rows
  account,primarycontactid,contact,false,1500
  contact,parentcustomerid,account,false,9000
  contact,parentcustomerid,lead,false,12
  account,parentaccountid,account,false,300

`required` says whether the platform refuses rows without the lookup, `filled_rows` how many rows point to this target:
what writing them later would cost. A table that points to itself is loaded level by level.
A list packed by gzip is unpacked, whatever its name; `--graph -` reads the standard input.

Pictures are written when everything is drawn, all of them or none, and never over what is read.
With --strategy lookup-count or first-back-edge `bound` is what the cheapest order proves. Where such an order leaves
lookups empty that must be there at insert, the exit code is 2, and the comparison is printed all the same.

A project is read as the step `prepare` of dv-migrate left it; its rows count once `dv-migrate run --until sequence` has
staged them. Nothing of it is changed; yet SQLite opens a staging file only where its folder may be written to, or its
-wal and -shm files are there already.

Exit codes: 0 done, 2 the edge list, the project, its staging file or an argument is wrong, or lookups that must be there at
            insert close a cycle or would be left empty, 3 the staging database cannot be opened or reached";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// The fewest rows written twice
    Cheapest,
    /// By ascending number of lookup columns, as guides recommend
    LookupCount,
    /// Defer whichever lookup closes a cycle first
    FirstBackEdge,
}

/// What goes to the standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Format {
    Text,
    Json,
    Dot,
    Mermaid,
}

impl Args {
    pub(crate) fn format(&self) -> Format {
        match (self.json, self.dot, self.mermaid) {
            (true, _, _) => Format::Json,
            (_, true, _) => Format::Dot,
            (_, _, true) => Format::Mermaid,
            _ => Format::Text,
        }
    }

    /// Files to be written.
    pub(crate) fn outputs(&self) -> Vec<Output> {
        let svg = self.svg.iter().map(|path| Output::new(SVG, path));
        svg.chain(self.html.iter().map(|path| Output::new(HTML, path))).collect()
    }

    pub(crate) fn options(&self) -> Options {
        let strategy = match self.strategy {
            Order::Cheapest => Strategy::Cheapest,
            Order::LookupCount => Strategy::LookupCount,
            Order::FirstBackEdge => Strategy::FirstBackEdge,
        };
        let mut options = Options { strategy, ..Options::default() };
        if let Some(time) = self.proof_seconds {
            options.proof_time = time;
            // Whoever names a time wants it used, whatever the size.
            options.proof_size = usize::MAX;
        }
        options
    }

    pub(crate) fn rules(&self) -> Result<Vec<Ignore>, String> {
        self.ignore.iter().map(|text| rule(text.trim())).collect()
    }
}

fn rule(text: &str) -> Result<Ignore, String> {
    let (lookup, target) =
        text.split_once(':').map_or((text, None), |(lookup, target)| (lookup, Some(target)));
    let (table, column) = match lookup.split_once('.') {
        Some((table, column)) => (Some(table), Some(column)),
        None if lookup.is_empty() && target.is_some() => (None, None),
        None => (None, Some(lookup)),
    };
    let part_is_missing = [table, column, target].iter().any(|part| part.is_some_and(str::is_empty));
    if part_is_missing {
        return Err(format!(
            "--ignore {text:?} is none of COLUMN, TABLE.COLUMN, TABLE.COLUMN:TARGET and :TARGET"
        ));
    }
    let owned = |part: Option<&str>| part.map(str::to_owned);
    Ok(Ignore { table: owned(table), column: owned(column), target: owned(target) })
}

/// A rule as it was asked for.
pub(crate) fn written(rule: &Ignore) -> String {
    let table = rule.table.as_ref().map(|table| format!("{table}.")).unwrap_or_default();
    let target = rule.target.as_ref().map(|target| format!(":{target}")).unwrap_or_default();
    format!("{table}{}{target}", rule.column.as_deref().unwrap_or_default())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "a number of seconds is 0 or more".to_owned())
}
