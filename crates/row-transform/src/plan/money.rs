//! Money columns, for the view that adds them up before and after the mapping.

use staging_schema::Dialect;
use staging_schema::ddl::{MoneyColumn, NumberStyle};

use super::table::Plan;
use crate::model::{ColumnRule, ValueSource};
use crate::values::DecimalSign;

/// Where the amounts of a money column come from.
#[derive(Clone, Debug)]
pub(crate) struct MoneyPlan {
    column: String,
    from: Vec<String>,
    style: NumberStyle,
}

impl MoneyPlan {
    pub(crate) fn new(column: &str, rule: &ColumnRule, source: &ValueSource) -> Self {
        let from = match source {
            ValueSource::Columns(names) => names.clone(),
            // What is computed is not in the source, and cannot be added up there.
            _ => Vec::new(),
        };
        let style = match DecimalSign::parse(rule.decimal.as_deref()) {
            Some(DecimalSign::Point) => NumberStyle::Point,
            Some(DecimalSign::Comma) => NumberStyle::Comma,
            Some(DecimalSign::Plain) | None => NumberStyle::Plain,
        };
        Self { column: column.to_owned(), from, style }
    }
}

impl Plan {
    /// The money columns of all mappings, for [`staging_schema::ddl::money_sums`].
    pub fn money_columns(&self) -> Vec<MoneyColumn> {
        let mut columns = Vec::new();
        for table in &self.tables {
            for map in &table.maps {
                let condition = map.condition.as_ref().map(crate::sql::Fragment::statement);
                // A view must not call what other tools do not have.
                let is_plain = condition.as_ref().is_none_or(|condition| {
                    Dialect::ALL.iter().all(|dialect| !condition.text(*dialect).contains("dv_"))
                });
                columns.extend(map.money.iter().map(|money| MoneyColumn {
                    table: table.target.logical_name.clone(),
                    column: money.column.clone(),
                    source: map.source.clone(),
                    from: if is_plain { money.from.clone() } else { Vec::new() },
                    style: money.style,
                    condition: condition.clone(),
                }));
            }
        }
        columns
    }
}
