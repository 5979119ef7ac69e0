use std::fmt;
use std::net::Ipv4Addr;

use crate::net::Prefix;

use super::{Decider, Direction, Outcome, RuleRef};

/// What the author expects of one probe, with every address known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// The answers of which one must be seen; empty where the outcome is free.
    pub one_of: Vec<Answer>,
    /// What the body must hold.
    pub body: Option<BodyMatch>,
    /// Who the called endpoint must see.
    pub source: Option<ExpectedSource>,
    /// The set in which the source must lie.
    pub source_in: Option<ExpectedSourceSet>,
    /// The set in which the source must not lie.
    pub not_source: Option<ExpectedSourceSet>,
    /// What must have decided.
    pub by: Option<ByPattern>,
    /// The addresses and names that a DNS answer must hold.
    pub answers: Vec<ExpectedAnswer>,
}

/// An expected part of a DNS answer: the author's word, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedAnswer {
    /// The word in the spec: a workload's name, an address, a host name.
    pub word: String,
    /// The record's value; `None` where the target has not told it.
    pub value: Option<String>,
}

impl Expectation {
    /// Whether only a silent drop meets the expectation, so that a positive control is needed.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        !self.one_of.is_empty()
            && self.one_of.iter().all(|answer| {
                matches!(
                    answer,
                    Answer::Outcome(Outcome::Timeout | Outcome::Unreachable)
                )
            })
    }
}

/// One acceptable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An outcome word.
    Outcome(Outcome),
    /// Reachable, with this HTTP status.
    Status(u16),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Outcome(outcome) => outcome.fmt(f),
            Answer::Status(status) => status.fmt(f),
        }
    }
}

/// What a body must hold: `text` contains it, `/re/` matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyMatch {
    /// The body contains the text.
    Contains(String),
    /// The body matches the regular expression (the source, without slashes).
    Matches(String),
}

impl fmt::Display for BodyMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyMatch::Contains(text) => write!(f, "{text:?}"),
            BodyMatch::Matches(source) => write!(f, "/{source}/"),
        }
    }
}

/// An expected source: the author's word, and the addresses that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedSource {
    /// The word in the spec: `node`, `pod`, a workload's name, an address.
    pub word: String,
    /// The address that the word stands for; `None` where the target has not told it.
    pub address: Option<Ipv4Addr>,
}

/// An expected set of sources: the author's words, and the prefixes that they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedSourceSet {
    /// The words in the spec, for example `aks + AzureLoadBalancer`.
    pub words: String,
    /// The prefixes.
    pub prefixes: Vec<Prefix>,
}

/// What must have decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ByPattern {
    /// A security rule.
    Rule(RulePattern),
    /// A route: `route/NAME` or `route/TABLE/NAME`.
    Route {
        /// The route table, if named.
        table: Option<String>,
        /// The route's name.
        name: String,
    },
    /// `route/none`: no route, or one that leads nowhere.
    NoRoute,
    /// `peering/NAME`: a flag of a peering. Who decides tells the flag and not the peering's name.
    Peering(String),
    /// `listener`: nothing listens, or the server answered. The outcome tells it, so no decider is named.
    Listener,
}

/// The causes that say that there was no way: into a range that only its cluster knows (R53), out to the
/// Internet (R42, R65, R73) and in from it (R44), in the words of the analysis and of the lab.
const NO_WAY: [&str; 5] = [
    "pod-not-addressable",
    "no-egress",
    "no-nat-gateway",
    "no-explicit-outbound",
    "no-inbound-from-internet",
];

/// The causes that are a flag of a peering (R19, R41).
const PEERING_FLAGS: [&str; 2] = [
    "virtual-network-access-off",
    "forwarded-traffic-not-allowed",
];

impl ByPattern {
    /// Whether the pattern names what decided. Names compare without case (R28).
    #[must_use]
    pub fn names(&self, decider: &Decider) -> bool {
        match (self, decider) {
            (ByPattern::Rule(pattern), Decider::Rule(rule)) => pattern.matches(rule),
            (ByPattern::Route { table, name }, Decider::Route { route }) => {
                route.name.eq_ignore_ascii_case(name)
                    && table
                        .as_ref()
                        .is_none_or(|table| table.eq_ignore_ascii_case(&route.table))
            }
            (ByPattern::NoRoute, Decider::Route { route }) => {
                route.next_hop_type.eq_ignore_ascii_case("None")
            }
            (ByPattern::NoRoute, Decider::Cause { cause }) => NO_WAY.contains(&cause.as_str()),
            (ByPattern::Peering(_), Decider::Cause { cause }) => {
                PEERING_FLAGS.contains(&cause.as_str())
            }
            _ => false,
        }
    }
}

