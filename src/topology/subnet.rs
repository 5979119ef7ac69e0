//! Virtual networks and their subnets: names bound, what is in each subnet (R31, R34, R54, R64, R71).

use std::collections::BTreeMap;

use super::azure_name::{self, Taken};
use super::names::{self, Thing};
use super::{
    ClusterNetwork, Delegation, Placement, Subnet, SubnetRef, Topology, VirtualNetwork,
    address_plan, cluster,
};
use crate::spec::{self, Diagnostic, Kind, Name, Network, Span, WorkloadPlacement, codes};

/// Resolves a virtual network, but for its name in Azure.
pub(super) fn virtual_network(
    network: &Network,
    name: &Name,
    vnet: &spec::VirtualNetwork,
    azure_name: String,
    found: &mut Vec<Diagnostic>,
) -> VirtualNetwork {
    address_plan::check(name, vnet, found);
    let mut taken = Taken::default();
    let mut subnets = BTreeMap::new();
    for (name, subnet) in &vnet.subnets {
        let (given, unread) = (subnet.azure_name.as_ref(), &subnet.unread);
        let azure_name = taken.enter(&azure_name::SUBNET, name, subnet.key, given, unread, found);
        if let Some(subnet) = self::subnet(network, subnet, azure_name, found) {
            subnets.insert(name.clone(), subnet);
        }
    }
    VirtualNetwork {
        azure_name,
        address_space: vnet.space.iter().map(|range| range.value).collect(),
        subnets,
        dns_servers: vnet.dns_servers.iter().map(|server| server.value).collect(),
        location: vnet
            .location
            .as_ref()
            .map(|location| location.value.clone()),
        span: vnet.key,
    }
}

fn subnet(
    network: &Network,
    subnet: &spec::Subnet,
    azure_name: String,
    found: &mut Vec<Diagnostic>,
) -> Option<Subnet> {
    let nsg = subnet.nsg.as_ref().and_then(|reference| {
        match names::bind(network, reference, &[Kind::Nsg], found)? {
            Thing::Nsg(name, _) => Some(name.clone()),
            _ => None,
        }
    });
    let routes = subnet.routes.as_ref().and_then(|reference| {
        match names::bind(network, reference, &[Kind::Route], found)? {
            Thing::Route(name, _) => Some(name.clone()),
            _ => None,
        }
    });
    let mut endpoints: Vec<String> = Vec::new();
    for endpoint in &subnet.endpoints {
        if !endpoints.contains(&endpoint.value) {
            endpoints.push(endpoint.value.clone());
        }
    }
    Some(Subnet {
        azure_name,
        prefix: subnet.prefix.as_ref()?.value,
        nsg,
        routes,
        // Entered with the NAT gateways.
        nat: None,
        endpoints,
        // What follows from workloads and clusters is entered once they are bound.
        delegation: subnet
            .delegation
            .as_ref()
            .map(|service| Delegation::of(&service.value)),
        default_outbound: subnet.default_outbound.as_ref().is_some_and(|on| on.value),
        span: subnet.key,
    })
}

impl Delegation {
    fn of(service: &str) -> Delegation {
        for known in [Delegation::ContainerGroups, Delegation::ManagedClusters] {
            if service.eq_ignore_ascii_case(known.service()) {
                return known;
            }
        }
        Delegation::Other(service.to_owned())
    }

    /// The resource type that the subnet is delegated to.
    #[must_use]
    pub fn service(&self) -> &str {
        match self {
            Delegation::ContainerGroups => "Microsoft.ContainerInstance/containerGroups",
            Delegation::ManagedClusters => "Microsoft.ContainerService/managedClusters",
            Delegation::Other(service) => service,
        }
    }
}

/// Who is in a subnet.
#[derive(Default)]
struct Occupants<'t> {
    /// Clusters with their nodes in it.
    clusters: Vec<&'t Name>,
    /// Clusters with their pods in it.
    pods: Vec<&'t Name>,
    groups: Vec<&'t Name>,
    addresses: u64,
}

impl Occupants<'_> {
    /// One of each kind, in prose, and where it names the subnet.
    fn kinds(&self, network: &Network) -> Vec<(String, Span)> {
        let mut kinds = Vec::new();
        if let Some(cluster) = self.clusters.first() {
            kinds.push((
                format!("the nodes of cluster `{cluster}`"),
                cluster_subnet(network, cluster),
            ));
        }
        if let Some(cluster) = self.pods.first() {
            kinds.push((
                format!("the pods of cluster `{cluster}`"),
                pod_subnet(network, cluster),
            ));
        }
        if let Some(group) = self.groups.first() {
            kinds.push((
                format!("container group `{group}`"),
                group_subnet(network, group),
            ));
        }
        kinds
    }

    /// What the subnet is delegated to for its occupants.
    fn delegation(&self) -> Option<Delegation> {
        if !self.groups.is_empty() {
            Some(Delegation::ContainerGroups)
        } else if !self.pods.is_empty() {
            Some(Delegation::ManagedClusters)
        } else {
            None
        }
    }
}

