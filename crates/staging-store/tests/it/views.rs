//! What people see of a load in plain SQL.

use staging_schema::{StagedColumn, StagedKind, TargetTable, Value};
use staging_store::contract::ScratchStaging;

use crate::world;

#[tokio::test]
async fn open_errors_are_counted_by_cause_with_an_example_of_each() {
    let (_staging, store) = world::either_store().await;
    let contact =
        TargetTable::new("contact", vec![StagedColumn::new("lastname", StagedKind::Text { max: 50 })]);
    let contact = contact.unwrap();
    let account = TargetTable::new("account", vec![]).unwrap();
    store.ensure_tables(&[contact, account]).await.unwrap();
    let fill = [
        "INSERT INTO target_contact (DataMigration_SourceTable, DataMigration_SourceKey)
        VALUES ('C', 'c1'), ('C', 'c2'), ('C', 'c3'), ('C', 'c4'), ('C', 'c5')",
        "INSERT INTO target_contact_Error (RowId, Pass, Generation, ErrorCode, Message, Retried) VALUES
          (3, 'insert', 1, '0x80040265', 'Credit limit too high: 90', 0),
          (1, 'insert', 1, '0x80040265', 'Number 17 is taken', 0),
          (2, 'insert', 1, '0x80040265', 'Number 4711 is taken', 0),
          (2, 'insert', 1, '0x80040265', 'Number 4712 is taken', 0),
          (4, 'insert', 1, '0x80040265', 'Number 5 is taken', 1),
          (4, 'insert', 2, '0x80040265', 'Number 5 is taken', 0)",
        "INSERT INTO target_contact_Error (RowId, Pass, Generation, RuleName, ColumnName, Message) VALUES
          (5, 'validate', 1, 'too-long', 'lastname', 'too long')",
    ];
    store.execute_all(&fill.map(ScratchStaging::statement)).await.unwrap();
    let read = "SELECT TargetTable, Pass, ErrorCode, RuleName, ColumnName, Errors, RowsAffected, Cause, FirstMessage, ExampleRowId, \
                ExampleSourceKey FROM target_ErrorSummary ORDER BY Errors DESC, Pass";
    let rows = store.query(&ScratchStaging::statement(read)).await.unwrap();
    let cell = |cell: &Value| match cell.as_integer() {
        Some(n) => n.to_string(),
        None => cell.as_text().unwrap_or("-").to_owned(),
    };
    let rows: Vec<_> =
        rows.iter().map(|row| row.values().iter().map(cell).collect::<Vec<_>>().join("|")).collect();
    assert_eq!(
        rows,
        [
            "contact|insert|0x80040265|-|-|3|2|Number|Number 17 is taken|1|c1",
            "contact|insert|0x80040265|-|-|1|1|Credit limit too high|Credit limit too high: 90|3|c3",
            "contact|validate|-|too-long|lastname|1|1|too long|too long|5|c5",
        ],
        "what was taken again, and what belongs to an earlier generation, is not open"
    );
}
