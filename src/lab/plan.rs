//! What the lab must hold for a state of the network: read from the resources, no kernel in sight.
//!
//! Pods stand behind nodes as R51 to R62 have it. Host routes stand in a table per virtual network,
//! prefixes in one per subnet, because a host route must not beat a user-defined one. What the lab
//! cannot carry is refused by name.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::arm::views::{
    ClusterNetwork, ManagedCluster, NetworkSecurityGroup, RouteTable, Subnet, VirtualNetwork,
};
use crate::emulator::fabric::{Endpoint, EndpointId, FabricError, NetworkState};
use crate::net::Prefix;

use super::effective::{EffectiveRoute, effective_routes};
use super::error::fabric_error;
use super::security::{self, Group};

/// The network as it must be.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The subnets that have ports.
    pub(super) subnets: BTreeMap<ResourceId, SubnetPlan>,
    /// The addresses of each virtual network that has ports.
    pub(super) networks: BTreeMap<ResourceId, BTreeMap<Ipv4Addr, Host>>,
    /// The network security groups in use, compiled.
    pub(super) groups: BTreeMap<GroupKey, Group>,
    /// The endpoints that stand at the fabric: container groups and nodes.
    pub(super) ports: BTreeMap<EndpointId, Port>,
    /// The endpoints behind a node.
    pub(super) pods: BTreeMap<EndpointId, Pod>,
    /// Pods that use their node's network, with their node.
    pub(super) host_pods: BTreeMap<EndpointId, EndpointId>,
}

/// A subnet's own rules and routes.
#[derive(Debug)]
pub(super) struct SubnetPlan {
    /// Its virtual network.
    pub(super) network: ResourceId,
    /// Its effective routes.
    pub(super) routes: Vec<EffectiveRoute>,
    /// The compiled group that guards it.
    pub(super) group: Option<GroupKey>,
}

/// A group means the same wherever `VirtualNetwork` and `Internet` do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    group: ResourceId,
    network: ResourceId,
    virtual_network: Vec<Prefix>,
}

/// An endpoint at the fabric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) subnet: ResourceId,
    pub(super) address: Ipv4Addr,
    /// The endpoint in words.
    pub(super) title: String,
    /// For a node: the destinations to which its pods keep their addresses.
    pub(super) unmasked: Option<Vec<Prefix>>,
}

/// An endpoint behind a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) node: EndpointId,
    pub(super) address: Ipv4Addr,
}

/// Who answers to an address of a virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// The port that leads to it.
    pub(super) port: EndpointId,
    /// The node in between, for a pod.
    pub(super) via: Option<Ipv4Addr>,
}

struct Resources {
    networks: Vec<VirtualNetwork>,
    groups: Vec<NetworkSecurityGroup>,
    tables: Vec<RouteTable>,
    clusters: Vec<ManagedCluster>,
}

impl Resources {
    fn subnet(&self, id: &ResourceId) -> Result<(&VirtualNetwork, &Subnet), FabricError> {
        self.networks
            .iter()
            .find_map(|network| {
                let subnet = network.subnets.iter().find(|subnet| subnet.id == *id)?;
                Some((network, subnet))
            })
            .ok_or_else(|| fabric_error("read the network", format!("no subnet `{id}`")))
    }

    fn cluster(&self, id: &ResourceId) -> Result<&ManagedCluster, FabricError> {
        self.clusters
            .iter()
            .find(|cluster| cluster.id == *id)
            .ok_or_else(|| fabric_error("read the network", format!("no managed cluster `{id}`")))
    }
}

impl Plan {
    /// Reads a state.
    pub(super) fn of(state: &NetworkState) -> Result<Plan, FabricError> {
        let unreadable = |error| fabric_error("read the network", error);
        let resources = Resources {
            networks: VirtualNetwork::all(&state.resources).map_err(unreadable)?,
            groups: NetworkSecurityGroup::all(&state.resources).map_err(unreadable)?,
            tables: RouteTable::all(&state.resources).map_err(unreadable)?,
            clusters: ManagedCluster::all(&state.resources).map_err(unreadable)?,
        };
        let mut plan = Plan::default();
        let mut overlays = BTreeMap::<ResourceId, Vec<(Prefix, Host, Ipv4Addr)>>::new();
        for (id, endpoint) in &state.endpoints {
            plan.place_port(id, endpoint, &resources, &mut overlays)?;
        }
        for (id, endpoint) in &state.endpoints {
            plan.place_pod(id, endpoint, &resources)?;
        }
        let subnets = plan
            .ports
            .values()
            .map(|port| port.subnet.clone())
            .collect::<Vec<_>>();
        for id in subnets {
            if !plan.subnets.contains_key(&id) {
                let overlay = overlays.remove(&id).unwrap_or_default();
                let subnet = plan.subnet(&id, &resources, &overlay)?;
                plan.subnets.insert(id, subnet);
            }
        }
        Ok(plan)
    }

