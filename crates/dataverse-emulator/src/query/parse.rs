//! From words to conditions, by precedence: `not`, `and`, `or`.

use super::ast::{Ast, Comparison, Literal, TextTest};
use super::lexer::{Token, tokens, word_token};
use crate::refusal::{self, Refusal};

/// Reads a `$filter`.
pub(crate) fn parse_filter(text: &str) -> Result<Ast, Refusal> {
    let mut parser = Parser { text, tokens: tokens(text)?, position: 0, depth: 0 };
    let ast = parser.either()?;
    if parser.position < parser.tokens.len() {
        return Err(parser.complaint());
    }
    Ok(ast)
}

/// Parentheses within parentheses: more is a mistake, or an attack on the stack.
const MAX_DEPTH: usize = 100;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

impl Parser<'_> {
    fn complaint(&self) -> Refusal {
        refusal::bad_query(format_args!(
            "Syntax error at word {} of the filter '{}'.",
            self.position + 1,
            self.text
        ))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    fn next(&mut self) -> Result<Token, Refusal> {
        let token = self.peek().cloned().ok_or_else(|| self.complaint())?;
        self.position += 1;
        Ok(token)
    }

    fn expect(&mut self, expected: &Token) -> Result<(), Refusal> {
        if self.peek() == Some(expected) {
            self.position += 1;
            Ok(())
        } else {
            Err(self.complaint())
        }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.position += usize::from(found);
        found
    }

    fn either(&mut self) -> Result<Ast, Refusal> {
        let mut left = self.both()?;
        while self.takes_word("or") {
            left = Ast::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Ast, Refusal> {
        let mut left = self.one()?;
        while self.takes_word("and") {
            left = Ast::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Ast, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.complaint());
        }
        let ast = if self.takes_word("not") {
            Ast::Not(Box::new(self.one()?))
        } else if self.peek() == Some(&Token::Open) {
            self.position += 1;
            let inner = self.either()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(ast)
    }

    fn test(&mut self) -> Result<Ast, Refusal> {
        let Token::Word(word) = self.next()? else { return Err(self.complaint()) };
        if self.peek() == Some(&Token::Open) {
            self.position += 1;
            return self.function(&word);
        }
        let Token::Word(operator) = self.next()? else { return Err(self.complaint()) };
        let comparison = Comparison::from_word(&operator).ok_or_else(|| self.complaint())?;
        let literal = self.literal()?;
        Ok(Ast::Compare(word, comparison, literal))
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        if let Token::Literal(literal) = self.next()? {
            return Ok(literal);
        }
        self.position -= 1;
        Err(self.complaint())
    }

    fn function(&mut self, name: &str) -> Result<Ast, Refusal> {
        let kind = match name {
            "contains" => TextTest::Contains,
            "startswith" => TextTest::StartsWith,
            "endswith" => TextTest::EndsWith,
            _ => {
                return match (name.strip_suffix("/any"), name.strip_suffix("/all")) {
                    (Some(collection), _) => self.lambda(collection, false),
                    (_, Some(collection)) => self.lambda(collection, true),
                    _ => self.platform_function(name),
                };
            }
        };
        let Token::Word(path) = self.next()? else { return Err(self.complaint()) };
        self.expect(&Token::Comma)?;
        let Literal::Text(wanted) = self.literal()? else { return Err(self.complaint()) };
        self.expect(&Token::Close)?;
        // `contains(…) eq true` is allowed, and means the same.
        if self.takes_word("eq") {
            return match self.literal()? {
                Literal::Boolean(true) => Ok(Ast::Text(path, kind, wanted)),
                Literal::Boolean(false) => Ok(Ast::Not(Box::new(Ast::Text(path, kind, wanted)))),
                _ => Err(self.complaint()),
            };
        }
        Ok(Ast::Text(path, kind, wanted))
    }

    /// What stands behind `any(` or `all(`: a variable, a colon, a condition.
    fn lambda(&mut self, collection: &str, all: bool) -> Result<Ast, Refusal> {
        let collection = collection.to_owned();
        if !all && self.peek() == Some(&Token::Close) {
            self.position += 1;
            return Ok(Ast::Lambda { collection, all, inner: None });
        }
        let Some(Token::Word(word)) = self.peek() else { return Err(self.complaint()) };
        let Some((variable, rest)) = word.split_once(':') else { return Err(self.complaint()) };
        let (variable, rest) = (variable.to_owned(), rest.to_owned());
        if rest.is_empty() {
            self.position += 1;
        } else {
            self.tokens[self.position] = word_token(&rest);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.complaint());
        }
        let inner = self.either()?;
        self.depth -= 1;
        self.expect(&Token::Close)?;
        Ok(Ast::Lambda { collection, all, inner: Some((variable, Box::new(inner))) })
    }

    fn platform_function(&mut self, name: &str) -> Result<Ast, Refusal> {
        let Some(short) = name.strip_prefix("Microsoft.Dynamics.CRM.") else {
            return Err(refusal::bad_query(format_args!(
                "An unknown function with name '{name}' was found. This may also be a function import or a key \
                 lookup on a navigation property, which is not allowed."
            )));
        };
        let mut property = None;
        let mut values = Vec::new();
        loop {
            let Token::Word(parameter) = self.next()? else { return Err(self.complaint()) };
            self.expect(&Token::Equals)?;
            match parameter.as_str() {
                "PropertyName" => match self.literal()? {
                    Literal::Text(name) => property = Some(name),
                    _ => return Err(self.complaint()),
                },
                "PropertyValues" => {
                    self.expect(&Token::OpenList)?;
                    while self.peek() != Some(&Token::CloseList) {
                        values.push(self.literal()?);
                        if self.peek() == Some(&Token::Comma) {
                            self.position += 1;
                        }
                    }
                    self.expect(&Token::CloseList)?;
                }
                "PropertyValue" => values.push(self.literal()?),
                _ => return Err(self.complaint()),
            }
            match self.next()? {
                Token::Comma => {}
                Token::Close => break,
                _ => return Err(self.complaint()),
            }
        }
        let property = property.ok_or_else(|| self.complaint())?;
        Ok(Ast::Function(short.to_owned(), property, values))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_is_sent_brings_the_parser_down(text in ".{0,200}") {
            let _ = parse_filter(&text);
        }

        #[test]
        fn no_order_of_its_own_words_brings_the_parser_down(
            words in proptest::collection::vec(proptest::sample::select(vec![
                "(", ")", ",", "=", "[", "]", "'", "\"", " ", ":", "/", "a", "o:", "o/a", "x/any(", "x/all(", "eq", "and", "or",
                "not", "null", "true", "5", "-1.5", "2020-01-01", "contains(", "Microsoft.Dynamics.CRM.In(", "ö",
            ]), 0..40)
        ) {
            let _ = parse_filter(&words.concat());
            let _ = parse_filter(&words.join(" "));
        }
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tightest() {
        let ast = parse_filter("not a eq 1 and b eq 2 or c eq 'x''y'").unwrap();
        let Ast::Or(left, right) = ast else { panic!("{ast:?}") };
        assert!(matches!(*left, Ast::And(ref not, _) if matches!(**not, Ast::Not(_))));
        assert_eq!(*right, Ast::Compare("c".into(), Comparison::Equal, Literal::Text("x'y".into())));
    }

    #[test]
    fn platform_functions_take_lists() {
        let ast =
            parse_filter(r#"Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=["a",'b'])"#)
                .unwrap();
        let values = vec![Literal::Text("a".into()), Literal::Text("b".into())];
        assert_eq!(ast, Ast::Function("In".into(), "accountid".into(), values));
    }

    #[test]
    fn lambdas_name_a_collection_and_a_variable() {
        for text in ["x/any(o:o/a eq 1)", "x/any(o: o/a eq 1)", "x/any(o:(o/a eq 1))"] {
            let Ast::Lambda { collection, all, inner } = parse_filter(text).unwrap() else {
                panic!("{text}")
            };
            let (variable, inner) = inner.unwrap();
            assert_eq!((collection.as_str(), all, variable.as_str()), ("x", false, "o"), "{text}");
            let plain = Ast::Compare("a".into(), Comparison::Equal, Literal::Number("1".into()));
            assert_eq!(inner.without_variable("o"), Some(plain), "{text}");
            assert_eq!(inner.without_variable("p"), None, "{text}");
        }
        let ast =
            parse_filter("a/x/any() and not x/all(o:contains(o/a,'b') and o/y/any(p:p/c eq null))").unwrap();
        let Ast::And(any, _) = ast else { panic!("{ast:?}") };
        assert_eq!(*any, Ast::Lambda { collection: "a/x".into(), all: false, inner: None });
        for text in ["x/any(o)", "x/any(o:)", "x/all()", "x/any(o:o/a eq 1", "x/any(1)"] {
            assert!(parse_filter(text).is_err(), "{text}");
        }
        assert!(parse_filter(&"x/any(o:".repeat(100_000)).is_err());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in ["", "a", "a eq", "a xx 1", "(a eq 1", "a eq 1)", "a eq 'x", "foo(a)", "a eq 1 b eq 2"] {
            assert!(parse_filter(text).is_err(), "{text}");
        }
        assert!(parse_filter(&"(".repeat(100_000)).is_err());
    }
}
