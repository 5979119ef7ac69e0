//! What a run says beside its spec: values of parameters, rows of the matrix.

use super::tree::{Entry, Text, Value};
use super::{Diagnostic, Source, Sources, Span, codes, yaml};

/// What a run says beside its spec.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    parameters: Vec<String>,
    file: Option<Source>,
    picks: Vec<String>,
}

impl Settings {
    /// Gives a parameter its value, as `NAME=VALUE`.
    #[must_use]
    pub fn parameter(mut self, assignment: impl Into<String>) -> Settings {
        self.parameters.push(assignment.into());
        self
    }

    /// Gives the values of parameters as a YAML map, which those of [`parameter`](Self::parameter) go before.
    #[must_use]
    pub fn parameter_file(mut self, file: Source) -> Settings {
        self.file = Some(file);
        self
    }

    /// Picks a row of a matrix axis, as `AXIS=ROW`: only picked rows of that axis are run.
    #[must_use]
    pub fn pick(mut self, assignment: impl Into<String>) -> Settings {
        self.picks.push(assignment.into());
        self
    }
}

/// Settings as texts with places: the command line is a source like any other.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Names and values from the command line.
    pub(super) parameters: Vec<(Text, Text)>,
    /// Names and values from a file.
    pub(super) file: Vec<(Text, Text)>,
    /// Axes and rows.
    pub(super) picks: Vec<(Text, Text)>,
}

impl Given {
    /// Reads settings, and adds them to the sources, so that findings can point at them.
    pub(super) fn read(
        settings: &Settings,
        sources: &mut Sources,
        found: &mut Vec<Diagnostic>,
    ) -> Given {
        let mut given = Given::default();
        if let Some(file) = &settings.file {
            given.file = from_file(sources.push(file.clone()), found);
        }
        let flags = settings.parameters.iter().map(|value| ("-p ", value));
        let picks = settings.picks.iter().map(|value| ("--matrix ", value));
        let flags: Vec<(&str, &String)> = flags.chain(picks).collect();
        if flags.is_empty() {
            return given;
        }
        let mut text = String::new();
        let mut places = Vec::new();
        for (flag, value) in flags {
            text.push_str(flag);
            places.push((flag, value, text.len()));
            text.push_str(value);
            text.push('\n');
        }
        let base = sources.push(Source::new("command line", text)).base();
        for (flag, value, at) in places {
            let whole = written(value, base + at);
            let Some(equals) = value.find('=') else {
                let form = if flag.starts_with("-p") {
                    "`-p NAME=VALUE`"
                } else {
                    "`--matrix AXIS=ROW`"
                };
                let message = format!("`{value}` has no `=`");
                found.push(
                    Diagnostic::error(codes::PARAMETER_GIVEN, whole.span, message)
                        .help(format!("write {form}")),
                );
                continue;
            };
            let pair = (
                written(&value[..equals], base + at),
                written(&value[equals + 1..], base + at + equals + 1),
            );
            if flag.starts_with("-p") {
                given.parameters.push(pair);
            } else {
                given.picks.push(pair);
            }
        }
        given
    }
}

/// A text that stands word for word at a byte.
fn written(text: &str, at: usize) -> Text {
    let span = Span {
        start: at,
        end: at + text.len(),
    };
    Text::written(text.to_owned(), span, Some(at))
}

/// The map of a file, from parameters to their values.
fn from_file(file: &Source, found: &mut Vec<Diagnostic>) -> Vec<(Text, Text)> {
    let Some(root) = yaml::read(file, found) else {
        return Vec::new();
    };
    let Value::Map(entries) = root.value else {
        let message = "a file of parameters is a map from their names to their values";
        found.push(Diagnostic::error(codes::SHAPE, root.span, message));
        return Vec::new();
    };
    let mut values = Vec::new();
    for Entry { key, value } in entries {
        match value.value {
            Value::Text(text) => values.push((key, text)),
            Value::Broken => {}
            _ => {
                let message = format!("the value of parameter `{}` is a text", key.text);
                found.push(Diagnostic::error(codes::SHAPE, value.span, message));
            }
        }
    }
    values
}
