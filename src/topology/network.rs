//! One state of the network: everything bound, and the checks that span several things.

use std::collections::BTreeMap;

use super::azure_name::{self, Taken};
use super::{
    ClusterNetwork, Delegation, Placement, Subnet, SubnetRef, Topology, VirtualNetwork,
    address_plan, cluster, names, probe, security, workload,
};
use crate::spec::{self, Diagnostic, Kind, Name, Network, Span, WorkloadPlacement, codes};

/// Resolves one state. What cannot be resolved is left out and reported, so the rest is still checked.
pub(super) fn resolve(network: &Network, found: &mut Vec<Diagnostic>) -> Topology {
    let mut topology = Topology::default();
    let mut taken = Taken::default();
    for (name, vnet) in &network.vnets {
        address_plan::check(name, vnet, found);
        let (given, unread) = (vnet.azure_name.as_ref(), &vnet.unread);
        let azure_name = taken.enter(&azure_name::VNET, name, vnet.key, given, unread, found);
        let subnets = vnet
            .subnets
            .iter()
            .filter_map(|(name, subnet)| {
                Some((name.clone(), self::subnet(network, name, subnet, found)?))
            })
            .collect();
        topology.virtual_networks.insert(
            name.clone(),
            VirtualNetwork {
                azure_name,
                address_space: vnet.space.iter().map(|range| range.value).collect(),
                subnets,
                dns_servers: Vec::new(),
                location: None,
                span: vnet.key,
            },
        );
    }
    let mut taken = Taken::default();
    for (name, nsg) in &network.nsgs {
        let (given, unread) = (nsg.azure_name.as_ref(), &nsg.unread);
        let azure_name = taken.enter(&azure_name::NSG, name, nsg.key, given, unread, found);
        let group = security::group(network, nsg, azure_name, found);
        topology.network_security_groups.insert(name.clone(), group);
    }
    let mut taken = Taken::default();
    for (name, cluster) in &network.clusters {
        let (given, unread) = (cluster.azure_name.as_ref(), &cluster.unread);
        let azure_name = taken.enter(
            &azure_name::CLUSTER,
            name,
            cluster.key,
            given,
            unread,
            found,
        );
        if let Some(cluster) = cluster::resolve(network, name, cluster, azure_name, found) {
            topology.clusters.insert(name.clone(), cluster);
        }
    }
    workloads(network, &mut topology, found);
    for (name, probe) in &network.probes {
        if let Some(probe) = probe::resolve(network, probe, found) {
            topology.probes.insert(name.clone(), probe);
        }
    }
    occupancy(network, &mut topology, found);
    topology
}

fn subnet(
    network: &Network,
    name: &Name,
    subnet: &spec::Subnet,
    found: &mut Vec<Diagnostic>,
) -> Option<Subnet> {
    let nsg = subnet.nsg.as_ref().and_then(|reference| {
        match names::bind(network, reference, &[Kind::Nsg], found)? {
            names::Thing::Nsg(name, _) => Some(name.clone()),
            _ => None,
        }
    });
    Some(Subnet {
        azure_name: name.to_string(),
        prefix: subnet.prefix.as_ref()?.value,
        nsg,
        routes: None,
        nat: None,
        endpoints: Vec::new(),
        // Follows from the workloads, once they are bound.
        delegation: None,
        default_outbound: subnet.default_outbound.as_ref().is_some_and(|on| on.value),
        span: subnet.key,
    })
}

fn workloads(network: &Network, topology: &mut Topology, found: &mut Vec<Diagnostic>) {
    let mut groups = Taken::default();
    let mut pods: BTreeMap<Name, Taken> = BTreeMap::new();
    for (name, workload) in &network.workloads {
        workload::listeners(workload, found);
        let Some(placement) = workload::placement(network, workload, found) else {
            continue;
        };
        let (taken, rule) = match &placement {
            Placement::Aci(_) => (&mut groups, &azure_name::CONTAINER_GROUP),
            Placement::Pod(cluster) => (pods.entry(cluster.clone()).or_default(), &azure_name::POD),
        };
        let (given, unread) = (workload.azure_name.as_ref(), &workload.unread);
        let azure_name = taken.enter(rule, name, workload.key, given, unread, found);
        let workload = workload::resolve(workload, placement, azure_name);
        topology.workloads.insert(name.clone(), workload);
    }
}

