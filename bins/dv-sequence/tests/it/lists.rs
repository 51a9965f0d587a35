//! Edge lists as people have them: what is wrong with them, and what is worth a note.

use std::io::Write;

use crate::{CRM, HEADER, plan, refused, run, written};

fn lines(number: usize, line: impl Fn(usize) -> String) -> String {
    (0..number).map(line).collect::<Vec<_>>().concat()
}

/// What is told about a list that can be used.
#[track_caller]
fn notes(lines: &str) -> String {
    let (folder, path) = written(&format!("{HEADER}{lines}"));
    let output = run(&path, &["--json"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    told.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn tables_whose_names_differ_in_case_only_are_noted_with_their_lines() {
    insta::assert_snapshot!(
        notes("Account,x,Contact,false,1\ncontact,y,account,false,2\ncontact,z,lead,false,2\n"),
        @"
    note: graph.csv: Account (line 2) and account (line 3) differ in case only and count as different tables
    note: graph.csv: Contact (line 2) and contact (line 3) differ in case only and count as different tables
    "
    );
    let told = notes(&lines(30, |i| format!("t{i},x,T{i},false,1\n")));
    assert_eq!(told.lines().count(), 11);
    assert!(told.ends_with("20 more tables whose names differ in case only\n"), "{told}");
}

#[test]
fn a_column_that_is_required_for_some_targets_only_is_noted_with_its_lines() {
    insta::assert_snapshot!(
        notes("a,x,b,false,1\na,x,c,true,1\na,y,b,true,1\n"),
        @"note: graph.csv: a.x is required on line 3 and not on line 2; each line counts as it is written"
    );
}

#[test]
fn a_header_that_differs_in_case_is_asked_about() {
    insta::assert_snapshot!(refused("Table,column,target,Required,Filled Rows\na,x,b,true,1\n", &[]), @r#"
    error: graph.csv, line 1: the column "Table" is unknown; did you mean table?
    error: graph.csv, line 1: the column "Required" is unknown; did you mean required?
    error: graph.csv, line 1: the column "Filled Rows" is unknown; did you mean filled_rows?
    hint: the first line is table,column,target,required,filled_rows; see dv-sequence --help
    "#);
}

#[test]
fn a_missing_header_is_one_mistake() {
    insta::assert_snapshot!(refused("a,x,b,false,1\nb,y,a,false,1\n", &[]), @"
    error: graph.csv, line 1: this is a lookup already, and the header is missing
    hint: the first line is table,column,target,required,filled_rows; see dv-sequence --help
    ");
}

#[test]
fn the_header_is_hinted_at_only_where_it_is_wrong() {
    let told = refused(&format!("{HEADER}a,x,b,false,-1\n"), &[]);
    assert!(told.contains("line 2") && !told.contains("hint"), "{told}");
}

#[test]
fn a_header_alone_has_nothing_to_order() {
    insta::assert_snapshot!(notes(""), @"note: graph.csv: no lookup follows the header, so there is nothing to order");
    assert_eq!(plan(HEADER, &[])["waves"], serde_json::json!([]));
}

#[test]
fn an_unclosed_quote_is_named_where_it_opens() {
    let told = refused(&format!("{HEADER}a,x,b,maybe,1\n\"q\"\"\nq\",x,b,\"false,1\nb,y,a,false,1\n"), &[]);
    insta::assert_snapshot!(told, @r#"
    error: graph.csv, line 2: required is "maybe", which is neither true nor false
    error: graph.csv, line 4: a quote opens here and is never closed
    "#);
    assert!(refused("\"table,column\n", &[]).contains("line 1: a quote opens here"));
    assert!(refused(&format!("{HEADER}a,x,b,false,\"1"), &[]).contains("line 2: a quote opens here"));
}

#[test]
fn of_many_mistakes_twenty_are_told() {
    let told = refused(&format!("{HEADER}{}", lines(3_000, |i| format!("t{i},x,b,false,-1\n"))), &[]);
    assert_eq!(told.lines().count(), 21);
    assert!(told.ends_with("error: and 2,980 more problems\n"), "{told}");
}

#[test]
fn of_many_cycles_ten_are_told_one_a_line() {
    let lines = lines(12, |i| format!("a{i},x,b{i},true,1\nb{i},y,a{i},true,1\n"));
    let told = refused(&format!("{HEADER}{lines}"), &[]);
    assert_eq!(told.lines().count(), 13, "{told}");
    assert!(told.contains("form 12 cycles:\n  a0.x -> b0 (required), b0.y -> a0 (required)\n"), "{told}");
    assert!(told.contains("\n  and 2 more\nhint: point one of these lookups to a placeholder row"), "{told}");
}

#[test]
fn packed_lists_are_known_by_their_content_and_others_by_what_they_are() {
    let (folder, path) = written("");
    let mut zipper = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipper.write_all(CRM.as_bytes()).unwrap();
    let packed = zipper.finish().unwrap();
    std::fs::write(&path, &packed).unwrap();
    assert!(run(&path, &[]).status.success());
    let plain = folder.path().join("plain.csv.gz");
    std::fs::write(&plain, CRM).unwrap();
    assert!(run(&plain, &[]).status.success());

    let told = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let output = run(&path, &[]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told(&packed[..packed.len() - 9]).contains("cannot be unpacked"));
    let wide = |mark: [u8; 2]| [mark.to_vec(), CRM.bytes().flat_map(|byte| [byte, 0]).collect()].concat();
    assert!(told(&wide([0xff, 0xfe])).contains("is in UTF-16; save it as CSV in UTF-8"));
    assert!(told(&wide([0xff, 0xfe])[2..]).contains("is in UTF-16"));
    assert!(told(b"PK\x03\x04rest").contains("is a workbook or a ZIP archive"));
}

#[test]
fn one_value_is_no_plural() {
    assert!(refused(&format!("{HEADER}a\n"), &[]).contains("1 value where the header has 5 columns"));
    assert_eq!(plan(CRM, &[])["cost"], serde_json::json!(1500));
}
