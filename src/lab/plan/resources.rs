//! The resources of a state, read once.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::views::{
    ClusterNetwork, ManagedCluster, NatGateway, NetworkInterface, NetworkSecurityGroup,
    PublicIpAddress, RouteTable, Subnet, VirtualNetwork,
};
use crate::arm::{Resource, ResourceId};
use crate::emulator::fabric::FabricError;
use crate::lab::error::fabric_error;
use crate::lab::peering::{self, Peers};
use crate::net::Prefix;

pub(in crate::lab) struct Resources {
    networks: Vec<VirtualNetwork>,
    groups: Vec<NetworkSecurityGroup>,
    tables: Vec<RouteTable>,
    clusters: Vec<ManagedCluster>,
    interfaces: Vec<NetworkInterface>,
    nat_gateways: Vec<NatGateway>,
    public_addresses: Vec<PublicIpAddress>,
}

fn found<'a, T>(
    mut all: impl Iterator<Item = &'a T>,
    kind: &str,
    id: &ResourceId,
    is: impl Fn(&T) -> bool,
) -> Result<&'a T, FabricError> {
    all.find(|one| is(one))
        .ok_or_else(|| fabric_error("read the network", format!("no {kind} `{id}`")))
}

impl Resources {
    pub(super) fn read(resources: &[Resource]) -> Result<Resources, FabricError> {
        let unreadable = |error| fabric_error("read the network", error);
        Ok(Resources {
            networks: VirtualNetwork::all(resources).map_err(unreadable)?,
            groups: NetworkSecurityGroup::all(resources).map_err(unreadable)?,
            tables: RouteTable::all(resources).map_err(unreadable)?,
            clusters: ManagedCluster::all(resources).map_err(unreadable)?,
            interfaces: NetworkInterface::all(resources).map_err(unreadable)?,
            nat_gateways: NatGateway::all(resources).map_err(unreadable)?,
            public_addresses: PublicIpAddress::all(resources).map_err(unreadable)?,
        })
    }

    pub(super) fn peers(&self) -> Result<Peers, FabricError> {
        peering::peers(&self.networks)
    }

    /// What each virtual network uses: its ranges, and the pod ranges of the clusters in it.
    pub(super) fn spaces(&self) -> BTreeMap<ResourceId, Vec<Prefix>> {
        let mut spaces = self
            .networks
            .iter()
            .map(|network| (network.id.clone(), network.address_prefixes.clone()))
            .collect::<BTreeMap<_, _>>();
        for cluster in &self.clusters {
            let networks = cluster.pools.iter().filter_map(|pool| pool.subnet.as_ref());
            let mut networks = networks.filter_map(ResourceId::parent).collect::<Vec<_>>();
            networks.sort();
            networks.dedup();
            for network in networks {
                if let Some(space) = spaces.get_mut(&network) {
                    space.extend(pod_range(cluster));
                }
            }
        }
        spaces
    }

    pub(super) fn subnet(
        &self,
        id: &ResourceId,
    ) -> Result<(&VirtualNetwork, &Subnet), FabricError> {
        self.networks
            .iter()
            .find_map(|network| {
                let subnet = network.subnets.iter().find(|subnet| subnet.id == *id)?;
                Some((network, subnet))
            })
            .ok_or_else(|| fabric_error("read the network", format!("no subnet `{id}`")))
    }

    pub(super) fn cluster(&self, id: &ResourceId) -> Result<&ManagedCluster, FabricError> {
        found(self.clusters.iter(), "managed cluster", id, |cluster| {
            cluster.id == *id
        })
    }

    pub(super) fn group(&self, id: &ResourceId) -> Result<&NetworkSecurityGroup, FabricError> {
        found(self.groups.iter(), "network security group", id, |group| {
            group.id == *id
        })
    }

    pub(super) fn table(&self, id: &ResourceId) -> Result<&RouteTable, FabricError> {
        found(self.tables.iter(), "route table", id, |table| {
            table.id == *id
        })
    }

    pub(super) fn interface(&self, id: &ResourceId) -> Result<&NetworkInterface, FabricError> {
        found(self.interfaces.iter(), "network interface", id, |one| {
            one.id == *id
        })
    }

    pub(in crate::lab) fn nat_gateway(&self, id: &ResourceId) -> Result<&NatGateway, FabricError> {
        found(self.nat_gateways.iter(), "NAT gateway", id, |gateway| {
            gateway.id == *id
        })
    }

    /// The address that a public address resource has been given.
    pub(in crate::lab) fn public_address(
        &self,
        id: &ResourceId,
    ) -> Result<Option<Ipv4Addr>, FabricError> {
        let all = self.public_addresses.iter();
        let resource = found(all, "public address", id, |one| one.id == *id)?;
        Ok(resource.address)
    }

    /// Every public address that a resource has.
    pub(super) fn named_publics(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.public_addresses.iter().filter_map(|one| one.address)
    }
}

/// The range of the pods that hide behind their nodes.
pub(super) fn pod_range(cluster: &ManagedCluster) -> Option<Prefix> {
    match cluster.network {
        ClusterNetwork::Kubenet | ClusterNetwork::Overlay => {
            let default = Prefix::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16);
            Some(cluster.pod_cidr.unwrap_or(default).trunc())
        }
        ClusterNetwork::NodeSubnet | ClusterNetwork::PodSubnet => None,
    }
}
