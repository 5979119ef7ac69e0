//! `$name`, `$name.field`, `$(name.field)`: values put in the places of their names.
//!
//! A text that is one variable and no more takes its value whole, be it a map. Inside a longer text a
//! variable stands for one word: a sentence has as many words with its values as it has without, so that no
//! value can smuggle in a second rule. Values are not searched for variables again. What was put where is
//! kept, so that a finding in the one place can show the other.

use std::collections::BTreeSet;
use std::ops::Range;

use super::place::Place;
use super::tree::{Node, Text, Value};
use super::{Diagnostic, Name, Piece, SecretText, Span, codes, nearest, suggestion};

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Variable {
    /// The value of a parameter.
    Text(Text),
    /// The row of an axis: its name, and its fields where it has some.
    Row {
        /// Its name.
        name: Text,
        /// Its fields.
        fields: Option<Node>,
    },
    /// Something whose fault is reported.
    Broken,
    /// Something that may not be used here, and why.
    Refused(&'static str),
}

/// The names that may be used, and the secrets.
pub(super) struct Scope<'s> {
    pub(super) variables: &'s [(Name, Variable)],
    /// The names that may stand for something that could not be read, which is reported.
    pub(super) unread: Names<'s>,
    pub(super) secrets: &'s BTreeSet<Name>,
}

/// Some names, or any.
#[derive(Clone, Copy)]
pub(super) enum Names<'n> {
    /// These.
    Some(&'n [String]),
    /// Any.
    All,
}

impl Names<'_> {
    fn holds(self, name: &str) -> bool {
        match self {
            Names::Some(names) => names.iter().any(|other| other == name),
            Names::All => true,
        }
    }
}

/// What was put where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    uses: Vec<Use>,
    pub(super) secrets: BTreeSet<Name>,
}

#[derive(Debug, Clone)]
struct Use {
    /// Where the value stands.
    value: Span,
    /// Where its name is used.
    at: Span,
    /// Whether a map or a list was put there, whose parts keep their own places.
    whole: bool,
}

impl Uses {
    /// Shows with each finding on a value where it is used, and with each on a use its value.
    pub(crate) fn explain(&self, found: &mut [Diagnostic]) {
        /// A value may be used in many places; that it is used is said by the first.
        const SHOWN: usize = 3;
        for finding in found {
            let span = finding.primary.span;
            let fits = |used: &&Use| match used.whole {
                true => used.value.holds(span),
                false => used.at.holds(span),
            };
            for used in self.uses.iter().filter(fits).take(SHOWN) {
                let (at, text) = match used.whole {
                    true => (used.at, "used here"),
                    false => (used.value, "its value"),
                };
                if finding.related.iter().all(|label| label.span != at) {
                    finding.related.push(super::Label {
                        span: at,
                        text: text.to_owned(),
                    });
                }
            }
        }
    }
}

/// Puts values in the places of their names, in every text below `node` but remarks.
pub(super) fn substitute(
    node: &mut Node,
    place: &Place<'_>,
    scope: &Scope<'_>,
    uses: &mut Uses,
    found: &mut Vec<Diagnostic>,
) {
    match &mut node.value {
        Value::Map(entries) => {
            for entry in entries {
                if !place.is_remark(&entry.key.text) {
                    let place = place.entry(&entry.key.text);
                    substitute(&mut entry.value, &place, scope, uses, found);
                }
            }
        }
        Value::List(items) => {
            let place = place.item();
            for item in items {
                substitute(item, &place, scope, uses, found);
            }
        }
        Value::Text(text) => {
            if text.text.contains('$') {
                let free = place.is_free_text();
                let mut text = Substitution {
                    text,
                    free,
                    scope,
                    uses,
                };
                match text.value() {
                    Ok(Some(value)) => *node = value,
                    Ok(None) => {}
                    Err(diagnostics) => {
                        found.extend(diagnostics);
                        node.value = Value::Broken;
                    }
                }
            }
        }
        Value::Secret(_) | Value::Null | Value::Broken => {}
    }
}

