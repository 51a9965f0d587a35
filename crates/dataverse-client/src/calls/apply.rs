//! Aggregations (reference §13.3).

use super::filter::Filter;

/// An aggregation for [`crate::Query::apply`]: rows, perhaps filtered, perhaps in groups, and what is computed of them.
/// The service takes up to 50,000 rows; counts of different values and parts of dates need [`crate::Fetch`].
///
/// ```
/// use dataverse_client::{Apply, Filter};
/// let apply = Apply::new()
///     .filter(Filter::eq("statecode", 0))
///     .group_by(["industrycode"])
///     .count("accounts")
///     .sum("revenue", "total");
/// assert_eq!(
///     String::from(apply),
///     "filter(statecode eq 0)/groupby((industrycode),aggregate($count as accounts,revenue with sum as total))"
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Apply {
    filter: Option<Filter>,
    groups: Vec<String>,
    measures: Vec<String>,
}

impl Apply {
    /// Of all rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of rows that meet the condition; several must all be met.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<Filter>) -> Self {
        let filter = filter.into();
        self.filter = Some(match self.filter.take() {
            Some(known) => known.and(filter),
            None => filter,
        });
        self
    }

    /// One result for each combination of values; columns of a parent as `primarycontactid/fullname`.
    #[must_use]
    pub fn group_by<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.groups.extend(columns.into_iter().map(Into::into));
        self
    }

    /// The number of rows.
    #[must_use]
    pub fn count(mut self, alias: &str) -> Self {
        self.measures.push(format!("$count as {alias}"));
        self
    }

    /// A sum.
    #[must_use]
    pub fn sum(self, column: &str, alias: &str) -> Self {
        self.measure(column, "sum", alias)
    }

    /// A mean.
    #[must_use]
    pub fn average(self, column: &str, alias: &str) -> Self {
        self.measure(column, "average", alias)
    }

    /// The least value.
    #[must_use]
    pub fn min(self, column: &str, alias: &str) -> Self {
        self.measure(column, "min", alias)
    }

    /// The greatest value.
    #[must_use]
    pub fn max(self, column: &str, alias: &str) -> Self {
        self.measure(column, "max", alias)
    }

    fn measure(mut self, column: &str, method: &str, alias: &str) -> Self {
        self.measures.push(format!("{column} with {method} as {alias}"));
        self
    }
}

impl From<Apply> for String {
    fn from(apply: Apply) -> Self {
        let aggregate =
            (!apply.measures.is_empty()).then(|| format!("aggregate({})", apply.measures.join(",")));
        let groups = (!apply.groups.is_empty()).then(|| format!("({})", apply.groups.join(",")));
        let rows = match (groups, aggregate) {
            (Some(groups), Some(aggregate)) => Some(format!("groupby({groups},{aggregate})")),
            (Some(groups), None) => Some(format!("groupby({groups})")),
            (None, aggregate) => aggregate,
        };
        let filter = apply.filter.map(|filter| format!("filter({})", filter.as_str()));
        filter.into_iter().chain(rows).collect::<Vec<_>>().join("/")
    }
}
