//! Pieces of SQL that carry their parameters, so that expressions can be put together without counting placeholders.

use staging_schema::{Dialect, Statement, Value};

/// A piece of SQL in both dialects, with its parameters in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fragment {
    pieces: Vec<Piece>,
    /// What has no T-SQL form yet.
    gap: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Same(String),
    Each { sqlite: String, mssql: String },
    Param(Value),
}

impl Fragment {
    /// Text that reads the same on both engines.
    pub(crate) fn sql(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Same(text.into())], gap: None }
    }

    /// Text that differs.
    pub(crate) fn each(text: impl Fn(Dialect) -> String) -> Self {
        let (sqlite, mssql) = (text(Dialect::Sqlite), text(Dialect::Mssql));
        Self { pieces: vec![Piece::Each { sqlite, mssql }], gap: None }
    }

    /// A parameter.
    pub(crate) fn param(value: impl Into<Value>) -> Self {
        Self { pieces: vec![Piece::Param(value.into())], gap: None }
    }

    /// A function of ours, which only SQLite has.
    pub(crate) fn function(name: &'static str, arguments: Vec<Self>) -> Self {
        let mut call = Self::sql(format!("{name}("));
        for (index, argument) in arguments.into_iter().enumerate() {
            if index > 0 {
                call = call.text(", ");
            }
            call = call.then(argument);
        }
        let mut call = call.text(")");
        call.gap = Some(name);
        call
    }

    /// The function of ours that keeps this from running on SQL Server.
    pub(crate) fn mssql_gap(&self) -> Option<&'static str> {
        self.gap
    }

    /// This, followed by text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.pieces.push(Piece::Same(text.to_owned()));
        self
    }

    /// This, followed by another piece.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self.gap = self.gap.or(other.gap);
        self
    }

    /// Pieces with a separator between them.
    pub(crate) fn join(parts: impl IntoIterator<Item = Self>, separator: &str) -> Self {
        let mut joined = Self::default();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                joined = joined.text(separator);
            }
            joined = joined.then(part);
        }
        joined
    }

    /// A statement whose two texts have little in common. Both must use the same parameters in the same order.
    pub(crate) fn either(sqlite: &Self, mssql: &Self) -> Statement {
        let params: Vec<Value> = sqlite.params().cloned().collect();
        debug_assert!(params.iter().eq(mssql.params()), "both dialects share the parameters");
        Statement::new(
            |dialect| match dialect {
                Dialect::Sqlite => sqlite.render(dialect),
                Dialect::Mssql => mssql.render(dialect),
            },
            params,
        )
    }

    /// A piece without parameters whose two texts have little in common.
    pub(crate) fn either_text(sqlite: &Self, mssql: &Self) -> Self {
        Self::each(|dialect| match dialect {
            Dialect::Sqlite => sqlite.render(dialect),
            Dialect::Mssql => mssql.render(dialect),
        })
    }

    fn params(&self) -> impl Iterator<Item = &Value> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Param(value) => Some(value),
            Piece::Same(_) | Piece::Each { .. } => None,
        })
    }

    /// The finished statement.
    pub(crate) fn statement(&self) -> Statement {
        Statement::new(|dialect| self.render(dialect), self.params().cloned().collect())
    }

    fn render(&self, dialect: Dialect) -> String {
        let mut text = String::new();
        let mut n = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Same(same) => text.push_str(same),
                Piece::Each { sqlite, mssql } => text.push_str(match dialect {
                    Dialect::Sqlite => sqlite,
                    Dialect::Mssql => mssql,
                }),
                Piece::Param(_) => {
                    n += 1;
                    text.push_str(&dialect.param(n));
                }
            }
        }
        text
    }
}

/// A quoted column, qualified by an alias.
pub(crate) fn column(alias: &str, name: &str) -> Fragment {
    Fragment::each(|d| format!("{alias}.{}", d.quote(name)))
}

/// `a` and `b` are the same, NULL being the same as NULL.
pub(crate) fn same(a: &Fragment, b: &Fragment) -> Fragment {
    Fragment::sql("(")
        .then(a.clone())
        .text(" = ")
        .then(b.clone())
        .text(" OR (")
        .then(a.clone())
        .text(" IS NULL AND ")
        .then(b.clone())
        .text(" IS NULL))")
}