/// Who is in a subnet.
#[derive(Default)]
struct Occupants<'t> {
    clusters: Vec<&'t Name>,
    groups: Vec<&'t Name>,
    addresses: u64,
}

/// What shares a subnet: container groups only with each other (R71), a kubenet cluster with no other (R54),
/// and none with more addresses than there are (R31, R64). Subnets with container groups are delegated.
fn occupancy(network: &Network, topology: &mut Topology, found: &mut Vec<Diagnostic>) {
    let mut delegated = Vec::new();
    let mut subnets: BTreeMap<&SubnetRef, Occupants<'_>> = BTreeMap::new();
    for (name, cluster) in &topology.clusters {
        let occupants = subnets.entry(&cluster.subnet).or_default();
        occupants.clusters.push(name);
        occupants.addresses += cluster::addresses(cluster);
    }
    for (name, workload) in &topology.workloads {
        if let Placement::Aci(subnet) = &workload.placement {
            let occupants = subnets.entry(subnet).or_default();
            occupants.groups.push(name);
            occupants.addresses += 1;
        }
    }
    for (at, occupants) in &subnets {
        if !occupants.groups.is_empty() {
            delegated.push((*at).clone());
        }
        if let ([cluster, ..], [group, ..]) = (&occupants.clusters[..], &occupants.groups[..]) {
            found.push(
                Diagnostic::error(
                    codes::DELEGATED_SUBNET,
                    cluster_subnet(network, cluster),
                    format!(
                        "subnet `{}` holds cluster `{cluster}` and container group `{group}`",
                        at.subnet
                    ),
                )
                .related(
                    group_subnet(network, group),
                    "container groups need a subnet of their own",
                )
                .help("put the container groups into another subnet"),
            );
        }
        if let [first, second, ..] = &occupants.clusters[..] {
            let kubenet = |name: &&&Name| {
                topology
                    .clusters
                    .get(**name)
                    .is_some_and(|c| c.network == ClusterNetwork::Kubenet)
            };
            if let Some(kubenet) = occupants.clusters.iter().find(kubenet) {
                found.push(
                    Diagnostic::error(
                        codes::KUBENET_SHARES_SUBNET,
                        cluster_subnet(network, second),
                        format!("clusters `{first}` and `{second}` share subnet `{}`", at.subnet),
                    )
                    .related(cluster_subnet(network, first), "the other one")
                    .help(format!(
                        "`{kubenet}` is a kubenet cluster: its route table serves one cluster a subnet"
                    )),
                );
            }
        }
        room(network, at, occupants, found);
    }
    for at in delegated {
        let vnet = topology.virtual_networks.get_mut(&at.vnet);
        if let Some(subnet) = vnet.and_then(|vnet| vnet.subnets.get_mut(&at.subnet)) {
            subnet.delegation = Some(Delegation::ContainerGroups);
        }
    }
}

fn room(network: &Network, at: &SubnetRef, occupants: &Occupants<'_>, found: &mut Vec<Diagnostic>) {
    let vnet = network.vnets.get(&at.vnet);
    let subnet = vnet.and_then(|vnet| vnet.subnets.get(&at.subnet));
    let Some(prefix) = subnet.and_then(|subnet| subnet.prefix.as_ref()) else {
        return;
    };
    let size = 1_u64 << (32 - prefix.value.prefix_len());
    let usable = size.saturating_sub(5);
    // A subnet below the smallest size is reported as such.
    if usable > 0 && occupants.addresses > usable {
        found.push(
            Diagnostic::error(
                codes::SUBNET_FULL,
                prefix.span,
                format!(
                    "subnet `{}` has {usable} addresses to use, and {} are needed",
                    at.subnet, occupants.addresses
                ),
            )
            .help("Azure keeps five addresses of each subnet; a node of Azure CNI takes one, and one for each pod that fits on it"),
        );
    }
}

fn cluster_subnet(network: &Network, cluster: &Name) -> Span {
    let cluster = network.clusters.get(cluster);
    cluster
        .and_then(|cluster| cluster.subnet.as_ref())
        .map(|subnet| subnet.span)
        .unwrap_or_default()
}

fn group_subnet(network: &Network, group: &Name) -> Span {
    match network
        .workloads
        .get(group)
        .and_then(|workload| workload.placement.as_ref())
    {
        Some(WorkloadPlacement::Aci(reference) | WorkloadPlacement::Pod(reference)) => {
            reference.span
        }
        None => Span::default(),
    }
}
