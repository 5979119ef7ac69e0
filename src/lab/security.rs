//! Network security groups, compiled to matches that nf_tables can make.
//!
//! The rules of one direction in the order of their priority (R2), the default rules behind the
//! custom ones as real rules (R4). `VirtualNetwork` and `Internet` are ranges of addresses by the
//! time they get here, so a group is compiled once for each network that it is used in. A rule with
//! few combinations of addresses and ports becomes one match for each; beyond that, sets, because
//! the kernel's cost grows with the number of sets. What cannot be matched is refused by name.

use std::collections::BTreeMap;

use crate::arm::ResourceId;
use crate::arm::views::{Access, AddressMatch, AddressTerm, NetworkSecurityGroup, SecurityRule};
use crate::emulator::fabric::FabricError;
use crate::net::{PortRange, Prefix, Protocol};
use crate::verdict::{Direction, RuleRef};

use super::error::fabric_error;
use super::space::{PLATFORM, internet, merge, prefixes, ranges, span};

/// How many matches a rule may become before its lists become sets.
const EXPANSION: usize = 8;

/// A compiled group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Group {
    /// Whether flows that exist are judged again (R12).
    pub(super) flush: bool,
    /// The rules of each direction in order.
    pub(super) outbound: Vec<Rule>,
    pub(super) inbound: Vec<Rule>,
    /// The sets that rules refer to by place.
    pub(super) address_sets: Vec<Vec<(u32, u32)>>,
    pub(super) port_sets: Vec<Vec<(u16, u16)>>,
}

/// A compiled rule: any of its matches makes it decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: RuleRef,
    pub(super) allow: bool,
    pub(super) matches: Vec<Match>,
}

/// One conjunction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) protocol: Option<u8>,
    pub(super) source: AddressTest,
    pub(super) source_port: PortTest,
    pub(super) destination: AddressTest,
    pub(super) destination_port: PortTest,
}

/// A test of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressTest {
    Any,
    In(Prefix),
    /// In the address set at this place.
    Set(usize),
}

/// A test of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortTest {
    Any,
    Between(u16, u16),
    /// In the port set at this place.
    Set(usize),
}

/// The addresses of the members of each application security group.
pub(super) type Members = BTreeMap<ResourceId, Vec<Prefix>>;

/// What service tags and application security groups stand for.
struct Tags<'a> {
    virtual_network: Vec<(u32, u32)>,
    internet: Vec<(u32, u32)>,
    asgs: &'a Members,
}

/// Compiles a group where `VirtualNetwork` stands for `tag`, and `network`, the ranges of the virtual
/// network and its peers, is not the Internet.
pub(super) fn compile(
    group: &NetworkSecurityGroup,
    network: &[Prefix],
    tag: &[Prefix],
    asgs: &Members,
) -> Result<Group, FabricError> {
    let name = group.id.name();
    if group.default_rules.is_empty() {
        return Err(fabric_error(
            format!("compile network security group `{name}`"),
            "its default rules are missing",
        ));
    }
    let tags = Tags {
        virtual_network: ranges(tag),
        internet: internet(network),
        asgs,
    };
    let mut compiled = Group {
        flush: group.flush_connection,
        ..Group::default()
    };
    for direction in [Direction::Outbound, Direction::Inbound] {
        let mut rules = group
            .rules
            .iter()
            .chain(&group.default_rules)
            .filter(|rule| rule.direction == direction)
            .collect::<Vec<_>>();
        rules.sort_by_key(|rule| rule.priority);
        for rule in rules {
            let matches = compiled.matches(rule, &tags).map_err(|message| {
                fabric_error(
                    format!(
                        "compile rule `{}` of network security group `{name}`",
                        rule.name
                    ),
                    message,
                )
            })?;
            let rule = Rule {
                name: RuleRef {
                    nsg: name.to_owned(),
                    rule: rule.name.clone(),
                    direction,
                },
                allow: rule.access == Access::Allow,
                matches,
            };
            match direction {
                Direction::Outbound => compiled.outbound.push(rule),
                Direction::Inbound => compiled.inbound.push(rule),
            }
        }
    }
    Ok(compiled)
}

