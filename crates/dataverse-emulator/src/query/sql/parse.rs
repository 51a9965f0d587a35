//! From words to a SELECT.

use super::words::{Word, unreadable, words};
use crate::refusal::Refusal;

/// `SELECT …`, before anybody knows the tables.
#[derive(Debug, Default)]
pub(crate) struct Select {
    pub(super) distinct: bool,
    pub(super) top: Option<usize>,
    pub(super) items: Vec<Item>,
    pub(super) table: String,
    pub(super) alias: Option<String>,
    pub(super) joins: Vec<Join>,
    pub(super) filter: Option<Condition>,
    pub(super) groups: Vec<Column>,
    pub(super) orders: Vec<Order>,
    /// `OFFSET n ROWS FETCH NEXT m ROWS ONLY`.
    pub(super) offset: Option<(usize, usize)>,
}

/// `alias.column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(super) table: Option<String>,
    pub(super) name: String,
}

/// What is selected.
#[derive(Debug)]
pub(crate) struct Item {
    pub(super) aggregate: Option<Aggregate>,
    /// None for `COUNT(*)`.
    pub(super) column: Option<Column>,
    pub(super) alias: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Count { distinct: bool },
    Sum,
    Average,
    Min,
    Max,
}

/// `JOIN table alias ON one = other`.
#[derive(Debug)]
pub(crate) struct Join {
    pub(super) outer: bool,
    pub(super) table: String,
    pub(super) alias: Option<String>,
    pub(super) one: Column,
    pub(super) other: Column,
}

#[derive(Debug)]
pub(crate) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Test(Test),
}

/// A column, an operator of FetchXML and its values.
#[derive(Debug)]
pub(crate) struct Test {
    pub(super) column: Column,
    pub(super) operator: &'static str,
    pub(super) values: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Order {
    pub(super) column: Column,
    pub(super) descending: bool,
}

/// Parentheses within parentheses: more is a mistake, or an attack on the stack.
const MAX_DEPTH: usize = 50;

impl Select {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut words = Words { list: words(text)?, at: 0, depth: 0 };
        let select = words.select()?;
        words.takes_sign(";");
        match words.peek() {
            None => Ok(select),
            Some(word) => Err(unreadable(format_args!("{word:?} is not supported there"))),
        }
    }
}

struct Words {
    list: Vec<Word>,
    at: usize,
    depth: usize,
}

impl Words {
    fn peek(&self) -> Option<&Word> {
        self.list.get(self.at)
    }

