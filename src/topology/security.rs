//! Security rules: sets into addresses, and what Azure asks of a rule (R1, R2, R9, R10, R27).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::deployed::Deployed;
use super::names::{Thing, bind};
use super::service_tag;
use super::{AddressSet, NetworkSecurityGroup, RuleAddresses, RuleSide, SecurityRule};
use crate::net::Prefix;
use crate::spec::{
    self, Access, Diagnostic, Kind, Name, Network, Set, Side, Span, Spanned, Term, codes,
};
use crate::verdict::Direction;

/// Resolves a network security group, but for its name in Azure.
pub(super) fn group(
    network: &Network,
    deployed: Deployed<'_>,
    nsg: &spec::NetworkSecurityGroup,
    azure_name: String,
    found: &mut Vec<Diagnostic>,
) -> NetworkSecurityGroup {
    let mut rules: Vec<SecurityRule> = nsg
        .rules
        .iter()
        .filter_map(|rule| self::rule(network, deployed, rule, found))
        .collect();
    unique(nsg, found);
    rules.sort_by(|a, b| {
        (a.direction, a.priority, &a.name).cmp(&(b.direction, b.priority, &b.name))
    });
    NetworkSecurityGroup {
        azure_name,
        rules,
        flush_connections: nsg
            .flush_connections
            .as_ref()
            .is_some_and(|flush| flush.value),
        span: nsg.key,
    }
}

/// One priority per direction (R2), one name per group (R28).
fn unique(nsg: &spec::NetworkSecurityGroup, found: &mut Vec<Diagnostic>) {
    let mut priorities: BTreeMap<(Direction, u32), (&Name, Span)> = BTreeMap::new();
    let mut names: BTreeMap<&Name, Span> = BTreeMap::new();
    let taken: BTreeSet<(Direction, u32)> = nsg
        .rules
        .iter()
        .filter_map(|rule| Some((rule.direction, rule.priority.as_ref()?.value)))
        .collect();
    for rule in &nsg.rules {
        if let Some(priority) = &rule.priority {
            match priorities.entry((rule.direction, priority.value)) {
                Entry::Occupied(first) => {
                    found.push(same_priority(rule, priority, first.get(), &taken));
                }
                Entry::Vacant(free) => {
                    free.insert((&rule.name.value, priority.span));
                }
            }
        }
        if let Some(first) = names.insert(&rule.name.value, rule.name.span) {
            found.push(
                Diagnostic::error(
                    codes::AZURE_NAME_TAKEN,
                    rule.name.span,
                    format!(
                        "two rules of one network security group are named `{}`",
                        rule.name.value
                    ),
                )
                .related(first, "the first one")
                .help("Azure keeps the rules of both directions under one name each"),
            );
        }
    }
}

fn same_priority(
    rule: &spec::SecurityRule,
    priority: &Spanned<u32>,
    (first, first_at): &(&Name, Span),
    taken: &BTreeSet<(Direction, u32)>,
) -> Diagnostic {
    let free = |priority: &u32| !taken.contains(&(rule.direction, *priority));
    Diagnostic::error(
        codes::DUPLICATE_PRIORITY,
        priority.span,
        format!(
            "{} rules `{first}` and `{}` have the same priority",
            rule.direction, rule.name.value
        ),
    )
    .related(
        *first_at,
        format!("`{first}` has {} already", priority.value),
    )
    .help(match (priority.value..=4096).find(free) {
        Some(free) => format!("{free} is the next free priority"),
        None => "every higher priority is taken".to_owned(),
    })
}