/// What shares a subnet: container groups only with each other (R71), pods of a pod subnet only with pods
/// (R58), a kubenet cluster with no other (R54), and none with more addresses than there are (R31, R64).
pub(super) fn occupancy(network: &Network, topology: &mut Topology, found: &mut Vec<Diagnostic>) {
    let mut delegations = Vec::new();
    for (at, occupants) in &occupants(topology) {
        delegations.extend(occupants.delegation().map(|to| ((*at).clone(), to)));
        if let [(one, at_one), (other, at_other), ..] = &occupants.kinds(network)[..] {
            found.push(
                Diagnostic::error(
                    codes::DELEGATED_SUBNET,
                    *at_one,
                    format!("subnet `{}` holds {one} and {other}", at.subnet),
                )
                .related(*at_other, format!("{other} needs a subnet of its own kind"))
                .help("put one of them into another subnet"),
            );
        }
        kubenet_alone(network, topology, at, occupants, found);
        room(network, at, occupants, found);
    }
    for (at, follows) in delegations {
        let given = network
            .vnets
            .get(&at.vnet)
            .and_then(|vnet| vnet.subnets.get(&at.subnet))
            .and_then(|subnet| subnet.delegation.as_ref());
        let vnet = topology.virtual_networks.get_mut(&at.vnet);
        let Some(subnet) = vnet.and_then(|vnet| vnet.subnets.get_mut(&at.subnet)) else {
            continue;
        };
        match (&subnet.delegation, given) {
            (Some(other), Some(given)) if *other != follows => found.push(
                Diagnostic::error(
                    codes::DELEGATION,
                    given.span,
                    format!(
                        "subnet `{}` is delegated to `{}`",
                        at.subnet,
                        other.service()
                    ),
                )
                .help(format!(
                    "what is in it needs `{}`; leave the key out",
                    follows.service()
                )),
            ),
            _ => subnet.delegation = Some(follows),
        }
    }
    undelegated_nodes(network, topology, found);
}

fn occupants(topology: &Topology) -> BTreeMap<&SubnetRef, Occupants<'_>> {
    let mut subnets: BTreeMap<&SubnetRef, Occupants<'_>> = BTreeMap::new();
    for (name, cluster) in &topology.clusters {
        let (nodes, pods) = cluster::addresses(cluster);
        let occupants = subnets.entry(&cluster.subnet).or_default();
        occupants.clusters.push(name);
        occupants.addresses += nodes;
        if let Some(subnet) = &cluster.pod_subnet {
            let occupants = subnets.entry(subnet).or_default();
            occupants.pods.push(name);
            occupants.addresses += pods;
        }
    }
    for (name, workload) in &topology.workloads {
        if let Placement::Aci(subnet) = &workload.placement {
            let occupants = subnets.entry(subnet).or_default();
            occupants.groups.push(name);
            occupants.addresses += 1;
        }
    }
    subnets
}

/// A node subnet is not delegated (R50).
fn undelegated_nodes(network: &Network, topology: &Topology, found: &mut Vec<Diagnostic>) {
    for (name, cluster) in &topology.clusters {
        let at = &cluster.subnet;
        let written = network.vnets.get(&at.vnet);
        let written = written.and_then(|vnet| vnet.subnets.get(&at.subnet));
        if let Some(given) = written.and_then(|subnet| subnet.delegation.as_ref()) {
            found.push(
                Diagnostic::error(
                    codes::DELEGATION,
                    given.span,
                    format!(
                        "subnet `{}` holds the nodes of cluster `{name}`, and is delegated",
                        at.subnet
                    ),
                )
                .related(
                    cluster_subnet(network, name),
                    "nodes need a subnet without delegation",
                ),
            );
        }
    }
}

fn kubenet_alone(
    network: &Network,
    topology: &Topology,
    at: &SubnetRef,
    occupants: &Occupants<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let [first, second, ..] = &occupants.clusters[..] else {
        return;
    };
    let kubenet = |name: &&&Name| {
        topology
            .clusters
            .get(**name)
            .is_some_and(|cluster| cluster.network == ClusterNetwork::Kubenet)
    };
    if let Some(kubenet) = occupants.clusters.iter().find(kubenet) {
        found.push(
            Diagnostic::error(
                codes::KUBENET_SHARES_SUBNET,
                cluster_subnet(network, second),
                format!(
                    "clusters `{first}` and `{second}` share subnet `{}`",
                    at.subnet
                ),
            )
            .related(cluster_subnet(network, first), "the other one")
            .help(format!(
                "`{kubenet}` is a kubenet cluster: its route table serves one cluster a subnet"
            )),
        );
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

fn pod_subnet(network: &Network, cluster: &Name) -> Span {
    let cluster = network.clusters.get(cluster);
    cluster
        .and_then(|cluster| cluster.pod_subnet.as_ref())
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
