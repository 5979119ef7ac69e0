//! The states in order, and what is expected in each.

use super::*;

/// A whole experiment: the states of the network in order, and what is expected in each.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// The experiment's name.
    pub name: Name,
    /// What it is about.
    pub about: Option<String>,
    /// The region; `None` where the spec names none.
    pub location: Option<String>,
    /// Tags of every resource.
    pub tags: BTreeMap<String, String>,
    /// The row of each matrix axis that this experiment stands for; empty without a matrix.
    pub combination: BTreeMap<Name, String>,
    /// Where the secrets come from.
    pub secrets: BTreeMap<Name, SecretSource>,
    /// The planes on which it is judged; empty is all.
    pub planes: Vec<Plane>,
    /// The steps; the first is always a `deploy`.
    pub steps: Vec<Step>,
    /// What happens to the resources at the end.
    pub lifecycle: Lifecycle,
    /// What the run may cost.
    pub budget: Budget,
}

impl Experiment {
    /// The rows that it stands for, in a line: `cni=overlay, size=small`; empty without a matrix.
    #[must_use]
    pub fn combination_label(&self) -> String {
        let rows = self.combination.iter();
        let rows: Vec<String> = rows.map(|(axis, row)| format!("{axis}={row}")).collect();
        rows.join(", ")
    }
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The step's name; made from its kind where the author gave none.
    pub name: String,
    /// What it does to the network.
    pub action: Action,
    /// The network after the action.
    pub topology: Arc<Topology>,
    /// What is probed then, in the author's order.
    pub probes: Vec<ProbeExpectation>,
    /// What is proven in this step alone.
    pub prove: BTreeMap<Name, Invariant>,
    /// The invariants that do not hold after this step.
    pub expect_broken: Vec<Name>,
    /// The planes on which it is run; empty is all.
    pub planes: Vec<Plane>,
    /// A remark that the report shows.
    pub note: Option<String>,
    /// A pause before the probes.
    pub wait: Option<Duration>,
    /// Where the step stands in the spec.
    pub span: Span,
}

/// What a step does to the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Deploys everything.
    Deploy,
    /// Changes what the paths name.
    Change {
        /// The changed paths, as written.
        paths: Vec<String>,
        /// The states on the way, where parts are sent one after the other; the last one is the step's own.
        between: Vec<Arc<Topology>>,
    },
    /// Takes back the newest change, or all of them.
    Undo,
    /// Leaves the network as it is.
    None,
}

/// A probe and what is expected of it in one step.
#[derive(Debug, Clone)]
pub struct ProbeExpectation {
    /// The probe's name.
    pub probe: Name,
    /// What is expected.
    pub expectation: Expectation,
    /// Where it stands in the spec.
    pub span: Span,
}

/// An expectation whose addresses only a deployment may tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// The answers of which one must be seen; empty where the outcome is free.
    pub one_of: Vec<Answer>,
    /// What the body must hold.
    pub body: Option<BodyMatch>,
    /// Who the called endpoint must see.
    pub source: Option<SourceWord>,
    /// The set in which the source must lie.
    pub source_in: Option<SourceSet>,
    /// The set in which the source must not lie.
    pub not_source: Option<SourceSet>,
    /// Headers of the answer and what they must hold.
    pub header: BTreeMap<String, BodyMatch>,
    /// The appliances that the flow must pass, in order.
    pub via: Vec<Name>,
    /// The appliances that it must not pass.
    pub avoid: Vec<Name>,
    /// What must have decided.
    pub by: Option<ByPattern>,
    /// The addresses that a DNS answer must hold.
    pub answers: Vec<ProbeTarget>,
    /// The longest round trip.
    pub rtt: Option<Duration>,
    /// How long after a change it may take until it fits; `None` is the target's default.
    pub within: Option<Duration>,
    /// How many tries in a row must agree; `None` is the target's default.
    pub stable: Option<u32>,
    /// The planes on which it is judged; empty is all.
    pub planes: Vec<Plane>,
}

/// The author's word for a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceWord {
    /// `node`: the node that the calling pod runs on.
    Node,
    /// `pod`: the calling pod's own address.
    Pod,
    /// `self`: the caller's own address.
    Caller,
    /// A workload's address.
    Workload(Name),
    /// An address.
    Address(Ipv4Addr),
}

/// A set of sources: the author's words, the prefixes that are known, the workloads whose addresses
/// join them after deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceSet {
    /// The words, as written.
    pub words: String,
    /// Ranges of subnets and virtual networks, literal prefixes and addresses; `AzureLoadBalancer` is 168.63.129.16/32 (R20).
    pub prefixes: Vec<Prefix>,
    /// Workloads.
    pub workloads: Vec<Name>,
    /// Clusters: their nodes' addresses.
    pub clusters: Vec<Name>,
}
