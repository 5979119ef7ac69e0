//! Long forms into short ones, keys into their order, spaces in sentences set.

use super::doc::{Block, Doc, File, Item, Style, change_path, visit};
use super::table::{self, Given, Holds, Sentence, Short};
use crate::spec::Span;
use crate::spec::tree::Text;

/// Puts a document into its canonical short form.
///
/// Left as they are: a thing with comments inside, which have no place in a sentence, and a thing from which
/// a `change` removes a key, which must be there to be removed.
pub(super) fn shorten(file: &mut File) {
    let removed = removed(&file.root);
    set_spaces(file);
    visit(&mut file.root, &mut |path, doc| {
        let taken = removed
            .iter()
            .any(|gone| gone.len() > path.len() && gone.starts_with(path));
        if !taken {
            shorten_at(path, doc);
        }
    });
    arrange(file);
}

/// The paths that changes remove.
fn removed(root: &Doc) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let steps = root.block().and_then(|block| block.get("steps"));
    let steps = steps.and_then(|item| item.value.block());
    for step in steps.map_or(&[][..], |steps| &steps.items) {
        let change = step.value.block().and_then(|step| step.get("change"));
        let change = change.and_then(|item| item.value.block());
        for item in change.map_or(&[][..], |change| &change.items) {
            if let (Some(key), Doc::Null) = (&item.key, &item.value) {
                paths.push(change_path(key));
            }
        }
    }
    paths
}

/// Sets the spaces of sentences, sets, ports and claims: one between words, one on each side of `+`.
pub(super) fn set_spaces(file: &mut File) {
    visit(&mut file.root, &mut |path, doc| {
        let sentence = table::rows(table::SHORT, path).find_map(|short| match short {
            Short::Sentence(sentence) => Some(*sentence),
            _ => None,
        });
        let beside = path.split_last().and_then(|(key, place)| {
            table::rows(table::SHORT, place).find_map(|short| match short {
                Short::Sentence(sentence) if sentence.key == key => Some((*sentence, place)),
                _ => None,
            })
        });
        let claim = table::rows(table::SHORT, path).find_map(|short| match short {
            Short::Key(key, _) => Some([path, &[(*key).to_owned()]].concat()),
            _ => None,
        });
        if let Doc::Text { text, .. } = doc {
            if let Some((sentence, place)) = sentence.map(|s| (s, path)).or(beside) {
                if let Some(fields) = split(sentence, text, place) {
                    let given = |key: &str| value(&fields, key).map(str::to_owned);
                    *text = join(sentence, given).unwrap_or_else(|| text.clone());
                }
            } else {
                *text = spaced(text, claim.as_deref().unwrap_or(path));
            }
        }
    });
}

/// A text with its spaces set, if it holds words of the language.
fn spaced(text: &str, path: &[String]) -> String {
    if table::rows(table::HOLDS, path).any(|holds| *holds != Holds::Subnet) {
        let spread = text.replace('+', " + ");
        spread.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        text.to_owned()
    }
}

/// The fields of a sentence at a place, with their spaces set.
pub(super) fn split(
    sentence: &Sentence,
    text: &str,
    place: &[String],
) -> Option<Vec<(&'static str, String)>> {
    let fields = (sentence.split)(&Text::new(text, Span::default())).ok()?;
    let fields = fields.into_iter().map(|(key, text)| {
        let path = [place, &[key.to_owned()]].concat();
        (key, spaced(&text.text, &path))
    });
    Some(fields.collect())
}

