//! From YAML's text to the document's tree, with every finding on the YAML itself.
//!
//! Built from the parser's events, so that every finding of a file is reported at once and a scalar is
//! never typed by YAML's own rules: `no`, `22:22` and `1.10` stay text. Only the plain word `null` is
//! null. Anchors, aliases, tags, directives and further documents are refused; without aliases the tree
//! is no larger than the text, so a bound on the text and on the depth is budget enough.

use std::collections::BTreeMap;

use serde_yaml::granit_parser::{self, Event, Options, Parser, ScalarStyle, StructureStyle};

use super::span::char_boundary;
use super::tree::{Entry, Node, Text, Value};
use super::{Diagnostic, Source, Span, codes};

/// The longest text of a spec, all its files together.
pub(super) const MAX_BYTES: usize = 16 << 20;
const MAX_DEPTH: usize = 24;

/// Reads the document of a file, with every finding on its YAML.
pub(crate) fn read(source: &Source, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let text = source.text();
    if text.len() > MAX_BYTES {
        let start = source.base();
        let start = Span { start, end: start };
        found.push(Diagnostic::error(
            codes::LIMIT,
            start,
            format!("a spec has at most {MAX_BYTES} bytes"),
        ));
        return None;
    }
    let mut options = Options::default();
    options.emit_comments = false;
    options.emit_unresolved_aliases = true;
    let mut reader = Reader {
        text,
        base: source.base(),
        found_before: found.len(),
        parser: Parser::new_from_str_with_options(text, options),
        found,
    };
    reader.document().unwrap_or_default()
}

/// Reading cannot go on; the reason is among the findings.
struct Stop;

struct Reader<'t, 'f> {
    text: &'t str,
    /// What the spans of the text are relative to.
    base: usize,
    /// How much was found in other texts.
    found_before: usize,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    found: &'f mut Vec<Diagnostic>,
}

