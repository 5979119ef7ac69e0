//! Probes and invariants.

use super::*;

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The calling workload.
    pub from: Name,
    /// Whom it calls.
    pub to: ProbeTarget,
    /// What it speaks.
    pub scheme: Scheme,
    /// The port; `None` where the scheme has none.
    pub port: Option<u16>,
    /// The path of the URL, with its leading slash.
    pub path: String,
    /// The HTTP method.
    pub method: String,
    /// HTTP headers.
    pub headers: BTreeMap<String, SecretText>,
    /// The body of a request, the payload of a datagram.
    pub send: Option<String>,
    /// The DNS server that is asked; `None` is the caller's own.
    pub resolver: Option<Ipv4Addr>,
    /// The DNS record type that is asked for.
    pub record_type: String,
    /// How long one try may take.
    pub timeout: Duration,
    /// How often it is tried until it fits.
    pub attempts: u32,
    /// The pause between tries.
    pub every: Duration,
    /// The connections of one try.
    pub count: u32,
    /// Which connection it uses.
    pub connection: ProbeConnection,
    /// Where it stands in the spec.
    pub span: Span,
}

/// The far end of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeTarget {
    /// A workload, called by its address.
    Workload(Name),
    /// An address.
    Address(Ipv4Addr),
    /// A host name, which the caller resolves.
    Hostname(String),
}

impl std::fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProbeTarget::Workload(name) => name.fmt(f),
            ProbeTarget::Address(address) => address.fmt(f),
            ProbeTarget::Hostname(host) => f.write_str(host),
        }
    }
}

/// A statement about all packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// Whether it holds for every flow or for none.
    pub quantifier: Quantifier,
    /// What is claimed of them.
    pub statement: Statement,
    /// The claim, as written.
    pub words: String,
    /// Where it stands in the spec.
    pub span: Span,
}

/// What is claimed of flows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statement {
    /// Who sends to whom.
    Reach {
        /// The senders, by the addresses from which they send.
        from: FlowSet,
        /// The receivers.
        to: FlowSet,
        /// The destination ports; empty is any.
        ports: Vec<PortRange>,
        /// The protocols; empty is every one.
        protocols: Vec<Protocol>,
        /// An appliance that every such flow passes (`true`), or none does.
        passing: Option<(bool, Name)>,
        /// Whether the answers to flows the other way are meant, not new flows.
        reply: bool,
    },
    /// Which sources arrive at a workload, a subnet or a virtual network.
    Observe {
        /// Where.
        at: FlowSet,
        /// The sources.
        sources: FlowSet,
    },
}

/// A set of addresses in a claim: what is in it, without what is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowSet {
    /// The words, as written.
    pub words: String,
    /// What is in it.
    pub of: FlowTerms,
    /// What is taken out.
    pub except: FlowTerms,
}

/// The terms of a set in a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowTerms {
    /// Whether every address is in it.
    pub any: bool,
    /// Prefixes and addresses.
    pub addresses: AddressSet,
    /// Service tags, as Azure spells them.
    pub tags: Vec<String>,
}
