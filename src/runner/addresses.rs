//! The addresses that a deployment gave out, as the target tells them.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::arm::{Addresses, PodAddress, ResourceId, views};
use crate::compile::{Compiled, Workload};

use super::deployment::{NAMESPACE, watch};
use super::error::StepError;
use super::steps::Context;

impl Context<'_> {
    /// Asks the target for the address of every container group, node and pod.
    pub(super) async fn addresses(&mut self, compiled: &Compiled) -> Result<Addresses, StepError> {
        let mut addresses = Addresses::default();
        for key in compiled.manifest.clusters.values() {
            let nodes = self.cluster(key).await?.nodes().await?;
            addresses.nodes.insert(key.clone(), nodes);
        }
        for workload in compiled.manifest.workloads.values() {
            match workload {
                Workload::ContainerGroup { key } => {
                    let id = ResourceId::in_group(&self.target.subscription, self.group, key);
                    let version = compiled
                        .api_version(views::CONTAINER_GROUP)
                        .unwrap_or_default();
                    let group = self.target.client.get(&id, version).await?;
                    let address = group
                        .pointer("/properties/ipAddress/ip")
                        .and_then(Value::as_str);
                    if let Some(address) = address.and_then(|text| text.parse::<Ipv4Addr>().ok()) {
                        addresses.container_groups.insert(key.clone(), address);
                    }
                }
                Workload::Pod { cluster, name, .. } => {
                    let quiet = |_| {};
                    let watch = watch(self.limit(), self.cancel, &quiet);
                    let cluster_api = self.cluster(cluster).await?;
                    let address = cluster_api.wait_running(NAMESPACE, name, &watch).await?;
                    addresses
                        .pods
                        .insert((cluster.clone(), name.clone()), address);
                }
            }
        }
        Ok(addresses)
    }
}

/// The address of a workload; `None` where the target has not told it.
pub(super) fn of_workload(addresses: &Addresses, workload: &Workload) -> Option<Ipv4Addr> {
    match workload {
        Workload::ContainerGroup { key } => addresses.container_groups.get(key).copied(),
        Workload::Pod { .. } => pod_of_workload(addresses, workload).map(|pod| pod.address),
    }
}

/// The pod that stands for a workload.
pub(super) fn pod_of_workload<'a>(
    addresses: &'a Addresses,
    workload: &Workload,
) -> Option<&'a PodAddress> {
    match workload {
        Workload::ContainerGroup { .. } => None,
        Workload::Pod { cluster, name, .. } => addresses.pods.get(&(cluster.clone(), name.clone())),
    }
}
