use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::arm::{Party, Question, ResourceKey};
use crate::probe::Probe;
use crate::topology::{Name, SecretText, Span};

/// What stands for what: the map from the author's names to Azure's.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// What stands for each workload.
    pub workloads: BTreeMap<Name, Workload>,
    /// The managed cluster that stands for each cluster.
    pub clusters: BTreeMap<Name, ResourceKey>,
    /// Each probe, ready to run once addresses are known, and as a question to the analysis.
    pub probes: BTreeMap<Name, ProbePlan>,
    /// The place in the spec of every resource, and of every security rule (`nsg/rule`).
    pub spans: BTreeMap<ResourceKey, Span>,
}

/// What stands for a workload.
#[derive(Debug, Clone, PartialEq)]
pub enum Workload {
    /// A container group.
    ContainerGroup {
        /// The group.
        key: ResourceKey,
    },
    /// A pod, created through the Kubernetes API after the deployment.
    Pod {
        /// Its cluster.
        cluster: ResourceKey,
        /// Its name.
        name: String,
        /// The Pod object.
        manifest: Value,
    },
}

impl Workload {
    /// The workload as one end of a flow.
    #[must_use]
    pub fn party(&self) -> Party {
        match self {
            Workload::ContainerGroup { key } => Party::ContainerGroup(key.clone()),
            Workload::Pod { cluster, name, .. } => Party::Pod {
                cluster: cluster.clone(),
                name: name.clone(),
                host_network: false,
            },
        }
    }
}

/// A probe, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbePlan {
    /// The calling workload.
    pub from: Name,
    /// The far end's name or address, as the report shows it.
    pub to: String,
    /// The probe; its address is filled in by the runner where a workload is called.
    pub probe: Probe,
    /// HTTP headers; the runner fills in the secrets in them.
    pub headers: BTreeMap<String, SecretText>,
    /// How often it runs.
    pub repeat: Repeat,
    /// The called workload, whose address the runner fills in.
    pub target: Option<Name>,
    /// The probe in Azure's words.
    pub question: Question,
}

/// How often a probe runs before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// The tries at most; the first that fits ends them.
    pub attempts: u32,
    /// The pause between two tries.
    pub every: Duration,
    /// The connections of a try, which must all fit.
    pub count: u32,
}

impl Default for Repeat {
    /// One try of one connection; where a change must settle, a try every second.
    fn default() -> Repeat {
        Repeat {
            attempts: 1,
            every: Duration::from_secs(1),
            count: 1,
        }
    }
}
