//! From the document to the typed spec: which keys exist where, and what their values are.
//!
//! One decoder reads the long form; a short form is first expanded into it (`expand`), with the place of
//! each word, so both give the same findings. A function that returns `None` has reported why, or met a
//! node that is reported already; a thing then keeps what else could be read of it.

mod cluster;
mod declarations;
mod expand;
mod expectation;
mod fields;
mod invariant;
mod keys;
mod network;
mod probe;
mod security;
mod step;
mod workload;

pub(super) use expand::{Place, expand};

use std::collections::BTreeMap;

pub(super) use fields::Decoder;

use super::language::{BUDGET, LIFECYCLE, SPEC};
use super::tree::Node;
use super::{Budget, Cleanup, Diagnostic, Lifecycle, Network, Span, Spec, codes};

/// Checks the keys of a document, and corrects those that are misspelt.
pub(super) fn check_keys(document: &mut Node, found: &mut Vec<Diagnostic>) {
    keys::check(document, &[], found);
}

/// Reads a spec as far as it can be read; what cannot is reported, and left out.
pub(super) fn spec(document: &mut Node, found: &mut Vec<Diagnostic>) -> Option<Spec> {
    // What was put into the document was not checked with it.
    keys::check(document, &[], found);
    decoded(&mut Decoder { found }, document)
}

fn decoded(d: &mut Decoder<'_>, document: &Node) -> Option<Spec> {
    let start = Span {
        start: document.span.start,
        end: document.span.start,
    };
    let mut fields = d.fields(document, start, &SPEC)?;
    let network = d.network(document);
    if let Some(version) = d.required(&mut fields, "vnetlab", Decoder::text)
        && version.value != "1"
    {
        d.found.push(
            Diagnostic::error(
                codes::VERSION,
                version.span,
                format!(
                    "version `{}` of the spec language is not supported",
                    version.value
                ),
            )
            .help("write `vnetlab: 1`"),
        );
    }
    let name = d.required(&mut fields, "name", Decoder::name);
    let mut tags = BTreeMap::new();
    if let Some(node) = fields.get("tags") {
        for entry in d.map(node, "`tags`").unwrap_or_default() {
            if let Some(text) = d.text(&entry.value) {
                tags.insert(entry.key.text.clone(), text);
            }
        }
    }
    let about = d.optional(&mut fields, "about", Decoder::text);
    let location = d.optional(&mut fields, "location", Decoder::word);
    let planes = d.many(&mut fields, "planes", Decoder::plane);
    let steps = d.optional(&mut fields, "steps", Decoder::steps);
    let lifecycle = fields.get("lifecycle").map(|node| lifecycle(d, node));
    let budget = fields.get("budget").map(|node| budget(d, node));
    Some(Spec {
        name,
        about,
        location,
        tags,
        combination: BTreeMap::new(),
        secrets: BTreeMap::new(),
        planes,
        network,
        steps: steps.unwrap_or_default(),
        lifecycle: lifecycle.unwrap_or_default(),
        budget: budget.unwrap_or_default(),
        start,
        unread: fields.unread,
    })
}

fn lifecycle(d: &mut Decoder<'_>, node: &Node) -> Lifecycle {
    let mut lifecycle = Lifecycle::default();
    let Some(mut fields) = d.fields(node, node.span, &LIFECYCLE) else {
        return lifecycle;
    };
    let words = [
        ("always", Cleanup::Always),
        ("on-success", Cleanup::OnSuccess),
        ("never", Cleanup::Never),
    ];
    if let Some(cleanup) = d.optional(&mut fields, "cleanup", |d, node| {
        d.one_of(node, &words, &[])
    }) {
        lifecycle.cleanup = cleanup.value;
    }
    if let Some(ttl) = d.optional(&mut fields, "ttl", Decoder::duration) {
        lifecycle.ttl = ttl.value;
    }
    if let Some(keep) = d.optional(&mut fields, "keep-on-failure", Decoder::duration) {
        lifecycle.keep_on_failure = keep.value;
    }
    if let Some(parallel) = d.optional(&mut fields, "parallel", |d, node| d.number(node, 1, 64)) {
        lifecycle.parallel = parallel.value;
    }
    lifecycle.group = d
        .optional(&mut fields, "group", Decoder::word)
        .map(|group| group.value);
    lifecycle
}

fn budget(d: &mut Decoder<'_>, node: &Node) -> Budget {
    let Some(mut fields) = d.fields(node, node.span, &BUDGET) else {
        return Budget::default();
    };
    Budget {
        time: d
            .optional(&mut fields, "time", Decoder::duration)
            .map(|time| time.value),
        clusters: d
            .optional(&mut fields, "clusters", |d, node| {
                d.number(node, 0, u32::MAX)
            })
            .map(|clusters| clusters.value),
        resources: d
            .optional(&mut fields, "resources", |d, node| {
                d.number(node, 0, u32::MAX)
            })
            .map(|resources| resources.value),
    }
}

/// Reads the network of a document that a change has edited, as far as it can be read.
pub(super) fn network(mut document: Node, found: &mut Vec<Diagnostic>) -> Network {
    keys::check(&mut document, &[], found);
    Decoder { found }.network(&document)
}
