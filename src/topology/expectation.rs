//! Expectations: words bound to the network of their step, and contradictions found.

use super::names::{Thing, bind};
use super::security::{merged, ranges_of};
use super::service_tag;
use super::{
    Expectation, Placement, Probe, ProbeTarget, SourceSet, SourceWord, Topology, claim, scheme,
};
use crate::net::Prefix;
use crate::spec::{
    self, Diagnostic, ExpectedSource, Host, Kind, Network, Set, Span, Spanned, Term, codes,
    suggestion,
};
use crate::verdict::{Answer, ByPattern, Direction, Outcome};

/// Azure's default rules (R3, R4), addressable by name.
const DEFAULT_RULES: [(Direction, &str); 6] = [
    (Direction::Inbound, "AllowVnetInBound"),
    (Direction::Inbound, "AllowAzureLoadBalancerInBound"),
    (Direction::Inbound, "DenyAllInBound"),
    (Direction::Outbound, "AllowVnetOutBound"),
    (Direction::Outbound, "AllowInternetOutBound"),
    (Direction::Outbound, "DenyAllOutBound"),
];

/// The address behind the tag `AzureLoadBalancer` (R20).
const LOAD_BALANCER: std::net::Ipv4Addr = std::net::Ipv4Addr::new(168, 63, 129, 16);

/// Resolves what is expected of `probe` in a state; `probe` is absent where it could not be resolved.
pub(super) fn resolve(
    network: &Network,
    topology: &Topology,
    probe: Option<&Probe>,
    expected: &spec::ProbeExpectation,
    found: &mut Vec<Diagnostic>,
) -> Expectation {
    let one_of = answers(expected, found);
    let source = expected
        .source
        .as_ref()
        .and_then(|source| source_word(network, topology, probe, source, found));
    let source_in = expected
        .source_in
        .as_ref()
        .map(|set| source_set(network, set, found));
    let by = expected
        .by
        .as_ref()
        .and_then(|by| deciding_rule(network, topology, by, found));
    for appliance in expected.via.iter().chain(&expected.avoid) {
        claim::appliance(network, appliance, found);
    }
    if let Some(probe) = probe {
        scheme::check(probe.scheme, expected, found);
    }
    Expectation {
        one_of,
        body: expected.body.as_ref().map(|body| body.value.clone()),
        source,
        source_in,
        not_source: expected
            .not_source
            .as_ref()
            .map(|set| source_set(network, set, found)),
        header: expected
            .header
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect(),
        // No workload can forward yet, which is reported.
        via: Vec::new(),
        avoid: Vec::new(),
        by,
        answers: addresses(network, &expected.answers, found),
        rtt: expected.rtt.as_ref().map(|rtt| rtt.value),
        within: expected.within.as_ref().map(|within| within.value),
        stable: expected.stable.as_ref().map(|stable| stable.value),
        planes: expected.planes.iter().map(|plane| plane.value).collect(),
    }
}

/// The addresses that a DNS answer must hold.
fn addresses(
    network: &Network,
    hosts: &[Spanned<Host>],
    found: &mut Vec<Diagnostic>,
) -> Vec<ProbeTarget> {
    let mut bound = Vec::new();
    for host in hosts {
        match &host.value {
            Host::Address(address) => bound.push(ProbeTarget::Address(*address)),
            Host::Hostname(name) => bound.push(ProbeTarget::Hostname(name.clone())),
            Host::Name(reference) => {
                let reference = Spanned {
                    value: reference.clone(),
                    span: host.span,
                };
                if let Some(Thing::Workload(name, _)) =
                    bind(network, &reference, &[Kind::Workload], found)
                {
                    bound.push(ProbeTarget::Workload(name.clone()));
                }
            }
        }
    }
    bound
}

/// Whether only a silent drop meets the expectation.
pub(super) fn is_negative(expectation: &Expectation) -> bool {
    let negative = |answer: &Answer| {
        matches!(
            answer,
            Answer::Outcome(Outcome::Timeout | Outcome::Unreachable)
        )
    };
    !expectation.one_of.is_empty() && expectation.one_of.iter().all(negative)
}

/// Whether the expectation shows that something was reached.
pub(super) fn is_positive(expectation: &Expectation) -> bool {
    let positive = |answer: &Answer| match answer {
        Answer::Outcome(outcome) => outcome.is_positive(),
        Answer::Status(_) => true,
    };
    !expectation.one_of.is_empty() && expectation.one_of.iter().all(positive)
}

