//! Network security groups: rules in ascending priority, the first match decides (R2).

use std::net::Ipv4Addr;

use crate::arm::views::{Access, AddressMatch, AddressTerm, NetworkSecurityGroup, SecurityRule};
use crate::net::{PortRange, Protocol};
use crate::verdict::{Direction, RuleRef};

use super::readings::{Readings, Truth};
use super::tags::Viewpoint;

/// The first port that a caller draws at random; lower ones are well known and never drawn.
const FIRST_EPHEMERAL_PORT: u16 = 1024;

/// A flow as a rule sees it: no source port, since the caller draws one at random.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub(super) protocol: Protocol,
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) destination_port: Option<u16>,
}

/// What a network security group does with a flow, and by which rule.
pub(super) fn decide(
    nsg: &NetworkSecurityGroup,
    direction: Direction,
    flow: &Flow,
    viewpoint: &Viewpoint<'_, '_>,
    readings: &mut Readings,
) -> (Access, RuleRef) {
    let mut custom = nsg
        .rules
        .iter()
        .filter(|rule| rule.direction == direction)
        .collect::<Vec<_>>();
    custom.sort_by_key(|rule| rule.priority);
    let defaults = default_rules(direction);
    for rule in custom.into_iter().chain(&defaults) {
        if readings.all_hold(&conditions(rule, flow, viewpoint)) {
            return (rule.access, reference(nsg, &rule.name, direction));
        }
    }
    // The last default rule matches every flow but ESP and AH, should `*` not hold those (R8).
    let last = &defaults[defaults.len() - 1];
    (Access::Deny, reference(nsg, &last.name, direction))
}

/// Whether a rule of `nsg` that names `tag` denies the flow (R22: rules that name a platform tag are
/// the only ones that reach platform traffic).
pub(super) fn platform_denial(
    nsg: &NetworkSecurityGroup,
    tag: &str,
    flow: &Flow,
    viewpoint: &Viewpoint<'_, '_>,
    readings: &mut Readings,
) -> Option<RuleRef> {
    let names_tag = |side: &AddressMatch| {
        side.terms
            .iter()
            .any(|term| matches!(term, AddressTerm::Tag(other) if other.eq_ignore_ascii_case(tag)))
    };
    let mut rules = nsg
        .rules
        .iter()
        .filter(|rule| rule.direction == Direction::Outbound && names_tag(&rule.destination))
        .collect::<Vec<_>>();
    rules.sort_by_key(|rule| rule.priority);
    let rule = rules
        .into_iter()
        .find(|rule| readings.all_hold(&conditions(rule, flow, viewpoint)))?;
    match rule.access {
        Access::Allow => None,
        Access::Deny => Some(reference(nsg, &rule.name, Direction::Outbound)),
    }
}

fn reference(nsg: &NetworkSecurityGroup, rule: &str, direction: Direction) -> RuleRef {
    RuleRef {
        nsg: nsg.id.name().to_owned(),
        rule: rule.to_owned(),
        direction,
    }
}

/// What must hold for a rule to match: the five-tuple (R6).
fn conditions(rule: &SecurityRule, flow: &Flow, viewpoint: &Viewpoint<'_, '_>) -> [Truth; 5] {
    [
        protocol(rule, flow.protocol),
        source_port(rule, flow.protocol),
        destination_port(rule, flow),
        viewpoint.matches(&rule.source, flow.source),
        viewpoint.matches(&rule.destination, flow.destination),
    ]
}

fn protocol(rule: &SecurityRule, protocol: Protocol) -> Truth {
    match (rule.protocol, protocol) {
        (Some(wanted), protocol) => (wanted == protocol).into(),
        (None, Protocol::Tcp | Protocol::Udp | Protocol::Icmp) => Truth::Yes,
        (None, Protocol::Esp | Protocol::Ah) => Truth::open(
            format!("R8: protocol * holds {protocol}"),
            format!("R8: protocol * holds TCP, UDP and ICMP, not {protocol}"),
        ),
    }
}

fn source_port(rule: &SecurityRule, protocol: Protocol) -> Truth {
    if !protocol.has_ports() {
        return portless(&rule.source_ports, protocol);
    }
    let (mut all, mut some) = (false, false);
    for range in &rule.source_ports {
        all |= range.first <= FIRST_EPHEMERAL_PORT && range.last == u16::MAX;
        some |= range.last >= FIRST_EPHEMERAL_PORT;
    }
    match (all, some) {
        (true, _) => Truth::Yes,
        (false, false) => Truth::No,
        (false, true) => Truth::open(
            format!(
                "R6: the caller's random port lies in the source ports of `{}`",
                rule.name
            ),
            format!(
                "R6: the caller's random port lies outside the source ports of `{}`",
                rule.name
            ),
        ),
    }
}

fn destination_port(rule: &SecurityRule, flow: &Flow) -> Truth {
    match flow.destination_port {
        Some(port) if flow.protocol.has_ports() => rule
            .destination_ports
            .iter()
            .any(|range| range.contains(port))
            .into(),
        _ => portless(&rule.destination_ports, flow.protocol),
    }
}

/// R9: a port field of a rule for a protocol without ports. `*` matches; anything else is not
/// documented (for ICMP it was once seen to act as the type).
fn portless(ranges: &[PortRange], protocol: Protocol) -> Truth {
    if ranges.contains(&PortRange::ANY) {
        return Truth::Yes;
    }
    if ranges.is_empty() {
        return Truth::No;
    }
    Truth::open(
        format!("R9: a rule with a port matches {protocol}"),
        format!("R9: a rule with a port does not match {protocol}"),
    )
}

/// The default rules of every network security group (R4): our own table, not the resource's copy.
fn default_rules(direction: Direction) -> [SecurityRule; 3] {
    let any = || AddressMatch {
        terms: vec![AddressTerm::Any],
        asgs: Vec::new(),
    };
    let tag = |name: &str| AddressMatch {
        terms: vec![AddressTerm::Tag(name.to_owned())],
        asgs: Vec::new(),
    };
    let rule = |name: &str, priority, access, source, destination| SecurityRule {
        name: name.to_owned(),
        direction,
        priority,
        access,
        protocol: None,
        source,
        source_ports: vec![PortRange::ANY],
        destination,
        destination_ports: vec![PortRange::ANY],
    };
    let vnet = || tag("VirtualNetwork");
    match direction {
        Direction::Inbound => [
            rule("AllowVnetInBound", 65000, Access::Allow, vnet(), vnet()),
            rule(
                "AllowAzureLoadBalancerInBound",
                65001,
                Access::Allow,
                tag("AzureLoadBalancer"),
                any(),
            ),
            rule("DenyAllInBound", 65500, Access::Deny, any(), any()),
        ],
        Direction::Outbound => [
            rule("AllowVnetOutBound", 65000, Access::Allow, vnet(), vnet()),
            rule(
                "AllowInternetOutBound",
                65001,
                Access::Allow,
                any(),
                tag("Internet"),
            ),
            rule("DenyAllOutBound", 65500, Access::Deny, any(), any()),
        ],
    }
}
