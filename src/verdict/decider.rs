use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::net::Prefix;

/// The direction of a security rule, seen from the endpoint that it protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Towards the endpoint.
    Inbound,
    /// Away from the endpoint.
    Outbound,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        })
    }
}

/// A security rule by name: `nsg/direction/rule`. Names compare without case (R28).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuleRef {
    /// The network security group's name.
    pub nsg: String,
    /// The rule's name; a default rule's name as Azure spells it.
    pub rule: String,
    /// The rule's direction.
    pub direction: Direction,
}

impl PartialEq for RuleRef {
    fn eq(&self, other: &RuleRef) -> bool {
        self.direction == other.direction
            && self.nsg.eq_ignore_ascii_case(&other.nsg)
            && self.rule.eq_ignore_ascii_case(&other.rule)
    }
}

impl Eq for RuleRef {}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({} of {})", self.rule, self.direction, self.nsg)
    }
}

/// Which way of a connection a route decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// From the caller to the called.
    Forward,
    /// The reply.
    Return,
}

/// The route that decided a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteRef {
    /// The route table's name, or `system`.
    pub table: String,
    /// The route's name; the next hop type for a system route.
    pub name: String,
    /// The prefix that matched.
    pub prefix: Prefix,
    /// Azure's next hop type: `VnetLocal`, `VnetPeering`, `VirtualAppliance`, `Internet`, `None` ...
    pub next_hop_type: String,
    /// The next hop's address, for an appliance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop_address: Option<Ipv4Addr>,
    /// The leg that it decided.
    pub leg: Leg,
}

/// What decided a flow: a rule, a route, or a cause that is neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Decider {
    /// A security rule.
    Rule(RuleRef),
    /// A route.
    Route {
        /// The route.
        route: RouteRef,
    },
    /// Neither: `no-nsg-and-system-route`, `existing-flow-record`, `platform-exempt` ...
    Cause {
        /// The cause, in kebab case.
        cause: String,
    },
}

impl Decider {
    /// The security rule, if one decided.
    #[must_use]
    pub fn rule(&self) -> Option<&RuleRef> {
        match self {
            Decider::Rule(rule) => Some(rule),
            Decider::Route { .. } | Decider::Cause { .. } => None,
        }
    }
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decider::Rule(rule) => rule.fmt(f),
            Decider::Route { route } => {
                write!(
                    f,
                    "route `{}` of {} ({} -> {})",
                    route.name, route.table, route.prefix, route.next_hop_type
                )
            }
            Decider::Cause { cause } => f.write_str(cause),
        }
    }
}
