//! Pieces of SQL that carry their parameters, so that expressions can be put together without counting placeholders.

use staging_schema::{Dialect, PerDialect, Statement, Value};

/// A piece of SQL in both dialects, with its parameters in order.
///
/// Parameters that are equal are one, so that a dialect may name a value more often than the other. What an engine writes in its
/// own way is the [`Dialect`]'s to say; here its answers are kept side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fragment {
    pieces: Vec<Piece>,
    /// What SQL Server cannot do.
    gap: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Same(String),
    Word(String),
    Each(PerDialect<String>),
    Built(PerDialect<Fragment>),
    Param(Value),
}

/// Stands in front of and behind the number of a fragment that goes into a text; no text that is written holds it.
const MARK: char = '\u{fdd0}';

impl Fragment {
    /// Text that reads the same on both engines.
    pub(crate) fn sql(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Same(text.into())], gap: None }
    }

    /// A word of the statement, as a literal.
    pub(crate) fn word(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Word(text.into())], gap: None }
    }

    /// NULL where a text is expected.
    pub(crate) fn no_text() -> Self {
        Self::each(|dialect| dialect.no_text().to_owned())
    }

    /// Text that differs.
    pub(crate) fn each(text: impl Fn(Dialect) -> String) -> Self {
        Self { pieces: vec![Piece::Each(PerDialect::new(text))], gap: None }
    }

    /// Text that is put together in other ways. Both must use the same parameters, each as often as it likes.
    pub(crate) fn built(text: impl Fn(Dialect) -> Self) -> Self {
        let forms = PerDialect::new(|dialect| text(dialect).only(dialect));
        let own = Dialect::ALL.into_iter().filter(|dialect| !dialect.borrows_functions());
        let gap = own.map(|dialect| forms.of(dialect)).find_map(|form| form.gap.clone());
        Self { pieces: vec![Piece::Built(forms)], gap }
    }

    /// This as one dialect has it, so that forms within forms are kept once.
    fn only(self, dialect: Dialect) -> Self {
        let pieces = self.pieces.into_iter().flat_map(|piece| match piece {
            Piece::Built(forms) => forms.of(dialect).pieces.clone(),
            other => vec![other],
        });
        Self { pieces: pieces.collect(), gap: self.gap }
    }

    /// Text that a dialect makes of the texts of others.
    pub(crate) fn over<const N: usize>(
        parts: [&Self; N],
        text: impl Fn(Dialect, [&str; N]) -> String,
    ) -> Self {
        let marks: [String; N] = std::array::from_fn(mark);
        let marks = marks.each_ref().map(String::as_str);
        Self::built(|dialect| filled(&text(dialect, marks), &parts))
    }

    /// The same of as many as there are.
    pub(crate) fn over_all(parts: &[Self], text: impl Fn(Dialect, &[&str]) -> String) -> Self {
        let marks: Vec<String> = (0..parts.len()).map(mark).collect();
        let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
        let parts: Vec<&Self> = parts.iter().collect();
        Self::built(|dialect| filled(&text(dialect, &marks), &parts))
    }

    /// A parameter.
    pub(crate) fn param(value: impl Into<Value>) -> Self {
        Self { pieces: vec![Piece::Param(value.into())], gap: None }
    }

    /// A function of ours.
    pub(crate) fn function(name: &'static str, arguments: Vec<Self>) -> Self {
        let call = Self::each(|dialect| format!("{}(", dialect.function(name)));
        call.then(Self::join(arguments, ", ")).text(")")
    }

    /// Texts joined into one, NULL counting as no text.
    pub(crate) fn joined(texts: &[Self]) -> Self {
        let is_given = |text: &Self| matches!(text.pieces.as_slice(), [Piece::Word(_) | Piece::Param(_)]);
        let given: Vec<bool> = texts.iter().map(is_given).collect();
        Self::over_all(texts, |dialect, texts| {
            let texts: Vec<_> = texts.iter().copied().zip(given.iter().copied()).collect();
            dialect.joined(&texts)
        })
    }

    /// A digest over values, of sixteen characters: equal for equal values, and another when a value moves to its neighbour.
    /// Digests are compared within one database only.
    pub(crate) fn digest(values: &[Self]) -> Self {
        Self::over_all(values, |dialect, values| dialect.digest("dv_hash", values))
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

    fn collect_params(&self, dialect: Dialect, params: &mut Vec<Value>) {
        for piece in &self.pieces {
            match piece {
                Piece::Param(value) if !params.contains(value) => params.push(value.clone()),
                Piece::Built(forms) => forms.of(dialect).collect_params(dialect, params),
                Piece::Param(_) | Piece::Same(_) | Piece::Word(_) | Piece::Each(_) => {}
            }
        }
    }

    /// The finished statement.
    pub(crate) fn statement(&self) -> Statement {
        // Each once, in the order of the text.
        let mut params = Vec::new();
        for dialect in Dialect::ALL {
            let known = params.len();
            self.collect_params(dialect, &mut params);
            debug_assert!(known == 0 || known == params.len(), "both dialects share the parameters");
        }
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
                Piece::Word(word) => text.push_str(&dialect.literal(word)),
                Piece::Each(texts) => text.push_str(texts.of(dialect)),
                Piece::Built(forms) => forms.of(dialect).render(dialect, params, text),
                Piece::Param(value) => {
                    let at = params.iter().position(|param| param == value).unwrap_or(params.len());
                    text.push_str(&dialect.param(at + 1));
                }
            }
        }
    }
}

fn mark(n: usize) -> String {
    format!("{MARK}{n}{MARK}")
}

/// A text with the parts in the places of their marks.
fn filled(text: &str, parts: &[&Fragment]) -> Fragment {
    let mut filled = Fragment::default();
    for (at, piece) in text.split(MARK).enumerate() {
        // Every other piece stands between two marks.
        let part = piece.parse().ok().filter(|_| at % 2 == 1).and_then(|n: usize| parts.get(n));
        filled = match part {
            Some(part) => filled.then((*part).clone()),
            None => filled.text(piece),
        };
    }
    filled
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_parameters_wherever_a_dialect_puts_them() {
        let sum = Fragment::over([&Fragment::param(7), &Fragment::param("x")], |d, [a, b]| {
            if d.borrows_functions() { format!("f({b}, {a})") } else { format!("{a} + {b} + {a}") }
        });
        let statement = sum.then(Fragment::word("it's")).statement();
        let [first, second] = Dialect::ALL.map(|d| statement.text(d).to_owned());
        assert_eq!(first, "f(?1, ?2)'it''s'");
        assert_eq!(second, "@P2 + @P1 + @P2N'it''s'");
        assert_eq!(statement.params(), ["x".into(), Value::Integer(7)]);
    }
}
