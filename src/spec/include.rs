//! `include`: the maps of other files merged into those of a spec.
//!
//! What an included file may give is what is kept by name; the name, the steps and the lifecycle are the
//! spec's own. A thing that two files give is an error unless the nearer one says `override: true`: then it
//! replaces the other whole. Nearer is the file that includes, and of two in a list the later one. A file
//! that is included twice is read once.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::language::SPEC;
use super::tree::{Entry, Node, Text, Value};
use super::yaml::{self, MAX_BYTES};
use super::{Diagnostic, Source, Sources, Span, codes, list};

/// The most files of a spec.
const MOST_FILES: usize = 64;

/// The sections that are merged, by the names in them.
const SECTIONS: [&str; 15] = [
    "tags",
    "params",
    "matrix",
    "secrets",
    "vnets",
    "nsgs",
    "asgs",
    "peerings",
    "routes",
    "dns",
    "externals",
    "clusters",
    "workloads",
    "probes",
    "invariants",
];

/// The sections whose things cannot say `override`: what is in them is no map of keys of the language.
const PLAIN: [&str; 3] = ["tags", "matrix", "asgs"];

/// What an included file may say of itself.
const OWN: [&str; 3] = ["vnetlab", "about", "include"];

/// Reads a file of a spec; the library itself reads none.
pub(super) type Load<'l> = dyn FnMut(&Path) -> io::Result<String> + 'l;

/// Merges what the document `root` of the spec includes into it.
pub(super) fn merge(
    root: &mut Node,
    sources: &mut Sources,
    load: &mut Load<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let spec = sources.as_ref().first();
    let path = spec.map_or_else(PathBuf::new, |spec| normalised(spec.path()));
    let mut includes = Includes {
        sources,
        load,
        found,
        seen: BTreeSet::new(),
        open: Vec::new(),
    };
    for unused in includes.file(root, path) {
        let message = "there is nothing to override";
        found.push(Diagnostic::warning(codes::NO_EFFECT, unused.span, message));
    }
}

struct Includes<'i, 'l> {
    sources: &'i mut Sources,
    load: &'i mut Load<'l>,
    found: &'i mut Vec<Diagnostic>,
    /// The files that were read.
    seen: BTreeSet<PathBuf>,
    /// The files that are being read, the spec first.
    open: Vec<PathBuf>,
}

impl Includes<'_, '_> {
    /// Merges what a file includes into it; what it overrides and what those do that replaced nothing yet.
    fn file(&mut self, root: &mut Node, path: PathBuf) -> Vec<Override> {
        let directory = path.parent().unwrap_or(&path).to_owned();
        self.open.push(path);
        let mut own = self.overrides(root);
        let mut unused = Vec::new();
        let mut merged: Option<Node> = None;
        let mut lacking = false;
        for item in self.items(root) {
            match self.included(&item, &directory) {
                Ok(Some((mut document, path))) => {
                    self.refuse_own(&mut document, item.span);
                    let mut theirs = self.file(&mut document, path);
                    match &mut merged {
                        None => merged = Some(document),
                        Some(older) => self.join(older, document, &mut theirs),
                    }
                    unused.append(&mut theirs);
                }
                Ok(None) => {}
                Err(diagnostic) => {
                    lacking = true;
                    self.found.extend(diagnostic);
                }
            }
        }
        if let Some(mut older) = merged {
            let nearer = Node {
                span: root.span,
                value: std::mem::replace(&mut root.value, Value::Map(Vec::new())),
            };
            self.join(&mut older, nearer, &mut own);
            root.value = older.value;
        }
        unused.append(&mut own);
        if let Value::Map(entries) = &mut root.value {
            entries.retain(|entry| entry.key.text != "include");
            if lacking {
                // Names may come from the file that could not be read: the key stays to say so.
                let node = Node {
                    span: root.span,
                    value: Value::Broken,
                };
                entries.push(Entry {
                    key: Text::new("include", root.span),
                    value: node,
                });
            }
        }
        self.open.pop();
        unused
    }