/// A part of a text that does not stand for itself.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// `$$`.
    Dollar,
    /// `$name.field`.
    Variable(Vec<String>),
    /// `$(`, and no name behind it.
    Malformed,
}

/// The parts of a text that do not stand for themselves, in order.
fn tokens(text: &str) -> Vec<(Range<usize>, Token)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
        let rest = &text[dollar + 1..];
        let (length, token) = match rest.bytes().next() {
            Some(b'$') => (1, Some(Token::Dollar)),
            Some(b'(') => {
                let end = rest.find(')').map_or(rest.len(), |end| end + 1);
                let inside = rest[1..end].strip_suffix(')').unwrap_or_default();
                let token = match path(inside) {
                    (length, path) if length == inside.len() && length > 0 => Token::Variable(path),
                    _ => Token::Malformed,
                };
                (end, Some(token))
            }
            Some(b'a'..=b'z') => {
                let (length, path) = path(rest);
                (length, Some(Token::Variable(path)))
            }
            _ => (0, None),
        };
        at = dollar + 1 + length;
        tokens.extend(token.map(|token| (dollar..at, token)));
    }
    tokens
}

/// The longest `name.field` at the start of a text, and its length.
fn path(text: &str) -> (usize, Vec<String>) {
    let mut path = Vec::new();
    let mut end = 0;
    loop {
        let start = end + usize::from(!path.is_empty());
        match name_length(&text[start.min(text.len())..]) {
            0 => return (end, path),
            length => {
                path.push(text[start..start + length].to_owned());
                end = start + length;
            }
        }
        if !text[end..].starts_with('.') {
            return (end, path);
        }
    }
}

/// The length of the longest name at the start of a text.
fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return 0;
    }
    let bytes = text.as_bytes();
    let inside = |at: usize| {
        bytes
            .get(at)
            .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let mut end = 0;
    while inside(end) || (bytes.get(end) == Some(&b'-') && inside(end + 1)) {
        end += 1;
    }
    end
}

/// Whether a value is one word in any sentence: it neither ends one nor joins two, and means nothing itself.
fn is_one_word(value: &str) -> bool {
    const WORDS: [&str; 9] = [
        "except", "sees", "via", "avoiding", "when", "never", "always", "allow", "deny",
    ];
    let joins = |c: char| c.is_whitespace() || matches!(c, '+' | ',' | ':');
    !value.contains(joins)
        && !value.contains("->")
        && value.contains(|c: char| c.is_alphanumeric())
        && !WORDS.contains(&value)
}

struct Substitution<'t, 's> {
    text: &'t Text,
    /// Whether it is any text, not a sentence.
    free: bool,
    scope: &'t Scope<'s>,
    uses: &'t mut Uses,
}

