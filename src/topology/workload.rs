//! Workloads: where they run, and what they listen on.

use super::names::{Thing, bind};
use super::{Placement, Restart, SubnetRef, Workload};
use crate::spec::{self, Diagnostic, Kind, Network, WorkloadPlacement, codes};

/// Where a workload runs.
pub(super) fn placement(
    network: &Network,
    workload: &spec::Workload,
    found: &mut Vec<Diagnostic>,
) -> Option<Placement> {
    let bound = match workload.placement.as_ref()? {
        WorkloadPlacement::Aci(subnet) => bind(network, subnet, &[Kind::Subnet], found),
        WorkloadPlacement::Pod(cluster) => bind(network, cluster, &[Kind::Cluster], found),
    };
    match bound? {
        Thing::Subnet(vnet, subnet, _) => Some(Placement::Aci(SubnetRef {
            vnet: vnet.clone(),
            subnet: subnet.clone(),
        })),
        Thing::Cluster(name, _) => Some(Placement::Pod(name.clone())),
        Thing::Vnet(..) | Thing::Nsg(..) | Thing::Workload(..) => None,
    }
}

/// Checks that no two listeners of a workload share a port.
pub(super) fn listeners(workload: &spec::Workload, found: &mut Vec<Diagnostic>) {
    for (at, listen) in workload.serve.iter().enumerate() {
        let mut earlier = workload.serve[..at].iter();
        if let Some(first) = earlier.find(|other| other.value.port == listen.value.port) {
            found.push(
                Diagnostic::error(
                    codes::PORT_TAKEN,
                    listen.span,
                    format!("two listeners on port {}", listen.value.port),
                )
                .related(first.span, "the first one"),
            );
        }
    }
}

/// Resolves a workload, but for its place and its name in Azure.
pub(super) fn resolve(
    workload: &spec::Workload,
    placement: Placement,
    azure_name: String,
) -> Workload {
    Workload {
        command: Vec::new(),
        env: std::collections::BTreeMap::new(),
        registry: None,
        dns_servers: Vec::new(),
        restart: Restart::Always,
        count: 1,
        spread: None,
        host_network: false,
        azure_name,
        placement,
        image: workload.image.as_ref().map(|image| image.value.clone()),
        serve: workload.serve.iter().map(|listen| listen.value).collect(),
        body: workload.body.as_ref().map(|body| body.value.clone()),
        cpu_millis: workload.cpu_millis.as_ref().map_or(1000, |cpu| cpu.value),
        memory_mb: workload
            .memory_mb
            .as_ref()
            .map_or(1024, |memory| memory.value),
        span: workload.key,
    }
}
