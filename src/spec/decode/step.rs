//! Steps and expectations.

use std::collections::BTreeMap;

use super::fields::{Decoder, Fields, one_or_many};
use crate::spec::change;
use crate::spec::language::{EXPECTATION, STEP};
use crate::spec::tree::{Entry, Node, Text, Value};
use crate::spec::{
    Change, Diagnostic, ExpectedSource, ProbeExpectation, Span, Spanned, Step, StepAction, Unread,
    codes, list, nearest, sentence,
};
use crate::verdict::{Answer, BodyMatch, Outcome};

/// What a step can do to the network.
const ACTIONS: [&str; 3] = ["deploy", "change", "undo"];

/// Outcomes of probes that are not built.
const LATER_OUTCOMES: [Outcome; 3] = [Outcome::Resolves, Outcome::Nxdomain, Outcome::TlsError];

impl Decoder<'_> {
    pub(super) fn steps(&mut self, node: &Node) -> Option<Vec<Step>> {
        match &node.value {
            Value::List(items) => Some(items.iter().map(|item| self.step(item)).collect()),
            Value::Broken => None,
            _ => {
                let message = "`steps` is a list, each step after a `-`";
                self.found
                    .push(Diagnostic::error(codes::SHAPE, node.span, message));
                None
            }
        }
    }

    fn step(&mut self, node: &Node) -> Step {
        let mut step = Step {
            span: node.span,
            name: None,
            action: StepAction::None,
            probes: Vec::new(),
            prove: BTreeMap::new(),
            expect_broken: Vec::new(),
            when: BTreeMap::new(),
            planes: Vec::new(),
            note: None,
            wait: None,
            unread: Unread::new(),
        };
        if let Value::Text(text) = &node.value {
            match self.step_word(text) {
                Some(action) => step.action = action,
                None => step.unread.extend(ACTIONS),
            }
            return step;
        }
        let Some(mut fields) = self.fields(node, node.span, &STEP) else {
            step.unread.extend(ACTIONS);
            return step;
        };
        if let Some(first) = fields.first_key() {
            step.span = first;
        }
        step.action = self.action(&mut fields);
        step.probes = self
            .optional(&mut fields, "probe", |d, node| {
                let entries = d.map(node, "`probe`")?;
                Some(entries.iter().map(|entry| d.expectation(entry)).collect())
            })
            .unwrap_or_default();
        step.name = self.optional(&mut fields, "name", Self::text);
        step.note = self.optional(&mut fields, "note", Self::text);
        step.wait = self.optional(&mut fields, "wait", Self::duration);
        step.unread = fields.unread;
        step
    }

    /// A step that is one word; a misspelt one is reported and read as the one that was meant.
    fn step_word(&mut self, text: &Text) -> Option<StepAction> {
        let words = ["deploy", "undo"];
        let mut word = text.text.as_str();
        if !words.contains(&word) {
            let meant = nearest(word, words);
            let help = "a step is `deploy`, `undo`, or a map with `change`, `probe` and more";
            self.found.push(unknown(word, meant, text.span, help));
            word = meant?;
        }
        Some(match word {
            "deploy" => StepAction::Deploy,
            _ => StepAction::Undo {
                span: text.span,
                all: false,
            },
        })
    }

    fn action(&mut self, fields: &mut Fields<'_>) -> StepAction {
        let actions: Vec<&Entry> = ACTIONS
            .into_iter()
            .filter_map(|key| fields.entry(key))
            .collect();
        if let [first, second, ..] = &actions[..] {
            self.found.push(
                Diagnostic::error(
                    codes::TWO_ACTIONS,
                    second.key.span,
                    format!(
                        "a step does one thing: `{}` and `{}` are two",
                        first.key.text, second.key.text
                    ),
                )
                .related(first.key.span, "the first one")
                .help("make two steps of it"),
            );
        }
        let Some(entry) = actions.first() else {
            return StepAction::None;
        };
        match entry.key.text.as_str() {
            "deploy" => {
                self.optional(fields, "deploy", |d, node| {
                    d.one_of(node, &[("true", ())], &[])
                });
                StepAction::Deploy
            }
            "change" => StepAction::Change {
                changes: self.changes(fields),
                order: Vec::new(),
            },
            _ => {
                let span = entry.key.span;
                let all = self.optional(fields, "undo", |d, node| {
                    d.one_of(node, &[("last", false), ("all", true)], &[])
                });
                StepAction::Undo {
                    span,
                    all: all.is_some_and(|all| all.value),
                }
            }
        }
    }

    fn changes(&mut self, fields: &mut Fields<'_>) -> Vec<Change> {
        let entries = self.optional(fields, "change", |d, node| {
            Some(d.map(node, "`change`")?.to_vec())
        });
        let mut changes = Vec::new();
        for Entry { key, value } in entries.unwrap_or_default() {
            match self.report(change::path(&key)) {
                Some(segments) => changes.push(Change {
                    path: Spanned {
                        value: key.text,
                        span: key.span,
                    },
                    segments,
                    value,
                }),
                None => {
                    fields.unread.insert("change");
                }
            }
        }
        changes
    }

    fn expectation(&mut self, entry: &Entry) -> ProbeExpectation {
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
        expectation.body = self.optional(&mut fields, "body", |d, node| {
            let text = d.text(node)?;
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
        });
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
        expectation.by = self
            .optional(&mut fields, "by", |d, node| {
                d.sentence(node, "a rule", sentence::by)
            })
            .map(|by| by.value);
        expectation.unread = fields.unread;
        expectation
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

/// A step that does not exist.
pub(super) fn unknown(word: &str, meant: Option<&str>, span: Span, help: &str) -> Diagnostic {
    let message = format!("unknown step `{word}`");
    match meant {
        Some(step) => Diagnostic::error(
            codes::UNKNOWN_STEP,
            span,
            format!("{message}; did you mean `{step}`?"),
        ),
        None => Diagnostic::error(codes::UNKNOWN_STEP, span, message).help(help),
    }
}

fn answer(word: &str, span: Span) -> Result<Answer, Diagnostic> {
    if let Some(status) = status(word) {
        return Ok(Answer::Status(status));
    }
    match word.parse::<Outcome>() {
        Ok(outcome) if LATER_OUTCOMES.contains(&outcome) => Err(Diagnostic::error(
            codes::VALUE_NOT_YET,
            span,
            format!("outcome `{word}` is not supported yet"),
        )
        .help("it belongs to DNS and TLS probes; an HTTP probe does not see it")),
        Ok(outcome) => Ok(Answer::Outcome(outcome)),
        Err(()) => {
            let built = || {
                Outcome::ALL
                    .into_iter()
                    .filter(|outcome| !LATER_OUTCOMES.contains(outcome))
                    .map(Outcome::word)
            };
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