impl Substitution<'_, '_> {
    /// What stands in the place of the text; `None` where it is the text itself.
    fn value(&mut self) -> Result<Option<Node>, Vec<Diagnostic>> {
        let text = self.text;
        let tokens = tokens(&text.text);
        if let [(range, Token::Variable(path))] = &tokens[..]
            && *range == (0..text.text.len())
        {
            let at = text.place_of(range.clone());
            return self.whole(path, at).map(Some).map_err(|error| vec![error]);
        }
        if tokens.is_empty() {
            return Ok(None);
        }
        let mut replaced = Vec::new();
        let mut errors = Vec::new();
        // The text so far, where a secret stands in it.
        let mut pieces = Vec::new();
        let mut from = 0;
        let mut literal = String::new();
        let mut secret = false;
        for (range, token) in tokens {
            literal.push_str(&text.text[from..range.start]);
            from = range.end;
            let at = text.place_of(range.clone());
            let value = match token {
                Token::Dollar => Ok(SecretText::plain("$")),
                Token::Variable(path) => self.part(&path, at),
                Token::Malformed => Err(Some(malformed(&text.text[range.clone()], at))),
            };
            match value {
                Ok(value) => {
                    replaced.push((range, value.as_plain().unwrap_or_default()));
                    for piece in value.pieces {
                        match piece {
                            Piece::Text(text) => literal.push_str(&text),
                            Piece::Secret(_) => {
                                secret = true;
                                pieces.push(Piece::Text(std::mem::take(&mut literal)));
                                pieces.push(piece);
                            }
                        }
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors.into_iter().flatten().collect());
        }
        if !secret {
            return Ok(Some(text.replaced(&replaced).node()));
        }
        literal.push_str(&text.text[from..]);
        pieces.push(Piece::Text(literal));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Some(Node {
            span: text.span,
            value: Value::Secret(SecretText { pieces }),
        }))
    }

    /// The value of a variable that is the whole text.
    fn whole(&mut self, path: &[String], at: Span) -> Result<Node, Diagnostic> {
        let value = self.find(path, at)?;
        Ok(match value.value {
            Value::Text(text) => {
                self.note(text.span, at, false);
                Text::new(text.text, at).node()
            }
            Value::Map(_) | Value::List(_) => {
                self.note(value.span, at, true);
                value
            }
            Value::Secret(_) | Value::Null | Value::Broken => Node { span: at, ..value },
        })
    }

    /// The value of a variable inside a text; an error that is reported elsewhere is `None`.
    fn part(&mut self, path: &[String], at: Span) -> Result<SecretText, Option<Diagnostic>> {
        let value = self.find(path, at)?;
        let text = match value.value {
            Value::Text(text) => text,
            Value::Secret(text) => return Ok(text),
            Value::Broken => return Err(None),
            Value::Map(_) | Value::List(_) | Value::Null => {
                let name = path.join(".");
                let message = format!("`${name}` is no text, and cannot stand inside one");
                let help = match self.fields(path) {
                    fields if fields.is_empty() => {
                        "maps and lists stand alone, as the whole value of a key".to_owned()
                    }
                    fields => format!(
                        "name one of its fields, for example `${name}.{}`",
                        fields[0]
                    ),
                };
                return Err(Some(
                    Diagnostic::error(codes::SUBSTITUTION, at, message)
                        .related(value.span, "its value")
                        .help(help),
                ));
            }
        };
        if !self.free && !is_one_word(&text.text) {
            let name = path.join(".");
            let value = match text.text.as_str() {
                "" => "is empty".to_owned(),
                text => format!("`{text}` is not one"),
            };
            let message = format!("`${name}` stands for one word here, and its value {value}");
            return Err(Some(
                Diagnostic::error(codes::SUBSTITUTED_VALUE, at, message)
                    .related(text.span, "its value")
                    .help("a value in a sentence has no spaces, `+`, `,`, `:` or `->`, and is no word of the language"),
            ));
        }
        self.note(text.span, at, false);
        Ok(SecretText::plain(text.text))
    }

    fn note(&mut self, value: Span, at: Span, whole: bool) {
        self.uses.uses.push(Use { value, at, whole });
    }

    /// The fields that a variable has.
    fn fields(&self, path: &[String]) -> Vec<String> {
        let found = self.variable(&path[0]).and_then(|variable| match variable {
            Variable::Row { fields, .. } => fields.as_ref(),
            _ => None,
        });
        let found = path[1..]
            .iter()
            .try_fold(found, |node, key| Some(node?.get(key)));
        match found.flatten().map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.iter().map(|e| e.key.text.clone()).collect(),
            _ => Vec::new(),
        }
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        let mut variables = self.scope.variables.iter();
        variables
            .find(|(other, _)| other.as_str() == name)
            .map(|(_, variable)| variable)
    }

