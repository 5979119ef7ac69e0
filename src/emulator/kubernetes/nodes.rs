//! Nodes: the cluster's leases, shown as Kubernetes shows them.

use serde_json::{Value, json};

use crate::emulator::network::{self, Seat};
use crate::emulator::providers::managed_cluster;
use crate::emulator::store::Store;

use super::status::{Failure, not_found};
use super::{Asked, VERSION, scheduler};

fn nodes(store: &Store, asked: &Asked) -> Vec<Value> {
    let cluster = store.resources.get(&asked.cluster);
    let view = cluster.and_then(|cluster| managed_cluster::view(cluster).ok());
    let nodes = view
        .into_iter()
        .flat_map(|view| network::nodes(store, &view));
    nodes.map(|node| render(&node)).collect()
}

fn render(node: &Seat) -> Value {
    let ranges = node.pod_prefix.iter().map(ToString::to_string);
    let ranges = ranges.collect::<Vec<_>>();
    let room = json!({ "pods": node.most.to_string() });
    json!({
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": node.name,
            "resourceVersion": "1",
            "labels": scheduler::labels(&node.name, &node.pool),
        },
        "spec": { "podCIDR": ranges.first(), "podCIDRs": ranges },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": node.address.to_string() },
                { "type": "Hostname", "address": node.name },
            ],
            "allocatable": room,
            "capacity": room,
            "conditions": [{
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "kubelet is posting ready status",
            }],
            "nodeInfo": {
                "kubeletVersion": format!("v{VERSION}"),
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        },
    })
}

pub(super) fn list(store: &Store, asked: &Asked) -> Value {
    json!({
        "kind": "NodeList",
        "apiVersion": "v1",
        "metadata": { "resourceVersion": "1" },
        "items": nodes(store, asked),
    })
}

pub(super) fn get(store: &Store, asked: &Asked, name: &str) -> Result<Value, Failure> {
    nodes(store, asked)
        .into_iter()
        .find(|node| node["metadata"]["name"] == json!(name))
        .ok_or_else(|| not_found("nodes", name))
}
