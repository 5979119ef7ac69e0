//! Workloads: where they run, and what they listen on.

use super::names::{Thing, bind};
use super::{Cluster, Placement, Registry, SubnetRef, Workload};
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
        _ => None,
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

/// Checks the copies of a pod against the nodes of its cluster.
pub(super) fn copies(
    workload: &spec::Workload,
    cluster: Option<&Cluster>,
    found: &mut Vec<Diagnostic>,
) {
    let (Some(count), Some(cluster)) = (&workload.count, cluster) else {
        return;
    };
    let on_hosts = workload.host_network.as_ref().is_some_and(|on| on.value);
    if on_hosts && !workload.serve.is_empty() && count.value > cluster.nodes {
        found.push(
            Diagnostic::error(
                codes::TOO_MANY_COPIES,
                count.span,
                format!("{} copies on {} nodes", count.value, cluster.nodes),
            )
            .help("copies on the host network share their node's ports, so each needs a node of its own"),
        );
    }
}

/// Resolves a workload, but for its place and its name in Azure.
pub(super) fn resolve(
    workload: &spec::Workload,
    placement: Placement,
    azure_name: String,
    found: &mut Vec<Diagnostic>,
) -> Workload {
    Workload {
        azure_name,
        placement,
        image: workload.image.as_ref().map(|image| image.value.clone()),
        command: workload
            .command
            .iter()
            .map(|word| word.value.clone())
            .collect(),
        env: workload
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect(),
        registry: registry(workload, found),
        serve: workload.serve.iter().map(|listen| listen.value).collect(),
        body: workload.body.as_ref().map(|body| body.value.clone()),
        cpu_millis: workload.cpu_millis.as_ref().map_or(1000, |cpu| cpu.value),
        memory_mb: workload
            .memory_mb
            .as_ref()
            .map_or(1024, |memory| memory.value),
        dns_servers: workload
            .dns_servers
            .iter()
            .map(|server| server.value)
            .collect(),
        restart: workload
            .restart
            .as_ref()
            .map(|restart| restart.value)
            .unwrap_or_default(),
        count: workload.count.as_ref().map_or(1, |count| count.value),
        spread: workload.spread.as_ref().map(|spread| spread.value),
        host_network: workload.host_network.as_ref().is_some_and(|on| on.value),
        span: workload.key,
    }
}

/// The registry of a workload's image; its server is the image's where none is given.
fn registry(workload: &spec::Workload, found: &mut Vec<Diagnostic>) -> Option<Registry> {
    let written = workload.registry.as_ref()?;
    let Some(image) = &workload.image else {
        if !workload.unread.contains("image") {
            found.push(
                Diagnostic::error(
                    codes::MISSING_KEY,
                    written.key,
                    "a registry needs the key `image` beside it",
                )
                .help("the default image is public"),
            );
        }
        return None;
    };
    Some(Registry {
        server: match &written.server {
            Some(server) => server.value.clone(),
            None => server_of(&image.value).to_owned(),
        },
        user: written.user.as_ref()?.value.clone(),
        password: written.password.as_ref()?.value.clone(),
    })
}

/// The server in the name of an image: its first part if that has a dot, a colon or is `localhost`.
fn server_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((server, _)) if server.contains(['.', ':']) || server == "localhost" => server,
        _ => "docker.io",
    }
}
