//! Every statement as text, for review.

use std::fmt::Write as _;

use staging_schema::Dialect;

use crate::sample;

#[test]
fn every_statement_is_reviewed_in_both_dialects() {
    for (topic, named) in sample::all() {
        for (suffix, dialect) in [("sqlite", Dialect::Sqlite), ("mssql", Dialect::Mssql)] {
            let mut text = String::new();
            for (name, statements) in &named {
                writeln!(text, "-- {name}").unwrap();
                for statement in statements {
                    writeln!(text, "{};", statement.text(dialect).trim_end_matches(';')).unwrap();
                }
                text.push('\n');
            }
            insta::assert_snapshot!(format!("{topic}_{suffix}"), text);
        }
    }
}

#[test]
fn both_texts_of_a_statement_use_the_same_parameters() {
    for (topic, named) in sample::all() {
        for (name, statements) in named {
            for statement in statements {
                let used = |prefix: &str, dialect| {
                    (1..=20)
                        .filter(|n| {
                            let text = statement.text(dialect);
                            let param = format!("{prefix}{n}");
                            text.match_indices(&param).any(|(at, _)| {
                                !text[at + param.len()..].starts_with(|next: char| next.is_ascii_digit())
                            })
                        })
                        .collect::<Vec<_>>()
                };
                let (sqlite, mssql) = (used("?", Dialect::Sqlite), used("@P", Dialect::Mssql));
                assert_eq!(sqlite, mssql, "{topic}: {name}");
                let given: Vec<_> = (1..=statement.params().len()).collect();
                assert_eq!(sqlite, given, "{topic}: {name} has other parameters than its text");
            }
        }
    }
}
