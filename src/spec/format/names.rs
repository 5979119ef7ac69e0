//! References in their full form: `vnet/subnet` everywhere, `kind/name` where things of several kinds may stand.

use super::doc::{Doc, File, visit};
use super::table::{self, Holds};
use crate::spec::Kind;

/// A thing that can be named: its kind, its name, and the full reference to it.
type Thing = (Kind, String, String);

/// Qualifies every bare name that only one thing has, in any state of the network.
pub(super) fn qualify(file: &mut File) {
    let things = things(file);
    visit(&mut file.root, &mut |path, doc| {
        let Doc::Text { text, .. } = doc else { return };
        let kinds: &[Kind] = match table::rows(table::HOLDS, path).next() {
            None | Some(Holds::Words) => return,
            Some(Holds::Subnet) => &[Kind::Subnet],
            Some(Holds::Names) => &[
                Kind::Vnet,
                Kind::Subnet,
                Kind::Asg,
                Kind::External,
                Kind::Cluster,
                Kind::Workload,
            ],
        };
        let words: Vec<String> = text
            .split(' ')
            .map(|word| {
                let (name, ports) = word.split_at(word.find(':').unwrap_or(word.len()));
                let full = full(&things, kinds, name).unwrap_or(name);
                format!("{full}{ports}")
            })
            .collect();
        *text = words.join(" ");
    });
}

/// The things of the document and of its changes.
fn things(file: &mut File) -> Vec<Thing> {
    let mut things = Vec::new();
    let mut declare = |path: &[String]| {
        let Some(name) = path.last() else { return };
        for kind in table::rows(table::DECLARED, path) {
            let full = match (kind, path) {
                (Kind::Subnet, [_, vnet, ..]) => format!("{vnet}/{name}"),
                _ => format!("{kind}/{name}"),
            };
            let thing = (*kind, name.clone(), full);
            if !things.contains(&thing) {
                things.push(thing);
            }
        }
    };
    visit(&mut file.root, &mut |path, doc| {
        declare(path);
        // Application security groups may be a list of names.
        if let Doc::List(block) = doc {
            for name in block.items.iter().filter_map(|item| item.value.as_text()) {
                declare(&[path, &[name.to_owned()]].concat());
            }
        }
    });
    things
}

fn full<'t>(things: &'t [Thing], kinds: &[Kind], name: &str) -> Option<&'t str> {
    if table::WORDS.contains(&name) {
        return None;
    }
    let mut found = things
        .iter()
        .filter(|(kind, declared, _)| kinds.contains(kind) && declared == name);
    match (found.next(), found.next()) {
        (Some((.., full)), None) => Some(full),
        _ => None,
    }
}
