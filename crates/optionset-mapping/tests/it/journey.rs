//! From staged texts to staged values.

use dataverse_wire::metadata::{ChoiceOption, ColumnDefinition, ColumnType, TableDefinition};
use optionset_mapping::{Proposed, Separators, apply, export, import, propose, unmapped};
use staging_schema::{StagedColumn, StagedKind, Statement, TableName, TargetTable, ddl};
use staging_store::Store;
use staging_store::contract::ScratchStaging;

struct Desk {
    _staging: ScratchStaging,
    store: Store,
    target: TargetTable,
    definition: TableDefinition,
}

impl Desk {
    async fn new() -> Self {
        let staging = ScratchStaging::new().await.unwrap();
        let store = Store::open(staging.options()).await.unwrap();
        let columns = vec![
            StagedColumn::new("industrycode", StagedKind::Choice),
            StagedColumn::new("new_topics", StagedKind::MultiChoice),
        ];
        let target = TargetTable::new("account", columns).unwrap();
        store.execute_all(&ddl::target_table(&target)).await.unwrap();
        let industries = vec![ChoiceOption::new(1, "Accounting"), ChoiceOption::new(7, "Retail & Trade")];
        let topics = vec![
            ChoiceOption::new(3, "Loans"),
            ChoiceOption::new(20, "Cards"),
            ChoiceOption::new(100, "Fraud"),
        ];
        let definition = TableDefinition::new("account", "accounts", "accountid")
            .with_column(ColumnDefinition::new("industrycode", ColumnType::Choice { options: industries }))
            .with_column(ColumnDefinition::new("new_topics", ColumnType::MultiChoice { options: topics }));
        Self { _staging: staging, store, target, definition }
    }

    async fn add(&self, key: &str, industry: Option<&str>, topics: Option<&str>) {
        let statement = Statement::new(
            |d| {
                format!(
                    "INSERT INTO {} (DataMigration_SourceTable, DataMigration_SourceKey, industrycode_Text, new_topics_Text) \
                     VALUES ('Account', {}, {}, {})",
                    d.table(&TableName::target("account")),
                    d.param(1),
                    d.param(2),
                    d.param(3)
                )
            },
            vec![key.into(), industry.into(), topics.into()],
        );
        self.store.execute(&statement).await.unwrap();
    }

    async fn execute(&self, sql: &str) {
        self.store.execute(&ScratchStaging::statement(sql)).await.unwrap();
    }

    async fn propose(&self) -> Proposed {
        propose(&self.store, &self.target, &self.definition, &Separators::new()).await.unwrap()
    }

    async fn apply(&self) -> u64 {
        apply(&self.store, &self.target, &Separators::new()).await.unwrap()
    }

    async fn rows(&self, columns: &str) -> Vec<String> {
        let sql = format!("SELECT {columns} FROM target_account ORDER BY DataMigration_RowId");
        let rows = self.store.query(&ScratchStaging::statement(&sql)).await.unwrap();
        rows.iter()
            .map(|row| {
                let cells = row.values().iter().map(|value| match value.as_integer() {
                    Some(n) => n.to_string(),
                    None => value.as_text().unwrap_or("-").to_owned(),
                });
                cells.collect::<Vec<_>>().join("|")
            })
            .collect()
    }
}

#[tokio::test]
async fn texts_become_values_through_proposals_and_what_is_left_is_counted() {
    let desk = Desk::new().await;
    desk.add("1", Some("Accounting"), Some("Cards; Loans;Cards")).await;
    desk.add("2", Some("retail trade"), Some("Loans;Gold")).await;
    desk.add("3", Some("7"), Some(";")).await;
    desk.add("4", Some("Alchemy"), None).await;
    desk.add("5", Some("Alchemy"), None).await;
    let proposed = desk.propose().await;
    assert_eq!(proposed, Proposed { exact: 3, similar: 1, number: 1, open: 2 });
    assert_eq!(desk.apply().await, 3, "rows, not values");
    assert_eq!(desk.rows("industrycode, new_topics").await, ["1|3,20", "7|-", "7|-", "-|-", "-|-"]);
    let left = unmapped(&desk.store, &desk.target, &Separators::new()).await.unwrap();
    let left: Vec<_> =
        left.iter().map(|left| format!("{} {} {}", left.target_column, left.text, left.rows)).collect();
    assert_eq!(left, ["industrycode Alchemy 2", "new_topics Gold 1"]);

    // Again: nothing to do.
    assert_eq!(desk.propose().await, Proposed { open: 2, ..Proposed::default() });
    assert_eq!(desk.apply().await, 0);
}

