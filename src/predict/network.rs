//! The network that the resources describe: who refers to whom, by id.
//!
//! Two virtual networks may have the same ranges, so nothing here looks up an address without saying
//! in which virtual network.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::arm::views::{
    ContainerGroup, ManagedCluster, NetworkSecurityGroup, RouteTable, Subnet, VIRTUAL_NETWORK,
    VirtualNetwork,
};
use crate::arm::{Resource, ResourceId, ResourceKey};

use super::PredictError;

const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";

/// Types that hold addresses of a virtual network and are not modelled.
const UNMODELLED_HOLDERS: [&str; 6] = [
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Network/azureFirewalls",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/virtualNetworkGateways",
];

/// The resources, read.
#[derive(Debug)]
pub(super) struct Network<'r> {
    resources: &'r [Resource],
    pub(super) vnets: Vec<VirtualNetwork>,
    nsgs: Vec<NetworkSecurityGroup>,
    route_tables: Vec<RouteTable>,
    pub(super) clusters: Vec<ManagedCluster>,
    pub(super) groups: Vec<ContainerGroup>,
}

/// Where an interface is attached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attachment<'n> {
    pub(super) vnet: &'n VirtualNetwork,
    pub(super) subnet: &'n Subnet,
}

impl<'r> Network<'r> {
    pub(super) fn read(resources: &'r [Resource]) -> Result<Network<'r>, PredictError> {
        Ok(Network {
            resources,
            vnets: VirtualNetwork::all(resources)?,
            nsgs: NetworkSecurityGroup::all(resources)?,
            route_tables: RouteTable::all(resources)?,
            clusters: ManagedCluster::all(resources)?,
            groups: ContainerGroup::all(resources)?,
        })
    }

    pub(super) fn cluster(&self, key: &ResourceKey) -> Option<&ManagedCluster> {
        self.clusters
            .iter()
            .find(|cluster| cluster.id.key() == *key)
    }

    pub(super) fn group(&self, key: &ResourceKey) -> Option<&ContainerGroup> {
        self.groups.iter().find(|group| group.id.key() == *key)
    }

    pub(super) fn attachment(&self, subnet: &ResourceId) -> Option<Attachment<'_>> {
        self.vnets.iter().find_map(|vnet| {
            let subnet = vnet.subnets.iter().find(|other| other.id == *subnet)?;
            Some(Attachment { vnet, subnet })
        })
    }

    /// The subnet of `vnet` that holds `address`.
    pub(super) fn subnet_at<'n>(
        &self,
        vnet: &'n VirtualNetwork,
        address: Ipv4Addr,
    ) -> Option<Attachment<'n>> {
        let subnet = vnet.subnets.iter().find(|subnet| {
            subnet
                .prefixes
                .iter()
                .any(|prefix| prefix.contains(&address))
        })?;
        Some(Attachment { vnet, subnet })
    }

    pub(super) fn nsg(
        &self,
        subnet: &Subnet,
    ) -> Result<Option<&NetworkSecurityGroup>, PredictError> {
        find(&self.nsgs, |nsg| &nsg.id, subnet.nsg.as_ref(), &subnet.id)
    }

    pub(super) fn route_table(&self, subnet: &Subnet) -> Result<Option<&RouteTable>, PredictError> {
        let table = subnet.route_table.as_ref();
        find(&self.route_tables, |table| &table.id, table, &subnet.id)
    }

    /// A peering of `vnet`, if the resources hold one.
    pub(super) fn peering(&self, vnet: &VirtualNetwork) -> Option<String> {
        let child = self.resources.iter().find(|resource| {
            resource.is(PEERING) && resource.id.parent().as_ref() == Some(&vnet.id)
        });
        let inline = || {
            let own = self
                .resources
                .iter()
                .find(|resource| resource.is(VIRTUAL_NETWORK) && resource.id == vnet.id)?;
            let (_, list) = own
                .properties()
                .as_object()?
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("virtualNetworkPeerings"))?;
            let peering = list.as_array()?.first()?;
            Some(
                peering
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or("?")
                    .to_owned(),
            )
        };
        child
            .map(|resource| resource.id.name().to_owned())
            .or_else(inline)
    }

    /// A resource that may hold an address of a virtual network without our knowing.
    pub(super) fn unmodelled_holder(&self) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| UNMODELLED_HOLDERS.iter().any(|kind| resource.is(kind)))
    }
}

fn find<'a, T>(
    all: &'a [T],
    id: impl Fn(&T) -> &ResourceId,
    wanted: Option<&ResourceId>,
    referrer: &ResourceId,
) -> Result<Option<&'a T>, PredictError> {
    wanted
        .map(|wanted| {
            all.iter()
                .find(|one| id(one) == wanted)
                .ok_or_else(|| PredictError::Missing {
                    resource: wanted.clone(),
                    referrer: referrer.clone(),
                })
        })
        .transpose()
}
