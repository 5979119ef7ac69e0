//! From the document to the typed spec: which keys exist where, and what their values are.
//!
//! One decoder reads the long form; a short form is first expanded into it (`expand`), with the place of
//! each word, so both give the same findings. A function that returns `None` has reported why, or met a
//! node that is reported already.

mod expand;
mod fields;
mod network;
mod step;

pub(super) use expand::{Place, expand};

use std::collections::BTreeMap;

use fields::{Decoder, Shape};

use super::tree::{self, Node};
use super::{Budget, Cleanup, Diagnostic, Lifecycle, Network, Source, Span, Spec, codes};

const SPEC: Shape = Shape {
    what: "a spec",
    known: &[
        "vnetlab",
        "name",
        "about",
        "location",
        "tags",
        "vnets",
        "nsgs",
        "clusters",
        "workloads",
        "probes",
        "steps",
        "lifecycle",
        "budget",
    ],
    later: &[
        "params",
        "matrix",
        "secrets",
        "include",
        "service-tags",
        "planes",
        "asgs",
        "peerings",
        "routes",
        "dns",
        "externals",
        "invariants",
    ],
};

const LIFECYCLE: Shape = Shape {
    what: "`lifecycle`",
    known: &["cleanup", "ttl", "keep-on-failure"],
    later: &["parallel", "group"],
};

const BUDGET: Shape = Shape {
    what: "`budget`",
    known: &["time", "clusters", "resources"],
    later: &["cost", "vms"],
};

/// Reads a spec.
///
/// # Errors
/// Every finding on the syntax and the shape of the file.
pub fn parse(source: &Source) -> Result<Spec, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let Some(mut document) = tree::read(source, &mut found) else {
        return Err(found);
    };
    expand::substitutions(&mut document, &mut found);
    let mut decoder = Decoder { found };
    match spec(&mut decoder, document) {
        Some(spec) if decoder.found.is_empty() => Ok(spec),
        _ => Err(decoder.found),
    }
}

fn spec(d: &mut Decoder, document: Node) -> Option<Spec> {
    let start = Span {
        start: document.span.start,
        end: document.span.start,
    };
    let network = d.network(&document);
    let fields = d.fields(&document, start, &SPEC)?;
    if let Some(version) = d.required(&fields, "vnetlab", Decoder::text)
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
    let name = d.required(&fields, "name", Decoder::name);
    let mut tags = BTreeMap::new();
    if let Some(node) = fields.get("tags") {
        for entry in d.map(node, "`tags`").unwrap_or_default() {
            if let Some(text) = d.text(&entry.value) {
                tags.insert(entry.key.text.clone(), text);
            }
        }
    }
    let about = d.optional(&fields, "about", Decoder::text);
    let location = d.optional(&fields, "location", Decoder::word);
    let steps = fields.get("steps").map(|node| d.steps(node));
    let lifecycle = fields.get("lifecycle").map(|node| lifecycle(d, node));
    let budget = fields.get("budget").map(|node| budget(d, node));
    Some(Spec {
        name: name?,
        about,
        location,
        tags,
        network: network?,
        steps: steps.unwrap_or_default(),
        lifecycle: lifecycle.unwrap_or_default(),
        budget: budget.unwrap_or_default(),
    })
}

fn lifecycle(d: &mut Decoder, node: &Node) -> Lifecycle {
    let mut lifecycle = Lifecycle::default();
    let Some(fields) = d.fields(node, node.span, &LIFECYCLE) else {
        return lifecycle;
    };
    let words = [
        ("always", Cleanup::Always),
        ("on-success", Cleanup::OnSuccess),
        ("never", Cleanup::Never),
    ];
    if let Some(cleanup) = d.optional(&fields, "cleanup", |d, node| d.one_of(node, &words, &[])) {
        lifecycle.cleanup = cleanup.value;
    }
    if let Some(ttl) = d.optional(&fields, "ttl", Decoder::duration) {
        lifecycle.ttl = ttl.value;
    }
    if let Some(keep) = d.optional(&fields, "keep-on-failure", Decoder::duration) {
        lifecycle.keep_on_failure = keep.value;
    }
    lifecycle
}

fn budget(d: &mut Decoder, node: &Node) -> Budget {
    let Some(fields) = d.fields(node, node.span, &BUDGET) else {
        return Budget::default();
    };
    Budget {
        time: d
            .optional(&fields, "time", Decoder::duration)
            .map(|time| time.value),
        clusters: d
            .optional(&fields, "clusters", |d, node| d.number(node, 0, u32::MAX))
            .map(|clusters| clusters.value),
        resources: d
            .optional(&fields, "resources", |d, node| d.number(node, 0, u32::MAX))
            .map(|resources| resources.value),
    }
}

/// Reads the network of a document that a change has edited.
pub(super) fn network(document: &Node) -> Result<Network, Vec<Diagnostic>> {
    let mut decoder = Decoder { found: Vec::new() };
    match decoder.network(document) {
        Some(network) if decoder.found.is_empty() => Ok(network),
        _ => Err(decoder.found),
    }
}