/// A status, a body or a source is seen only by who was reached, so each implies it.
fn answers(expected: &spec::ProbeExpectation, found: &mut Vec<Diagnostic>) -> Vec<Answer> {
    let implied = [
        expected
            .status
            .as_ref()
            .map(|status| ("status", status.span)),
        expected.body.as_ref().map(|body| ("body", body.span)),
        expected
            .source
            .as_ref()
            .map(|source| ("source", source.span)),
        expected
            .source_in
            .as_ref()
            .map(|set| ("source-in", set.words.span)),
        expected
            .not_source
            .as_ref()
            .map(|set| ("not-source", set.words.span)),
        expected
            .header
            .values()
            .next()
            .map(|header| ("header", header.span)),
        expected.rtt.as_ref().map(|rtt| ("rtt", rtt.span)),
    ];
    if let Some(answer) = expected.answers.first() {
        return resolving(expected, answer.span, found);
    }
    let Some((key, span)) = implied.into_iter().flatten().next() else {
        return expected.one_of.iter().map(|answer| answer.value).collect();
    };
    for answer in &expected.one_of {
        let contradicts = match (answer.value, &expected.status) {
            (Answer::Outcome(outcome), _) => outcome != Outcome::Reachable,
            (Answer::Status(_), None) => false,
            (Answer::Status(a), Some(b)) => a != b.value,
        };
        if contradicts {
            found.push(
                Diagnostic::error(
                    codes::EXPECTATION,
                    answer.span,
                    format!("`{}` contradicts the expected `{key}`", answer.value),
                )
                .related(span, "this is seen only when the target was reached"),
            );
        }
    }
    match &expected.status {
        Some(status) => vec![Answer::Status(status.value)],
        None if expected.one_of.is_empty() => vec![Answer::Outcome(Outcome::Reachable)],
        None => expected.one_of.iter().map(|answer| answer.value).collect(),
    }
}

/// Addresses are seen only in an answer, so they imply one.
fn resolving(
    expected: &spec::ProbeExpectation,
    span: Span,
    found: &mut Vec<Diagnostic>,
) -> Vec<Answer> {
    for answer in &expected.one_of {
        if answer.value != Answer::Outcome(Outcome::Resolves) {
            found.push(
                Diagnostic::error(
                    codes::EXPECTATION,
                    answer.span,
                    format!("`{}` contradicts the expected `answers`", answer.value),
                )
                .related(span, "this is seen only when the name resolves"),
            );
        }
    }
    vec![Answer::Outcome(Outcome::Resolves)]
}

fn source_word(
    network: &Network,
    topology: &Topology,
    probe: Option<&Probe>,
    source: &Spanned<ExpectedSource>,
    found: &mut Vec<Diagnostic>,
) -> Option<SourceWord> {
    let caller = probe.and_then(|probe| topology.workloads.get(&probe.from));
    let word = match &source.value {
        ExpectedSource::Node => SourceWord::Node,
        ExpectedSource::Pod => SourceWord::Pod,
        ExpectedSource::Caller => return Some(SourceWord::Caller),
        ExpectedSource::Address(address) => return Some(SourceWord::Address(*address)),
        ExpectedSource::Name(reference) => {
            let reference = Spanned {
                value: reference.clone(),
                span: source.span,
            };
            return match bind(network, &reference, &[Kind::Workload], found)? {
                Thing::Workload(name, _) => Some(SourceWord::Workload(name.clone())),
                _ => None,
            };
        }
    };
    if let (Some(probe), Some(caller)) = (probe, caller)
        && !matches!(caller.placement, Placement::Pod(_))
    {
        let name = if word == SourceWord::Node {
            "node"
        } else {
            "pod"
        };
        found.push(
            Diagnostic::error(
                codes::SOURCE,
                source.span,
                format!(
                    "source `{name}`, and the caller `{}` is not a pod",
                    probe.from
                ),
            )
            .help("`self` is any caller's own address"),
        );
    }
    Some(word)
}

fn source_set(network: &Network, set: &Set, found: &mut Vec<Diagnostic>) -> SourceSet {
    if let Some(except) = set.except_at {
        found.push(Diagnostic::error(
            codes::VALUE_NOT_YET,
            except,
            "`except` in a set of sources is not supported yet",
        ));
    }
    let mut prefixes = Vec::new();
    let mut resolved = SourceSet {
        words: set.words.value.clone(),
        ..SourceSet::default()
    };
    for term in &set.terms {
        match &term.value {
            Term::Any => prefixes.push(Prefix::default()),
            Term::Prefix(prefix) => prefixes.push(*prefix),
            Term::Address(address) => prefixes.push(Prefix::from(*address)),
            Term::Tag(tag) if service_tag::canonical(tag) == "AzureLoadBalancer" => {
                prefixes.push(Prefix::from(LOAD_BALANCER));
            }
            Term::Tag(tag) => found.push(
                Diagnostic::error(
                    codes::VALUE_NOT_YET,
                    term.span,
                    format!("service tag `{tag}` in a set of sources is not supported yet"),
                )
                .help("`AzureLoadBalancer` is; name subnets, virtual networks or ranges"),
            ),
            Term::Name(reference) => {
                let reference = Spanned {
                    value: reference.clone(),
                    span: term.span,
                };
                let kinds = [Kind::Subnet, Kind::Vnet, Kind::Workload, Kind::Cluster];
                match bind(network, &reference, &kinds, found) {
                    Some(Thing::Workload(name, _)) => resolved.workloads.push(name.clone()),
                    Some(Thing::Cluster(name, _)) => resolved.clusters.push(name.clone()),
                    Some(thing) => prefixes.extend(ranges_of(thing).unwrap_or_default()),
                    None => {}
                }
            }
        }
    }
    resolved.prefixes = merged(prefixes);
    resolved
}

