//! Which endpoint stands where, under which address, behind which node (R51 to R62).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::arm::views::{ClusterNetwork, ManagedCluster, VirtualNetwork};
use crate::emulator::fabric::{Endpoint, EndpointId, FabricError, NetworkState};
use crate::lab::effective::PodRange;
use crate::lab::egress::{self, Outlet};
use crate::lab::error::fabric_error;
use crate::lab::space;
use crate::net::Prefix;

use super::resources::{Resources, pod_range};
use super::{Guards, Host, Plan, Pod, Port, PortId, Role, TableKey};

/// The pod ranges of the nodes of each overlay cluster.
pub(super) type Overlays = BTreeMap<ResourceId, Vec<PodRange>>;

impl Plan {
    pub(super) fn place(
        &mut self,
        state: &NetworkState,
        resources: &Resources,
    ) -> Result<(), FabricError> {
        for (id, endpoint) in &state.endpoints {
            self.place_port(id, endpoint, resources)?;
        }
        for (id, endpoint) in &state.endpoints {
            self.place_pod(id, endpoint, resources)?;
        }
        Ok(())
    }

    fn place_port(
        &mut self,
        id: &EndpointId,
        endpoint: &Endpoint,
        resources: &Resources,
    ) -> Result<(), FabricError> {
        let address = endpoint.address();
        match endpoint {
            Endpoint::ContainerGroup { group, subnet, .. } => {
                let title = format!("container group {}", group.name());
                let port = Port::new(subnet, address, title);
                self.add(PortId::own(id), port, &Outlet::ContainerGroup, resources)
            }
            Endpoint::NetworkInterface {
                interface, subnet, ..
            } => {
                let interface = resources.interface(interface)?;
                let title = format!("network interface {}", interface.id.name());
                let mut port = Port::new(subnet, address, title);
                port.role = Role::Interface {
                    forwards: interface.enable_ip_forwarding,
                };
                port.nic = interface.nsg.clone();
                let memberships = interface.ip_configurations.iter().flat_map(|one| &one.asgs);
                for asg in memberships {
                    self.asgs
                        .entry(asg.clone())
                        .or_default()
                        .push(address.into());
                }
                if interface.enable_ip_forwarding {
                    // An appliance must hide what it sends to the Internet, since Azure translates no
                    // address but the interface's own; elsewhere it shows its senders (R38).
                    port.unmasked = Some(space::not_internet());
                }
                let outlet = Outlet::Interface(interface);
                self.add(PortId::own(id), port, &outlet, resources)
            }
            Endpoint::Node {
                cluster,
                name,
                subnet,
                pod_prefix,
                ..
            } => {
                let cluster = resources.cluster(cluster)?;
                let (network, _) = resources.subnet(subnet)?;
                let mut port = Port::new(subnet, address, format!("node {name}"));
                port.role = Role::Node;
                port.unmasked = Some(unmasked(cluster, network));
                port.pod_prefix = pod_prefix.map(|prefix| prefix.trunc());
                if cluster.network == ClusterNetwork::Overlay {
                    port.table.overlay = Some(cluster.id.clone());
                }
                let outlet = Outlet::Cluster(cluster);
                self.add(PortId::own(id), port, &outlet, resources)?;
                for pods_of in pod_subnets(cluster, subnet) {
                    let (_, pod_subnet) = resources.subnet(&pods_of)?;
                    let title = format!("pods of node {name}");
                    let mut port = Port::new(&pods_of, address, title);
                    port.role = Role::Node;
                    port.pods = pod_subnet.prefixes.clone();
                    let id = PortId {
                        endpoint: id.clone(),
                        pods_of: Some(pods_of),
                    };
                    self.add(id, port, &outlet, resources)?;
                }
                Ok(())
            }
            Endpoint::Pod { .. } => Ok(()),
        }
    }

