//! The addresses that a deployment gave out, as the target tells them.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::arm::{Addresses, Party, PodAddress, ResourceId, views};
use crate::compile::Compiled;

use super::deployment::watch;
use super::error::StepError;
use super::pods::NAMESPACE;
use super::steps::Context;

impl Context<'_> {
    /// Asks the target for the address of every container group, node and pod.
    pub(super) async fn addresses(&mut self, compiled: &Compiled) -> Result<Addresses, StepError> {
        let mut addresses = Addresses::default();
        for key in compiled.manifest.clusters.values() {
            let nodes = self.cluster(key).await?.nodes().await?;
            addresses.nodes.insert(key.clone(), nodes);
        }
        let version = compiled
            .api_version(views::CONTAINER_GROUP)
            .unwrap_or_default();
        for key in compiled.manifest.container_groups() {
            let id = ResourceId::in_group(&self.target.subscription, self.group, key);
            let group = self.target.client.get(&id, version).await?;
            let address = group
                .pointer("/properties/ipAddress/ip")
                .and_then(Value::as_str);
            if let Some(address) = address.and_then(|text| text.parse::<Ipv4Addr>().ok()) {
                addresses.container_groups.insert(key.clone(), address);
            }
        }
        for pod in compiled.manifest.pods() {
            let quiet = |_| {};
            let watch = watch(self.limit(), self.cancel, &quiet);
            let cluster = self.cluster(&pod.cluster).await?;
            let address = cluster.wait_running(NAMESPACE, &pod.name, &watch).await?;
            addresses
                .pods
                .insert((pod.cluster.clone(), pod.name.clone()), address);
        }
        Ok(addresses)
    }
}

/// The address of one end of a flow; `None` where the target has not told it.
pub(super) fn of_party(addresses: &Addresses, party: &Party) -> Option<Ipv4Addr> {
    match party {
        Party::ContainerGroup(key) => addresses.container_groups.get(key).copied(),
        Party::NetworkInterface(key) => addresses.network_interfaces.get(key).copied(),
        Party::Pod { .. } => pod_of_party(addresses, party).map(|pod| pod.address),
    }
}

/// The pod that is one end of a flow.
pub(super) fn pod_of_party<'a>(addresses: &'a Addresses, party: &Party) -> Option<&'a PodAddress> {
    match party {
        Party::ContainerGroup(_) | Party::NetworkInterface(_) => None,
        Party::Pod { cluster, name, .. } => addresses.pods.get(&(cluster.clone(), name.clone())),
    }
}