impl Group {
    fn matches(&mut self, rule: &SecurityRule, tags: &Tags<'_>) -> Result<Vec<Match>, String> {
        let source = addresses("source", &rule.source, tags)?;
        let destination = addresses("destination", &rule.destination, tags)?;
        let source_ports = ports("source", &rule.source_ports)?;
        let destination_ports = ports("destination", &rule.destination_ports)?;
        let any_port = source_ports == [PORTS] && destination_ports == [PORTS];
        let protocols = match rule.protocol {
            Some(protocol) if !protocol.has_ports() && !any_port => {
                return Err(format!("{protocol} has no ports to match (R9)"));
            }
            Some(protocol) => vec![Some(protocol.number())],
            None if any_port => vec![None],
            // Only these carry ports; what a `*` rule with a port does to others is undocumented (R9).
            None => vec![Some(Protocol::Tcp.number()), Some(Protocol::Udp.number())],
        };
        let source = prefixes(&source);
        let destination = prefixes(&destination);
        let mut counts = [
            source.len(),
            destination.len(),
            source_ports.len(),
            destination_ports.len(),
        ];
        let mut as_set = [false; 4];
        while counts.iter().product::<usize>() > EXPANSION {
            let largest = (0..4).max_by_key(|&side| counts[side]).unwrap_or(0);
            counts[largest] = 1;
            as_set[largest] = true;
        }
        let source = self.address_tests(&source, as_set[0]);
        let destination = self.address_tests(&destination, as_set[1]);
        let source_ports = self.port_tests(source_ports, as_set[2]);
        let destination_ports = self.port_tests(destination_ports, as_set[3]);

        let mut matches = Vec::new();
        for &protocol in &protocols {
            for &source in &source {
                for &destination in &destination {
                    for &source_port in &source_ports {
                        for &destination_port in &destination_ports {
                            matches.push(Match {
                                protocol,
                                source,
                                source_port,
                                destination,
                                destination_port,
                            });
                        }
                    }
                }
            }
        }
        Ok(matches)
    }

    fn address_tests(&mut self, prefixes: &[Prefix], as_set: bool) -> Vec<AddressTest> {
        if as_set {
            return vec![AddressTest::Set(place(
                &mut self.address_sets,
                ranges(prefixes),
            ))];
        }
        let test = |prefix: &Prefix| match prefix.prefix_len() {
            0 => AddressTest::Any,
            _ => AddressTest::In(*prefix),
        };
        prefixes.iter().map(test).collect()
    }

    fn port_tests(&mut self, ranges: Vec<(u16, u16)>, as_set: bool) -> Vec<PortTest> {
        if as_set {
            return vec![PortTest::Set(place(&mut self.port_sets, ranges))];
        }
        let test = |(first, last)| match (first, last) {
            PORTS => PortTest::Any,
            _ => PortTest::Between(first, last),
        };
        ranges.into_iter().map(test).collect()
    }
}

const PORTS: (u16, u16) = (0, u16::MAX);

/// The place of a set among those that are there, or a new one.
fn place<T: PartialEq>(sets: &mut Vec<T>, set: T) -> usize {
    sets.iter()
        .position(|other| *other == set)
        .unwrap_or_else(|| {
            sets.push(set);
            sets.len() - 1
        })
}

fn addresses(side: &str, terms: &AddressMatch, tags: &Tags<'_>) -> Result<Vec<(u32, u32)>, String> {
    if terms.terms.is_empty() && terms.asgs.is_empty() {
        return Err(format!("it states no {side} address"));
    }
    let mut ranges = Vec::new();
    // A group without members matches nobody.
    for members in terms.asgs.iter().filter_map(|asg| tags.asgs.get(asg)) {
        ranges.extend(members.iter().map(span));
    }
    for term in &terms.terms {
        match term {
            AddressTerm::Any => ranges.push((0, u32::MAX)),
            AddressTerm::Prefix(prefix) => ranges.push(span(prefix)),
            AddressTerm::Tag(tag) => match tag.to_ascii_lowercase().as_str() {
                "virtualnetwork" => ranges.extend(&tags.virtual_network),
                "internet" => ranges.extend(&tags.internet),
                "azureloadbalancer" => ranges.push(span(&PLATFORM)),
                _ => return Err(format!("the lab does not know the service tag `{tag}`")),
            },
        }
    }
    Ok(merge(ranges))
}

fn ports(side: &str, ranges: &[PortRange]) -> Result<Vec<(u16, u16)>, String> {
    if ranges.is_empty() {
        return Err(format!("it states no {side} port"));
    }
    let wide = |range: &PortRange| (u32::from(range.first), u32::from(range.last));
    let narrow = |end: u32| u16::try_from(end).unwrap_or(u16::MAX);
    let merged = merge(ranges.iter().map(wide).collect());
    Ok(merged
        .into_iter()
        .map(|(first, last)| (narrow(first), narrow(last)))
        .collect())
}

#[cfg(test)]
mod tests;
