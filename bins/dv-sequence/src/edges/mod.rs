//! Reads an edge list; every mistake in it is found in one go and named with its line.

mod bytes;
mod header;
mod lines;
mod notes;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

pub(crate) use bytes::{called, is_standard_input};
use csv::{ByteRecord, ReaderBuilder};
use lines::{Lines, unclosed};
use load_sequence::{Lookup, LookupGraph, Table, counted};

use crate::Failure;

/// The columns of an edge list, in any order.
const COLUMNS: [&str; 5] = ["table", "column", "target", "required", "filled_rows"];

/// More rows than this are a mistake.
const MOST_ROWS: u64 = 1_000_000_000_000;

/// An edge list that was read.
pub(crate) struct Edges {
    pub(crate) graph: LookupGraph,
    /// What is no mistake, yet seldom meant.
    pub(crate) notes: Vec<String>,
}

/// Reads the graph or says what is wrong, one sentence per problem.
pub(crate) fn read(path: &Path) -> Result<Edges, Failure> {
    let bytes = bytes::read(path).map_err(Failure::one)?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let name = called(path);
    let mut edges = parse(text).map_err(|wrong| {
        let located = |(line, problem): (u64, String)| format!("{name}, line {line}: {problem}");
        let hint = format!("the first line is {}; see dv-sequence --help", COLUMNS.join(","));
        Failure::input(wrong.problems.into_iter().map(located).collect(), wrong.in_header.then_some(hint))
    })?;
    for note in &mut edges.notes {
        *note = format!("{name}: {note}");
    }
    Ok(edges)
}

/// Problems with their lines.
type Problems = Vec<(u64, String)>;

/// Why a list cannot be used.
struct Wrong {
    problems: Problems,
    in_header: bool,
}

impl Wrong {
    fn header(problems: Vec<String>) -> Self {
        Self { problems: problems.into_iter().map(|problem| (1, problem)).collect(), in_header: true }
    }
}

fn parse(text: &[u8]) -> Result<Edges, Wrong> {
    let unclosed = unclosed(text);
    let mut problems = Problems::new();
    if let Some(it) = &unclosed {
        let line = Lines::of(text).at(it.quote);
        problems.push((line, "a quote opens here and is never closed".to_owned()));
    }
    // What an open quote swallows cannot be judged.
    let text = unclosed.map_or(text, |it| &text[..it.record]);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut record = ByteRecord::new();
    let header = match reader.read_byte_record(&mut record) {
        Ok(true) => record.clone(),
        Ok(false) if problems.is_empty() => return Err(Wrong::header(vec!["the file is empty".to_owned()])),
        Ok(false) => return Err(Wrong { problems, in_header: true }),
        Err(error) => return Err(Wrong::header(vec![error.to_string()])),
    };
    // Without its columns no line means anything.
    let positions = header::positions(&header).map_err(Wrong::header)?;
    let mut found = Vec::new();
    let mut lines = Lines::of(text);
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                problems.push((lines.behind(reader.position()), error.to_string()));
                break;
            }
        }
        let line = record.position().map_or(0, |position| lines.behind(position));
        let Some(lookup) = lookup(&record, header.len(), positions, line, &mut problems) else { continue };
        found.push((line, lookup));
    }
    note_duplicates(&found, &mut problems);
    if !problems.is_empty() {
        problems.sort_by_key(|(line, _)| *line);
        return Err(Wrong { problems, in_header: false });
    }
    let notes = notes::about(&found);
    let lookups: Vec<Lookup> = found.into_iter().map(|(_, lookup)| lookup).collect();
    let names: BTreeSet<&str> = lookups.iter().flat_map(|it| [&*it.table, &*it.target]).collect();
    let tables = names.into_iter().map(Table::uncounted).collect();
    Ok(Edges { graph: LookupGraph { tables, lookups, ..LookupGraph::default() }, notes })
}

fn note_duplicates(found: &[(u64, Lookup)], problems: &mut Problems) {
    let mut seen: HashMap<(&str, &str, &str), u64> = HashMap::with_capacity(found.len());
    for (line, lookup) in found {
        let Lookup { table, column, target, .. } = lookup;
        let first = *seen.entry((table, column, target)).or_insert(*line);
        if first != *line {
            problems.push((*line, format!("{table}.{column} -> {target} is already on line {first}")));
        }
    }
}

/// One line; every mistake in it is noted.
fn lookup(
    record: &ByteRecord,
    width: usize,
    [table, column, target, required, rows]: [usize; 5],
    line: u64,
    problems: &mut Problems,
) -> Option<Lookup> {
    let before = problems.len();
    if record.len() != width {
        let values = counted(record.len() as u64, "value", "values");
        problems.push((line, format!("{values} where the header has {width} columns")));
    }
    let mut cell = |position: usize, name: &str| -> Option<String> {
        let bytes = record.get(position)?;
        let Ok(text) = std::str::from_utf8(bytes) else {
            problems.push((line, format!("{name} is not UTF-8")));
            return None;
        };
        if text.trim().is_empty() {
            problems.push((line, format!("{name} is empty")));
        }
        Some(text.trim().to_owned())
    };
    let (table, column, target) = (cell(table, "table"), cell(column, "column"), cell(target, "target"));
    let (required, rows) = (cell(required, "required"), cell(rows, "filled_rows"));
    let required = required.filter(|text| !text.is_empty()).and_then(|text| {
        let value = text.to_ascii_lowercase().parse::<bool>();
        if value.is_err() {
            problems.push((line, format!("required is {text:?}, which is neither true nor false")));
        }
        value.ok()
    });
    let rows = rows.filter(|text| !text.is_empty()).and_then(|text| match count(&text) {
        Ok(rows) => Some(rows),
        Err(problem) => {
            problems.push((line, format!("filled_rows is {text:?}, {problem}")));
            None
        }
    });
    if problems.len() > before {
        return None;
    }
    let lookup = Lookup::new(table?, column?, target?, rows?);
    Some(if required? { lookup.required() } else { lookup })
}

fn count(text: &str) -> Result<u64, &'static str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("which is no whole number");
    }
    if text.starts_with('-') {
        return Err("a count cannot be negative");
    }
    match text.parse() {
        Ok(rows) if rows <= MOST_ROWS => Ok(rows),
        _ => Err("more rows than any table has"),
    }
}