impl<'t> Reader<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let range = span.byte_range().unwrap_or_default();
                Ok((
                    event,
                    Span {
                        start: self.base + range.start,
                        end: self.base + range.end.max(range.start),
                    },
                ))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                let start = char_boundary(self.text, at);
                let character = self.text[start..].chars().next();
                let end = start + character.map_or(0, char::len_utf8);
                let span = self.local(start..end);
                self.found.push(Diagnostic::error(
                    codes::SYNTAX,
                    span,
                    format!("the file is not YAML: {}", error.info()),
                ));
                Err(Stop)
            }
            None => {
                let end = self.text.len();
                let span = self.local(end..end);
                self.error(codes::SYNTAX, span, "the file ends early");
                Err(Stop)
            }
        }
    }

    /// A range of the text as a place in the spec.
    fn local(&self, range: std::ops::Range<usize>) -> Span {
        Span {
            start: self.base,
            end: self.base,
        }
        .part(range)
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, span, message));
    }

    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_, version) => {
                    if version.is_some() {
                        self.error(
                            codes::YAML_FEATURE,
                            span,
                            "YAML directives are not part of the language",
                        );
                    }
                    if root.is_some() {
                        self.error(
                            codes::YAML_FEATURE,
                            span,
                            "a spec is one YAML document; a second one starts here",
                        );
                        return Err(Stop);
                    }
                }
                Event::StreamStart | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, &[])?),
            }
        }
        match root {
            Some(Node {
                value: Value::Broken,
                ..
            })
            | None => {
                if self.found.len() == self.found_before {
                    let span = self.local(0..0);
                    self.error(codes::NO_VALUE, span, "the file is empty");
                }
                Ok(None)
            }
            root => Ok(root),
        }
    }

    /// Reads the node that `event` starts; `path` is the keys above it.
    fn node(&mut self, event: Event<'t>, span: Span, path: &[&str]) -> Result<Node, Stop> {
        if path.len() > MAX_DEPTH {
            self.error(
                codes::LIMIT,
                span,
                format!("maps and lists are nested at most {MAX_DEPTH} deep"),
            );
            return Err(Stop);
        }
        if let Some(tag) = event.tag() {
            let message = format!(
                "YAML tags are not part of the language: `{}`",
                tag.original()
            );
            self.error(codes::YAML_FEATURE, span, message);
        }
        if event.anchor_id().is_some() {
            let diagnostic = Diagnostic::error(
                codes::YAML_FEATURE,
                span,
                "YAML anchors are not part of the language",
            );
            self.found
                .push(diagnostic.label("this value has an anchor"));
        }
        let broken = Node {
            span,
            value: Value::Broken,
        };
        match event {
            Event::Scalar(text, style, ..) => Ok(self.scalar(text.into_owned(), style, span)),
            Event::MappingStart(style, ..) => self.map(style, span, path),
            Event::SequenceStart(..) => self.list(span, path),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.error(
                    codes::YAML_FEATURE,
                    span,
                    "YAML aliases are not part of the language",
                );
                Ok(broken)
            }
            _ => {
                self.error(codes::SYNTAX, span, "expected a value");
                Err(Stop)
            }
        }
    }

    fn scalar(&self, text: String, style: ScalarStyle, span: Span) -> Node {
        let plain = style == ScalarStyle::Plain;
        let value = if plain && text == "null" {
            Value::Null
        } else {
            Value::Text(self.text_of(text, style, span))
        };
        Node { span, value }
    }

    fn text_of(&self, text: String, style: ScalarStyle, span: Span) -> Text {
        let start = match style {
            ScalarStyle::Plain => span.start - self.base,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => span.start - self.base + 1,
            // A block's text begins after its header and indentation: shown as a whole.
            ScalarStyle::Literal | ScalarStyle::Folded => self.text.len(),
        };
        let verbatim =
            (self.text.get(start..start + text.len()) == Some(text.as_str())).then_some(start);
        let span = match (style, verbatim) {
            (ScalarStyle::Plain, Some(start)) => self.local(start..start + text.len()),
            _ => span,
        };
        let verbatim = verbatim.map(|start| self.base + start);
        Text::written(text, span, verbatim)
    }

    fn map(&mut self, style: StructureStyle, span: Span, path: &[&str]) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, (usize, Span)> = BTreeMap::new();
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => {
                    let end = key_span.end.max(span.start);
                    let span = Span {
                        start: span.start,
                        end,
                    };
                    return Ok(Node {
                        span,
                        value: Value::Map(entries),
                    });
                }
                Event::Scalar(text, key_style, 0, None) => {
                    Some(self.text_of(text.into_owned(), key_style, key_span))
                }
                event => {
                    self.node(event, key_span, &[path, &["?"]].concat())?;
                    self.error(codes::SHAPE, key_span, "a key is plain text");
                    None
                }
            };
            let (event, value_span) = self.next()?;
            let name = key.as_ref().map_or("?", |key| key.text.as_str());
            let written = written(&event);
            let mut value = self.node(event, value_span, &[path, &[name]].concat())?;
            let Some(key) = key else { continue };
            if !written {
                self.no_value(&key, style, &value);
                value.value = Value::Broken;
            } else if key.text.contains(char::is_whitespace) && path != ["tags"] {
                let diagnostic = Diagnostic::error(
                    codes::KEY_WITH_SPACE,
                    key.span,
                    format!("key `{}` has a space in it", key.text),
                );
                self.found.push(match style {
                    StructureStyle::Flow => {
                        diagnostic.help("inside `{ }` a comma ends the entry; join sets with `+`")
                    }
                    StructureStyle::Block => diagnostic.help("names and keys are single words"),
                });
                value.value = Value::Broken;
            }
            if let Some((at, first)) = seen.get(&key.text) {
                merge(&mut entries[*at], value);
                let diagnostic = Diagnostic::error(
                    codes::DUPLICATE_KEY,
                    key.span,
                    format!("key `{}` stands twice in one map", key.text),
                );
                self.found.push(diagnostic.related(*first, "the first one"));
            } else {
                seen.insert(key.text.clone(), (entries.len(), key.span));
                entries.push(Entry { key, value });
            }
        }
    }

    fn no_value(&mut self, key: &Text, style: StructureStyle, value: &Node) {
        let tilde = value.span.end > value.span.start;
        let diagnostic = Diagnostic::error(
            codes::NO_VALUE,
            if tilde { value.span } else { key.span },
            match (tilde, style) {
                (true, _) => format!("key `{}` has no value: `~` is none", key.text),
                (false, StructureStyle::Flow) => format!(
                    "key `{}` has no value: inside `{{ }}` a comma ends the entry; join sets with `+`",
                    key.text
                ),
                (false, StructureStyle::Block) => format!("key `{}` has no value", key.text),
            },
        );
        self.found.push(match (tilde, style) {
            (false, StructureStyle::Flow) => diagnostic,
            _ => diagnostic
                .help("write a value, or leave the key out; in a `change`, `null` removes"),
        });
    }

    fn list(&mut self, span: Span, path: &[&str]) -> Result<Node, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, item_span) = self.next()?;
            if event == Event::SequenceEnd {
                let end = item_span.end.max(span.start);
                let span = Span {
                    start: span.start,
                    end,
                };
                return Ok(Node {
                    span,
                    value: Value::List(items),
                });
            }
            let written = written(&event);
            let mut item = self.node(event, item_span, &[path, &["-"]].concat())?;
            if !written {
                self.error(codes::NO_VALUE, item_span, "a list item has no value");
                item.value = Value::Broken;
            }
            items.push(item);
        }
    }
}

/// Keeps the names of a second map of things, so that references to them are not reported as well.
fn merge(first: &mut Entry, second: Node) {
    const SECTIONS: [&str; 8] = [
        "vnets",
        "nsgs",
        "clusters",
        "workloads",
        "probes",
        "subnets",
        "inbound",
        "outbound",
    ];
    if let (Value::Map(entries), Value::Map(more)) = (&mut first.value.value, second.value)
        && SECTIONS.contains(&first.key.text.as_str())
    {
        for entry in more {
            if entries.iter().all(|other| other.key.text != entry.key.text) {
                entries.push(entry);
            }
        }
    }
}

/// Whether the event is a value: neither the empty scalar of `key:` nor `~`.
fn written(event: &Event<'_>) -> bool {
    !matches!(event, Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty() || text == "~")
}
