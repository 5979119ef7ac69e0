//! Probes, invariants, steps and expectations.

use super::*;

/// A probe.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Its key.
    pub key: Span,
    /// The calling workload.
    pub from: Option<Spanned<Reference>>,
    /// Whom it calls.
    pub to: Option<Spanned<Host>>,
    /// What it speaks.
    pub scheme: Option<Spanned<Scheme>>,
    /// The port.
    pub port: Option<Spanned<u16>>,
    /// The path.
    pub path: Option<Spanned<String>>,
    /// The HTTP method.
    pub method: Option<Spanned<String>>,
    /// HTTP headers.
    pub headers: BTreeMap<String, Spanned<SecretText>>,
    /// What is sent: the body of a request, the payload of a datagram.
    pub send: Option<Spanned<String>>,
    /// The DNS server that is asked.
    pub resolver: Option<Spanned<Ipv4Addr>>,
    /// The DNS record type that is asked for.
    pub record_type: Option<Spanned<String>>,
    /// How long one try may take.
    pub timeout: Option<Spanned<Duration>>,
    /// How often it is tried until it fits.
    pub attempts: Option<Spanned<u32>>,
    /// The pause between tries.
    pub every: Option<Spanned<Duration>>,
    /// The connections of one try.
    pub count: Option<Spanned<u32>>,
    /// Whether its connection is kept from step to step.
    pub connection: Option<Spanned<ProbeConnection>>,
    pub(crate) unread: Unread,
}

/// What a probe speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// A TLS handshake.
    Tls,
    /// A TCP handshake.
    Tcp,
    /// A datagram and its echo.
    Udp,
    /// A DNS question.
    Dns,
    /// An ICMP echo.
    Icmp,
}

impl Scheme {
    /// Every scheme with its word.
    pub const ALL: [(&str, Scheme); 7] = [
        ("http", Scheme::Http),
        ("https", Scheme::Https),
        ("tls", Scheme::Tls),
        ("tcp", Scheme::Tcp),
        ("udp", Scheme::Udp),
        ("dns", Scheme::Dns),
        ("icmp", Scheme::Icmp),
    ];

    /// The port that is called where none is given; `None` where one must be, or there is none.
    #[must_use]
    pub fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Http => Some(80),
            Scheme::Https | Scheme::Tls => Some(443),
            Scheme::Dns => Some(53),
            Scheme::Tcp | Scheme::Udp | Scheme::Icmp => None,
        }
    }

    /// Whether it has ports at all.
    #[must_use]
    pub fn has_port(self) -> bool {
        self != Scheme::Icmp
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Scheme::ALL.into_iter().find(|(_, scheme)| scheme == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// Which connection a probe uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeConnection {
    /// A new one each time.
    #[default]
    New,
    /// One that is opened at its first probe and never again.
    Held,
}

/// A statement about all packets.
#[derive(Debug, Clone)]
pub struct Invariant {
    /// Its key.
    pub key: Span,
    /// What it claims.
    pub claim: Option<Spanned<Claim>>,
}

impl Invariant {
    /// The claim, as written.
    #[must_use]
    pub fn words(&self) -> String {
        self.claim
            .as_ref()
            .map(|claim| claim.value.words.clone())
            .unwrap_or_default()
    }
}

/// What an invariant claims, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The sentence, as written.
    pub words: String,
    /// Whether it holds for every flow or for none.
    pub quantifier: Quantifier,
    /// What is claimed of them.
    pub statement: Statement,
}

/// Whether a claim holds for every flow or for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// No flow does.
    Never,
    /// Every flow does.
    Always,
}

/// What is claimed of flows, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Who sends to whom.
    Reach {
        /// The senders.
        from: Set,
        /// The receivers.
        to: Set,
        /// The destination ports; empty is any.
        ports: Vec<PortRange>,
        /// The protocol; `None` is every one, or TCP and UDP where ports are given.
        protocol: Option<Protocol>,
        /// An appliance that the flow passes, or does not.
        passing: Option<Passing>,
        /// Whether the answers to flows the other way are meant, not new flows.
        reply: bool,
    },
    /// Which sources arrive.
    Observe {
        /// At whom.
        at: Spanned<Reference>,
        /// The sources.
        sources: Set,
    },
}

