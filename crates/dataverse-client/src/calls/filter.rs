//! Conditions of queries.

use dataverse_wire::literal::KeyLiteral;

/// A condition; values are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

/// A value that a condition compares with.
pub trait FilterValue {
    /// The value as OData writes it.
    fn literal(&self) -> String;
}

impl FilterValue for KeyLiteral {
    fn literal(&self) -> String {
        self.to_string()
    }
}

impl FilterValue for &str {
    fn literal(&self) -> String {
        dataverse_wire::literal::text(self)
    }
}

impl FilterValue for String {
    fn literal(&self) -> String {
        dataverse_wire::literal::text(self)
    }
}

macro_rules! plain_filter_values {
    ($($kind:ty),*) => {
        $(impl FilterValue for $kind {
            fn literal(&self) -> String {
                self.to_string()
            }
        })*
    };
}

plain_filter_values!(i32, i64, u32, f64, bool, uuid::Uuid, jiff::Timestamp, jiff::civil::Date);

impl Filter {
    /// A condition in OData's own words; the caller answers for its escaping.
    pub fn raw(condition: impl Into<String>) -> Self {
        Self(condition.into())
    }

    fn compare(column: &str, operator: &str, value: &impl FilterValue) -> Self {
        Self(format!("{column} {operator} {}", value.literal()))
    }

    /// Equal. Texts compare by the database's collation, mostly without regard to case.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "values are small, and literals read better than borrows"
    )]
    pub fn eq(column: &str, value: impl FilterValue) -> Self {
        Self::compare(column, "eq", &value)
    }

    /// At least.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "values are small, and literals read better than borrows"
    )]
    pub fn at_least(column: &str, value: impl FilterValue) -> Self {
        Self::compare(column, "ge", &value)
    }

    /// At most.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "values are small, and literals read better than borrows"
    )]
    pub fn at_most(column: &str, value: impl FilterValue) -> Self {
        Self::compare(column, "le", &value)
    }

    /// Not equal; rows without value differ from every value.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "values are small, and literals read better than borrows"
    )]
    pub fn not_eq(column: &str, value: impl FilterValue) -> Self {
        Self::compare(column, "ne", &value)
    }

    /// Greater.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "values are small, and literals read better than borrows"
    )]
    pub fn above(column: &str, value: impl FilterValue) -> Self {
        Self::compare(column, "gt", &value)
    }

    /// Less.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "values are small, and literals read better than borrows"
    )]
    pub fn below(column: &str, value: impl FilterValue) -> Self {
        Self::compare(column, "lt", &value)
    }

    /// A text that has this part somewhere.
    pub fn contains(column: &str, part: &str) -> Self {
        Self(format!("contains({column},{})", part.literal()))
    }

    /// A text that begins so.
    pub fn starts_with(column: &str, part: &str) -> Self {
        Self(format!("startswith({column},{})", part.literal()))
    }

    /// A text that ends so.
    pub fn ends_with(column: &str, part: &str) -> Self {
        Self(format!("endswith({column},{})", part.literal()))
    }

    /// Without value.
    pub fn is_null(column: &str) -> Self {
        Self(format!("{column} eq null"))
    }

    /// Equal to one of the values; with none of them, nothing matches. Keep lists to a few hundred values
    /// (reference §13).
    pub fn any_of<V: FilterValue>(column: &str, values: impl IntoIterator<Item = V>) -> Self {
        let conditions: Vec<String> =
            values.into_iter().map(|value| Self::compare(column, "eq", &value).0).collect();
        if conditions.is_empty() {
            return Self(format!("({column} eq null and {column} ne null)"));
        }
        Self(format!("({})", conditions.join(" or ")))
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        Self(format!("({} and {})", self.0, other.into().0))
    }

    /// One of the two, or both.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        Self(format!("({} or {})", self.0, other.into().0))
    }

    /// Not so.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it reads as and and or do")]
    pub fn not(self) -> Self {
        Self(format!("not ({})", self.0))
    }

    /// At least one row of a collection meets the condition, in which its columns are written `o/lastname`:
    /// `Filter::any("contact_customer_accounts", Filter::eq("o/lastname", "Hara"))`.
    pub fn any(collection: &str, condition: impl Into<Self>) -> Self {
        Self(format!("{collection}/any(o:{})", condition.into().0))
    }

    /// Every row of a collection meets the condition, and so if there is none; columns as in [`Self::any`].
    pub fn all(collection: &str, condition: impl Into<Self>) -> Self {
        Self(format!("{collection}/all(o:{})", condition.into().0))
    }

    /// There is a row in a collection.
    pub fn has_any(collection: &str) -> Self {
        Self(format!("{collection}/any()"))
    }

    /// The condition in OData's words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Filter {
    fn from(condition: &str) -> Self {
        Self::raw(condition)
    }
}

impl From<String> for Filter {
    fn from(condition: String) -> Self {
        Self::raw(condition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_matches_nothing() {
        assert_eq!(Filter::any_of("a", ["x", "y'z"]).as_str(), "(a eq 'x' or a eq 'y''z')");
        assert_eq!(Filter::any_of::<i64>("a", []).as_str(), "(a eq null and a ne null)");
        assert_eq!(Filter::is_null("a").or("b eq 1").as_str(), "(a eq null or b eq 1)");
    }
}
