//! The same files again, changed files, and runs that end half-way.

use source_extract::SourceTable;
use staging_schema::{Statement, TableName};
use staging_store::contract::ScratchStaging;

use crate::support::Desk;

const ALL: &str = "DataMigration_RowId, Id, Name, DataMigration_Line";

fn keyed() -> SourceTable {
    SourceTable { key: Some("Id".to_owned()), ..SourceTable::named("T") }
}

#[tokio::test]
async fn an_unchanged_file_is_left_alone_even_where_people_repaired_the_snapshot() {
    let desk = Desk::new().await;
    desk.write("T.csv", "Id,Name\n1,a\n2,b\n");
    desk.extract(&keyed()).await.unwrap();
    desk.store
        .execute(&ScratchStaging::statement("UPDATE source_T SET Name = 'B' WHERE Id = '2'"))
        .await
        .unwrap();
    let again = desk.extract(&keyed()).await.unwrap();
    assert!(again.unchanged);
    assert_eq!(again.rows, 2);
    assert_eq!(desk.rows("T", ALL).await, ["1|1|a|2", "2|2|B|3"]);
}

#[tokio::test]
async fn with_a_key_only_what_differs_gets_a_new_row() {
    let desk = Desk::new().await;
    desk.write("T.csv", "Id,Name\n1,a\n2,b\n3,c\n");
    desk.extract(&keyed()).await.unwrap();
    desk.write("T.csv", "Id,Name\n4,d\n3,c\n2,B\n");
    let again = desk.extract(&keyed()).await.unwrap();
    assert_eq!((again.rows, again.added, again.removed, again.unchanged), (3, 2, 2, false));
    let rows = desk.rows("T", ALL).await;
    assert_eq!(rows.len(), 3);
    assert!(rows.contains(&"3|3|c|3".to_owned()), "the row that stayed keeps its RowId: {rows:?}");
    assert!(rows.iter().any(|row| row.ends_with("|2|B|4")), "{rows:?}");
    assert_eq!(desk.tables().await, ["source_T"]);
}

#[tokio::test]
async fn keys_that_differ_by_case_or_by_a_blank_are_rows_of_their_own() {
    let desk = Desk::new().await;
    desk.write("T.csv", "Id,Name\n001Aa,x\n001aA,x\n001Aa ,x\n😀,x\n");
    desk.extract(&keyed()).await.unwrap();
    desk.write("T.csv", "Id,Name\n😁,x\n001Aa ,x\n001aA,y\n001Aa,x\n");
    let again = desk.extract(&keyed()).await.unwrap();
    assert_eq!((again.rows, again.added, again.removed, again.unchanged), (4, 2, 2, false));
    let rows = desk.rows("T", ALL).await;
    assert_eq!(rows[..2], ["1|001Aa|x|5", "3|001Aa |x|3"]);
    assert!(rows[2].ends_with("|😁|x|2") && rows[3].ends_with("|001aA|y|4"), "{rows:?}");
}

#[tokio::test]
async fn twins_other_columns_or_no_key_replace_the_whole_table() {
    let desk = Desk::new().await;
    desk.write("T.csv", "Id,Name\n1,a\n");
    desk.extract(&keyed()).await.unwrap();
    desk.write("T.csv", "Id,Name\n1,a\n1,a\n");
    assert_eq!(desk.extract(&keyed()).await.unwrap().rows, 2);
    assert_eq!(desk.rows("T", "Id").await, ["1", "1"]);
    desk.write("T.csv", "Id,Name,More\n1,a,x\n");
    desk.extract(&keyed()).await.unwrap();
    assert_eq!(desk.rows("T", "More").await, ["x"]);
    desk.write("T.csv", "Id,Name,More\n2,b,y\n");
    let replaced = desk.extract(&SourceTable::named("T")).await.unwrap();
    assert_eq!((replaced.added, replaced.removed), (1, 1));
    assert_eq!(desk.rows("T", "More").await, ["y"]);
}

#[tokio::test]
async fn a_bad_file_leaves_the_snapshot_of_the_good_one() {
    let desk = Desk::new().await;
    desk.write("T.csv", "Id,Name\n1,a\n");
    desk.extract(&keyed()).await.unwrap();
    let rows = (0..45_000).map(|n| format!("{n},x\n")).collect::<Vec<_>>().concat();
    desk.write("T.csv", format!("Id,Name\n{rows}1,2,3\n"));
    desk.extract(&keyed()).await.unwrap_err();
    assert_eq!(desk.rows("T", ALL).await, ["1|1|a|2"]);
    assert_eq!(desk.tables().await, ["source_T"]);
}

#[tokio::test]
async fn what_a_killed_run_left_beside_the_snapshot_is_cleared_away() {
    let desk = Desk::new().await;
    desk.store
        .execute(&Statement::new(
            |d| format!("CREATE TABLE {} (Half INTEGER)", d.table(&TableName::source("T~arriving"))),
            Vec::new(),
        ))
        .await
        .unwrap();
    desk.write("T.csv", "Id,Name\n1,a\n");
    desk.extract(&keyed()).await.unwrap();
    assert_eq!(desk.tables().await, ["source_T"]);
    assert_eq!(desk.rows("T", ALL).await, ["1|1|a|2"]);
}

#[tokio::test]
async fn many_batches_arrive_in_order_and_all() {
    let desk = Desk::new().await;
    let rows = (0..70_001).map(|n| format!("{n},\"name {n}\"\n")).collect::<Vec<_>>().concat();
    desk.write("T.csv", format!("Id,Name\n{rows}"));
    let extracted = desk.extract(&keyed()).await.unwrap();
    assert_eq!(extracted.rows, 70_001);
    let right =
        "CAST(Id AS INTEGER) + 1 = DataMigration_RowId AND DataMigration_Line = DataMigration_RowId + 1";
    assert_eq!(desk.count("T", right).await, 70_001);
}
