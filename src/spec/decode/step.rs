//! Steps.

use std::collections::BTreeMap;

use super::fields::{Decoder, Fields, one_or_many};
use crate::spec::change;
use crate::spec::language::STEP;
use crate::spec::tree::{Entry, Node, Text, Value};
use crate::spec::{
    Change, Diagnostic, Name, Span, Spanned, Step, StepAction, Unread, codes, nearest,
};

/// What a step can do to the network.
const ACTIONS: [&str; 3] = ["deploy", "change", "undo"];

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
        step.prove = self
            .optional(&mut fields, "prove", |d, node| {
                Some(d.invariants(node, "`prove`"))
            })
            .unwrap_or_default();
        step.expect_broken = self.many(&mut fields, "expect-broken", Self::name);
        step.when = self.when_rows(&mut fields);
        step.planes = self.many(&mut fields, "planes", Self::plane);
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
        if let Some(order) = fields.entry("order")
            && fields.entry("change").is_none()
        {
            self.found.push(
                Diagnostic::error(
                    codes::CONTRADICTION,
                    order.key.span,
                    "`order` without a `change`",
                )
                .help("it says in which order the paths of a change are sent"),
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
                order: self.list(fields, "order", Self::text),
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

    /// The matrix rows with which a step is run.
    fn when_rows(&mut self, fields: &mut Fields<'_>) -> BTreeMap<Name, Vec<Spanned<String>>> {
        self.optional(fields, "when", |d, node| {
            let mut when = BTreeMap::new();
            for (axis, entry) in d.named(node, "`when`") {
                let rows = one_or_many(&entry.value);
                when.insert(axis, rows.iter().filter_map(|row| d.word(row)).collect());
            }
            Some(when)
        })
        .unwrap_or_default()
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
