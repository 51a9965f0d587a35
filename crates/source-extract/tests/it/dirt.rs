//! What real files look like, and what is refused.

use source_extract::{Error, SourceTable, headers};
use staging_schema::Statement;

use crate::support::{Desk, skipped};

const STAMPED: &str = "Id, Name, DataMigration_Line";

#[tokio::test]
async fn cells_stay_as_they_were_and_lines_count_the_breaks_inside_them() {
    let desk = Desk::new().await;
    desk.write(
        "Account.csv",
        "\u{feff}Id,Name\r\n1,\"a \"\"b\"\"\r\nc\"\r\n2, x \r\n3,\r\n\r\n4,\"\"\r\n5,ü😀",
    );
    let extracted = desk.extract(&SourceTable::named("Account")).await.unwrap();
    assert_eq!((extracted.rows, extracted.added, extracted.unchanged), (5, 5, false));
    let rows = desk.rows("Account", STAMPED).await;
    assert_eq!(rows, ["1|a \"b\"\r\nc|2", "2| x |4", "3|-|5", "4|-|7", "5|ü😀|8"]);
    let stamps =
        desk.rows("Account", "DataMigration_ArrivedAt, DataMigration_File, DataMigration_RowHash").await;
    let hash = stamps[0].strip_prefix("2026-11-21T09:00:00.000Z|Account.csv|").unwrap();
    assert_eq!(hash.len(), 16, "{hash}");
}

#[tokio::test]
async fn odd_headers_and_texts_of_any_length_arrive_as_they_were() {
    arrives_as_it_was(["Id", "Straße [neu", "ab", "\"q\" 'r'", "50 % off", "x.y;--", "Ж", "select", "Text"])
        .await;
}

#[tokio::test]
async fn a_header_with_a_closing_bracket_or_an_emoji_ends_no_name() {
    let probe = Statement::new(|d| format!("SELECT 1 AS {}", d.quote("a]b")), Vec::new());
    if Desk::new().await.store.query(&probe).await.is_err() {
        return skipped("SQL Server knows ]] in a name, this server does not");
    }
    arrives_as_it_was(["Id", "Straße [neu]", "a]b", "]", "[", "]]", "😀", "😁", "Text"]).await;
}

/// Texts of many lengths in the last of these columns, arrived, and again as a part of what is there.
async fn arrives_as_it_was(headers: [&str; 9]) {
    // Around the longest texts that a parameter, a bulk insert and a page of a server take.
    let texts = [0, 1, 3_999, 4_000, 4_001, 8_000, 32_766, 32_767, 32_768, 70_000]
        .map(|length| "ä😀z ".chars().cycle().take(length).collect());
    let texts: Vec<String> =
        texts.into_iter().chain((0..20).map(|n| format!("  {n} % [x] ' \" ]] \u{1} \u{feff} "))).collect();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut lines = vec![headers.map(quoted).join(",")];
    let mut expected = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        let cells: Vec<String> =
            (0..headers.len()).map(|at| if at == 8 { text.clone() } else { format!("{n} {at}") }).collect();
        lines.push(cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
        expected
            .push(cells.join("|").trim_end_matches('|').to_owned() + if text.is_empty() { "|-" } else { "" });
    }
    let desk = Desk::new().await;
    desk.write("Odd x.csv", lines.join("\n"));
    desk.extract(&SourceTable::named("Odd x")).await.unwrap();
    let rows = desk.rows("Odd x", "*").await;
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        let (_, row) = row.split_once('|').unwrap();
        assert!(
            row.starts_with(&format!("{expected}|2026-")),
            "{:?} is not {:?}",
            &row[..row.floor_char_boundary(90)],
            &expected[..expected.floor_char_boundary(90)]
        );
    }
    // In place of the table that is there, by its own columns.
    desk.write("Odd x.csv", lines[..3].join("\n"));
    let again = desk
        .extract(&SourceTable { key: Some(headers[2].to_owned()), ..SourceTable::named("Odd x") })
        .await
        .unwrap();
    assert_eq!((again.rows, again.added, again.removed), (2, 0, 28), "the two rows stay");
}