fn rule(
    network: &Network,
    deployed: Deployed<'_>,
    rule: &spec::SecurityRule,
    found: &mut Vec<Diagnostic>,
) -> Option<SecurityRule> {
    let priority = rule
        .priority
        .as_ref()
        .and_then(|priority| self::priority(priority, found));
    if let Some(protocol) = &rule.protocol
        && !protocol.value.has_ports()
    {
        for ports in [&rule.from.ports, &rule.to.ports] {
            if !ports.value.is_empty() {
                found.push(
                    Diagnostic::error(
                        codes::PORTS_WITHOUT_PORTS,
                        ports.span,
                        format!("a rule for {} has no ports", protocol.value),
                    )
                    .related(protocol.span, "this protocol has none")
                    .help("leave the ports out"),
                );
            }
        }
    }
    let source = side(network, deployed, rule, &rule.from, found);
    let destination = side(network, deployed, rule, &rule.to, found);
    Some(SecurityRule {
        name: rule.name.value.clone(),
        azure_name: match &rule.azure_name {
            Some(given) => given.value.clone(),
            None => rule.name.value.to_string(),
        },
        direction: rule.direction,
        priority: priority?,
        access: rule.access?,
        protocol: rule.protocol.as_ref().map(|protocol| protocol.value),
        source: source?,
        destination: destination?,
        span: rule.span,
    })
}

fn priority(priority: &Spanned<u32>, found: &mut Vec<Diagnostic>) -> Option<u16> {
    let read = u16::try_from(priority.value).ok();
    let read = read.filter(|priority| (100..=4096).contains(priority));
    if read.is_none() {
        found.push(
            Diagnostic::error(
                codes::PRIORITY,
                priority.span,
                format!("priority {} is outside 100 to 4096", priority.value),
            )
            .help("Azure's default rules have 65000 to 65500 and come after all of these"),
        );
    }
    read
}

fn side(
    network: &Network,
    deployed: Deployed<'_>,
    rule: &spec::SecurityRule,
    side: &Side,
    found: &mut Vec<Diagnostic>,
) -> Option<RuleSide> {
    let addresses = addresses(network, deployed, rule, side.set.as_ref()?, found)?;
    Some(RuleSide {
        addresses,
        ports: side.ports.value.clone(),
    })
}

