//! Clusters: their ranges, their DNS service and their place in a subnet (R50, R51, R54, R56, R63, R64).

use std::net::Ipv4Addr;

use super::address_plan::overlap;
use super::names::{Thing, bind};
use super::{Cluster, SubnetRef, Topology, cluster_options};
use crate::net::Prefix;
use crate::spec::{self, ClusterNetwork, Diagnostic, Kind, Name, Network, Span, codes};

const DEFAULT_PODS: Prefix = Prefix::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16);
const DEFAULT_SERVICES: Prefix = Prefix::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16);

/// Ranges that AKS keeps for itself (R50).
const RESERVED: [Prefix; 4] = [
    Prefix::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
    Prefix::new_assert(Ipv4Addr::new(172, 30, 0, 0), 16),
    Prefix::new_assert(Ipv4Addr::new(172, 31, 0, 0), 16),
    Prefix::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24),
];

/// The most nodes of a kubenet cluster (R54).
const KUBENET_NODES: u32 = 400;

/// The most pods on a node of Azure CNI, where the spec does not say (R56).
const NODE_SUBNET_PODS: u32 = 30;

/// The addresses of a pod subnet that a node takes at a time.
const POD_BLOCK: u64 = 16;

/// The fewest pods on a node that AKS takes; counted where the number could not be read.
const LEAST_PODS: u32 = 10;

/// A range of a cluster, with the place that it comes from.
#[derive(Clone, Copy)]
struct Range {
    prefix: Prefix,
    span: Span,
    what: &'static str,
}