#[tokio::test]
async fn a_table_of_many_columns_arrives_whole() {
    let (columns, rows) = (700, 40);
    let header: Vec<_> = (0..columns).map(|n| format!("Column {n}")).collect();
    let row = |n: usize| {
        (0..columns)
            .map(|at| if at % 7 == 0 { format!("{n}.{at}") } else { String::new() })
            .collect::<Vec<_>>()
    };
    let lines = std::iter::once(header.join(",")).chain((0..rows).map(|n| row(n).join(",")));
    let desk = Desk::new().await;
    desk.write("Wide.csv", lines.collect::<Vec<_>>().join("\n"));
    desk.extract(&SourceTable::named("Wide")).await.unwrap();
    let found = desk.rows("Wide", "[Column 0], [Column 1], [Column 693], [Column 699]").await;
    let expected: Vec<_> = (0..rows).map(|n| format!("{n}.0|-|{n}.693|-")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn gzip_a_legacy_encoding_and_another_delimiter_read_the_same() {
    let desk = Desk::new().await;
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode("Id;Name\n1;Grüße – €\n");
    desk.write_gzip("Account.csv.gz", &bytes);
    let table = SourceTable {
        encoding: Some("windows-1252".to_owned()),
        delimiter: Some(";".to_owned()),
        ..SourceTable::named("Account")
    };
    desk.extract(&table).await.unwrap();
    assert_eq!(desk.rows("Account", STAMPED).await, ["1|Grüße – €|2"]);
    let (bytes, _, _) = encoding_rs::UTF_16LE.encode("x");
    assert_eq!(&*bytes, b"x", "encoding_rs writes UTF-8 for UTF-16");
    let utf16: Vec<u8> = "\u{feff}Id,Name\n1,ж\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    desk.write("Wide.csv", &utf16);
    desk.extract(&SourceTable { encoding: Some("utf-16le".to_owned()), ..SourceTable::named("Wide") })
        .await
        .unwrap();
    assert_eq!(desk.rows("Wide", STAMPED).await, ["1|ж|2"]);
}

#[track_caller]
fn check(result: Result<source_extract::Extracted, Error>, folder: &std::path::Path, expected: &str) {
    let error = result.expect_err(expected);
    let text = error.to_string().replace(&format!("{}/", folder.display()), "");
    assert_eq!(text, expected);
    assert!(error.is_input());
}

#[tokio::test]
async fn what_cannot_be_read_is_named_with_file_line_and_column_and_nothing_is_written() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "T.csv: the file is empty, a header line was expected"),
        (b"Id,Name,\n", "T.csv: line 1, column 3: the header is empty"),
        (b"Id,Name,ID\n", "T.csv: line 1: columns 1 and 3 are both called \"ID\""),
        (
            b"Id,DataMigration_Line\n",
            "T.csv: line 1, column 2: \"DataMigration_Line\" cannot be a column of the snapshot (the staging database uses this name itself)",
        ),
        (b"Id,Name\n1,a\n2\n", "T.csv: line 3 has 1 cells, the header has 2 (first difference at column 2)"),
        (
            b"Id,Name\n1,\"a\nb\"\n2,x,y\n",
            "T.csv: line 4 has 3 cells, the header has 2 (first difference at column 3)",
        ),
        (
            b"Id,Name\n1,a\n2,\xff\n",
            "T.csv: line 3, column \"Name\": not valid UTF-8; declare the file's `encoding`",
        ),
        (b"Id,Name\n1,a\n2,\"open\n3,c\n", "T.csv: a quote opened in the row at line 3 is never closed"),
        (b"Id,\"Name\n1,a\n", "T.csv: a quote opened in the row at line 1 is never closed"),
        (
            b"\xff\xfeI\0d\0",
            "T.csv: the file is marked as utf-16le: declare `encoding = \"utf-16le\"` for it",
        ),
    ];
    for (bytes, expected) in cases {
        let desk = Desk::new().await;
        desk.write("T.csv", bytes);
        check(desk.extract(&SourceTable::named("T")).await, desk.path(), expected);
        assert_eq!(desk.tables().await, Vec::<String>::new(), "{expected}");
    }
}