    fn place_port(
        &mut self,
        id: &EndpointId,
        endpoint: &Endpoint,
        resources: &Resources,
        overlays: &mut BTreeMap<ResourceId, Vec<(Prefix, Host, Ipv4Addr)>>,
    ) -> Result<(), FabricError> {
        let (subnet, title, unmasked) = match endpoint {
            Endpoint::ContainerGroup { group, subnet, .. } => {
                (subnet, format!("container group {}", group.name()), None)
            }
            Endpoint::NetworkInterface {
                interface, subnet, ..
            } => (
                subnet,
                format!("network interface {}", interface.name()),
                None,
            ),
            Endpoint::Node {
                cluster,
                name,
                subnet,
                address,
                pod_prefix,
            } => {
                let cluster = resources.cluster(cluster)?;
                let (network, _) = resources.subnet(subnet)?;
                if let (ClusterNetwork::Overlay, Some(prefix)) = (cluster.network, pod_prefix) {
                    let host = Host {
                        port: id.clone(),
                        via: None,
                    };
                    let routes = overlays.entry(subnet.clone()).or_default();
                    routes.push((prefix.trunc(), host, *address));
                }
                let unmasked = unmasked(cluster, network)?;
                (subnet, format!("node {name}"), Some(unmasked))
            }
            Endpoint::Pod { .. } => return Ok(()),
        };
        let (network, _) = resources.subnet(subnet)?;
        let host = Host {
            port: id.clone(),
            via: None,
        };
        self.claim(&network.id, endpoint.address(), host)?;
        self.ports.insert(
            id.clone(),
            Port {
                subnet: subnet.clone(),
                address: endpoint.address(),
                title,
                unmasked,
            },
        );
        Ok(())
    }

    fn place_pod(
        &mut self,
        id: &EndpointId,
        endpoint: &Endpoint,
        resources: &Resources,
    ) -> Result<(), FabricError> {
        let Endpoint::Pod {
            cluster,
            node,
            address,
            host_network,
            ..
        } = endpoint
        else {
            return Ok(());
        };
        let port = self.ports.get(node).filter(|port| port.unmasked.is_some());
        let port = port.ok_or_else(|| {
            fabric_error("read the network", format!("pod `{id}`: no node `{node}`"))
        })?;
        // R62: such a pod uses its node's address in every mode.
        if *host_network {
            self.host_pods.insert(id.clone(), node.clone());
            return Ok(());
        }
        if resources.cluster(cluster)?.network == ClusterNetwork::NodeSubnet {
            let (network, _) = resources.subnet(&port.subnet)?;
            let host = Host {
                port: node.clone(),
                via: Some(port.address),
            };
            self.claim(&network.id, *address, host)?;
        }
        self.pods.insert(
            id.clone(),
            Pod {
                node: node.clone(),
                address: *address,
            },
        );
        Ok(())
    }

    fn claim(
        &mut self,
        network: &ResourceId,
        address: Ipv4Addr,
        host: Host,
    ) -> Result<(), FabricError> {
        let hosts = self.networks.entry(network.clone()).or_default();
        match hosts.insert(address, host) {
            None => Ok(()),
            Some(other) => Err(fabric_error(
                "read the network",
                format!("{address} of `{network}` is taken by `{}`", other.port),
            )),
        }
    }

    fn subnet(
        &mut self,
        id: &ResourceId,
        resources: &Resources,
        overlay: &[(Prefix, Host, Ipv4Addr)],
    ) -> Result<SubnetPlan, FabricError> {
        let (network, subnet) = resources.subnet(id)?;
        let table = subnet.route_table.as_ref().map(|table| {
            let found = resources.tables.iter().find(|other| other.id == *table);
            found.ok_or_else(|| {
                fabric_error("read the network", format!("no route table `{table}`"))
            })
        });
        let table = table.transpose()?;
        let hosts = self.networks.get(&network.id);
        let routes = effective_routes(network, table, hosts, overlay)?;

        let group = subnet.nsg.as_ref().map(|group| {
            let found = resources.groups.iter().find(|other| other.id == *group);
            found.ok_or_else(|| {
                fabric_error(
                    "read the network",
                    format!("no network security group `{group}`"),
                )
            })
        });
        let group = group.transpose()?.map(|group| {
            let overlay = overlay.iter().map(|(prefix, ..)| *prefix);
            let virtual_network = virtual_network_tag(network, table, overlay);
            let key = GroupKey {
                group: group.id.clone(),
                network: network.id.clone(),
                virtual_network,
            };
            if !self.groups.contains_key(&key) {
                let ranges = &network.address_prefixes;
                let compiled = security::compile(group, ranges, &key.virtual_network)?;
                self.groups.insert(key.clone(), compiled);
            }
            Ok::<_, FabricError>(key)
        });
        Ok(SubnetPlan {
            network: network.id.clone(),
            routes,
            group: group.transpose()?,
        })
    }
}

/// Where the pods of a cluster are not hidden behind their node.
fn unmasked(
    cluster: &ManagedCluster,
    network: &VirtualNetwork,
) -> Result<Vec<Prefix>, FabricError> {
    match cluster.network {
        // R52 and R60: exactly the pod range is exempt.
        ClusterNetwork::Kubenet | ClusterNetwork::Overlay => {
            let default = Prefix::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16);
            Ok(vec![cluster.pod_cidr.unwrap_or(default).trunc()])
        }
        // R57: the ranges of the virtual network are.
        ClusterNetwork::NodeSubnet => Ok(network.address_prefixes.clone()),
        ClusterNetwork::PodSubnet => Err(fabric_error(
            "read the network",
            format!(
                "`{}`: the lab cannot carry Azure CNI with a pod subnet (`podSubnetID`)",
                cluster.id
            ),
        )),
    }
}

/// What `VirtualNetwork` stands for (R17): the ranges, the prefixes of the subnet's user-defined
/// routes (R18), the host's address. Overlay pods of one subnet reach each other in practice with
/// default rules, so their ranges count, though Microsoft does not say so (R60).
fn virtual_network_tag(
    network: &VirtualNetwork,
    table: Option<&RouteTable>,
    overlay: impl Iterator<Item = Prefix>,
) -> Vec<Prefix> {
    let user = table.into_iter().flat_map(|table| &table.routes);
    let mut prefixes = network.address_prefixes.clone();
    prefixes.extend(user.map(|route| route.prefix));
    prefixes.extend(overlay);
    prefixes.push(security::PLATFORM);
    prefixes.sort();
    prefixes.dedup();
    prefixes
}