impl Range {
    fn of(
        given: Option<&spec::Spanned<Prefix>>,
        default: Prefix,
        key: Span,
        what: [&'static str; 2],
    ) -> Range {
        match given {
            Some(given) => Range {
                prefix: given.value,
                span: given.span,
                what: what[0],
            },
            None => Range {
                prefix: default,
                span: key,
                what: what[1],
            },
        }
    }
}

/// Resolves a cluster, but for its name in Azure.
pub(super) fn resolve(
    network: &Network,
    name: &Name,
    cluster: &spec::Cluster,
    azure_name: String,
    found: &mut Vec<Diagnostic>,
) -> Option<Cluster> {
    let nodes = cluster.nodes.as_ref().map_or(1, |nodes| nodes.value);
    let mode = match &cluster.network {
        Some(network) => Some(network.value),
        None if cluster.unread.contains("network") => None,
        None => Some(ClusterNetwork::Overlay),
    };
    // A default in place of a range that could not be read would be found wanting for nothing.
    let services = (!cluster.unread.contains("services")).then(|| {
        Range::of(
            cluster.services.as_ref(),
            DEFAULT_SERVICES,
            cluster.key,
            ["the service range", "the default service range"],
        )
    });
    let behind_nodes = matches!(
        mode,
        Some(ClusterNetwork::Kubenet | ClusterNetwork::Overlay)
    );
    let pods = (behind_nodes && !cluster.unread.contains("pods")).then(|| {
        Range::of(
            cluster.pods.as_ref(),
            DEFAULT_PODS,
            cluster.key,
            ["the pod range", "the default pod range"],
        )
    });
    for range in [services, pods].into_iter().flatten() {
        reserved(range, found);
    }
    if let Some(pods) = pods {
        pods_size(cluster, mode, pods, nodes, found);
    }
    if let (Some(pods), Some(services)) = (pods, services)
        && overlap(pods.prefix, services.prefix)
    {
        found.push(
            Diagnostic::error(
                codes::CLUSTER_RANGE_OVERLAPS,
                pods.span,
                format!(
                    "{} {} overlaps {} {}",
                    pods.what, pods.prefix, services.what, services.prefix
                ),
            )
            .related(services.span, "the service range"),
        );
    }
    let dns_ip = match services {
        Some(services) => {
            services_size(services, found);
            dns_ip(cluster, services, found)
        }
        None => None,
    };
    let subnet = match bind(network, cluster.subnet.as_ref()?, &[Kind::Subnet], found)? {
        Thing::Subnet(vnet_name, subnet, _) => {
            if let Some(vnet) = network.vnets.get(vnet_name) {
                inside(name, vnet_name, vnet, [services, pods], found);
            }
            SubnetRef {
                vnet: vnet_name.clone(),
                subnet: subnet.clone(),
            }
        }
        _ => return None,
    };
    let pod_subnet = match &cluster.pod_subnet {
        Some(reference) if mode == Some(ClusterNetwork::PodSubnet) => {
            Some(pods_in(network, reference, &subnet, found)?)
        }
        _ => None,
    };
    if let Some(mode) = mode {
        cluster_options::check(network, cluster, mode, &subnet, found);
    }
    let services = services.map_or(DEFAULT_SERVICES, |services| services.prefix);
    Some(Cluster {
        pod_subnet,
        policy: cluster
            .policy
            .as_ref()
            .map(|policy| policy.value)
            .unwrap_or_default(),
        dataplane: cluster
            .dataplane
            .as_ref()
            .map(|dataplane| dataplane.value)
            .unwrap_or_default(),
        egress: cluster
            .egress
            .as_ref()
            .map(|egress| egress.value)
            .unwrap_or_default(),
        identity: cluster
            .identity
            .as_ref()
            .map(|identity| identity.value.clone()),
        azure_name,
        network: mode?,
        subnet,
        pods: pods.map(|pods| pods.prefix),
        services,
        // Where there is none, that is reported; the cluster stays for the checks of its subnet.
        dns_ip: dns_ip.unwrap_or(services.network()),
        nodes,
        size: cluster
            .size
            .as_ref()
            .map_or_else(|| "Standard_B2ms".to_owned(), |size| size.value.clone()),
        version: cluster
            .version
            .as_ref()
            .map(|version| version.value.clone()),
        max_pods: match &cluster.max_pods {
            Some(max_pods) => Some(max_pods.value),
            None if cluster.unread.contains("max-pods") => Some(LEAST_PODS),
            None => None,
        },
        span: cluster.key,
    })
}

fn services_size(services: Range, found: &mut Vec<Diagnostic>) {
    if services.prefix.prefix_len() <= 12 {
        found.push(
            Diagnostic::error(
                codes::CLUSTER_RANGE_SIZE,
                services.span,
                format!(
                    "{} {} is not smaller than a /12",
                    services.what, services.prefix
                ),
            )
            .help("AKS takes at most a /13"),
        );
    }
}

/// The addresses that a cluster takes of its nodes' subnet and of its pods' one (R56, R58, R64).
pub(super) fn addresses(cluster: &Cluster) -> (u64, u64) {
    let nodes = u64::from(cluster.nodes);
    match cluster.network {
        ClusterNetwork::Kubenet | ClusterNetwork::Overlay => (nodes, 0),
        // Addresses for pods are taken in blocks as pods come; one block a node is the least.
        ClusterNetwork::PodSubnet => (nodes, nodes * POD_BLOCK),
        ClusterNetwork::NodeSubnet => {
            let pods = u64::from(cluster.max_pods.unwrap_or(NODE_SUBNET_PODS));
            (nodes * (1 + pods), 0)
        }
    }
}

fn reserved(range: Range, found: &mut Vec<Diagnostic>) {
    for reserved in RESERVED {
        if overlap(range.prefix, reserved) {
            found.push(Diagnostic::error(
                codes::CLUSTER_RANGE_RESERVED,
                range.span,
                format!(
                    "{} {} overlaps {reserved}, which AKS reserves",
                    range.what, range.prefix
                ),
            ));
        }
    }
}

/// The subnet of the pods: another one of the same virtual network (R58).
fn pods_in(
    network: &Network,
    reference: &spec::Spanned<spec::Reference>,
    nodes: &SubnetRef,
    found: &mut Vec<Diagnostic>,
) -> Option<SubnetRef> {
    let Thing::Subnet(vnet, subnet, _) = bind(network, reference, &[Kind::Subnet], found)? else {
        return None;
    };
    let problem = if *vnet != nodes.vnet {
        format!(
            "`{subnet}` is in virtual network `{vnet}`, the nodes are in `{}`",
            nodes.vnet
        )
    } else if *subnet == nodes.subnet {
        format!("`{subnet}` holds the nodes already")
    } else {
        return Some(SubnetRef {
            vnet: vnet.clone(),
            subnet: subnet.clone(),
        });
    };
    found.push(
        Diagnostic::error(codes::DELEGATED_SUBNET, reference.span, problem)
            .help("pods need another subnet of the same virtual network"),
    );
    None
}

/// The ranges of clusters are apart from peered virtual networks (R59, R63).
pub(super) fn ranges_and_peers(
    network: &Network,
    topology: &Topology,
    found: &mut Vec<Diagnostic>,
) {
    for (name, cluster) in &topology.clusters {
        let Some(written) = network.clusters.get(name) else {
            continue;
        };
        let ranges = [
            (
                "the service range",
                Some(cluster.services),
                written.services.as_ref(),
            ),
            ("the pod range", cluster.pods, written.pods.as_ref()),
        ];
        for peering in topology.peerings.values() {
            let [one, other] = &peering.between;
            let far = match &cluster.subnet.vnet {
                home if home == one => other,
                home if home == other => one,
                _ => continue,
            };
            let spaces = network.vnets.get(far).map(|vnet| &vnet.space[..]);
            for (what, range, given) in &ranges {
                let clash = spaces
                    .unwrap_or_default()
                    .iter()
                    .find(|space| range.is_some_and(|range| overlap(range, space.value)));
                if let (Some(space), Some(range)) = (clash, range) {
                    found.push(
                        Diagnostic::error(
                            codes::CLUSTER_RANGE_OVERLAPS,
                            given.map_or(cluster.span, |given| given.span),
                            format!("{what} {range} of cluster `{name}` overlaps virtual network `{far}`, which is peered"),
                        )
                        .related(space.span, format!("`{far}` has {}", space.value)),
                    );
                }
            }
        }
    }
}

/// Each node takes a /24 of the pod range (R51, R59).
fn pods_size(
    cluster: &spec::Cluster,
    mode: Option<ClusterNetwork>,
    pods: Range,
    nodes: u32,
    found: &mut Vec<Diagnostic>,
) {
    let room = match pods.prefix.prefix_len() {
        length @ 0..=24 => 1_u64 << (24 - length),
        _ => 0,
    };
    if u64::from(nodes) > room {
        found.push(
            Diagnostic::error(
                codes::CLUSTER_RANGE_SIZE,
                pods.span,
                format!(
                    "{} {} has room for {room} of the {nodes} nodes",
                    pods.what, pods.prefix
                ),
            )
            .help("each node takes a /24 of it"),
        );
    }
    if let Some(given) = &cluster.nodes
        && mode == Some(ClusterNetwork::Kubenet)
        && nodes > KUBENET_NODES
    {
        found.push(Diagnostic::error(
            codes::CLUSTER_RANGE_SIZE,
            given.span,
            format!("a kubenet cluster has at most {KUBENET_NODES} nodes"),
        ));
    }
}

/// Inside the service range and not its first address; the tenth where none is given (R63).
fn dns_ip(
    cluster: &spec::Cluster,
    services: Range,
    found: &mut Vec<Diagnostic>,
) -> Option<Ipv4Addr> {
    let network = u32::from(services.prefix.network());
    if cluster.unread.contains("dns-ip") {
        return None;
    }
    let Some(given) = &cluster.dns_ip else {
        let tenth = network.checked_add(10).map(Ipv4Addr::from);
        return match tenth.filter(|tenth| services.prefix.contains(tenth)) {
            Some(tenth) => Some(tenth),
            None => {
                found.push(
                    Diagnostic::error(
                        codes::CLUSTER_RANGE_SIZE,
                        services.span,
                        format!(
                            "{} {} has no tenth address for the DNS service",
                            services.what, services.prefix
                        ),
                    )
                    .help("widen it, or give `dns-ip`"),
                );
                None
            }
        };
    };
    let reason = if !services.prefix.contains(&given.value) {
        format!("lies outside {} {}", services.what, services.prefix)
    } else if u32::from(given.value) <= network + 1 {
        format!(
            "is the first address of {} {}",
            services.what, services.prefix
        )
    } else {
        return Some(given.value);
    };
    found.push(
        Diagnostic::error(
            codes::DNS_IP,
            given.span,
            format!("`dns-ip` {} {reason}", given.value),
        )
        .help(format!(
            "leave it out, and it is {}",
            Ipv4Addr::from(network.saturating_add(10))
        )),
    );
    None
}

/// The ranges of a cluster are apart from its virtual network (R27, R50, R63).
fn inside(
    name: &Name,
    vnet_name: &Name,
    vnet: &spec::VirtualNetwork,
    ranges: [Option<Range>; 2],
    found: &mut Vec<Diagnostic>,
) {
    for range in ranges.into_iter().flatten() {
        for (subnet_name, subnet) in &vnet.subnets {
            let Some(prefix) = &subnet.prefix else {
                continue;
            };
            if overlap(range.prefix, prefix.value) {
                found.push(
                    Diagnostic::error(
                        codes::CLUSTER_RANGE_OVERLAPS,
                        range.span,
                        format!(
                            "{} {} of cluster `{name}` overlaps subnet `{subnet_name}` of virtual network `{vnet_name}`",
                            range.what, range.prefix
                        ),
                    )
                    .related(prefix.span, format!("`{subnet_name}` is {}", prefix.value)),
                );
            }
        }
    }
    for range in &vnet.space {
        // The first, link-local, no virtual network may have (R30).
        for reserved in RESERVED.into_iter().skip(1) {
            if overlap(range.value, reserved) {
                found.push(
                    Diagnostic::error(
                        codes::CLUSTER_RANGE_RESERVED,
                        range.span,
                        format!("{} overlaps {reserved}, which AKS reserves", range.value),
                    )
                    .label(format!("cluster `{name}` is in `{vnet_name}`")),
                );
            }
        }
    }
}
