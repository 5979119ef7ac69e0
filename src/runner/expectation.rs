//! The author's words for addresses, made addresses once the target has told them.

use std::net::Ipv4Addr;

use crate::arm::{Addresses, Party};
use crate::compile::Manifest;
use crate::net::Prefix;
use crate::topology::{self, Name, ProbeTarget, SourceSet, SourceWord};
use crate::verdict::event::ExpectedRecord;
use crate::verdict::{Answer, Expectation, ExpectedAnswer, ExpectedSource, ExpectedSourceSet};

use super::addresses::{of_party, pod_of_party};

/// Fills in the addresses of an expectation about a probe of `caller`.
pub(super) fn resolve(
    expectation: &topology::Expectation,
    caller: &Party,
    manifest: &Manifest,
    addresses: &Addresses,
) -> Expectation {
    Expectation {
        one_of: expectation.one_of.clone(),
        body: expectation.body.clone(),
        source: expectation
            .source
            .as_ref()
            .map(|word| source(word, caller, manifest, addresses)),
        source_in: expectation
            .source_in
            .as_ref()
            .map(|set| source_set(set, manifest, addresses)),
        not_source: expectation
            .not_source
            .as_ref()
            .map(|set| source_set(set, manifest, addresses)),
        by: expectation.by.clone(),
        answers: expectation
            .answers
            .iter()
            .map(|answer| self::answer(answer, manifest, addresses))
            .collect(),
    }
}

/// What a DNS answer must hold: a workload is its address.
fn answer(word: &ProbeTarget, manifest: &Manifest, addresses: &Addresses) -> ExpectedAnswer {
    let value = match word {
        ProbeTarget::Address(address) => Some(address.to_string()),
        ProbeTarget::Hostname(host) => Some(host.clone()),
        ProbeTarget::Workload(name) => {
            let copies = manifest.workloads.get(name).map(Vec::as_slice);
            match copies {
                Some([one]) => of_party(addresses, &one.party()).map(|ip| ip.to_string()),
                _ => None,
            }
        }
    };
    ExpectedAnswer {
        word: word.to_string(),
        value,
    }
}

fn source(
    word: &SourceWord,
    caller: &Party,
    manifest: &Manifest,
    addresses: &Addresses,
) -> ExpectedSource {
    let (word, address) = match word {
        SourceWord::Node => (
            "node".to_owned(),
            pod_of_party(addresses, caller).map(|pod| pod.node_address),
        ),
        SourceWord::Pod => (
            "pod".to_owned(),
            pod_of_party(addresses, caller).map(|pod| pod.address),
        ),
        SourceWord::Caller => ("self".to_owned(), of_party(addresses, caller)),
        SourceWord::Workload(name) => (
            name.to_string(),
            of_copy(name, caller, manifest).and_then(|party| of_party(addresses, &party)),
        ),
        SourceWord::Address(address) => (address.to_string(), Some(*address)),
    };
    ExpectedSource { word, address }
}

/// The copy of a workload that is meant as a source: the caller itself, or the only one.
fn of_copy(name: &Name, caller: &Party, manifest: &Manifest) -> Option<Party> {
    let copies = manifest.workloads.get(name)?;
    let mut parties = copies.iter().map(|copy| copy.party());
    match (copies.len(), parties.clone().find(|party| party == caller)) {
        (_, Some(caller)) => Some(caller),
        (1, None) => parties.next(),
        _ => None,
    }
}

fn source_set(set: &SourceSet, manifest: &Manifest, addresses: &Addresses) -> ExpectedSourceSet {
    let workloads = set
        .workloads
        .iter()
        .filter_map(|name| manifest.workloads.get(name));
    let copies = workloads.flatten();
    let of_workloads = copies.filter_map(|copy| of_party(addresses, &copy.party()));
    let clusters = set
        .clusters
        .iter()
        .filter_map(|name| addresses.nodes.get(manifest.clusters.get(name)?));
    let of_nodes = clusters.flatten().map(|node| node.address);
    let told = of_workloads
        .chain(of_nodes)
        .map(|address: Ipv4Addr| Prefix::from(address));
    ExpectedSourceSet {
        words: set.words.clone(),
        prefixes: set.prefixes.iter().copied().chain(told).collect(),
    }
}

/// An expectation as a report shows it.
pub(super) fn record(expectation: &Expectation) -> ExpectedRecord {
    let outcomes = expectation.one_of.iter().map(|answer| match answer {
        // A status says that the far end is reached.
        Answer::Status(_) if expectation.one_of.len() == 1 => "reachable".to_owned(),
        answer => answer.to_string(),
    });
    let outcomes = outcomes.collect::<Vec<_>>();
    let status = match expectation.one_of.as_slice() {
        [Answer::Status(status)] => Some(*status),
        _ => None,
    };
    let with_address = |source: &ExpectedSource| match source.address {
        Some(address) if address.to_string() == source.word => source.word.clone(),
        Some(address) => format!("{} ({address})", source.word),
        None => source.word.clone(),
    };
    ExpectedRecord {
        outcome: (!outcomes.is_empty()).then(|| outcomes.join(" or ")),
        status,
        body: expectation.body.as_ref().map(ToString::to_string),
        source: expectation.source.as_ref().map(with_address),
        source_in: expectation.source_in.as_ref().map(|set| set.words.clone()),
        not_source: expectation.not_source.as_ref().map(|set| set.words.clone()),
        answers: expectation
            .answers
            .iter()
            .map(|answer| answer.word.clone())
            .collect(),
        by: expectation.by.as_ref().map(ToString::to_string),
    }
}
