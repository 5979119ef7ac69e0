//! Workloads: where they run, and what they listen on.

use super::names::{Thing, bind};
use super::{Placement, SubnetRef, Workload};
use crate::spec::{self, Diagnostic, Kind, Network, WorkloadPlacement, codes};

/// Where a workload runs.
pub(super) fn placement(
    network: &Network,
    workload: &spec::Workload,
    found: &mut Vec<Diagnostic>,
) -> Option<Placement> {
    let bound = match &workload.placement {
        WorkloadPlacement::Aci(subnet) => bind(network, subnet, &[Kind::Subnet]),
        WorkloadPlacement::Pod(cluster) => bind(network, cluster, &[Kind::Cluster]),
    };
    match bound {
        Ok(Thing::Subnet(vnet, subnet, _)) => Some(Placement::Aci(SubnetRef {
            vnet: vnet.clone(),
            subnet: subnet.clone(),
        })),
        Ok(Thing::Cluster(name, _)) => Some(Placement::Pod(name.clone())),
        Ok(_) => None,
        Err(diagnostic) => {
            found.push(diagnostic);
            None
        }
    }
}

/// Resolves a workload, but for its place and its name in Azure.
pub(super) fn resolve(
    workload: &spec::Workload,
    placement: Placement,
    azure_name: String,
    found: &mut Vec<Diagnostic>,
) -> Workload {
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
    Workload {
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