    /// Adds a port with its way out, and the host behind it unless it leads to pods alone.
    fn add(
        &mut self,
        id: PortId,
        mut port: Port,
        outlet: &Outlet<'_>,
        resources: &Resources,
    ) -> Result<(), FabricError> {
        let (network, subnet) = resources.subnet(&port.table.subnet)?;
        if let Some((key, egress)) = egress::of(outlet, network, subnet, resources)? {
            self.egresses.insert(key.clone(), egress);
            port.egress = Some(key);
        }
        if id.pods_of.is_none() {
            let host = Host {
                port: id.clone(),
                via: None,
                forwards: port.role.forwards(),
            };
            self.claim(&network.id, port.address, host)?;
        }
        self.ports.insert(id, port);
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
        let unreadable =
            |what: String| fabric_error("read the network", format!("pod `{id}`: {what}"));
        let own = PortId::own(node);
        let port = self.ports.get(&own).filter(|port| port.role == Role::Node);
        let port = port.ok_or_else(|| unreadable(format!("no node `{node}`")))?;
        // R62: such a pod uses its node's address in every mode.
        if *host_network {
            self.host_pods.insert(id.clone(), node.clone());
            return Ok(());
        }
        let through = match resources.cluster(cluster)?.network {
            ClusterNetwork::Kubenet | ClusterNetwork::Overlay => None,
            ClusterNetwork::NodeSubnet => Some(own),
            ClusterNetwork::PodSubnet => {
                let holds = |port: &Port| port.pods.iter().any(|prefix| prefix.contains(address));
                let mut of_node = self.ports.iter().filter(|(id, _)| id.endpoint == *node);
                let found = of_node.find(|(_, port)| holds(port));
                let (id, _) = found.ok_or_else(|| {
                    unreadable(format!("{address} is in no pod subnet of its node's pools"))
                })?;
                Some(id.clone())
            }
        };
        if let Some(through) = through {
            let (network, _) = resources.subnet(&port.table.subnet)?;
            let host = Host {
                port: through,
                via: Some(port.address),
                forwards: false,
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
                format!(
                    "{address} of `{network}` is taken by `{}`",
                    other.port.endpoint
                ),
            )),
        }
    }

    /// The pod ranges of overlay clusters, which their nodes know without a route table (R60).
    pub(super) fn overlays(&self) -> Overlays {
        let mut overlays = Overlays::new();
        for (id, port) in &self.ports {
            if let (Some(cluster), Some(prefix)) = (&port.table.overlay, port.pod_prefix) {
                let range = PodRange {
                    prefix,
                    node: Host {
                        port: id.clone(),
                        via: None,
                        forwards: true,
                    },
                    address: port.address,
                };
                overlays.entry(cluster.clone()).or_default().push(range);
            }
        }
        overlays
    }
}

impl Port {
    fn new(subnet: &ResourceId, address: Ipv4Addr, title: String) -> Port {
        Port {
            table: TableKey {
                subnet: subnet.clone(),
                overlay: None,
            },
            address,
            title,
            role: Role::ContainerGroup,
            unmasked: None,
            pod_prefix: None,
            pods: Vec::new(),
            nic: None,
            guards: Guards::default(),
            egress: None,
        }
    }
}

/// The pod subnets of the pools whose nodes are in `subnet`.
fn pod_subnets(cluster: &ManagedCluster, subnet: &ResourceId) -> Vec<ResourceId> {
    let pools = cluster.pools.iter();
    let pools = pools.filter(|pool| pool.subnet.as_ref() == Some(subnet));
    let mut subnets = pools
        .filter_map(|pool| pool.pod_subnet.clone())
        .collect::<Vec<_>>();
    subnets.sort();
    subnets.dedup();
    subnets
}

/// Where the pods of a cluster are not hidden behind their node.
fn unmasked(cluster: &ManagedCluster, network: &VirtualNetwork) -> Vec<Prefix> {
    match cluster.network {
        // R52 and R60: exactly the pod range is exempt.
        ClusterNetwork::Kubenet | ClusterNetwork::Overlay => {
            pod_range(cluster).into_iter().collect()
        }
        // R57: the ranges of the virtual network are.
        ClusterNetwork::NodeSubnet => network.address_prefixes.clone(),
        // R58: the pod is seen everywhere.
        ClusterNetwork::PodSubnet => vec![Prefix::default()],
    }
}