#[tokio::test]
async fn a_malformed_character_of_a_legacy_encoding_is_found_by_its_place() {
    let desk = Desk::new().await;
    desk.write("T.csv", b"Id,Name\n1,\x83\x65\n2,ab\xfd\n");
    let table = SourceTable { encoding: Some("shift_jis".to_owned()), ..SourceTable::named("T") };
    check(
        desk.extract(&table).await,
        desk.path(),
        "T.csv: line 3, character 5: not valid Shift_JIS; declare the file's `encoding`",
    );
}

#[tokio::test]
async fn settings_that_mean_nothing_are_refused() {
    let desk = Desk::new().await;
    desk.write("T.csv", "Id,Name\n");
    desk.write("T.parquet", "PAR1");
    let table = SourceTable::named("T");
    let parquet = SourceTable { file: Some("T.parquet".to_owned()), ..table.clone() };
    check(
        desk.extract(&parquet).await,
        desk.path(),
        "source table T: parquet is not supported yet; supported are csv and csv.gz (T.parquet)",
    );
    check(
        desk.extract(&SourceTable::named("U")).await,
        desk.path(),
        "source table U: there is no file U.csv",
    );
    let unknown = SourceTable { encoding: Some("klingon".to_owned()), ..table.clone() };
    assert!(matches!(desk.extract(&unknown).await, Err(Error::EncodingUnknown { .. })));
    let delimiter = SourceTable { delimiter: Some("||".to_owned()), ..table.clone() };
    assert!(matches!(desk.extract(&delimiter).await, Err(Error::DelimiterUnusable { .. })));
    let declared = SourceTable { columns: Some(vec!["Id".to_owned()]), ..table.clone() };
    check(
        desk.extract(&declared).await,
        desk.path(),
        "T.csv: line 1, column 2: the project does not know the header \"Name\"",
    );
    let keyed = SourceTable { key: Some("Key".to_owned()), ..table };
    check(
        desk.extract(&keyed).await,
        desk.path(),
        "T.csv: line 1: the column \"Key\" that the project declares is missing",
    );
}

#[tokio::test]
async fn a_damaged_gzip_file_is_an_error_and_not_a_short_table() {
    let desk = Desk::new().await;
    let rows = (0..50_000).map(|n| format!("{n},name {n}\n")).collect::<Vec<_>>().concat();
    desk.write_gzip("T.csv.gz", format!("Id,Name\n{rows}").as_bytes());
    let whole = std::fs::read(desk.path().join("T.csv.gz")).unwrap();
    desk.write("T.csv.gz", &whole[..whole.len() / 2]);
    let error = desk.extract(&SourceTable::named("T")).await.unwrap_err();
    assert!(matches!(error, Error::FileUnreadable { line, .. } if line > 1), "{error:?}");
    assert_eq!(desk.tables().await, Vec::<String>::new());
}

#[tokio::test]
async fn all_headers_are_read_or_all_mistakes_are_told() {
    let desk = Desk::new().await;
    desk.write("A.csv", "Id,Name\n1,x\n");
    desk.write("B.csv", "Id,Id\n");
    let tables = SourceTable::discover(desk.path(), &[SourceTable::named("C")]).unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["C", "A", "B"]);
    assert_eq!(headers(desk.path(), &tables).unwrap_err().len(), 2);
    assert_eq!(headers(desk.path(), &tables[1..2]).unwrap()["A"], ["Id", "Name"]);
}
