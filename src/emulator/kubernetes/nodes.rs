//! Nodes: the cluster's leases, shown as Kubernetes shows them.

use serde_json::{Value, json};

use crate::emulator::fabric::Endpoint;
use crate::emulator::store::Store;

use super::status::{Failure, not_found};
use super::{Asked, VERSION};

fn nodes(store: &Store, asked: &Asked) -> Vec<Value> {
    let own = store
        .leases
        .endpoints
        .values()
        .filter_map(|endpoint| match endpoint {
            Endpoint::Node {
                cluster,
                name,
                address,
                pod_prefix,
                ..
            } if *cluster == asked.cluster => {
                let ranges = pod_prefix
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>();
                Some(json!({
                    "kind": "Node",
                    "apiVersion": "v1",
                    "metadata": {
                        "name": name,
                        "resourceVersion": "1",
                        "labels": {
                            "kubernetes.io/hostname": name,
                            "kubernetes.io/os": "linux",
                            "kubernetes.io/arch": "amd64",
                        },
                    },
                    "spec": { "podCIDR": ranges.first(), "podCIDRs": ranges },
                    "status": {
                        "addresses": [
                            { "type": "InternalIP", "address": address.to_string() },
                            { "type": "Hostname", "address": name },
                        ],
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
                }))
            }
            _ => None,
        });
    own.collect()
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
