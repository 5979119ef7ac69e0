//! What stands for what: the map from the author's names to Azure's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::arm::{Party, Question, ResourceKey};
use crate::probe::Probe;
use crate::topology::{Name, ProbeConnection, Registry, Scheme, SecretText, Span};

use super::ParameterSource;

/// What stands for what.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// What stands for each workload: one container group, or as many pods as it has copies.
    pub workloads: BTreeMap<Name, Vec<Workload>>,
    /// The managed cluster that stands for each cluster.
    pub clusters: BTreeMap<Name, ResourceKey>,
    /// What fills each parameter of the template, but for `location`, which has a default.
    pub parameters: BTreeMap<String, ParameterSource>,
    /// Each probe of which both ends are there: a plan for each caller and each called copy, ready to run once
    /// addresses are known, and as a question to the analysis.
    pub probes: BTreeMap<Name, Vec<ProbePlan>>,
    /// The place in the spec of every resource that has one, of every subnet, security rule (`nsg/rule`) and
    /// route (`table/route`).
    pub spans: BTreeMap<ResourceKey, Span>,
}

impl Manifest {
    /// Every pod.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.workloads.values().flatten().filter_map(Workload::pod)
    }

    /// Every container group.
    pub fn container_groups(&self) -> impl Iterator<Item = &ResourceKey> {
        let all = self.workloads.values().flatten();
        all.filter_map(|workload| match workload {
            Workload::ContainerGroup { key } => Some(key),
            Workload::Pod(_) => None,
        })
    }

    /// Every secret that a deployment, a pod or a probe needs.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<&Name> {
        let parameters = self.parameters.values().filter_map(|source| match source {
            ParameterSource::Secret(name) => Some(name),
            _ => None,
        });
        let pods = self.pods().flat_map(|pod| &pod.secrets);
        let probes = self.probes.values().flatten();
        parameters
            .chain(pods.flat_map(|secret| secret.data.secrets()))
            .chain(probes.flat_map(|plan| plan.headers.values().flat_map(SecretText::secrets)))
            .collect()
    }
}

/// What stands for a workload, or for one copy of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Workload {
    /// A container group.
    ContainerGroup {
        /// The group.
        key: ResourceKey,
    },
    /// A pod, created through the Kubernetes API after the deployment.
    Pod(Pod),
}

/// A pod that stands for a copy of a workload.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pod {
    /// Its cluster.
    pub cluster: ResourceKey,
    /// Its name.
    pub name: String,
    /// Whether it uses its node's network.
    pub host_network: bool,
    /// The Pod object.
    pub manifest: Value,
    /// The Secret objects that it refers to, which must be there before it; copies have them in common.
    pub secrets: Vec<PodSecret>,
}

/// A Secret object of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PodSecret {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub data: SecretData,
}

/// What is in a Secret object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretData {
    /// Environment variables by name (`Opaque`).
    Environment(BTreeMap<String, SecretText>),
    /// The credentials of a registry (`kubernetes.io/dockerconfigjson`).
    Registry(Registry),
}

impl SecretData {
    /// The secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Name> {
        let texts = match self {
            SecretData::Environment(variables) => variables.values().collect::<Vec<_>>(),
            SecretData::Registry(registry) => vec![&registry.user, &registry.password],
        };
        texts.into_iter().flat_map(SecretText::secrets)
    }
}

impl Workload {
    /// The pod, where it is one.
    #[must_use]
    pub fn pod(&self) -> Option<&Pod> {
        match self {
            Workload::Pod(pod) => Some(pod),
            Workload::ContainerGroup { .. } => None,
        }
    }

    /// The workload as one end of a flow.
    #[must_use]
    pub fn party(&self) -> Party {
        match self {
            Workload::ContainerGroup { key } => Party::ContainerGroup(key.clone()),
            Workload::Pod(pod) => Party::Pod {
                cluster: pod.cluster.clone(),
                name: pod.name.clone(),
                host_network: pod.host_network,
            },
        }
    }

    /// Its name in Azure, or of the pod.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Workload::ContainerGroup { key } => &key.name,
            Workload::Pod(pod) => &pod.name,
        }
    }
}

/// A probe from one copy of its caller to one copy of what it calls, ready to run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProbePlan {
    /// The calling workload; which copy of it calls is told by the question.
    pub from: Name,
    /// The caller as a report shows it: the workload, or the pod where there are several.
    pub caller: String,
    /// The far end as a report shows it: a workload, or the pod where there are several, an address or a host
    /// name.
    pub to: String,
    /// What it speaks.
    pub scheme: Scheme,
    /// The probe; its address is filled in by the runner where a workload is called.
    pub probe: Probe,
    /// How often it runs.
    pub repeat: Repeat,
    /// Which connection it uses.
    pub connection: ProbeConnection,
    /// HTTP headers, in which secrets may stand.
    pub headers: BTreeMap<String, SecretText>,
    /// The called workload, whose address the runner fills in; which copy of it is told by the question.
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