    fn is(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Word::Name(name)) if name.eq_ignore_ascii_case(keyword))
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let found = self.is(keyword);
        self.at += usize::from(found);
        found
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Word::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, keyword: &str) -> Result<(), Refusal> {
        if self.takes(keyword) { Ok(()) } else { Err(self.wanted(keyword)) }
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), Refusal> {
        if self.takes_sign(sign) { Ok(()) } else { Err(self.wanted(sign)) }
    }

    fn wanted(&self, what: &str) -> Refusal {
        match self.peek() {
            Some(found) => unreadable(format_args!("{what} is expected where {found:?} stands")),
            None => unreadable(format_args!("{what} is expected at the end")),
        }
    }

    fn name(&mut self) -> Result<String, Refusal> {
        match self.peek().cloned() {
            Some(Word::Name(name) | Word::Quoted(name)) => {
                self.at += 1;
                Ok(name.to_lowercase())
            }
            _ => Err(self.wanted("a name")),
        }
    }

    fn number(&mut self) -> Result<usize, Refusal> {
        match self.peek().cloned() {
            Some(Word::Number(number)) => {
                self.at += 1;
                number.parse().map_err(|_| unreadable(format_args!("{number} is no number of rows")))
            }
            _ => Err(self.wanted("a number")),
        }
    }

    fn select(&mut self) -> Result<Select, Refusal> {
        let mut select = Select::default();
        self.expect("select")?;
        select.distinct = self.takes("distinct");
        if self.takes("top") {
            let in_parentheses = self.takes_sign("(");
            select.top = Some(self.number()?);
            if in_parentheses {
                self.expect_sign(")")?;
            }
        }
        loop {
            select.items.push(self.item()?);
            if !self.takes_sign(",") {
                break;
            }
        }
        self.expect("from")?;
        (select.table, select.alias) = self.table()?;
        while let Some(join) = self.join()? {
            select.joins.push(join);
        }
        if self.takes("where") {
            select.filter = Some(self.any()?);
        }
        if self.takes("group") {
            self.expect("by")?;
            loop {
                select.groups.push(self.column()?);
                if !self.takes_sign(",") {
                    break;
                }
            }
        }
        if self.takes("order") {
            self.expect("by")?;
            loop {
                let column = self.column()?;
                let descending = self.takes("desc");
                if !descending {
                    self.takes("asc");
                }
                select.orders.push(Order { column, descending });
                if !self.takes_sign(",") {
                    break;
                }
            }
        }
        if self.takes("offset") {
            let offset = self.number()?;
            self.takes_any(&["row", "rows"])?;
            self.expect("fetch")?;
            self.takes_any(&["next", "first"])?;
            let rows = self.number()?;
            self.takes_any(&["row", "rows"])?;
            self.expect("only")?;
            select.offset = Some((offset, rows));
        }
        Ok(select)
    }

    fn takes_any(&mut self, keywords: &[&str]) -> Result<(), Refusal> {
        if keywords.iter().any(|keyword| self.takes(keyword)) {
            Ok(())
        } else {
            Err(self.wanted(keywords[0]))
        }
    }

    fn item(&mut self) -> Result<Item, Refusal> {
        if self.takes_sign("*") {
            return Err(unreadable("SELECT * is not supported; name the columns"));
        }
        let is_call = matches!(self.list.get(self.at + 1), Some(Word::Sign("(")));
        let (aggregate, column) = if is_call { self.call()? } else { (None, Some(self.column()?)) };
        let alias = if self.takes("as") || (self.names_something() && !self.is("from")) {
            Some(self.alias()?)
        } else {
            None
        };
        Ok(Item { aggregate, column, alias })
    }

    fn names_something(&self) -> bool {
        matches!(self.peek(), Some(Word::Name(_) | Word::Quoted(_)))
    }

    /// Aliases keep their spelling.
    fn alias(&mut self) -> Result<String, Refusal> {
        match self.peek().cloned() {
            Some(Word::Name(name) | Word::Quoted(name) | Word::Text(name)) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.wanted("an alias")),
        }
    }

    fn call(&mut self) -> Result<(Option<Aggregate>, Option<Column>), Refusal> {
        let function = self.name()?;
        self.expect_sign("(")?;
        let distinct = self.takes("distinct");
        let column = if self.takes_sign("*") { None } else { Some(self.column()?) };
        self.expect_sign(")")?;
        let aggregate = match function.as_str() {
            "count" => Aggregate::Count { distinct },
            "sum" => Aggregate::Sum,
            "avg" => Aggregate::Average,
            "min" => Aggregate::Min,
            "max" => Aggregate::Max,
            other => return Err(unreadable(format_args!("the function {other} is not supported"))),
        };
        if column.is_none() && !matches!(aggregate, Aggregate::Count { .. }) {
            return Err(unreadable(format_args!("{function}(*) is not supported")));
        }
        Ok((Some(aggregate), column))
    }

    fn column(&mut self) -> Result<Column, Refusal> {
        let first = self.name()?;
        if self.takes_sign(".") {
            return Ok(Column { table: Some(first), name: self.name()? });
        }
        Ok(Column { table: None, name: first })
    }

    fn table(&mut self) -> Result<(String, Option<String>), Refusal> {
        const AFTER: [&str; 9] =
            ["join", "inner", "left", "right", "full", "cross", "where", "group", "order"];
        let name = self.name()?;
        // A schema name in front, as in dbo.account.
        let name = if self.takes_sign(".") { self.name()? } else { name };
        let ends = AFTER.iter().chain(&["on", "offset"]).any(|keyword| self.is(keyword));
        let alias =
            if self.takes("as") || (self.names_something() && !ends) { Some(self.name()?) } else { None };
        Ok((name, alias))
    }

    fn join(&mut self) -> Result<Option<Join>, Refusal> {
        let outer = self.takes("left");
        if outer {
            self.takes("outer");
        } else if self.takes("inner") {
            // The usual kind, said.
        } else if !self.is("join") {
            return Ok(None);
        }
        self.expect("join")?;
        let (table, alias) = self.table()?;
        self.expect("on")?;
        let in_parentheses = self.takes_sign("(");
        let one = self.column()?;
        self.expect_sign("=")?;
        let other = self.column()?;
        if in_parentheses {
            self.expect_sign(")")?;
        }
        Ok(Some(Join { outer, table, alias, one, other }))
    }

    fn any(&mut self) -> Result<Condition, Refusal> {
        let mut parts = vec![self.all()?];
        while self.takes("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition, Refusal> {
        let mut parts = vec![self.one()?];
        while self.takes("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self) -> Result<Condition, Refusal> {
        if self.takes_sign("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(unreadable("parentheses are nested too deep"));
            }
            let inner = self.any()?;
            self.depth -= 1;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        let column = self.column()?;
        let (operator, values) = self.test()?;
        Ok(Condition::Test(Test { column, operator, values }))
    }

    fn test(&mut self) -> Result<(&'static str, Vec<String>), Refusal> {
        if self.takes("is") {
            let not = self.takes("not");
            self.expect("null")?;
            return Ok((if not { "not-null" } else { "null" }, Vec::new()));
        }
        let not = self.takes("not");
        if self.takes("in") {
            self.expect_sign("(")?;
            let mut values = Vec::new();
            loop {
                values.push(self.value()?);
                if !self.takes_sign(",") {
                    break;
                }
            }
            self.expect_sign(")")?;
            return Ok((if not { "not-in" } else { "in" }, values));
        }
        if self.takes("like") {
            return Ok((if not { "not-like" } else { "like" }, vec![self.value()?]));
        }
        if self.takes("between") {
            let first = self.value()?;
            self.expect("and")?;
            return Ok((if not { "not-between" } else { "between" }, vec![first, self.value()?]));
        }
        if not {
            return Err(self.wanted("IN, LIKE or BETWEEN"));
        }
        let signs =
            [("=", "eq"), ("<>", "ne"), ("!=", "ne"), ("<=", "le"), (">=", "ge"), ("<", "lt"), (">", "gt")];
        for (sign, operator) in signs {
            if self.takes_sign(sign) {
                return Ok((operator, vec![self.value()?]));
            }
        }
        Err(self.wanted("an operator"))
    }

    fn value(&mut self) -> Result<String, Refusal> {
        let sign = if self.takes_sign("-") { "-" } else { "" };
        match self.peek().cloned() {
            Some(Word::Text(text)) if sign.is_empty() => {
                self.at += 1;
                Ok(text)
            }
            Some(Word::Number(number)) => {
                self.at += 1;
                Ok(format!("{sign}{number}"))
            }
            _ => Err(self.wanted("a value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_taken_apart() {
        let select = Select::parse(
            "SELECT DISTINCT TOP 5 a.name AS Title, c.fullname FROM account a LEFT JOIN contact AS c \
             ON a.primarycontactid = c.contactid WHERE (a.name LIKE 'x%' OR revenue > -1.5) AND c.fullname IS NOT NULL \
             ORDER BY a.name DESC, c.fullname",
        )
        .unwrap();
        assert!(select.distinct && select.joins[0].outer);
        assert_eq!((select.top, select.items.len(), select.orders.len()), (Some(5), 2, 2));
        assert_eq!(select.items[0].alias.as_deref(), Some("Title"));
        assert!(
            matches!(&select.filter, Some(Condition::All(parts)) if matches!(parts[0], Condition::Any(_)))
        );
    }

    #[test]
    fn what_the_service_refuses_is_refused() {
        for text in [
            "SELECT * FROM account",
            "DELETE FROM account",
            "SELECT name FROM account RIGHT JOIN contact ON a = b",
            "SELECT name FROM account WHERE accountid IN (SELECT 1)",
            "SELECT name FROM account UNION SELECT name FROM account",
            "SELECT name, COUNT(*) FROM account GROUP BY name HAVING COUNT(*) > 1",
            "SELECT UPPER(name) FROM account",
            "SELECT name FROM account; SELECT 1",
            "",
        ] {
            assert!(Select::parse(text).is_err(), "{text}");
        }
        assert!(Select::parse(&format!("SELECT a FROM b WHERE {}", "(".repeat(100_000))).is_err());
    }
}
