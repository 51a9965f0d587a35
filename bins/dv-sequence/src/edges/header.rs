//! The first line: where each column is, or what is wrong with it.

use csv::ByteRecord;

use super::COLUMNS;

/// Where each of `COLUMNS` is; all mistakes of the header at once.
pub(super) fn positions(header: &ByteRecord) -> Result<[usize; 5], Vec<String>> {
    let names: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    if let [only] = &names[..]
        && let Some(other) = [';', '\t', '|'].into_iter().find(|other| only.contains(*other))
    {
        return Err(vec![format!("the values are separated by {other:?} and not by commas")]);
    }
    let meant: Vec<Option<&str>> = names.iter().map(|name| meant(name)).collect();
    if meant.iter().all(Option::is_none) && names.iter().any(|name| is_value(name)) {
        return Err(vec!["this is a lookup already, and the header is missing".to_owned()]);
    }
    let mut problems = Vec::new();
    for (i, (name, meant)) in names.iter().zip(&meant).enumerate() {
        match meant {
            Some(column) if name != column => {
                problems.push(format!("the column {name:?} is unknown; did you mean {column}?"));
            }
            None => problems.push(format!("the column {name:?} is unknown")),
            Some(_) if names[..i].contains(name) => {
                problems.push(format!("the column {name} is there twice"));
            }
            Some(_) => {}
        }
    }
    let missing = COLUMNS.iter().filter(|column| !meant.contains(&Some(**column)));
    problems.extend(missing.map(|column| format!("the column {column} is missing")));
    let found = COLUMNS.map(|column| names.iter().position(|name| name == column));
    match found {
        [Some(table), Some(column), Some(target), Some(required), Some(rows)] if problems.is_empty() => {
            Ok([table, column, target, required, rows])
        }
        _ => Err(problems),
    }
}

/// The column that a name stands for, also in another case or with other signs between its words.
fn meant(name: &str) -> Option<&'static str> {
    let plain = |name: &str| -> String {
        name.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    COLUMNS.into_iter().find(|column| plain(column) == plain(name))
}

/// What no header has: a count, or true and false.
fn is_value(text: &str) -> bool {
    text.parse::<f64>().is_ok() || text.to_ascii_lowercase().parse::<bool>().is_ok()
}
