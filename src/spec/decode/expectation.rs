//! What is expected of a probe.

use std::collections::BTreeMap;

use super::fields::{Decoder, Fields, one_or_many};
use crate::spec::language::EXPECTATION;
use crate::spec::tree::{Entry, Node, Text, Value};
use crate::spec::{
    Diagnostic, ExpectedSource, ProbeExpectation, Span, Spanned, Unread, codes, list, nearest,
    sentence,
};
use crate::verdict::{Answer, BodyMatch, Outcome};

impl Decoder<'_> {
    pub(super) fn expectation(&mut self, entry: &Entry) -> ProbeExpectation {
        let node = &entry.value;
        let mut expectation = ProbeExpectation {
            probe: Spanned {
                value: entry.key.text.clone(),
                span: entry.key.span,
            },
            span: entry.key.span,
            one_of: Vec::new(),
            status: None,
            body: None,
            source: None,
            source_in: None,
            not_source: None,
            header: BTreeMap::new(),
            via: Vec::new(),
            avoid: Vec::new(),
            by: None,
            answers: Vec::new(),
            rtt: None,
            within: None,
            stable: None,
            planes: Vec::new(),
            unread: Unread::new(),
        };
        // An outcome alone is the short form.
        let short;
        let node = match &node.value {
            Value::Map(_) => node,
            _ => {
                short = Node {
                    span: node.span,
                    value: Value::Map(vec![Entry {
                        key: Text::new("outcome", node.span),
                        value: node.clone(),
                    }]),
                };
                &short
            }
        };
        let Some(mut fields) = self.fields(node, entry.key.span, &EXPECTATION) else {
            return expectation;
        };
        expectation.one_of = self.answers(&mut fields);
        expectation.status = self.optional(&mut fields, "status", |d, node| {
            d.sentence(node, "a status", |text| {
                status(&text.text).ok_or_else(|| {
                    let message = format!("`{}` is not an HTTP status", text.text);
                    Diagnostic::error(codes::VALUE, text.span, message)
                        .help("it is a number from 100 to 599")
                })
            })
        });
        expectation.body = self.optional(&mut fields, "body", Self::matching);
        expectation.header = self.map_of(&mut fields, "header", Self::matching);
        expectation.source = self.optional(&mut fields, "source", |d, node| {
            d.sentence(node, "a source", |text| {
                Ok(match text.text.as_str() {
                    "node" => ExpectedSource::Node,
                    "pod" => ExpectedSource::Pod,
                    "self" => ExpectedSource::Caller,
                    word if word.starts_with(|c: char| c.is_ascii_digit()) => {
                        ExpectedSource::Address(sentence::address(text)?)
                    }
                    _ => ExpectedSource::Name(sentence::reference(text)?.value),
                })
            })
        });
        expectation.source_in = self
            .optional(&mut fields, "source-in", |d, node| {
                d.sentence(node, "a set", sentence::set)
            })
            .map(|set| set.value);
        expectation.not_source = self
            .optional(&mut fields, "not-source", |d, node| {
                d.sentence(node, "a set", sentence::set)
            })
            .map(|set| set.value);
        expectation.via = self.many(&mut fields, "via", Self::reference);
        expectation.avoid = self.many(&mut fields, "avoid", Self::reference);
        expectation.answers = self.many(&mut fields, "answers", |d, node| {
            d.sentence(node, "a host", |text| Ok(sentence::host(text)?.value))
        });
        expectation.rtt = self.optional(&mut fields, "rtt", Self::duration);
        expectation.within = self.optional(&mut fields, "within", Self::duration);
        expectation.stable =
            self.optional(&mut fields, "stable", |d, node| d.number(node, 1, 1000));
        expectation.planes = self.many(&mut fields, "planes", Self::plane);
        self.optional(&mut fields, "about", Self::text);
        expectation.by = self
            .optional(&mut fields, "by", |d, node| {
                d.sentence(node, "a rule", sentence::by)
            })
            .map(|by| by.value);
        expectation.unread = fields.unread;
        expectation
    }

    /// What a text must hold: the text, or `/re/`.
    fn matching(&mut self, node: &Node) -> Option<Spanned<BodyMatch>> {
        let text = self.text(node)?;
        let value = match text
            .value
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'))
        {
            Some(source) if !source.is_empty() => BodyMatch::Matches(source.to_owned()),
            _ => BodyMatch::Contains(text.value),
        };
        Some(Spanned {
            value,
            span: text.span,
        })
    }

    /// An outcome word, a status, or a list of them.
    fn answers(&mut self, fields: &mut Fields<'_>) -> Vec<Spanned<Answer>> {
        if let Some(node) = fields.get("outcome")
            && one_or_many(node).is_empty()
        {
            let message = "an empty list is met by nothing";
            self.found
                .push(Diagnostic::error(codes::VALUE, node.span, message));
            fields.unread.insert("outcome");
        }
        self.many(fields, "outcome", |d, node| {
            d.sentence(node, "an outcome", |text| answer(&text.text, text.span))
        })
    }
}

fn answer(word: &str, span: Span) -> Result<Answer, Diagnostic> {
    if let Some(status) = status(word) {
        return Ok(Answer::Status(status));
    }
    match word.parse::<Outcome>() {
        Ok(outcome) => Ok(Answer::Outcome(outcome)),
        Err(()) => {
            let built = || Outcome::ALL.into_iter().map(Outcome::word);
            let message = format!("`{word}` is not an outcome");
            Err(
                Diagnostic::error(codes::VALUE, span, message).help(match nearest(word, built()) {
                    Some(outcome) => format!("did you mean `{outcome}`?"),
                    None => format!("it is an HTTP status, {}", list(built())),
                }),
            )
        }
    }
}

fn status(word: &str) -> Option<u16> {
    let digits = word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
    word.parse()
        .ok()
        .filter(|status| digits && (100..600).contains(status))
}
