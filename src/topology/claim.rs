//! Invariants: sets of senders, receivers and sources, bound to a state of the network.

use super::names::{Thing, bind};
use super::security::{merged, ranges_of};
use super::{FlowSet, FlowTerms, Invariant, Statement, service_tag};
use crate::net::Protocol;
use crate::spec::{self, Diagnostic, Kind, Network, Reference, Set, Spanned, Term, codes};

const IN_A_SET: [Kind; 4] = [Kind::Subnet, Kind::Vnet, Kind::Workload, Kind::Cluster];

/// Resolves an invariant.
pub(super) fn resolve(
    network: &Network,
    invariant: &spec::Invariant,
    found: &mut Vec<Diagnostic>,
) -> Option<Invariant> {
    let claim = invariant.claim.as_ref()?;
    let statement = match &claim.value.statement {
        spec::Statement::Reach {
            from,
            to,
            ports,
            protocol,
            passing,
            reply,
        } => {
            let (from, to) = (set(network, from, found), set(network, to, found));
            if let Some(passing) = passing {
                appliance(network, &passing.appliance, found);
            }
            if let Some(protocol) = protocol
                && !ports.is_empty()
                && !protocol.has_ports()
            {
                found.push(Diagnostic::error(
                    codes::PORTS_WITHOUT_PORTS,
                    claim.span,
                    format!("{protocol} has no ports"),
                ));
            }
            Statement::Reach {
                from: from?,
                to: to?,
                ports: ports.clone(),
                // Ports without a protocol mean TCP and UDP, no ports every protocol.
                protocols: match protocol {
                    Some(protocol) => vec![*protocol],
                    None if ports.is_empty() => Vec::new(),
                    None => vec![Protocol::Tcp, Protocol::Udp],
                },
                passing: match passing {
                    // No workload can forward yet, which is reported.
                    Some(_) => return None,
                    None => None,
                },
                reply: *reply,
            }
        }
        spec::Statement::Observe { at, sources } => {
            let words = at.value.to_string();
            let mut terms = FlowTerms::default();
            let bound = enter(network, at, &mut terms, found);
            let sources = set(network, sources, found);
            bound?;
            Statement::Observe {
                at: FlowSet {
                    words,
                    of: finished(terms),
                    except: FlowTerms::default(),
                },
                sources: sources?,
            }
        }
    };
    Some(Invariant {
        quantifier: claim.value.quantifier,
        statement,
        words: invariant.words(),
        span: invariant.key,
    })
}

/// Checks that a reference names something that forwards.
pub(super) fn appliance(
    network: &Network,
    reference: &Spanned<Reference>,
    found: &mut Vec<Diagnostic>,
) {
    if let Some(Thing::Workload(name, workload)) =
        bind(network, reference, &[Kind::Workload], found)
    {
        found.push(
            Diagnostic::error(
                codes::VALUE_NOT_YET,
                reference.span,
                format!("`{name}` forwards nothing"),
            )
            .related(workload.key, "it is a container group or a pod")
            .help("an appliance is a `vm` workload with `forward`, which is not supported yet"),
        );
    }
}

fn set(network: &Network, set: &Set, found: &mut Vec<Diagnostic>) -> Option<FlowSet> {
    let of = terms(network, &set.terms, found);
    let except = terms(network, &set.except, found);
    Some(FlowSet {
        words: set.words.value.clone(),
        of: of?,
        except: except?,
    })
}

fn terms(
    network: &Network,
    written: &[Spanned<Term>],
    found: &mut Vec<Diagnostic>,
) -> Option<FlowTerms> {
    let mut terms = FlowTerms::default();
    let mut whole = true;
    for term in written {
        match &term.value {
            Term::Any => terms.any = true,
            Term::Prefix(prefix) => terms.addresses.prefixes.push(*prefix),
            Term::Address(address) => terms.addresses.prefixes.push((*address).into()),
            Term::Tag(tag) => {
                let tag = service_tag::canonical(tag);
                if tag == "VirtualNetwork" {
                    whole = false;
                    found.push(
                        Diagnostic::error(
                            codes::VIEWER_DEPENDENT,
                            term.span,
                            "`VirtualNetwork` depends on who looks",
                        )
                        .help("name the virtual networks that are meant"),
                    );
                }
                terms.tags.push(tag);
            }
            Term::Name(reference) => {
                let reference = Spanned {
                    value: reference.clone(),
                    span: term.span,
                };
                whole &= enter(network, &reference, &mut terms, found).is_some();
            }
        }
    }
    whole.then(|| finished(terms))
}

/// Adds what a name stands for.
fn enter(
    network: &Network,
    reference: &Spanned<Reference>,
    terms: &mut FlowTerms,
    found: &mut Vec<Diagnostic>,
) -> Option<()> {
    let addresses = &mut terms.addresses;
    match bind(network, reference, &IN_A_SET, found)? {
        Thing::Workload(name, _) => addresses.workloads.push(name.clone()),
        Thing::Cluster(name, _) => addresses.clusters.push(name.clone()),
        thing => addresses.prefixes.extend(ranges_of(thing)?),
    }
    Some(())
}

fn finished(mut terms: FlowTerms) -> FlowTerms {
    let addresses = &mut terms.addresses;
    addresses.prefixes = merged(std::mem::take(&mut addresses.prefixes));
    for names in [&mut addresses.workloads, &mut addresses.clusters] {
        names.sort();
        names.dedup();
    }
    terms.tags.sort();
    terms.tags.dedup();
    terms
}
