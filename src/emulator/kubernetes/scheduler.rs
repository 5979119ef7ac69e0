//! Which node a pod runs on: what the pod demands, then what it prefers, then the node with the fewest
//! pods, then the order of names.
//!
//! Where a real cluster would leave a pod `Pending` for ever, it is refused with the scheduler's words.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::arm::views::ManagedCluster;
use crate::emulator::fabric::EndpointId;
use crate::emulator::network::{self, Seat, pod_endpoint};
use crate::emulator::store::Store;

use super::Cluster;

const HOST_NAME: &str = "kubernetes.io/hostname";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// The labels of a node.
pub(super) fn labels(name: &str, pool: &str) -> Map<String, Value> {
    [
        (HOST_NAME, name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("agentpool", pool),
        ("kubernetes.azure.com/agentpool", pool),
    ]
    .into_iter()
    .map(|(label, value)| (label.to_owned(), value.into()))
    .collect()
}

/// Chooses the node of a pod of `namespace`.
///
/// # Errors
/// A sentence for the pod's owner: no node that fits, or a demand that is not built in.
pub(super) fn choose(
    store: &Store,
    cluster: &Cluster,
    view: &ManagedCluster,
    namespace: &str,
    pod: &Value,
) -> Result<Seat, String> {
    let affinity = &pod["spec"]["affinity"];
    for member in ["nodeAffinity", "podAffinity"] {
        if !affinity[member].is_null() {
            return Err(format!(
                "spec.affinity.{member} is not built into the local Azure"
            ));
        }
    }
    let own = Labelled {
        by_endpoint: cluster
            .pods
            .iter()
            .filter(|((of, _), _)| of == namespace)
            .map(|((of, name), pod)| (pod_endpoint(&cluster.id, of, name), pod))
            .collect(),
    };
    let nodes = network::nodes(store, view);
    let all = nodes.len();
    let mut left = named(nodes, pod)?;
    left.retain(|node| node.pods.len() < node.most as usize);
    if left.is_empty() {
        return Err(format!("0/{all} nodes are available: Too many pods"));
    }
    let constraints = items(&pod["spec"], "topologySpreadConstraints")
        .map(|constraint| Spread::of(constraint, pod, &left, &own))
        .collect::<Result<Vec<_>, _>>()?;
    let anti = &affinity["podAntiAffinity"];
    let mut fits = Vec::new();
    for node in left {
        let mut allowed = constraints.iter().all(|spread| spread.allows(&node, &own));
        for term in items(anti, REQUIRED) {
            allowed &= !repels(term, &node, &own)?;
        }
        // Who runs there already may not bear the pod either.
        for other in own.on(&node) {
            for term in items(&other["spec"]["affinity"]["podAntiAffinity"], REQUIRED) {
                allowed &= !Selector::of(&term["labelSelector"])?.matches(pod);
            }
        }
        if !allowed {
            continue;
        }
        let mut cost = 0;
        for weighted in items(anti, "preferredDuringSchedulingIgnoredDuringExecution") {
            if repels(&weighted["podAffinityTerm"], &node, &own)? {
                cost += weighted["weight"].as_u64().unwrap_or(1);
            }
        }
        let crowd = constraints
            .iter()
            .map(|spread| spread.selector.count(&node, &own))
            .sum::<usize>();
        fits.push(((cost, crowd, node.pods.len()), node));
    }
    // The nodes are in the order of their names, and the first of equals is taken.
    fits.into_iter()
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, node)| node)
        .ok_or_else(|| {
            format!("0/{all} nodes are available: no node satisfies the pod's anti-affinity and topology spread constraints")
        })
}

fn items<'a>(object: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    object[member].as_array().into_iter().flatten()
}

/// The nodes that `nodeName` and `nodeSelector` leave.
fn named(mut nodes: Vec<Seat>, pod: &Value) -> Result<Vec<Seat>, String> {
    if let Some(name) = pod["spec"]["nodeName"].as_str() {
        nodes.retain(|node| node.name == name);
        if nodes.is_empty() {
            return Err(format!("node `{name}` does not exist"));
        }
    }
    for (label, value) in pod["spec"]["nodeSelector"]
        .as_object()
        .into_iter()
        .flatten()
    {
        nodes.retain(|node| labels(&node.name, &node.pool).get(label) == Some(value));
        if nodes.is_empty() {
            return Err(format!("no node has the label `{label}: {value}`"));
        }
    }
    Ok(nodes)
}

/// The pods of a namespace.
struct Labelled<'a> {
    by_endpoint: BTreeMap<EndpointId, &'a Value>,
}

impl Labelled<'_> {
    /// The pods on a node.
    fn on(&self, node: &Seat) -> impl Iterator<Item = &Value> {
        let pods = node.pods.iter();
        pods.filter_map(|id| self.by_endpoint.get(id).copied())
    }
}

/// A label selector.
struct Selector<'a>(&'a Value);

impl<'a> Selector<'a> {
    fn of(selector: &'a Value) -> Result<Selector<'a>, String> {
        match items(selector, "matchExpressions").next() {
            None => Ok(Selector(selector)),
            Some(expression) => Err(format!(
                "the label selector {expression} is not built into the local Azure, only `matchLabels`"
            )),
        }
    }

    fn matches(&self, pod: &Value) -> bool {
        let labels = self.0["matchLabels"].as_object();
        let mut labels = labels.into_iter().flatten();
        labels.all(|(name, value)| pod["metadata"]["labels"].get(name) == Some(value))
    }

    /// How many pods on a node are selected.
    fn count(&self, node: &Seat, pods: &Labelled<'_>) -> usize {
        pods.on(node).filter(|pod| self.matches(pod)).count()
    }
}

fn by_host(term: &Value) -> Result<(), String> {
    match term["topologyKey"].as_str() {
        Some(HOST_NAME) => Ok(()),
        other => Err(format!(
            "the topology key `{}` is not built into the local Azure, only `{HOST_NAME}`",
            other.unwrap_or_default()
        )),
    }
}

/// Whether a term of anti-affinity keeps the pod off a node.
fn repels(term: &Value, node: &Seat, pods: &Labelled<'_>) -> Result<bool, String> {
    by_host(term)?;
    Ok(Selector::of(&term["labelSelector"])?.count(node, pods) > 0)
}

/// A topology spread constraint.
struct Spread<'a> {
    selector: Selector<'a>,
    /// The fewest selected pods on a node.
    fewest: usize,
    /// How many more a node may have; `None` where the constraint is a wish.
    skew: Option<usize>,
    /// Whether the pod itself is selected.
    counts_itself: bool,
}

impl<'a> Spread<'a> {
    fn of(
        constraint: &'a Value,
        pod: &Value,
        nodes: &[Seat],
        pods: &Labelled<'_>,
    ) -> Result<Spread<'a>, String> {
        by_host(constraint)?;
        let selector = Selector::of(&constraint["labelSelector"])?;
        let counts = nodes.iter().map(|node| selector.count(node, pods));
        let fewest = counts.min().unwrap_or(0);
        let skew = constraint["maxSkew"].as_u64().unwrap_or(1);
        let demanded = constraint["whenUnsatisfiable"] != "ScheduleAnyway";
        Ok(Spread {
            counts_itself: selector.matches(pod),
            selector,
            fewest,
            skew: demanded.then(|| usize::try_from(skew).unwrap_or(usize::MAX)),
        })
    }

    fn allows(&self, node: &Seat, pods: &Labelled<'_>) -> bool {
        let after = self.selector.count(node, pods) + usize::from(self.counts_itself);
        self.skew
            .is_none_or(|skew| after <= self.fewest.saturating_add(skew))
    }
}
