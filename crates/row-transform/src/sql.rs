//! Pieces of SQL that carry their parameters, so that expressions can be put together without counting placeholders.

use staging_schema::{Dialect, Statement, Value};

/// A piece of SQL in both dialects, with its parameters in order.
///
/// Parameters that are equal are one, so that a dialect may name a value more often than the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fragment {
    pieces: Vec<Piece>,
    /// What SQL Server cannot do.
    gap: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Same(String),
    Each { sqlite: String, mssql: String },
    Either { sqlite: Fragment, mssql: Fragment },
    Param(Value),
}

impl Fragment {
    /// Text that reads the same on both engines.
    pub(crate) fn sql(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Same(text.into())], gap: None }
    }

    /// NULL where a text is expected: SQL Server takes a bare NULL for a number.
    pub(crate) fn no_text() -> Self {
        Self::each(|dialect| match dialect {
            Dialect::Sqlite => "NULL".to_owned(),
            Dialect::Mssql => "CAST(NULL AS nvarchar(max))".to_owned(),
        })
    }

    /// Text that differs.
    pub(crate) fn each(text: impl Fn(Dialect) -> String) -> Self {
        let (sqlite, mssql) = (text(Dialect::Sqlite), text(Dialect::Mssql));
        Self { pieces: vec![Piece::Each { sqlite, mssql }], gap: None }
    }

    /// Two texts that have little in common. Both must use the same parameters, each as often as it likes.
    pub(crate) fn either(sqlite: Self, mssql: Self) -> Self {
        let gap = mssql.gap.clone();
        Self { pieces: vec![Piece::Either { sqlite, mssql }], gap }
    }

    /// A parameter.
    pub(crate) fn param(value: impl Into<Value>) -> Self {
        Self { pieces: vec![Piece::Param(value.into())], gap: None }
    }

    /// A function of ours: SQLite borrows it, SQL Server has it in the schema `migration`.
    pub(crate) fn function(name: &'static str, arguments: Vec<Self>) -> Self {
        let call = Self::each(|dialect| match dialect {
            Dialect::Sqlite => format!("{name}("),
            Dialect::Mssql => format!("[migration].[{name}]("),
        });
        call.then(Self::join(arguments, ", ")).text(")")
    }

    /// Texts joined into one, NULL counting as no text.
    pub(crate) fn joined(texts: Vec<Self>) -> Self {
        // Not CONCAT on SQL Server: Babelfish takes it to the code page of the database.
        let plus = texts.iter().map(|text| match text.pieces.as_slice() {
            [Piece::Each { mssql, .. }] if mssql.starts_with("N'") => text.clone(),
            [Piece::Param(_)] => text.clone(),
            _ => Self::sql("COALESCE(").then(text.clone()).text(", N'')"),
        });
        let plus = Self::join(plus, " + ");
        Self::either(
            Self::sql("CONCAT(").then(Self::join(texts, ", ")).text(")"),
            Self::sql("(").then(plus).text(")"),
        )
    }

    /// A digest over values, of sixteen characters: equal for equal values, and another when a value moves to its neighbour.
    /// Digests are compared within one database only.
    pub(crate) fn digest(values: Vec<Self>) -> Self {
        let marked = values.iter().map(|value| {
            let text = Self::sql("CONVERT(nvarchar(max), ").then(value.clone()).text(")");
            Self::sql("COALESCE(CAST(DATALENGTH(")
                .then(text.clone())
                .text(") AS nvarchar(12)) + N':' + ")
                .then(text)
                .text(", N'-')")
        });
        // Seven bytes of the hash as a number of at most sixteen digits.
        let mssql =
            Self::sql("RIGHT('000000000000000' + CAST(CONVERT(bigint, SUBSTRING(HASHBYTES('SHA2_256', ")
                .then(Self::join(marked, " + "))
                .text("), 1, 7)) % 10000000000000000 AS varchar(16)), 16)");
        Self::either(Self::sql("dv_hash(").then(Self::join(values, ", ")).text(")"), mssql)
    }

    /// This, which SQL Server cannot do for a reason.
    pub(crate) fn but_not_on_sql_server(self, reason: String) -> Self {
        Self { gap: Some(reason), ..self }
    }

    /// What keeps this from running on SQL Server.
    pub(crate) fn mssql_gap(&self) -> Option<&str> {
        self.gap.as_deref()
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

    /// The parameters of one dialect, each once, in the order of its text.
    fn params(&self, dialect: Dialect) -> Vec<Value> {
        let mut params = Vec::new();
        self.collect_params(dialect, &mut params);
        params
    }

    fn collect_params(&self, dialect: Dialect, params: &mut Vec<Value>) {
        for piece in &self.pieces {
            match piece {
                Piece::Param(value) if !params.contains(value) => params.push(value.clone()),
                Piece::Either { sqlite, mssql } => match dialect {
                    Dialect::Sqlite => sqlite.collect_params(dialect, params),
                    Dialect::Mssql => mssql.collect_params(dialect, params),
                },
                Piece::Param(_) | Piece::Same(_) | Piece::Each { .. } => {}
            }
        }
    }

    /// The finished statement.
    pub(crate) fn statement(&self) -> Statement {
        let params = self.params(Dialect::Sqlite);
        debug_assert!(
            self.params(Dialect::Mssql).iter().all(|param| params.contains(param)),
            "both dialects share the parameters"
        );
        let text = |dialect: Dialect| {
            let mut text = String::new();
            self.render(dialect, &params, &mut text);
            text
        };
        Statement::new(text, params.clone())
    }

    fn render(&self, dialect: Dialect, params: &[Value], text: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Same(same) => text.push_str(same),
                Piece::Each { sqlite, mssql } => text.push_str(match dialect {
                    Dialect::Sqlite => sqlite,
                    Dialect::Mssql => mssql,
                }),
                Piece::Either { sqlite, mssql } => match dialect {
                    Dialect::Sqlite => sqlite.render(dialect, params, text),
                    Dialect::Mssql => mssql.render(dialect, params, text),
                },
                Piece::Param(value) => {
                    let at = params.iter().position(|param| param == value).unwrap_or(params.len());
                    text.push_str(&dialect.param(at + 1));
                }
            }
        }
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