/// The pattern in Azure's names; a rule that it names must exist in the state.
fn deciding_rule(
    network: &Network,
    topology: &Topology,
    by: &Spanned<ByPattern>,
    found: &mut Vec<Diagnostic>,
) -> Option<ByPattern> {
    let mut pattern = match &by.value {
        ByPattern::Rule(pattern) => pattern.clone(),
        other => return deciding_route(network, topology, other, by.span, found),
    };
    let groups = &topology.network_security_groups;
    let nsg = match &pattern.nsg {
        None => None,
        Some(name) => match groups.get(name.as_str()) {
            Some(nsg) => Some(nsg),
            None if network.hides_group(name) => return None,
            None => {
                let names = groups.keys().map(|name| name.as_str());
                found.push(
                    Diagnostic::error(
                        codes::UNKNOWN_NAME,
                        by.span,
                        format!("unknown network security group `{name}`"),
                    )
                    .help(suggestion(name, names, "there is")),
                );
                return None;
            }
        },
    };
    // Asked in the spec's words, before the group gets its name in Azure.
    let hidden = network.hides_rule(&pattern);
    pattern.nsg = nsg.map(|nsg| nsg.azure_name.clone());
    let custom = groups
        .values()
        .filter(|group| nsg.is_none_or(|nsg| std::ptr::eq(nsg, *group)))
        .flat_map(|group| &group.rules)
        .map(|rule| (rule.direction, rule.name.as_str()));
    let candidates: Vec<&str> = custom
        .chain(DEFAULT_RULES)
        .filter(|(direction, _)| pattern.direction.is_none_or(|wanted| wanted == *direction))
        .map(|(_, rule)| rule)
        .collect();
    if candidates
        .iter()
        .any(|rule| rule.eq_ignore_ascii_case(&pattern.rule))
    {
        return Some(ByPattern::Rule(pattern));
    }
    if hidden {
        return None;
    }
    let message = format!(
        "no network security group has the rule `{}` in this step",
        by.value
    );
    let help = suggestion(&pattern.rule, candidates.iter().copied(), "there is");
    found.push(Diagnostic::error(codes::UNKNOWN_RULE, by.span, message).help(help));
    None
}

/// A route or a peering by its name in Azure; it must exist in the state.
fn deciding_route(
    network: &Network,
    topology: &Topology,
    by: &ByPattern,
    span: Span,
    found: &mut Vec<Diagnostic>,
) -> Option<ByPattern> {
    let mut unknown = |kind, name: &str, names: Vec<&str>| {
        found.push(
            Diagnostic::error(
                codes::UNKNOWN_NAME,
                span,
                format!("unknown {kind} `{name}`"),
            )
            .help(suggestion(name, names, "there is")),
        );
    };
    match by {
        ByPattern::Route { table, name } => {
            let tables = &topology.route_tables;
            let known = match table {
                None => None,
                Some(table) => match tables.get(table.as_str()) {
                    Some(known) => Some(known),
                    None => {
                        if !network.hides_table(table) {
                            let names = tables.keys().map(|name| name.as_str()).collect();
                            unknown("route table", table, names);
                        }
                        return None;
                    }
                },
            };
            let routes = tables
                .values()
                .filter(|table| known.is_none_or(|known| std::ptr::eq(known, *table)))
                .flat_map(|table| &table.routes);
            let Some(route) = routes.clone().find(|route| route.name.as_str() == name) else {
                if !network.hides_route(table.as_deref(), name) {
                    let names = routes.map(|route| route.name.as_str()).collect();
                    unknown("route", name, names);
                }
                return None;
            };
            Some(ByPattern::Route {
                table: known.map(|table| table.azure_name.clone()),
                name: route.azure_name.clone(),
            })
        }
        ByPattern::Peering(name) => match topology.peerings.get(name.as_str()) {
            Some(peering) => Some(ByPattern::Peering(peering.azure_name.clone())),
            None => {
                if !network.hides_peering(name) {
                    let names = topology.peerings.keys().map(|name| name.as_str()).collect();
                    unknown("peering", name, names);
                }
                None
            }
        },
        other => Some(other.clone()),
    }
}
