//! Short forms into long ones, with the defaults that the language's reference prints.

use super::doc::{Block, Doc, File, Item, Style, visit};
use super::short::{default_of, is_status, split, value};
use super::table::{self, Sentence, Short};
use crate::spec::language::shape_at;

/// Which defaults are written out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Defaults {
    /// All of the table, to compare two documents.
    All,
    /// Those whose keys can be read back.
    Known,
}

/// Puts every short form into its long one.
pub(super) fn lengthen(file: &mut File, defaults: Defaults) {
    visit(&mut file.root, &mut |path, doc| {
        for short in table::rows(table::SHORT, path) {
            lengthen_at(path, doc, short);
        }
        if let Doc::Map(block) = doc {
            write_defaults(path, block, defaults);
        }
    });
}

fn lengthen_at(path: &[String], doc: &mut Doc, short: &Short) {
    let entry = |key: &str, value: Doc, style: Style| {
        Doc::Map(Block {
            items: vec![Item::entry(key, value)],
            style,
            tail: Vec::new(),
        })
    };
    let long = match (short, &mut *doc) {
        (Short::Status(key), doc) if is_status(doc) => entry(key, doc.clone(), Style::Flow),
        (Short::Key(key, style), Doc::Text { .. } | Doc::List(_)) => {
            entry(key, doc.clone(), *style)
        }
        (Short::Word(key, value), Doc::Text { text, .. }) if text == key => {
            entry(key, Doc::text(*value), Style::Flow)
        }
        (Short::Sentence(sentence), Doc::Text { text, .. }) => {
            let Some(items) = fields(sentence, text, path) else {
                return;
            };
            Doc::Map(Block {
                items,
                style: sentence.long,
                tail: Vec::new(),
            })
        }
        (Short::Sentence(sentence), Doc::Map(block)) => {
            splice(block, sentence, path);
            restyle(block, sentence.long);
            return;
        }
        (Short::Key(_, style), Doc::Map(block)) => {
            restyle(block, *style);
            return;
        }
        _ => return,
    };
    *doc = long;
}

fn fields(sentence: &Sentence, text: &str, path: &[String]) -> Option<Vec<Item>> {
    let fields = split(sentence, text, path)?;
    let known = sentence
        .parts
        .iter()
        .filter_map(|part| Some(Item::entry(part.key, Doc::text(value(&fields, part.key)?))));
    Some(known.collect())
}

/// Puts the fields of a sentence that stands beside others in its place.
fn splice(block: &mut Block, sentence: &Sentence, path: &[String]) {
    let at = block
        .items
        .iter()
        .position(|item| item.key.as_deref() == Some(sentence.key));
    let Some(at) = at else { return };
    let Some(text) = block.items[at].value.as_text() else {
        return;
    };
    // A field that stands in both is a mistake, and stays one.
    let unique = |items: &Vec<Item>| {
        items.iter().all(|item| {
            item.key
                .as_deref()
                .is_none_or(|key| block.get(key).is_none())
        })
    };
    if let Some(items) = fields(sentence, text, path).filter(unique) {
        block.items.splice(at..=at, items);
    }
}

/// A long form that the author wrote in brackets is printed as one that was a short form.
fn restyle(block: &mut Block, style: Style) {
    if block.style == Style::Flow {
        block.style = style;
    }
}

fn write_defaults(path: &[String], block: &mut Block, defaults: Defaults) {
    // What `with` holds is not known here, so neither is what is left out.
    if block.get("with").is_some() {
        return;
    }
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    for (place, key, ..) in table::DEFAULTS {
        if !table::at(place, path) || block.get(key).is_some() {
            continue;
        }
        let scheme = block.get("scheme").and_then(|item| item.value.as_text());
        let built = shape_at(&keys).is_some_and(|shape| shape.known().any(|known| known == *key));
        let known = built || defaults == Defaults::All;
        if let Some(value) = default_of(path, key, scheme).filter(|_| known) {
            block.items.push(Item::entry(*key, Doc::text(value)));
        }
    }
}