fn addresses(
    network: &Network,
    deployed: Deployed<'_>,
    rule: &spec::SecurityRule,
    set: &Set,
    found: &mut Vec<Diagnostic>,
) -> Option<RuleAddresses> {
    let mut whole = true;
    if let Some(except) = set.except_at {
        let opposite = match rule.access {
            Some(Access::Allow) => "deny",
            Some(Access::Deny) => "allow",
            None => "the opposite",
        };
        whole = false;
        found.push(
            Diagnostic::error(
                codes::EXCEPT_IN_RULE,
                except,
                "a security rule has no `except`",
            )
            .help(format!(
                "put a rule before it that says `{opposite}` to what is taken out"
            )),
        );
    }
    let mut set_of = AddressSet::default();
    let mut tags = Vec::new();
    for term in &set.terms {
        match &term.value {
            Term::Any => return whole.then_some(RuleAddresses::Any),
            Term::Prefix(prefix) => set_of.prefixes.push(*prefix),
            Term::Address(address) => set_of.prefixes.push(Prefix::from(*address)),
            Term::Tag(tag) => {
                if let Some(known) = service_tag::resembles(tag) {
                    found.push(
                        Diagnostic::warning(
                            codes::UNUSUAL_TAG,
                            term.span,
                            format!("`{tag}` is not a service tag known here"),
                        )
                        .help(format!("did you mean `{known}`?")),
                    );
                }
                let tag = service_tag::canonical(tag);
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
            Term::Name(reference) => {
                let reference = spec::Spanned {
                    value: reference.clone(),
                    span: term.span,
                };
                whole &= named(network, deployed, &reference, &mut set_of, found).is_some();
            }
        }
    }
    let named = set_of != AddressSet::default();
    match (&tags[..], named) {
        ([_, _, ..], _) => {
            whole = false;
            found.push(two_tags(rule, set, &tags));
        }
        ([tag], true) => {
            whole = false;
            found.push(
                Diagnostic::error(
                    codes::TAG_AND_ADDRESSES,
                    set.words.span,
                    "one side of a security rule names a service tag and addresses",
                )
                .label(format!("`{tag}` stands alone on its side"))
                .help("write two rules, one for the tag and one for the addresses"),
            );
        }
        _ => {}
    }
    if !whole {
        return None;
    }
    Some(match tags.pop() {
        Some(tag) => RuleAddresses::Tag(tag),
        None => {
            set_of.prefixes = merged(set_of.prefixes);
            for names in [&mut set_of.workloads, &mut set_of.clusters] {
                names.sort();
                names.dedup();
            }
            RuleAddresses::Addresses(set_of)
        }
    })
}

/// Adds what a name stands for: the ranges of a subnet or a virtual network, the addresses of a workload,
/// the nodes of a cluster.
fn named(
    network: &Network,
    deployed: Deployed<'_>,
    reference: &Spanned<spec::Reference>,
    addresses: &mut AddressSet,
    found: &mut Vec<Diagnostic>,
) -> Option<()> {
    let kinds = [Kind::Subnet, Kind::Vnet, Kind::Workload, Kind::Cluster];
    match bind(network, reference, &kinds, found)? {
        Thing::Workload(name, _) => deployed
            .admits(Kind::Workload, name, reference.span, "a rule", found)
            .then(|| addresses.workloads.push(name.clone())),
        Thing::Cluster(name, _) => deployed
            .admits(Kind::Cluster, name, reference.span, "a rule", found)
            .then(|| addresses.clusters.push(name.clone())),
        thing => {
            addresses.prefixes.extend(ranges_of(thing)?);
            Some(())
        }
    }
}

/// The ranges that a subnet or a virtual network stands for in a set, as far as they could be read.
pub(super) fn ranges_of(thing: Thing<'_>) -> Option<Vec<Prefix>> {
    match thing {
        Thing::Subnet(_, _, subnet) => Some(vec![subnet.prefix.as_ref()?.value]),
        Thing::Vnet(_, vnet) if vnet.unread.contains("space") => None,
        Thing::Vnet(_, vnet) => Some(vnet.space.iter().map(|range| range.value).collect()),
        _ => None,
    }
}

/// Sorted, and without overlaps, which Azure refuses in one list (R27).
pub(super) fn merged(prefixes: Vec<Prefix>) -> Vec<Prefix> {
    let mut merged = Prefix::aggregate(&prefixes);
    merged.sort_unstable();
    merged
}

fn two_tags(rule: &spec::SecurityRule, set: &Set, tags: &[String]) -> Diagnostic {
    let mut help = "write two rules".to_owned();
    if let Some(example) = one_rule_each(rule, set, tags) {
        help.push_str(", for example");
        help.push_str(&example);
    }
    Diagnostic::error(
        codes::TWO_TAGS,
        set.words.span,
        "one side of a security rule names two service tags",
    )
    .label("Azure allows one per rule side")
    .help(help)
}

/// A rule for each tag, if the one that names them all could be read.
fn one_rule_each(rule: &spec::SecurityRule, set: &Set, tags: &[String]) -> Option<String> {
    let protocol = rule
        .protocol
        .as_ref()
        .map_or("any".to_owned(), |protocol| protocol.value.to_string());
    let access = match rule.access? {
        Access::Allow => "allow",
        Access::Deny => "deny",
    };
    let (from, to) = (rule.from.set.as_ref()?, rule.to.set.as_ref()?);
    let mut rules = String::new();
    for (tag, priority) in tags.iter().zip(rule.priority.as_ref()?.value..) {
        let side = |side: &Side, addresses: &Set| {
            let words = if addresses == set {
                tag
            } else {
                &addresses.words.value
            };
            let ports: Vec<String> = side.ports.value.iter().map(ToString::to_string).collect();
            match &ports[..] {
                [] => words.clone(),
                _ => format!("{words}:{}", ports.join(" + ")),
            }
        };
        let name = tag.split('.').next().unwrap_or(tag).to_ascii_lowercase();
        let (from, to) = (side(&rule.from, from), side(&rule.to, to));
        rules.push_str(&format!(
            "\n{name}: {priority} {access} {protocol} {from} -> {to}"
        ));
    }
    Some(rules)
}
