//! The document: its network, its secrets, its end and its budget.

use super::*;

/// A spec file.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The experiment's name.
    pub name: Option<Spanned<Name>>,
    /// What it is about.
    pub about: Option<Spanned<String>>,
    /// The region.
    pub location: Option<Spanned<String>>,
    /// Tags of every resource.
    pub tags: BTreeMap<String, Spanned<String>>,
    /// The row of each matrix axis that it is read with; empty without a matrix.
    pub combination: BTreeMap<Name, String>,
    /// Where the secrets come from.
    pub secrets: BTreeMap<Name, Secret>,
    /// The planes on which the experiment is judged; empty is all.
    pub planes: Vec<Spanned<Plane>>,
    /// The network before the first step.
    pub network: Network,
    /// The steps, in the author's order.
    pub steps: Vec<Step>,
    /// What happens to the resources at the end.
    pub lifecycle: Lifecycle,
    /// What the run may cost.
    pub budget: Budget,
    /// Where the document begins.
    pub(crate) start: Span,
    pub(crate) unread: Unread,
}

/// What is deployed and probed: the part of a spec that a `change` changes.
#[derive(Debug, Clone)]
pub struct Network {
    /// The virtual networks.
    pub vnets: BTreeMap<Name, VirtualNetwork>,
    /// The network security groups.
    pub nsgs: BTreeMap<Name, NetworkSecurityGroup>,
    /// The peerings.
    pub peerings: BTreeMap<Name, Peering>,
    /// The route tables.
    pub routes: BTreeMap<Name, RouteTable>,
    /// The clusters.
    pub clusters: BTreeMap<Name, Cluster>,
    /// The workloads.
    pub workloads: BTreeMap<Name, Workload>,
    /// The probes.
    pub probes: BTreeMap<Name, Probe>,
    /// The invariants.
    pub invariants: BTreeMap<Name, Invariant>,
    /// The document that all of this was read from; a change edits it.
    pub(in crate::spec) document: Node,
    /// Whether a change could not be applied: then anything may be missing.
    pub(crate) unsure: bool,
}

/// A text in which secrets may stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretText {
    /// The text, piece by piece.
    pub pieces: Vec<Piece>,
}

/// A piece of a text in which secrets may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// The value of a secret.
    Secret(Name),
}

impl SecretText {
    /// A text without a secret.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> SecretText {
        SecretText {
            pieces: vec![Piece::Text(text.into())],
        }
    }

    /// The text, if no secret is in it.
    #[must_use]
    pub fn as_plain(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Secret(_) => None,
            })
            .collect()
    }

    /// The secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Name> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Secret(name) => Some(name),
        })
    }
}

/// Where a secret comes from; its value is read when a run needs it, and never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its key.
    pub key: Span,
    /// The source.
    pub source: SecretSource,
}

/// Where the value of a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Environment(String),
    /// A file, relative to the spec that names it.
    File(PathBuf),
}

/// Where a judgement is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plane {
    /// By the analysis.
    Predict,
    /// By packets on the local Azure.
    Local,
    /// By packets on Azure.
    Azure,
}

/// What happens to the resources at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// When they are deleted.
    pub cleanup: Cleanup,
    /// How long a failed run's resources are kept before they are deleted.
    pub keep_on_failure: Duration,
    /// After which time they may be collected as left over.
    pub ttl: Duration,
    /// How many combinations of the matrix are run side by side.
    pub parallel: u32,
    /// An existing resource group to deploy into.
    pub group: Option<String>,
}

impl Default for Lifecycle {
    fn default() -> Lifecycle {
        Lifecycle {
            cleanup: Cleanup::Always,
            keep_on_failure: Duration::ZERO,
            ttl: Duration::from_secs(4 * 60 * 60),
            parallel: 1,
            group: None,
        }
    }
}

/// When resources are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Always.
    Always,
    /// When every verdict passed.
    OnSuccess,
    /// Never.
    Never,
}

/// What a run may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Wall time.
    pub time: Option<Duration>,
    /// The number of clusters.
    pub clusters: Option<u32>,
    /// The number of resources.
    pub resources: Option<u32>,
}
