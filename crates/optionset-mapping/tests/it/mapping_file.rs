//! The file in which a project keeps its decisions.

use dataverse_wire::metadata::{ChoiceOption, ColumnDefinition, ColumnType, TableDefinition};
use optionset_mapping::read_mapping;

#[test]
fn every_mistake_is_told_with_its_line() {
    let options = vec![ChoiceOption::new(1, "Accounting")];
    let definition = TableDefinition::new("account", "accounts", "accountid")
        .with_column(ColumnDefinition::new("name", ColumnType::String { max_length: 10 }))
        .with_column(ColumnDefinition::new("industrycode", ColumnType::Choice { options }));
    let csv = "\u{feff}SourceTable,TargetTable,TargetColumn,SourceText,TargetText,TargetValue\n\
        A,account,industrycode,x,,1\n\
        A,acount,industrycode,x,,1\n\
        A,account,industry,x,,1\n\
        A,account,name,x,,1\n\
        A,account,industrycode,y,,2\n\
        A,account,industrycode,z,Alchemy,\n\
        A,account,industrycode,,,1\n\
        A,account,industrycode,x,,1\n\
        A,account,industrycode,q,,one\n";
    let problems = read_mapping(csv.as_bytes(), &[definition]).unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
    let problems = read_mapping(b"SourceTable,Text\nA,b\n", &[]).unwrap_err();
    assert_eq!(problems[0].line, 2);
}

#[test]
fn lines_are_counted_as_an_editor_shows_them() {
    let csv = "SourceTable,TargetTable,TargetColumn,SourceText,TargetText,TargetValue\n\nA,account,x,y,,1\n\n\nA,account,x,,,one\n";
    for csv in [csv.to_owned(), csv.replace('\n', "\r\n")] {
        let problems = read_mapping(csv.as_bytes(), &[]).unwrap_err();
        let lines: Vec<u64> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [3, 6], "{csv:?}");
    }
}