impl fmt::Display for ByPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ByPattern::Rule(rule) => rule.fmt(f),
            ByPattern::Route {
                table: Some(table),
                name,
            } => write!(f, "route/{table}/{name}"),
            ByPattern::Route { table: None, name } => write!(f, "route/{name}"),
            ByPattern::NoRoute => f.write_str("route/none"),
            ByPattern::Peering(name) => write!(f, "peering/{name}"),
            ByPattern::Listener => f.write_str("listener"),
        }
    }
}

/// A rule by name, narrowed by group and direction where the author did so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePattern {
    /// The network security group, if named.
    pub nsg: Option<String>,
    /// The direction, if named.
    pub direction: Option<Direction>,
    /// The rule's name.
    pub rule: String,
}

impl RulePattern {
    /// Whether the pattern names `rule`. Names compare without case (R28).
    #[must_use]
    pub fn matches(&self, rule: &RuleRef) -> bool {
        self.rule.eq_ignore_ascii_case(&rule.rule)
            && self
                .direction
                .is_none_or(|direction| direction == rule.direction)
            && self
                .nsg
                .as_ref()
                .is_none_or(|nsg| nsg.eq_ignore_ascii_case(&rule.nsg))
    }
}

impl fmt::Display for RulePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nsg) = &self.nsg {
            write!(f, "{nsg}/")?;
        }
        if let Some(direction) = self.direction {
            write!(f, "{direction}/")?;
        }
        f.write_str(&self.rule)
    }
}

#[cfg(test)]
mod tests {
    use crate::verdict::{Leg, RouteRef};

    use super::*;

    fn cause(words: &str) -> Decider {
        let cause = words.to_owned();
        Decider::Cause { cause }
    }

    fn route(table: &str, name: &str, next_hop_type: &str) -> Decider {
        let route = RouteRef {
            table: table.to_owned(),
            name: name.to_owned(),
            prefix: "10.0.0.0/8".parse().expect("a prefix"),
            next_hop_type: next_hop_type.to_owned(),
            next_hop_address: None,
            leg: Leg::Forward,
        };
        Decider::Route { route }
    }

    fn rule(name: &str) -> Decider {
        Decider::Rule(RuleRef {
            nsg: "guard".to_owned(),
            rule: name.to_owned(),
            direction: Direction::Inbound,
        })
    }

    #[test]
    fn a_pattern_names_what_decided() {
        let none = ByPattern::NoRoute;
        let peering = ByPattern::Peering("hub-east".to_owned());
        let named = |table: Option<&str>| ByPattern::Route {
            table: table.map(str::to_owned),
            name: "black-hole".to_owned(),
        };
        for (pattern, decider, names) in [
            (&none, route("system", "None", "None"), true),
            (&none, route("office", "black-hole", "none"), true),
            (&none, route("system", "VnetLocal", "VnetLocal"), false),
            (&none, route("office", "fw", "VirtualAppliance"), false),
            (&none, cause("pod-not-addressable"), true),
            (&none, cause("no-egress"), true),
            (&none, cause("no-nat-gateway"), true),
            (&none, cause("no-explicit-outbound"), true),
            (&none, cause("no-inbound-from-internet"), true),
            // The route is there, and nobody at its end.
            (&none, cause("no-endpoint-at-address"), false),
            (&none, cause("no-nsg-and-system-route"), false),
            (&none, rule("none"), false),
            (&peering, cause("virtual-network-access-off"), true),
            (&peering, cause("forwarded-traffic-not-allowed"), true),
            (&peering, cause("ip-forwarding-off"), false),
            // A peering that does not carry gives no route.
            (&peering, route("system", "None", "None"), false),
            (&peering, rule("hub-east"), false),
            (&named(None), route("office", "Black-Hole", "None"), true),
            (
                &named(Some("OFFICE")),
                route("office", "black-hole", "None"),
                true,
            ),
            (
                &named(Some("floor")),
                route("office", "black-hole", "None"),
                false,
            ),
            (&named(None), cause("black-hole"), false),
            (&ByPattern::Listener, rule("listener"), false),
        ] {
            assert_eq!(pattern.names(&decider), names, "{pattern}: {decider}");
        }
    }
}
