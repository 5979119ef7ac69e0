//! What a document declares for its own text: parameters, the axes of the matrix, secrets.

use std::collections::BTreeMap;

use super::fields::Decoder;
use crate::spec::language::{MATRIX, PARAMETER, SECRET};
use crate::spec::matrix::{Axis, Matrix, Pick, Picks, Row};
use crate::spec::parameters::{Parameter, ParameterType};
use crate::spec::tree::{Entry, Node, Text, Value};
use crate::spec::{Diagnostic, Name, Secret, SecretSource, Sources, Span, codes};

impl Decoder<'_> {
    /// A scalar that is read later, by what is declared beside it.
    fn scalar(&mut self, node: &Node) -> Option<Text> {
        self.sentence(node, "a text", |text| Ok(text.clone()))
            .map(|text| text.value)
    }

    /// The items of a list.
    fn items<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Broken => &[],
            _ => {
                let message = format!("{what} is a list");
                self.found
                    .push(Diagnostic::error(codes::SHAPE, node.span, message));
                &[]
            }
        }
    }

    /// The parameters, in the author's order.
    pub(in crate::spec) fn parameters(&mut self, node: &Node) -> Vec<Parameter> {
        let named = self.named(node, "`params`").into_iter();
        named
            .map(|(name, entry)| self.parameter(name, entry))
            .collect()
    }

    fn parameter(&mut self, name: Name, entry: &Entry) -> Parameter {
        let key = entry.key.span;
        let mut parameter = Parameter {
            name,
            key,
            kind: None,
            default: None,
            one_of: Vec::new(),
        };
        let Some(mut fields) = self.fields(&entry.value, key, &PARAMETER) else {
            return parameter;
        };
        self.optional(&mut fields, "about", Self::text);
        let kind = self.required(&mut fields, "type", |d, node| {
            d.one_of(node, &ParameterType::WORDS, &[])
        });
        parameter.default = self.optional(&mut fields, "default", Self::scalar);
        if let Some(list) = fields.get("one-of") {
            let items = self.items(list, "`one-of`");
            parameter.one_of = items.iter().filter_map(|item| self.scalar(item)).collect();
            if items.is_empty() && list.value != Value::Broken {
                let message = "an empty list leaves no value";
                self.found
                    .push(Diagnostic::error(codes::VALUE, list.span, message));
            }
        }
        // What is wrong with its words leaves it without a type: then nothing is held against it.
        let sound = fields.unread.is_empty();
        parameter.kind = kind.map(|kind| kind.value).filter(|_| sound);
        parameter
    }

    /// The matrix: its axes in the author's order, and the combinations that are added and left out.
    pub(in crate::spec) fn matrix(&mut self, node: &Node) -> Option<Matrix> {
        let entries = self.map(node, MATRIX.what)?;
        let mut matrix = Matrix::default();
        for entry in entries {
            match entry.key.text.as_str() {
                "include" => matrix.include = self.picks(&entry.value, "`include`"),
                "exclude" => matrix.exclude = self.picks(&entry.value, "`exclude`"),
                _ => {}
            }
        }
        for (name, entry) in self.named(node, MATRIX.what) {
            if !matches!(name.as_str(), "include" | "exclude") {
                let rows = self.rows(entry);
                matrix.axes.push(Axis {
                    name,
                    key: entry.key.span,
                    rows,
                });
            }
        }
        Some(matrix)
    }

    /// The rows of an axis; empty where they cannot be read.
    fn rows(&mut self, entry: &Entry) -> Vec<Row> {
        let found = self.found.len();
        let mut rows: Vec<Row> = Vec::new();
        match &entry.value.value {
            Value::List(items) => {
                for item in items {
                    let Some(name) = self.scalar(item) else {
                        continue;
                    };
                    let twice = rows.iter().find(|row| row.name.text == name.text);
                    let message = match twice {
                        Some(_) => format!("row `{}` stands twice", name.text),
                        None if name.text.is_empty() => "a row is not empty".to_owned(),
                        None => {
                            rows.push(Row { name, fields: None });
                            continue;
                        }
                    };
                    let diagnostic = Diagnostic::error(codes::MATRIX, name.span, message);
                    self.found.push(match twice {
                        Some(first) => diagnostic.related(first.name.span, "the first one"),
                        None => diagnostic,
                    });
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    if self.map(&entry.value, "a row").is_some() {
                        rows.push(Row {
                            name: entry.key.clone(),
                            fields: Some(entry.value.clone()),
                        });
                    }
                }
            }
            Value::Broken => return rows,
            _ => {
                let message = format!("axis `{}` has no rows", entry.key.text);
                self.found.push(
                    Diagnostic::error(codes::SHAPE, entry.value.span, message)
                        .help("an axis is a list of texts, or a map from rows to their fields"),
                );
            }
        }
        if rows.is_empty() && self.found.len() == found {
            let message = format!("axis `{}` has no rows", entry.key.text);
            self.found
                .push(Diagnostic::error(codes::MATRIX, entry.key.span, message));
        }
        rows
    }

    /// A list of maps from axes to rows.
    fn picks(&mut self, node: &Node, what: &str) -> Vec<Picks> {
        let items = self.items(node, what).iter();
        items
            .filter_map(|item| {
                let entries = self.map(item, "axes and their rows")?;
                let picks = entries.iter().filter_map(|entry| {
                    let row = self.scalar(&entry.value)?;
                    Some(Pick {
                        axis: entry.key.clone(),
                        row,
                    })
                });
                let picks: Vec<Pick> = picks.collect();
                let whole = picks.len() == entries.len();
                if entries.is_empty() {
                    let message = "a combination names its axes and their rows";
                    self.found
                        .push(Diagnostic::error(codes::MATRIX, item.span, message));
                }
                (whole && !entries.is_empty()).then_some(Picks {
                    span: item.span,
                    picks,
                })
            })
            .collect()
    }

    /// The secrets; a file stands relative to the file of the spec that names it.
    pub(in crate::spec) fn secrets(
        &mut self,
        node: &Node,
        sources: &Sources,
    ) -> BTreeMap<Name, Option<Secret>> {
        let named = self.named(node, "`secrets`").into_iter();
        named
            .map(|(name, entry)| (name, self.secret(entry, sources)))
            .collect()
    }

    fn secret(&mut self, entry: &Entry, sources: &Sources) -> Option<Secret> {
        let key: Span = entry.key.span;
        let mut fields = self.fields(&entry.value, key, &SECRET)?;
        self.optional(&mut fields, "about", Self::text);
        let env = self.optional(&mut fields, "env", Self::word);
        let file = self.optional(&mut fields, "file", Self::text);
        let (mut message, mut at) = (None, key);
        let source = match (env, file) {
            (Some(env), None) => {
                if env.value.contains(['=', '\0']) {
                    message = Some(format!("`{}` is not an environment variable", env.value));
                    at = env.span;
                }
                Some(SecretSource::Environment(env.value))
            }
            (None, Some(file)) => {
                let spec = sources.at(key.start).path();
                let directory = spec.parent().unwrap_or(spec);
                Some(SecretSource::File(directory.join(file.value)))
            }
            (None, None) => {
                // A source that cannot be read is reported already.
                message = fields
                    .unread
                    .is_empty()
                    .then(|| format!("secret `{}` has no source", entry.key.text));
                None
            }
            (Some(_), Some(_)) => {
                message = Some(format!("secret `{}` has two sources", entry.key.text));
                None
            }
        };
        if let Some(message) = message {
            self.found.push(
                Diagnostic::error(codes::SECRET_SOURCE, at, message)
                    .help("give it one of `env: VARIABLE` and `file: PATH`"),
            );
        }
        Some(Secret {
            key,
            source: source?,
        })
    }
}
