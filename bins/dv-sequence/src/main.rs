//! `dv-sequence`: the cheapest order for loading tables, printed and drawn.
#![expect(clippy::print_stderr, reason = "a command talks to people")]

mod args;
mod edges;
mod project;
mod report;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use args::{Args, Format};
use clap::Parser;
use load_sequence::{LookupGraph, Sequence, compare, picture, sequence};

/// The input or the wish is wrong; nothing was written.
const WRONG_INPUT: u8 = 2;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for problem in &failure.problems {
                eprintln!("error: {problem}");
            }
            if let Some(hint) = failure.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Why there is nothing to print: one sentence per problem, and what to do next.
struct Failure {
    problems: Vec<String>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    fn one(problem: String) -> Self {
        Self::input(vec![problem], None)
    }

    fn input(problems: Vec<String>, hint: Option<String>) -> Self {
        Self { problems, hint, code: WRONG_INPUT }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let mut options = args.options();
    let mut graph = match (&args.input.graph, &args.input.project) {
        (Some(file), _) => edges::read(file).map_err(|problems| {
            let header = edges::COLUMNS.join(",");
            Failure::input(problems, Some(format!("the first line is {header}; see dv-sequence --help")))
        })?,
        (None, Some(folder)) => project::read(folder, &mut options)?,
        // The group of the two is required.
        (None, None) => return Err(Failure::one("name --graph or --project".to_owned())),
    };
    graph.ignore = args.rules().map_err(Failure::one)?;
    for rule in graph.ignore.iter().filter(|rule| !graph.lookups.iter().any(|it| rule.covers(it))) {
        eprintln!("note: --ignore {} covers no lookup", args::written(rule));
    }
    let refused = |error: load_sequence::Error| {
        Failure::input(vec![format!("{}: {error}", args.input.name())], Some(error.advice().to_owned()))
    };
    let plan = sequence(&graph, &options).map_err(refused)?;
    let text = match args.format() {
        Format::Text => report::text(&plan, &compare(&graph, &options).map_err(refused)?),
        Format::Json => json(&plan)?,
        Format::Dot => picture::dot(&graph, &plan),
        Format::Mermaid => picture::mermaid(&graph, &plan),
    };
    save(args.svg.as_deref(), &graph, &plan, picture::svg)?;
    save(args.html.as_deref(), &graph, &plan, picture::html)?;
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::one(format!("the plan could not be printed: {error}"))),
    }
}

fn json(plan: &Sequence) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(plan);
    text.map(|text| text + "\n")
        .map_err(|error| Failure::one(format!("the plan could not be written as JSON: {error}")))
}

fn save(
    path: Option<&Path>,
    graph: &LookupGraph,
    plan: &Sequence,
    draw: impl Fn(&LookupGraph, &Sequence) -> String,
) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, draw(graph, plan)).map_err(|error| {
        Failure::one(format!("the picture could not be written to {}: {error}", path.display()))
    })?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