/// An appliance on the way of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// Whether it is passed.
    pub via: bool,
    /// The appliance.
    pub appliance: Spanned<Reference>,
}

/// A step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// Its name.
    pub name: Option<Spanned<String>>,
    /// What it does to the network.
    pub action: StepAction,
    /// What is probed then.
    pub probes: Vec<ProbeExpectation>,
    /// What is proven in this step alone.
    pub prove: BTreeMap<Name, Invariant>,
    /// The invariants that this step breaks.
    pub expect_broken: Vec<Spanned<Name>>,
    /// The matrix rows with which it is run: axis to rows; empty is all.
    pub when: BTreeMap<Name, Vec<Spanned<String>>>,
    /// The planes on which it is run; empty is all.
    pub planes: Vec<Spanned<Plane>>,
    /// A remark that the report shows.
    pub note: Option<Spanned<String>>,
    /// A pause before the probes.
    pub wait: Option<Spanned<Duration>>,
    pub(crate) unread: Unread,
}

/// What a step does to the network.
#[derive(Debug, Clone)]
pub enum StepAction {
    /// Deploys everything.
    Deploy,
    /// Changes what the paths name.
    Change {
        /// What is changed.
        changes: Vec<Change>,
        /// The paths that are sent one after the other, in this order; empty sends all at once.
        order: Vec<Spanned<String>>,
    },
    /// Takes back changes.
    Undo {
        /// Where the word stands.
        span: Span,
        /// Whether all are taken back, not only the newest.
        all: bool,
    },
    /// Nothing.
    None,
}

/// One entry of a `change`.
#[derive(Debug, Clone)]
pub struct Change {
    /// The path, as written.
    pub path: Spanned<String>,
    /// Its segments.
    pub(in crate::spec) segments: Vec<Text>,
    /// The new value; null removes.
    pub(in crate::spec) value: Node,
}

impl Change {
    /// The segments of the path.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map(|segment| segment.text.as_str())
    }
}

/// A probe and what is expected of it.
#[derive(Debug, Clone)]
pub struct ProbeExpectation {
    /// The probe.
    pub probe: Spanned<String>,
    /// Where its expectation stands.
    pub span: Span,
    /// The answers of which one must be seen.
    pub one_of: Vec<Spanned<Answer>>,
    /// The HTTP status, where it has a key of its own.
    pub status: Option<Spanned<u16>>,
    /// What the body must hold.
    pub body: Option<Spanned<BodyMatch>>,
    /// Who the called endpoint must see.
    pub source: Option<Spanned<ExpectedSource>>,
    /// The set in which the source must lie.
    pub source_in: Option<Set>,
    /// The set in which the source must not lie.
    pub not_source: Option<Set>,
    /// Headers of the answer and what they must hold.
    pub header: BTreeMap<String, Spanned<BodyMatch>>,
    /// The appliances that the flow must pass, in order.
    pub via: Vec<Spanned<Reference>>,
    /// The appliances that it must not pass.
    pub avoid: Vec<Spanned<Reference>>,
    /// What must have decided.
    pub by: Option<Spanned<ByPattern>>,
    /// The addresses that a DNS answer must hold.
    pub answers: Vec<Spanned<Host>>,
    /// The longest round trip.
    pub rtt: Option<Spanned<Duration>>,
    /// How long after a change it may take until it fits.
    pub within: Option<Spanned<Duration>>,
    /// How many tries in a row must agree.
    pub stable: Option<Spanned<u32>>,
    /// The planes on which it is judged; empty is all.
    pub planes: Vec<Spanned<Plane>>,
    pub(crate) unread: Unread,
}

/// The author's word for a source, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedSource {
    /// `node`.
    Node,
    /// `pod`.
    Pod,
    /// `self`.
    Caller,
    /// An address.
    Address(Ipv4Addr),
    /// A workload.
    Name(Reference),
}
