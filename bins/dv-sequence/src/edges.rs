//! Reads an edge list; every mistake in it is found in one go and named with its line.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use load_sequence::{Lookup, LookupGraph, Table};

/// The columns of an edge list, in any order.
pub(crate) const COLUMNS: [&str; 5] = ["table", "column", "target", "required", "filled_rows"];

/// More rows than this are a mistake.
const MOST_ROWS: u64 = 1_000_000_000_000;

/// Reads the graph or says what is wrong, one sentence per problem.
pub(crate) fn read(path: &Path) -> Result<LookupGraph, Vec<String>> {
    let unreadable = |error: std::io::Error| vec![format!("{} cannot be read: {error}", path.display())];
    let mut bytes = std::fs::read(path).map_err(unreadable)?;
    if path.extension().is_some_and(|it| it == "gz") {
        let packed = std::mem::take(&mut bytes);
        flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    parse(text).map_err(|problems| {
        problems
            .into_iter()
            .map(|(line, problem)| format!("{}, line {line}: {problem}", path.display()))
            .collect()
    })
}

/// Problems with their lines.
type Problems = Vec<(u64, String)>;

fn parse(text: &[u8]) -> Result<LookupGraph, Problems> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut record = ByteRecord::new();
    let mut problems = Problems::new();
    let header = match reader.read_byte_record(&mut record) {
        Ok(true) => record.clone(),
        Ok(false) => return Err(vec![(1, "the file is empty".to_owned())]),
        Err(error) => return Err(vec![(1, error.to_string())]),
    };
    let positions = positions(&header, &mut problems);
    let mut found = Vec::new();
    // Without its columns no line means anything.
    let Some(positions) = positions else { return Err(problems) };
    let mut lines = Lines { text, number: 1, at: 0 };
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                problems.push((lines.of(reader.position()), error.to_string()));
                break;
            }
        }
        let line = record.position().map_or(0, |position| lines.of(position));
        let Some(lookup) = lookup(&record, header.len(), positions, line, &mut problems) else { continue };
        found.push((line, lookup));
    }
    note_duplicates(&found, &mut problems);
    if !problems.is_empty() {
        problems.sort_by_key(|(line, _)| *line);
        return Err(problems);
    }
    let lookups: Vec<Lookup> = found.into_iter().map(|(_, lookup)| lookup).collect();
    let names: BTreeSet<&str> = lookups.iter().flat_map(|it| [&*it.table, &*it.target]).collect();
    let tables = names.into_iter().map(Table::uncounted).collect();
    Ok(LookupGraph { tables, lookups, ..LookupGraph::default() })
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

/// Numbers of lines as an editor shows them. The reader's own are those of where it stood before it skipped empty lines and
/// the second half of a Windows line end.
struct Lines<'t> {
    text: &'t [u8],
    number: u64,
    at: usize,
}

impl Lines<'_> {
    /// The line on which the record behind a position begins; positions only ascend.
    fn of(&mut self, position: &csv::Position) -> u64 {
        let before = usize::try_from(position.byte()).unwrap_or(usize::MAX).clamp(self.at, self.text.len());
        let skipped = self.text[before..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let start = before + skipped;
        let mut bytes = self.text[self.at..start].iter().peekable();
        while let Some(byte) = bytes.next() {
            // A line ends with \n, with \r\n or, on old machines, with \r.
            let is_end = *byte == b'\n' || (*byte == b'\r' && bytes.peek() != Some(&&b'\n'));
            self.number += u64::from(is_end);
        }
        self.at = start;
        self.number
    }
}

/// Where each column is; all mistakes of the header at once.
fn positions(header: &ByteRecord, problems: &mut Problems) -> Option<[usize; 5]> {
    let names: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    if let [only] = &names[..]
        && let Some(other) = [';', '\t', '|'].into_iter().find(|other| only.contains(*other))
    {
        problems.push((1, format!("the values are separated by {other:?} and not by commas")));
        return None;
    }
    for (i, name) in names.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) {
            problems.push((1, format!("the column {name:?} is unknown")));
        } else if names[..i].contains(name) {
            problems.push((1, format!("the column {name} is there twice")));
        }
    }
    let found = COLUMNS.map(|column| names.iter().position(|name| name == column));
    for (column, _) in COLUMNS.iter().zip(found).filter(|(_, position)| position.is_none()) {
        problems.push((1, format!("the column {column} is missing")));
    }
    let [Some(table), Some(column), Some(target), Some(required), Some(rows)] = found else { return None };
    Some([table, column, target, required, rows])
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
        problems.push((line, format!("{} values where the header has {width} columns", record.len())));
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
