//! From the text of an expression to its tree.
//!
//! The grammar is the template language's: strings in single quotes (`''` is one quote), numbers,
//! calls with an optional namespace, and `.name` or `[expr]` after any of them; no operators. Any text
//! gives a tree or an error with a position, and nesting is bounded so that no text exhausts the stack.

use super::ast::{Call, Expression, Head, Step};

/// The longest expression that Azure accepts.
const MAX_LENGTH: usize = 24_576;

/// The deepest nesting of calls and brackets. Azure's own bound is not documented; templates in use
/// stay far below this one.
const MAX_NESTING: usize = 100;

/// Why a text is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Unable to parse language expression '{text}': {problem} at position '{position}'.")]
pub struct ParseError {
    /// The expression's text, without the outer brackets.
    pub text: String,
    /// What is wrong.
    pub problem: String,
    /// The byte where it is wrong, from 1, counted in the text of the expression.
    pub position: usize,
}

/// Reads an expression from its text, without the outer brackets.
///
/// # Errors
/// The first place where the text leaves the grammar.
pub fn parse(text: &str) -> Result<Expression, ParseError> {
    let mut parser = Parser { text, position: 0 };
    if text.len() > MAX_LENGTH {
        return Err(parser.error(format!(
            "the expression is longer than {MAX_LENGTH} characters"
        )));
    }
    let expression = parser.expression(0)?;
    parser.space();
    if parser.position < text.len() {
        return Err(parser.expected("EndOfData"));
    }
    Ok(expression)
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, problem: String) -> ParseError {
        ParseError {
            text: self.text.to_owned(),
            problem,
            position: self.position + 1,
        }
    }

    /// The error for a token that is not there, in Azure's names of tokens.
    fn expected(&self, token: &str) -> ParseError {
        let actual = match self.peek() {
            None => "EndOfData".to_owned(),
            Some('(') => "LeftParenthesis".to_owned(),
            Some(')') => "RightParenthesis".to_owned(),
            Some('[') => "LeftSquareBracket".to_owned(),
            Some(']') => "RightSquareBracket".to_owned(),
            Some(',') => "Comma".to_owned(),
            Some('.') => "Dot".to_owned(),
            Some('\'') => "String".to_owned(),
            Some('0'..='9') => "Integer".to_owned(),
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                "Identifier".to_owned()
            }
            Some(other) => other.to_string(),
        };
        self.error(format!("expected token '{token}' and actual '{actual}'"))
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    /// Skips white space, then takes `token` if it stands there.
    fn takes(&mut self, token: char) -> bool {
        self.space();
        let found = self.peek() == Some(token);
        if found {
            self.position += token.len_utf8();
        }
        found
    }

    fn take(&mut self, token: char, name: &str) -> Result<(), ParseError> {
        if self.takes(token) {
            Ok(())
        } else {
            Err(self.expected(name))
        }
    }

    fn expression(&mut self, nesting: usize) -> Result<Expression, ParseError> {
        if nesting > MAX_NESTING {
            return Err(self.error(format!("calls nest deeper than {MAX_NESTING}")));
        }
        self.space();
        let head = match self.peek() {
            Some('\'') => Head::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ => Head::Call(self.call(nesting)?),
        };
        let mut steps = Vec::new();
        loop {
            if self.takes('.') {
                self.space();
                steps.push(Step::Property(self.identifier()?));
            } else if self.takes('[') {
                let index = self.expression(nesting + 1)?;
                self.take(']', "RightSquareBracket")?;
                steps.push(Step::Index(index));
            } else {
                return Ok(Expression { head, steps });
            }
        }
    }

    fn call(&mut self, nesting: usize) -> Result<Call, ParseError> {
        let mut name = self.identifier()?;
        let mut namespace = None;
        if self.takes('.') {
            self.space();
            namespace = Some(std::mem::replace(&mut name, self.identifier()?));
        }
        self.take('(', "LeftParenthesis")?;
        let mut arguments = Vec::new();
        if !self.takes(')') {
            loop {
                arguments.push(self.expression(nesting + 1)?);
                if !self.takes(',') {
                    break;
                }
            }
            self.take(')', "RightParenthesis")?;
        }
        Ok(Call {
            namespace,
            name,
            arguments,
        })
    }

    fn identifier(&mut self) -> Result<String, ParseError> {
        let rest = self.rest();
        let length = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
        if length == 0 || rest.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(self.expected("Identifier"));
        }
        self.position += length;
        Ok(rest[..length].to_owned())
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let rest = &self.rest()[1..];
        let mut text = String::new();
        let mut from = 0;
        while let Some(quote) = rest[from..].find('\'') {
            let end = from + quote;
            text.push_str(&rest[from..end]);
            if rest[end + 1..].starts_with('\'') {
                text.push('\'');
                from = end + 2;
            } else {
                self.position += end + 2;
                return Ok(text);
            }
        }
        Err(self.error("the string is not terminated".to_owned()))
    }

    fn digits(&mut self) -> usize {
        let rest = self.rest();
        let count = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        self.position += count;
        count
    }

    fn number(&mut self) -> Result<Head, ParseError> {
        let start = self.position;
        if self.rest().starts_with('-') {
            self.position += 1;
        }
        if self.digits() == 0 {
            return Err(self.expected("Integer"));
        }
        // A point without a digit after it is not part of the number.
        let rest = self.rest();
        let fraction =
            rest.starts_with('.') && rest[1..].starts_with(|digit: char| digit.is_ascii_digit());
        if fraction {
            self.position += 1;
            self.digits();
            if self.rest().starts_with(['e', 'E']) {
                self.position += 1;
                if self.rest().starts_with(['+', '-']) {
                    self.position += 1;
                }
                if self.digits() == 0 {
                    return Err(self.expected("Integer"));
                }
            }
        }
        let text = &self.text[start..self.position];
        let head = if fraction {
            text.parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .map(Head::Float)
        } else {
            text.parse().ok().map(Head::Integer)
        };
        head.ok_or_else(|| {
            self.position = start;
            self.error(format!("the number '{text}' is out of range"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        match parse(text) {
            Ok(expression) => expression.to_string(),
            Err(error) => format!("{} at {}", error.problem, error.position),
        }
    }

    #[test]
    fn expressions_print_in_one_spelling() {
        for (text, expected) in [
            ("concat ( 'a' , 'b' ) . x", "concat('a', 'b').x"),
            ("'it''s'", "'it''s'"),
            ("f()", "f()"),
            (" f ( -12 , 1.5e3 ) ", "f(-12, 1500.0)"),
            (
                "contoso . f(1)[ 'odd-name' ] [0].z",
                "contoso.f(1)['odd-name'][0].z",
            ),
            ("f('line\nbreak')", "f('line\nbreak')"),
        ] {
            assert_eq!(printed(text), expected, "{text}");
        }
    }

    #[test]
    fn text_outside_the_grammar_is_refused_with_its_place() {
        for (text, expected) in [
            (
                "",
                "expected token 'Identifier' and actual 'EndOfData' at 1",
            ),
            (
                "f(",
                "expected token 'Identifier' and actual 'EndOfData' at 3",
            ),
            (
                "f('a'",
                "expected token 'RightParenthesis' and actual 'EndOfData' at 6",
            ),
            (
                "f('a',)",
                "expected token 'Identifier' and actual 'RightParenthesis' at 7",
            ),
            (
                "f() g",
                "expected token 'EndOfData' and actual 'Identifier' at 5",
            ),
            ("f('a", "the string is not terminated at 3"),
            (
                "f",
                "expected token 'LeftParenthesis' and actual 'EndOfData' at 2",
            ),
            ("1 + 1", "expected token 'EndOfData' and actual '+' at 3"),
            (
                "9223372036854775808",
                "the number '9223372036854775808' is out of range at 1",
            ),
            (
                "f().1",
                "expected token 'Identifier' and actual 'Integer' at 5",
            ),
            (
                "f()[]",
                "expected token 'Identifier' and actual 'RightSquareBracket' at 5",
            ),
        ] {
            assert_eq!(printed(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_and_great_length_are_refused() {
        assert!(printed(&"f(".repeat(5_000)).starts_with("calls nest deeper than"));
        assert!(printed(&"1".repeat(30_000)).starts_with("the expression is longer than"));
        // Steps do not nest: a long chain is legal.
        assert!(parse(&format!("f(){}", ".a".repeat(10_000))).is_ok());
    }
}
