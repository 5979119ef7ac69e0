use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use super::{Decider, Outcome, RuleRef};

/// What a probe saw, or why it saw nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// The probe ran and this is what it saw.
    Is(Outcome),
    /// The probe did not run, or its verdict line was lost.
    Inconclusive {
        /// Why.
        reason: String,
    },
}

impl Observed {
    /// The outcome, if the probe ran.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Observed::Is(outcome) => Some(*outcome),
            Observed::Inconclusive { .. } => None,
        }
    }

    /// The word used in reports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.outcome().map_or("inconclusive", Outcome::word)
    }
}

/// One try of one probe, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What the probe saw.
    pub outcome: Observed,
    /// The HTTP status, for an HTTP probe that got one.
    pub status: Option<u16>,
    /// The body of the first answer.
    pub body: Option<String>,
    /// The address that the server saw, as the server said it on the same connection.
    pub source: Option<Ipv4Addr>,
    /// The caller's own address and port, before any translation.
    pub caller: Option<SocketAddrV4>,
    /// The URLs as they were sent.
    pub urls: Vec<String>,
    /// Whether the network was a model: no packets were sent.
    pub simulated: bool,
    /// Packets and deciding rules seen while the probe ran; `None` where the target has no such record.
    pub evidence: Option<Evidence>,
}

/// What the network's own record says of one probe.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The first thing that dropped the flow, else the last security rule that allowed it.
    pub by: Option<Decider>,
    /// Every packet that a rule or route decided, in time order.
    pub packets: Vec<Packet>,
}

impl Evidence {
    /// Every security rule on record, in travel order.
    pub fn rules(&self) -> impl Iterator<Item = &RuleRef> {
        self.packets
            .iter()
            .filter_map(|packet| packet.rule.as_ref())
    }
}

/// One packet of a probe, as the packet log recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Where it was seen, for example `from pod-observer's node to container group web`.
    pub at: String,
    /// Microseconds since the probe began to connect.
    pub time_us: u64,
    /// The protocol's name in lower case.
    pub protocol: String,
    /// The source address at that place.
    pub source: Ipv4Addr,
    /// The source port at that place.
    pub source_port: u16,
    /// The destination address.
    pub destination: Ipv4Addr,
    /// The destination port.
    pub destination_port: u16,
    /// TCP flags, for example `SYN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
    /// The security rule that matched there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleRef>,
    /// What was done with it: `allow` or `deny`.
    pub action: Action,
}

/// What a rule or route did with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It went on.
    Allow,
    /// It was dropped.
    Deny,
}