    /// What a path stands for.
    fn find(&mut self, path: &[String], at: Span) -> Result<Node, Diagnostic> {
        let (name, fields) = (path[0].as_str(), &path[1..]);
        if name == "secrets" {
            return self.secret(fields, at);
        }
        let broken = Node {
            span: at,
            value: Value::Broken,
        };
        match self.variable(name) {
            None if self.scope.unread.holds(name) => Ok(broken),
            None => Err(self.unknown(name, at)),
            Some(Variable::Broken) => Ok(broken),
            Some(Variable::Refused(why)) => {
                let message = format!("`${name}` cannot stand here: {why}");
                Err(Diagnostic::error(codes::SUBSTITUTION, at, message))
            }
            Some(Variable::Text(value)) => match fields.first() {
                None => Ok(value.clone().node()),
                Some(field) => Err(no_field(name, field, at)),
            },
            Some(Variable::Row {
                name: row,
                fields: inner,
            }) => match (fields, inner) {
                ([], _) => Ok(row.clone().node()),
                ([field, ..], None) => Err(no_field(name, field, at)),
                (_, Some(node)) => {
                    let mut node = node;
                    let mut walked = name.to_owned();
                    for field in fields {
                        let Some(inside) = node.get(field) else {
                            return Err(missing_field(&walked, field, row, node, at));
                        };
                        walked = format!("{walked}.{field}");
                        node = inside;
                    }
                    Ok(node.clone())
                }
            },
        }
    }

    fn secret(&mut self, fields: &[String], at: Span) -> Result<Node, Diagnostic> {
        let secrets = || self.scope.secrets.iter().map(Name::as_str);
        let [name] = fields else {
            let message = "a secret is written `$secrets.NAME`";
            return Err(Diagnostic::error(codes::SUBSTITUTION, at, message));
        };
        let Some(name) = self
            .scope
            .secrets
            .iter()
            .find(|secret| secret.as_str() == name)
        else {
            if matches!(self.scope.unread, Names::All) {
                return Ok(Node {
                    span: at,
                    value: Value::Broken,
                });
            }
            let message = format!("unknown secret `{name}`");
            let help = match self.scope.secrets.is_empty() {
                true => "the spec has no `secrets`".to_owned(),
                false => suggestion(name, secrets(), "there is"),
            };
            return Err(Diagnostic::error(codes::UNKNOWN_SECRET, at, message).help(help));
        };
        self.uses.secrets.insert(name.clone());
        Ok(Node {
            span: at,
            value: Value::Secret(SecretText {
                pieces: vec![Piece::Secret(name.clone())],
            }),
        })
    }

    fn unknown(&self, name: &str, at: Span) -> Diagnostic {
        let names = || self.scope.variables.iter().map(|(name, _)| name.as_str());
        let message = format!("unknown variable `${name}`");
        let glued = names().find(|known| {
            let rest = name.strip_prefix(known);
            rest.is_some_and(|rest| rest.starts_with('-'))
        });
        let help = match (nearest(name, names()), glued) {
            (_, Some(known)) => format!(
                "`$({known}){}` ends the name; `$$` is a dollar",
                &name[known.len()..]
            ),
            (Some(known), None) => format!("did you mean `${known}`?"),
            (None, None) if self.scope.variables.is_empty() => {
                "there are no parameters and no axes here; `$$` is a dollar".to_owned()
            }
            (None, None) => format!(
                "{}; `$$` is a dollar",
                suggestion(name, names(), "there is")
            ),
        };
        Diagnostic::error(codes::UNKNOWN_VARIABLE, at, message).help(help)
    }
}

fn malformed(words: &str, at: Span) -> Diagnostic {
    let message = format!("`{words}` is not a substitution");
    Diagnostic::error(codes::SUBSTITUTION, at, message)
        .help("write `$(name)` or `$(name.field)`; `$$` is a dollar")
}

fn no_field(name: &str, field: &str, at: Span) -> Diagnostic {
    let message = format!("`${name}` is a text and has no field `{field}`");
    Diagnostic::error(codes::UNKNOWN_VARIABLE, at, message)
        .help(format!("`$({name}).{field}` ends the name"))
}

fn missing_field(walked: &str, field: &str, row: &Text, node: &Node, at: Span) -> Diagnostic {
    let message = format!("`${walked}` has no field `{field}` in row `{}`", row.text);
    let diagnostic =
        Diagnostic::error(codes::UNKNOWN_VARIABLE, at, message).related(row.span, "the row");
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => diagnostic.help(suggestion(
            field,
            entries.iter().map(|entry| entry.key.text.as_str()),
            "it has",
        )),
        _ => diagnostic,
    }
}
