//! `dv-sequence`: the cheapest order for loading tables, printed and drawn.
#![expect(clippy::print_stderr, reason = "a command talks to people")]

mod args;
mod edges;
mod failure;
mod outputs;
mod project;
mod report;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use args::{Args, Format};
use clap::Parser;
use failure::Failure;
use load_sequence::{Error, Sequence, picture, sequence};
use report::Source;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let rules = args.rules().map_err(Failure::one)?;
    outputs::check(&args.outputs(), &args.input.files())?;
    let mut options = args.options();
    let (mut graph, source) = match (&args.input.graph, &args.input.project) {
        (Some(file), _) => {
            let edges = edges::read(file)?;
            edges.notes.iter().for_each(|note| eprintln!("note: {note}"));
            (edges.graph, Source::EdgeList)
        }
        (None, Some(folder)) => (project::read(folder, &mut options, &args.outputs())?, Source::Project),
        // The group of the two is required.
        (None, None) => return Err(Failure::one("name --graph or --project".to_owned())),
    };
    graph.ignore = rules;
    for rule in graph.ignore.iter().filter(|rule| !graph.lookups.iter().any(|it| rule.covers(it))) {
        eprintln!("note: --ignore {} covers no lookup", args::written(rule));
    }
    let plan = sequence(&graph, &options).map_err(|error| {
        let failure =
            Failure::input(vec![format!("{}: {error}", args.input.name())], Some(error.advice().to_owned()));
        match (error, args.format()) {
            (Error::BreaksRequired { strategies, .. }, Format::Text) => {
                failure.after(report::strategies(&strategies))
            }
            _ => failure,
        }
    })?;
    let text = match args.format() {
        Format::Text => report::text(&plan, source),
        Format::Json => json(&plan)?,
        Format::Dot => picture::dot(&graph, &plan),
        Format::Mermaid => picture::mermaid(&graph, &plan),
    };
    let draw = |output: &outputs::Output| match output.argument() {
        args::SVG => picture::svg(&graph, &plan),
        _ => picture::html(&graph, &plan),
    };
    let pictures: Vec<_> = args.outputs().into_iter().map(|output| (draw(&output), output)).collect();
    outputs::write(&pictures)?;
    for (_, output) in &pictures {
        eprintln!("wrote {}", output.path().display());
    }
    print(&text)
}

fn json(plan: &Sequence) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(plan);
    text.map(|text| text + "\n")
        .map_err(|error| Failure::one(format!("the plan could not be written as JSON: {error}")))
}

fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::one(format!("the plan could not be printed: {error}"))),
    }
}