#[tokio::test]
async fn decisions_of_people_are_never_overwritten() {
    let desk = Desk::new().await;
    desk.add("1", Some("Accounting"), Some("Gold")).await;
    desk.propose().await;
    desk.execute("UPDATE migration_OptionSetMapping SET TargetValue = 7 WHERE SourceText = 'Accounting'")
        .await;
    desk.execute(
        "UPDATE migration_OptionSetMapping SET TargetValue = 100, Origin = 'me' WHERE SourceText = 'Gold'",
    )
    .await;
    assert_eq!(desk.propose().await, Proposed::default());
    desk.apply().await;
    assert_eq!(desk.rows("industrycode, new_topics").await, ["7|100"]);
}

#[tokio::test]
async fn a_new_value_of_a_sent_row_is_a_new_generation() {
    let desk = Desk::new().await;
    desk.add("1", Some("Accounting"), None).await;
    desk.add("2", Some("Accounting"), None).await;
    desk.propose().await;
    desk.apply().await;
    desk.execute("UPDATE target_account SET DataMigration_DataverseId = '00000000-0000-0000-0000-000000000001', DataMigration_ProcessingFlag = 'P' WHERE DataMigration_SourceKey = '1'").await;
    desk.execute("UPDATE migration_OptionSetMapping SET TargetValue = 7").await;
    assert_eq!(desk.apply().await, 2);
    let rows = desk
        .rows(
            "industrycode, DataMigration_Generation, DataMigration_ActionFlag, DataMigration_ProcessingFlag",
        )
        .await;
    assert_eq!(rows, ["7|2|U|U", "7|1|I|U"]);
}

#[tokio::test]
async fn a_project_carries_its_decisions() {
    let desk = Desk::new().await;
    let csv = "SourceTable,TargetTable,TargetColumn,SourceText,TargetText,TargetValue\n\
               Account,account,industrycode,Alchemy,,7\n\
               Account,account,industrycode,None of it,,\n\
               Account,account,new_topics,Gold,cards,\n";
    let rows =
        optionset_mapping::read_mapping(csv.as_bytes(), std::slice::from_ref(&desk.definition)).unwrap();
    assert_eq!(import(&desk.store, &rows).await.unwrap(), 3);
    assert_eq!(import(&desk.store, &rows).await.unwrap(), 0);
    desk.add("1", Some("Alchemy"), Some("Gold")).await;
    desk.add("2", Some("None of it"), None).await;
    desk.add("3", Some("Unknown"), None).await;
    assert_eq!(desk.propose().await, Proposed { open: 1, ..Proposed::default() });
    desk.apply().await;
    assert_eq!(desk.rows("industrycode, new_topics").await, ["7|20", "-|-", "-|-"]);
    let left = unmapped(&desk.store, &desk.target, &Separators::new()).await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    let exported = export(&desk.store).await.unwrap();
    let written = String::from_utf8(optionset_mapping::write_mapping(&exported).unwrap()).unwrap();
    assert_eq!(
        written,
        "SourceTable,TargetTable,TargetColumn,SourceText,TargetText,TargetValue\n\
         Account,account,industrycode,Alchemy,Retail & Trade,7\n\
         Account,account,industrycode,None of it,,\n\
         Account,account,new_topics,Gold,cards,20\n"
    );
}

#[tokio::test]
async fn a_separator_that_cannot_be_used_is_refused() {
    let desk = Desk::new().await;
    desk.add("1", None, Some("Cards")).await;
    let separators = Separators::from([(("Account".to_owned(), "new_topics".to_owned()), "||".to_owned())]);
    let error = apply(&desk.store, &desk.target, &separators).await.unwrap_err();
    assert!(error.to_string().starts_with("account.new_topics: the separator \"||\""), "{error}");
}