/// The value of a field.
pub(super) fn value<'f>(fields: &'f [(&'static str, String)], key: &str) -> Option<&'f str> {
    let field = fields.iter().find(|(name, _)| *name == key);
    field.map(|(_, text)| text.as_str())
}

/// The sentence of the fields that are given; `None` where one is missing.
fn join(sentence: &Sentence, given: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    for part in sentence.parts {
        match given(part.key) {
            Some(value) => {
                text.push_str(part.before);
                text.push_str(&value);
            }
            None if part.given == Given::Always => return None,
            None => {}
        }
    }
    Some(text)
}

fn shorten_at(path: &[String], doc: &mut Doc) {
    let Doc::Map(block) = doc else { return };
    // What `with` holds is not known here, so neither is what is left out.
    if block.comments() > 0 || block.get("with").is_some() {
        return;
    }
    for short in table::rows(table::SHORT, path) {
        let shortened = match short {
            // Alone, a number is a status, whatever key it had.
            Short::Key(key, _) => alone(block, key, path).filter(|value| !is_status(value)),
            Short::Status(key) => alone(block, key, path).filter(is_status),
            Short::Word(key, value) => alone(block, key, path)
                .filter(|doc| doc.as_text() == Some(*value))
                .map(|_| Doc::text(*key)),
            Short::Sentence(sentence) => in_a_sentence(block, sentence, path),
        };
        if let Some(shortened) = shortened {
            *doc = shortened;
            return;
        }
    }
}

/// The value of `key`, if every other key has its default.
fn alone(block: &Block, key: &str, path: &[String]) -> Option<Doc> {
    let value = &block.get(key)?.value;
    let others = block
        .items
        .iter()
        .filter(|item| item.key.as_deref() != Some(key));
    let default = |item: &Item| is_default(block, item, path);
    let scalar = matches!(value, Doc::Text { .. } | Doc::List(_));
    (scalar && others.into_iter().all(default)).then(|| value.clone())
}

/// Whether a value is an HTTP status.
pub(super) fn is_status(doc: &Doc) -> bool {
    let text = doc.as_text().unwrap_or_default();
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The default of a key at a place, in a map that has this value of `scheme`.
pub(super) fn default_of(path: &[String], key: &str, scheme: Option<&str>) -> Option<&'static str> {
    table::DEFAULTS
        .iter()
        .filter(|(place, name, ..)| *name == key && table::at(place, path))
        .find(|(.., schemes)| {
            schemes.is_empty() || scheme.is_some_and(|scheme| schemes.contains(&scheme))
        })
        .map(|(_, _, value, _)| *value)
}

fn is_default(block: &Block, item: &Item, path: &[String]) -> bool {
    let scheme = block.get("scheme").and_then(|item| item.value.as_text());
    let default = item
        .key
        .as_deref()
        .and_then(|key| default_of(path, key, scheme));
    default.is_some() && item.value.as_text() == default
}

fn in_a_sentence(block: &Block, sentence: &'static Sentence, path: &[String]) -> Option<Doc> {
    if let Some(item) = block.get(sentence.key) {
        let one = block.items.len() == 1 && item.value.as_text().is_some();
        return one.then(|| item.value.clone());
    }
    let part = |item: &Item| {
        let key = item.key.as_deref();
        sentence.parts.iter().find(|part| Some(part.key) == key)
    };
    let scheme = block.get("scheme").and_then(|item| item.value.as_text());
    let text = join(sentence, |key| {
        let part = sentence.parts.iter().find(|part| part.key == key)?;
        match block.get(key) {
            Some(item) if part.given == Given::NotDefault && is_default(block, item, path) => None,
            Some(item) => item.value.as_text().map(str::to_owned),
            None if part.given == Given::Always => default_of(path, key, scheme).map(str::to_owned),
            None => None,
        }
    })?;
    // What the sentence says must be what the fields said.
    let fields = split(sentence, &text, path)?;
    let same = block.items.iter().all(|item| match part(item) {
        Some(part) => {
            let said = value(&fields, part.key).or(default_of(path, part.key, scheme));
            said == item.value.as_text()
        }
        None => true,
    });
    if !same
        || fields
            .iter()
            .any(|(key, _)| sentence.parts.iter().all(|part| part.key != *key))
    {
        return None;
    }
    let further: Vec<Item> = block
        .items
        .iter()
        .filter(|item| part(item).is_none() && !is_default(block, item, path))
        .cloned()
        .collect();
    if further.is_empty() {
        return Some(Doc::text(text));
    }
    let mut items = vec![Item::entry(sentence.key, Doc::text(text))];
    items.extend(further);
    let style = match block.style {
        Style::Line => Style::Flow,
        style => style,
    };
    Some(Doc::Map(Block {
        items,
        style,
        tail: Vec::new(),
    }))
}

/// Puts the keys of things into their order, and comments at the head of an item of a list above it.
pub(super) fn arrange(file: &mut File) {
    visit(&mut file.root, &mut |path, doc| {
        if let Doc::Map(block) = doc
            && let Some(order) = table::rows(table::ORDER, path).next()
        {
            sort(block, order);
        }
        if let Doc::List(block) = doc {
            block.items.iter_mut().for_each(Item::lift_comments);
        }
    });
}

fn sort(block: &mut Block, order: &str) {
    let rank = |item: &Item| {
        let key = item.key.as_deref();
        let mut words = order.split_whitespace();
        words
            .position(|word| Some(word) == key)
            .unwrap_or(usize::MAX)
    };
    let Some(was_first) = block.items.first() else {
        return;
    };
    let (key, blank) = (was_first.key.clone(), was_first.blank);
    block.items.sort_by_key(rank);
    // The line above the first item stays where it is.
    let Some(first) = block.items.first_mut().filter(|item| item.key != key) else {
        return;
    };
    let moved = std::mem::replace(&mut first.blank, blank);
    if let Some(item) = block.items.iter_mut().find(|item| item.key == key) {
        item.blank = moved;
    }
}
