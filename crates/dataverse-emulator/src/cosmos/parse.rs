//! From the text of a query to what it asks for.

use std::collections::HashMap;

use serde_json::Value;

use super::token::{Token, tokens, unreadable};
use crate::refusal::{self, Refusal};

/// Values of `@name`s.
pub(crate) type Parameters = HashMap<String, Value>;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(super) top: Option<usize>,
    pub(super) select: Select,
    pub(super) filter: Option<Condition>,
    pub(super) order: Vec<(Expression, bool)>,
    pub(super) slice: Option<(usize, usize)>,
}

/// What is selected.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Select {
    All,
    Items(Vec<(String, Item)>),
}

/// A selected thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    One(Expression),
    Aggregate(Aggregate, Expression),
}

/// A function over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    Sum,
    Min,
    Max,
    Average,
}

/// A value of a row, or a constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Path(Vec<String>),
    Constant(Value),
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Expression, &'static str, Expression),
    In(Expression, Vec<Expression>),
    Between(Expression, Expression, Expression),
    Call(Test, Vec<Expression>),
}

/// A function that is true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Contains,
    StartsWith,
    EndsWith,
    ArrayContains,
    IsDefined,
    IsNull,
}

/// Reads a query; what is not known is refused by name.
pub(crate) fn parse(text: &str, parameters: &Parameters) -> Result<Query, Refusal> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, parameters, alias: String::new() };
    // The alias comes late and is needed early.
    let from = tokens.iter().position(|token| token.is_word("from")).ok_or_else(|| unreadable(text))?;
    let Some(Token::Word(alias)) = tokens.get(from + 1) else { return Err(unreadable(text)) };
    parser.alias.clone_from(alias);
    let query = parser.query()?;
    match parser.tokens.first() {
        None => Ok(query),
        Some(_) => Err(parser.stopped()),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    parameters: &'a Parameters,
    alias: String,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Query, Refusal> {
        self.expect("select")?;
        let top = if self.take("top") { Some(self.count()?) } else { None };
        let select = if self.sign("*") { Select::All } else { Select::Items(self.items()?) };
        self.expect("from")?;
        self.tokens = &self.tokens[1..];
        let filter = if self.take("where") { Some(self.any()?) } else { None };
        let mut order = Vec::new();
        if self.take("order") {
            self.expect("by")?;
            loop {
                let by = self.expression()?;
                let descends = self.take("desc");
                if !descends {
                    self.take("asc");
                }
                order.push((by, descends));
                if !self.sign(",") {
                    break;
                }
            }
        }
        let mut slice = None;
        if self.take("offset") {
            let offset = self.count()?;
            self.expect("limit")?;
            slice = Some((offset, self.count()?));
        }
        Ok(Query { top, select, filter, order, slice })
    }

    fn items(&mut self) -> Result<Vec<(String, Item)>, Refusal> {
        let mut items = Vec::new();
        loop {
            let item = self.item()?;
            let name = if self.take("as") {
                match self.next()? {
                    Token::Word(name) | Token::Text(name) => name,
                    _ => return Err(self.stopped()),
                }
            } else {
                match &item {
                    Item::One(Expression::Path(path)) => path.last().cloned().unwrap_or_default(),
                    _ => format!("${}", items.len() + 1),
                }
            };
            items.push((name, item));
            if !self.sign(",") {
                return Ok(items);
            }
        }
    }

    fn item(&mut self) -> Result<Item, Refusal> {
        let aggregate = [
            ("count", Aggregate::Count),
            ("sum", Aggregate::Sum),
            ("min", Aggregate::Min),
            ("max", Aggregate::Max),
            ("avg", Aggregate::Average),
        ]
        .into_iter()
        .find(|(name, _)| self.is_call(name));
        let Some((_, aggregate)) = aggregate else { return self.expression().map(Item::One) };
        self.tokens = &self.tokens[2..];
        let over = self.expression()?;
        self.close()?;
        Ok(Item::Aggregate(aggregate, over))
    }

    fn any(&mut self) -> Result<Condition, Refusal> {
        let mut left = self.all()?;
        while self.take("or") {
            left = Condition::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Condition, Refusal> {
        let mut left = self.one()?;
        while self.take("and") {
            left = Condition::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Condition, Refusal> {
        if self.take("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.sign("(") {
            let inner = self.any()?;
            self.close()?;
            return Ok(inner);
        }
        let test = [
            ("contains", Test::Contains),
            ("startswith", Test::StartsWith),
            ("endswith", Test::EndsWith),
            ("array_contains", Test::ArrayContains),
            ("is_defined", Test::IsDefined),
            ("is_null", Test::IsNull),
        ]
        .into_iter()
        .find(|(name, _)| self.is_call(name));
        if let Some((_, test)) = test {
            self.tokens = &self.tokens[2..];
            let arguments = self.list()?;
            let wanted = if matches!(test, Test::IsDefined | Test::IsNull) { 1 } else { 2 };
            return if arguments.len() == wanted {
                Ok(Condition::Call(test, arguments))
            } else {
                Err(self.stopped())
            };
        }
        let left = self.expression()?;
        let is_not = self.take("not");
        let condition = if self.take("in") {
            if !self.sign("(") {
                return Err(self.stopped());
            }
            Condition::In(left, self.list()?)
        } else if self.take("between") {
            let from = self.expression()?;
            self.expect("and")?;
            Condition::Between(left, from, self.expression()?)
        } else {
            match self.tokens.first() {
                Some(Token::Sign(sign @ ("=" | "!=" | "<>" | "<" | "<=" | ">" | ">="))) if !is_not => {
                    self.tokens = &self.tokens[1..];
                    Condition::Compare(left, sign, self.expression()?)
                }
                _ => return Err(self.stopped()),
            }
        };
        Ok(if is_not { Condition::Not(Box::new(condition)) } else { condition })
    }

    /// Expressions up to the closing parenthesis.
    fn list(&mut self) -> Result<Vec<Expression>, Refusal> {
        let mut list = vec![self.expression()?];
        while self.sign(",") {
            list.push(self.expression()?);
        }
        self.close()?;
        Ok(list)
    }

    fn expression(&mut self) -> Result<Expression, Refusal> {
        let is_negative = self.sign("-");
        let value = match self.next()? {
            Token::Number(number) => number_value(if is_negative { -number } else { number }),
            _ if is_negative => return Err(self.stopped()),
            Token::Text(text) => Value::String(text),
            Token::Parameter(name) => self.parameters.get(&name).cloned().ok_or_else(|| {
                refusal::refusal(400, 0x8004_0203, format!("QueryParameters has no value for {name}."))
            })?,
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ if word == self.alias => return self.path().map(Expression::Path),
                _ => return Err(unknown(&word)),
            },
            Token::Sign(sign) => return Err(unreadable(sign)),
        };
        Ok(Expression::Constant(value))
    }

    /// `.props.a["b"]` behind the alias.
    fn path(&mut self) -> Result<Vec<String>, Refusal> {
        let mut path = Vec::new();
        loop {
            if self.sign(".") {
                match self.next()? {
                    Token::Word(name) => path.push(name),
                    _ => return Err(self.stopped()),
                }
            } else if self.sign("[") {
                match self.next()? {
                    Token::Text(name) => path.push(name),
                    Token::Number(number) => path.push(number.to_string()),
                    _ => return Err(self.stopped()),
                }
                if !self.sign("]") {
                    return Err(self.stopped());
                }
            } else {
                return Ok(path);
            }
        }
    }

    fn next(&mut self) -> Result<Token, Refusal> {
        let (first, rest) = self.tokens.split_first().ok_or_else(|| unreadable("its end"))?;
        self.tokens = rest;
        Ok(first.clone())
    }

    fn count(&mut self) -> Result<usize, Refusal> {
        match self.expression()? {
            Expression::Constant(value) => {
                value.as_u64().and_then(|count| usize::try_from(count).ok()).ok_or_else(|| self.stopped())
            }
            Expression::Path(_) => Err(self.stopped()),
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.tokens.first().is_some_and(|token| token.is_word(word));
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.tokens.first(), Some(Token::Sign(found)) if *found == sign);
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }

    fn is_call(&self, name: &str) -> bool {
        matches!(self.tokens, [word, Token::Sign("("), ..] if word.is_word(name))
    }

    fn expect(&mut self, word: &str) -> Result<(), Refusal> {
        if self.take(word) { Ok(()) } else { Err(self.stopped()) }
    }

    fn close(&mut self) -> Result<(), Refusal> {
        if self.sign(")") { Ok(()) } else { Err(self.stopped()) }
    }

    fn stopped(&self) -> Refusal {
        match self.tokens.first() {
            Some(Token::Word(word) | Token::Parameter(word) | Token::Text(word)) => unknown(word),
            Some(Token::Number(number)) => unreadable(&number.to_string()),
            Some(Token::Sign(sign)) => unreadable(sign),
            None => unreadable("its end"),
        }
    }
}

/// Cosmos SQL has more than this emulator knows.
fn unknown(word: &str) -> Refusal {
    refusal::not_emulated(format_args!("'{word}' in Cosmos SQL, here,"))
}

/// Whole numbers stay whole.
pub(super) fn number_value(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "within the range in which doubles are exact")]
    if number.fract() == 0.0 && number.abs() < 9.0e15 { (number as i64).into() } else { number.into() }
}