    /// The files that a document includes.
    fn items(&mut self, root: &Node) -> Vec<Text> {
        let Some(include) = root.get("include") else {
            return Vec::new();
        };
        let items = match &include.value {
            Value::List(items) => &items[..],
            _ => std::slice::from_ref(include),
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) if matches!(include.value, Value::List(_)) => {
                    texts.push(text.clone());
                }
                Value::Broken => {}
                _ => self.found.push(
                    Diagnostic::error(codes::SHAPE, item.span, "`include` is a list of files")
                        .help("for example `include: [common.yaml]`"),
                ),
            }
        }
        texts
    }

    /// Reads an included file, if it was not read before.
    fn included(
        &mut self,
        item: &Text,
        directory: &Path,
    ) -> Result<Option<(Node, PathBuf)>, Option<Diagnostic>> {
        let error = |message: String| Some(Diagnostic::error(codes::INCLUDE, item.span, message));
        if item.text.contains('$') {
            let message = "files are included before anything is substituted".to_owned();
            return Err(error(message));
        }
        let path = normalised(&directory.join(&item.text));
        let shown = path.display();
        if let Some(at) = self.open.iter().position(|open| *open == path) {
            let way = self.open[at..]
                .iter()
                .map(|path| path.display().to_string());
            let way: Vec<String> = way.chain([shown.to_string()]).collect();
            return Err(error(format!("`{shown}` includes itself")).map(|error| {
                let way: Vec<String> = way.iter().map(|path| format!("`{path}`")).collect();
                error.help(format!("on the way {}", way.join(" -> ")))
            }));
        }
        if !self.seen.insert(path.clone()) {
            return Ok(None);
        }
        let files = self.sources.as_ref();
        if files.len() >= MOST_FILES {
            return Err(error(format!("a spec has at most {MOST_FILES} files")));
        }
        let bytes: usize = files.iter().map(|file| file.text().len()).sum();
        let text =
            (self.load)(&path).map_err(|cause| error(format!("cannot read `{shown}`: {cause}")))?;
        if bytes + text.len() > MAX_BYTES {
            let message = format!("the files of a spec have at most {MAX_BYTES} bytes together");
            return Err(error(message));
        }
        let source = self.sources.push(Source::new(path.clone(), text));
        match yaml::read(source, self.found) {
            Some(document) if matches!(document.value, Value::Map(_)) => Ok(Some((document, path))),
            Some(document) => {
                let message = "an included file is a map";
                let diagnostic = Diagnostic::error(codes::SHAPE, document.span, message);
                Err(Some(diagnostic))
            }
            None => Err(None),
        }
    }

    /// Refuses what an included file may not give, and leaves out what is its own.
    fn refuse_own(&mut self, document: &mut Node, entry: Span) {
        let Value::Map(entries) = &mut document.value else {
            return;
        };
        for Entry { key, value } in entries.iter() {
            let word = key.text.as_str();
            let known = SPEC.key(word).is_some();
            if word == "vnetlab" && !matches!(&value.value, Value::Text(text) if text.text == "1") {
                let message = "an included file is of version 1 of the language";
                self.found
                    .push(Diagnostic::error(codes::VERSION, value.span, message));
            } else if known && !merges(word) && !OWN.contains(&word) {
                let message = format!("`{word}` cannot come from an included file");
                self.found.push(
                    Diagnostic::error(codes::INCLUDE, key.span, message)
                        .related(entry, "it is included here")
                        .help(format!("what can: {}", list(SECTIONS))),
                );
            }
        }
        // A key that does not exist is kept, and reported with those of the spec.
        entries.retain(|entry| {
            let word = entry.key.text.as_str();
            word == "include" || merges(word) || SPEC.key(word).is_none()
        });
    }

    /// Takes the key `override` out of every thing; the things that say `true`.
    fn overrides(&mut self, root: &mut Node) -> Vec<Override> {
        let mut overrides = Vec::new();
        let Value::Map(sections) = &mut root.value else {
            return overrides;
        };
        for section in sections {
            let name = section.key.text.as_str();
            let Value::Map(things) = &mut section.value.value else {
                continue;
            };
            if !merges(name) || PLAIN.contains(&name) {
                continue;
            }
            for thing in things {
                let Value::Map(keys) = &mut thing.value.value else {
                    continue;
                };
                let Some(at) = keys.iter().position(|entry| entry.key.text == "override") else {
                    continue;
                };
                let entry = keys.remove(at);
                match &entry.value.value {
                    Value::Text(text) if text.text == "true" => overrides.push(Override {
                        section: name.to_owned(),
                        thing: thing.key.text.clone(),
                        span: entry.key.span,
                    }),
                    Value::Text(text) if text.text == "false" => {}
                    Value::Broken => {}
                    _ => {
                        let message = "`override` is `true` or `false`";
                        self.found
                            .push(Diagnostic::error(codes::VALUE, entry.value.span, message));
                    }
                }
            }
        }
        overrides
    }

    /// Merges a nearer document into one that is further away.
    fn join(&mut self, older: &mut Node, nearer: Node, overrides: &mut Vec<Override>) {
        let (Value::Map(sections), Value::Map(own)) = (&mut older.value, nearer.value) else {
            return;
        };
        for Entry { key, value } in own {
            let Some(section) = sections.iter_mut().find(|s| s.key.text == key.text) else {
                sections.push(Entry { key, value });
                continue;
            };
            match (&mut section.value.value, value.value) {
                (Value::Map(things), Value::Map(more)) => {
                    for thing in more {
                        let name = &thing.key.text;
                        let Some(first) = things.iter_mut().find(|t| t.key.text == *name) else {
                            things.push(thing);
                            continue;
                        };
                        let over = overrides
                            .iter()
                            .position(|o| o.section == key.text && o.thing == *name);
                        match over {
                            Some(at) => drop(overrides.remove(at)),
                            None => self.twice(&key.text, &thing.key, first.key.span),
                        }
                        *first = thing;
                    }
                }
                (Value::List(items), Value::List(more)) => items.extend(more),
                (older @ Value::Broken, value) => *older = value,
                (_, Value::Broken) => {}
                _ => {
                    let message = format!("`{}` is a map here and none there", key.text);
                    self.found.push(
                        Diagnostic::error(codes::SHAPE, key.span, message)
                            .related(section.key.span, "the other one"),
                    );
                }
            }
        }
    }

    fn twice(&mut self, section: &str, key: &Text, first: Span) {
        let message = format!("`{}` stands twice in `{section}`", key.text);
        let diagnostic = Diagnostic::error(codes::INCLUDED_TWICE, key.span, message)
            .related(first, "the other one");
        self.found.push(if PLAIN.contains(&section) {
            diagnostic
        } else {
            diagnostic.help("`override: true` in this one replaces the other whole")
        });
    }
}

/// A thing that replaces another of the same name.
struct Override {
    section: String,
    thing: String,
    span: Span,
}

fn merges(section: &str) -> bool {
    SECTIONS.contains(&section)
}

/// A path without `.` and `..`, as far as its words tell.
fn normalised(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(normal.components().next_back(), Some(Component::Normal(_))) =>
            {
                normal.pop();
            }
            component => normal.push(component),
        }
    }
    normal
}
