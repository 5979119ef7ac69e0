//! Rules that can never match, as far as one earlier rule tells.
//!
//! Exact sets over several rules are the business of the analysis of the compiled template; this finds what
//! a reader of the spec can see with the eye.

use super::{NetworkSecurityGroup, RuleAddresses, RuleSide, SecurityRule};
use crate::net::PortRange;
use crate::spec::{Diagnostic, codes};

/// Warns of every rule whose packets one earlier rule decides already.
pub(super) fn warn(group: &NetworkSecurityGroup, found: &mut Vec<Diagnostic>) {
    for (at, rule) in group.rules.iter().enumerate() {
        let earlier = group.rules[..at].iter();
        let mut earlier = earlier.filter(|earlier| earlier.direction == rule.direction);
        if let Some(first) = earlier.find(|earlier| covers(earlier, rule)) {
            found.push(
                Diagnostic::warning(
                    codes::SHADOWED,
                    rule.span,
                    format!(
                        "`{}` can never match: every packet of it is already decided by `{}` (priority {})",
                        rule.name, first.name, first.priority
                    ),
                )
                .related(first.span, "this one comes first")
                .help("give it a lower priority number, or remove it"),
            );
        }
    }
}

fn covers(earlier: &SecurityRule, rule: &SecurityRule) -> bool {
    let protocol = earlier.protocol.is_none() || earlier.protocol == rule.protocol;
    // Whether `any` with ports matches ICMP is not known (R9), so it covers no rule that may be ICMP.
    let ports = |side: &RuleSide| !side.ports.is_empty();
    let unsure = earlier.protocol.is_none()
        && (ports(&earlier.source) || ports(&earlier.destination))
        && !rule.protocol.is_some_and(|protocol| protocol.has_ports());
    protocol
        && !unsure
        && side_covers(&earlier.source, &rule.source)
        && side_covers(&earlier.destination, &rule.destination)
}

fn side_covers(earlier: &RuleSide, side: &RuleSide) -> bool {
    ports_cover(&earlier.ports, &side.ports) && addresses_cover(&earlier.addresses, &side.addresses)
}

fn ports_cover(earlier: &[PortRange], ports: &[PortRange]) -> bool {
    let within = |range: &PortRange| {
        earlier
            .iter()
            .any(|outer| outer.first <= range.first && range.last <= outer.last)
    };
    earlier.is_empty() || (!ports.is_empty() && ports.iter().all(within))
}

fn addresses_cover(earlier: &RuleAddresses, addresses: &RuleAddresses) -> bool {
    match (earlier, addresses) {
        (RuleAddresses::Any, _) => true,
        (RuleAddresses::Tag(outer), RuleAddresses::Tag(inner)) => outer.eq_ignore_ascii_case(inner),
        (RuleAddresses::Addresses(outer), RuleAddresses::Addresses(inner)) => {
            let prefix = |prefix| outer.prefixes.iter().any(|outer| outer.contains(prefix));
            inner.prefixes.iter().all(prefix)
                && inner
                    .workloads
                    .iter()
                    .all(|name| outer.workloads.contains(name))
                && inner
                    .clusters
                    .iter()
                    .all(|name| outer.clusters.contains(name))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{Source, codes};
    use crate::topology;

    /// The names of the rules that are warned of.
    fn shadowed(rules: &str) -> Vec<String> {
        let text = format!(
            "vnetlab: 1\nname: x\nvnets:\n  vn: {{ space: 10.0.0.0/16, subnets: {{ a: 10.0.0.0/24, b: 10.0.1.0/24 }} }}\n\
             nsgs:\n  n:\n    inbound:\n{}",
            rules
                .lines()
                .map(|rule| format!("      {}\n", rule.trim()))
                .collect::<String>()
        );
        let source = Source::new("x.yaml", text);
        let resolution = topology::load(&source).expect("a spec that holds");
        let warnings = resolution.warnings.into_iter();
        warnings
            .filter(|warning| warning.code == codes::SHADOWED)
            .map(|warning| {
                warning
                    .message
                    .split('`')
                    .nth(1)
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn a_rule_behind_a_wider_one_is_shadowed() {
        for (rules, expected) in [
            (
                "one: 100 deny any any -> any\n two: 200 allow tcp a -> any:80",
                &["two"][..],
            ),
            (
                "one: 100 allow tcp 10.0.0.0/16 -> any:1-100\n two: 200 deny tcp a + b -> b:80",
                &["two"],
            ),
            (
                "one: 100 deny any Internet -> any\n two: 200 allow tcp INTERNET -> any:80",
                &["two"],
            ),
            (
                "one: 100 allow tcp a -> any:80\n two: 200 allow tcp a -> any:80-81",
                &[],
            ),
            (
                "one: 100 allow tcp a -> any:80\n two: 200 allow udp a -> any:80",
                &[],
            ),
            (
                "one: 100 deny any a -> any:80\n two: 200 allow any a -> any:80",
                &[],
            ),
            (
                "one: 100 deny any a -> any:80\n two: 200 allow tcp a -> any:80",
                &["two"],
            ),
            (
                "one: 100 deny any VirtualNetwork -> any\n two: 200 allow tcp a -> any:80",
                &[],
            ),
        ] {
            assert_eq!(shadowed(rules), expected, "{rules}");
        }
    }
}
