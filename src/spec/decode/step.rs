//! Steps and expectations.

use super::fields::{Decoder, Shape};
use crate::spec::change;
use crate::spec::tree::{Entry, Node, Value};
use crate::spec::{
    Change, Diagnostic, ExpectedSource, ProbeExpectation, Span, Spanned, Step, StepAction, codes,
    list, nearest, sentence,
};
use crate::verdict::{Answer, BodyMatch, Outcome};

const STEP: Shape = Shape {
    what: "a step",
    known: &["deploy", "change", "undo", "wait", "probe", "note", "name"],
    later: &["order", "prove", "expect-broken", "when", "planes"],
};

const EXPECTATION: Shape = Shape {
    what: "an expectation",
    known: &["outcome", "status", "body", "source", "source-in", "by"],
    later: &[
        "header",
        "not-source",
        "via",
        "avoid",
        "answers",
        "rtt",
        "within",
        "stable",
        "planes",
    ],
};

/// Outcomes of probes that are not built.
const LATER_OUTCOMES: [Outcome; 3] = [Outcome::Resolves, Outcome::Nxdomain, Outcome::TlsError];

impl Decoder {
    pub(super) fn steps(&mut self, node: &Node) -> Vec<Step> {
        match &node.value {
            Value::List(items) => items.iter().filter_map(|item| self.step(item)).collect(),
            Value::Broken => Vec::new(),
            _ => {
                let message = "`steps` is a list, each step after a `-`";
                self.found
                    .push(Diagnostic::error(codes::SHAPE, node.span, message));
                Vec::new()
            }
        }
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let value = match &node.value {
            Value::Text(text) => {
                let action = match text.text.as_str() {
                    "deploy" => StepAction::Deploy,
                    "undo" => StepAction::Undo {
                        span: node.span,
                        all: false,
                    },
                    word => {
                        let help =
                            "a step is `deploy`, `undo`, or a map with `change`, `probe` and more";
                        self.unknown_step(word, node.span, &["deploy", "undo"], help);
                        return None;
                    }
                };
                return Some(Step {
                    span: node.span,
                    name: None,
                    action,
                    probes: Vec::new(),
                    note: None,
                    wait: None,
                });
            }
            Value::Map(entries) => {
                // In a step every key is a kind of step, or says something about one.
                let (known, unknown): (Vec<Entry>, Vec<Entry>) =
                    entries.iter().cloned().partition(|entry| {
                        let key = entry.key.text.as_str();
                        STEP.known.contains(&key) || STEP.later.contains(&key)
                    });
                let help = format!("a step has {}", list(STEP.known.iter().copied()));
                for Entry { key, .. } in unknown {
                    self.unknown_step(&key.text, key.span, STEP.known, &help);
                }
                Value::Map(known)
            }
            other => other.clone(),
        };
        let known = Node {
            span: node.span,
            value,
        };
        let fields = self.fields(&known, node.span, &STEP)?;
        let action = self.action(&fields);
        let probes = match fields.get("probe") {
            None => Vec::new(),
            Some(node) => {
                let entries = self.map(node, "`probe`").unwrap_or_default();
                entries
                    .iter()
                    .filter_map(|entry| self.expectation(entry))
                    .collect()
            }
        };
        Some(Step {
            span: first_key(node).unwrap_or(node.span),
            name: self.optional(&fields, "name", Decoder::text),
            action,
            probes,
            note: self.optional(&fields, "note", Decoder::text),
            wait: self.optional(&fields, "wait", Decoder::duration),
        })
    }

    fn unknown_step(&mut self, word: &str, span: Span, valid: &[&str], help: &str) {
        let message = format!("unknown step `{word}`");
        self.found.push(match nearest(word, valid.iter().copied()) {
            Some(step) => Diagnostic::error(
                codes::UNKNOWN_STEP,
                span,
                format!("{message}; did you mean `{step}`?"),
            ),
            None => Diagnostic::error(codes::UNKNOWN_STEP, span, message).help(help),
        });
    }

    fn action(&mut self, fields: &super::fields::Fields<'_>) -> StepAction {
        let actions: Vec<&Entry> = ["deploy", "change", "undo"]
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
                self.one_of(&entry.value, &[("true", ())], &[]);
                StepAction::Deploy
            }
            "change" => StepAction::Change(self.changes(&entry.value)),
            _ => {
                let all = self.one_of(&entry.value, &[("last", false), ("all", true)], &[]);
                StepAction::Undo {
                    span: entry.key.span,
                    all: all.is_some_and(|all| all.value),
                }
            }
        }
    }

    fn changes(&mut self, node: &Node) -> Vec<Change> {
        let entries = self.map(node, "`change`").unwrap_or_default();
        let mut changes = Vec::new();
        for entry in entries {
            if let Some(segments) = self.report(change::path(&entry.key)) {
                changes.push(Change {
                    path: Spanned {
                        value: entry.key.text.clone(),
                        span: entry.key.span,
                    },
                    segments,
                    value: entry.value.clone(),
                });
            }
        }
        changes
    }

    fn expectation(&mut self, entry: &Entry) -> Option<ProbeExpectation> {
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
            by: None,
        };
        if !matches!(node.value, Value::Map(_)) {
            expectation.one_of = self.answers(node);
            return Some(expectation);
        }
        let fields = self.fields(node, entry.key.span, &EXPECTATION)?;
        if let Some(node) = fields.get("outcome") {
            expectation.one_of = self.answers(node);
        }
        expectation.status = self.optional(&fields, "status", |d, node| {
            d.sentence(node, "a status", |text| {
                status(&text.text).ok_or_else(|| {
                    let message = format!("`{}` is not an HTTP status", text.text);
                    Diagnostic::error(codes::VALUE, text.span, message)
                        .help("it is a number from 100 to 599")
                })
            })
        });
        expectation.body = self.optional(&fields, "body", |d, node| {
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
        expectation.source = self.optional(&fields, "source", |d, node| {
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
            .optional(&fields, "source-in", |d, node| {
                d.sentence(node, "a set", sentence::set)
            })
            .map(|set| set.value);
        expectation.by = self
            .optional(&fields, "by", |d, node| {
                d.sentence(node, "a rule", sentence::by)
            })
            .map(|by| by.value);
        Some(expectation)
    }

    /// An outcome word, a status, or a list of them.
    fn answers(&mut self, node: &Node) -> Vec<Spanned<Answer>> {
        let nodes = self.one_or_many(node);
        let answers: Vec<_> = nodes
            .iter()
            .filter_map(|node| {
                self.sentence(node, "an outcome", |text| answer(&text.text, text.span))
            })
            .collect();
        if nodes.is_empty() {
            let message = "an empty list is met by nothing";
            self.found
                .push(Diagnostic::error(codes::VALUE, node.span, message));
        }
        answers
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

fn first_key(node: &Node) -> Option<Span> {
    match &node.value {
        Value::Map(entries) => entries.first().map(|entry| entry.key.span),
        _ => None,
    }
}
