//! The network that the resources describe: who refers to whom, by id.
//!
//! Two virtual networks may have the same ranges, so nothing here looks up an address without saying
//! in which virtual network.

use std::net::Ipv4Addr;

use crate::arm::views::{
    ContainerGroup, ManagedCluster, NatGateway, NetworkInterface, NetworkSecurityGroup,
    PublicIpAddress, RouteTable, Subnet, VirtualMachine, VirtualNetwork,
};
use crate::arm::{Resource, ResourceId, ResourceKey};

use super::PredictError;

/// Types that hold addresses of a virtual network and are not modelled.
const UNMODELLED_HOLDERS: [&str; 9] = [
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/azureFirewalls",
    "Microsoft.Network/bastionHosts",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Network/networkVirtualAppliances",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/privateLinkServices",
    "Microsoft.Network/virtualNetworkGateways",
];

/// The resources, read.
#[derive(Debug)]
pub(super) struct Network<'r> {
    resources: &'r [Resource],
    pub(super) vnets: Vec<VirtualNetwork>,
    nsgs: Vec<NetworkSecurityGroup>,
    route_tables: Vec<RouteTable>,
    nat_gateways: Vec<NatGateway>,
    pub(super) public_ips: Vec<PublicIpAddress>,
    pub(super) clusters: Vec<ManagedCluster>,
    pub(super) groups: Vec<ContainerGroup>,
    pub(super) interfaces: Vec<NetworkInterface>,
    machines: Vec<VirtualMachine>,
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
            nat_gateways: NatGateway::all(resources)?,
            public_ips: PublicIpAddress::all(resources)?,
            clusters: ManagedCluster::all(resources)?,
            groups: ContainerGroup::all(resources)?,
            interfaces: NetworkInterface::all(resources)?,
            machines: VirtualMachine::all(resources)?,
        })
    }

    pub(super) fn vnet(&self, id: &ResourceId) -> Option<&VirtualNetwork> {
        self.vnets.iter().find(|vnet| vnet.id == *id)
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

    /// The network security group of a subnet.
    pub(super) fn nsg(
        &self,
        subnet: &Subnet,
    ) -> Result<Option<&NetworkSecurityGroup>, PredictError> {
        find(&self.nsgs, |nsg| &nsg.id, subnet.nsg.as_ref(), &subnet.id)
    }

    /// The network security group of an interface itself.
    pub(super) fn interface_nsg(
        &self,
        nic: &NetworkInterface,
    ) -> Result<Option<&NetworkSecurityGroup>, PredictError> {
        find(&self.nsgs, |nsg| &nsg.id, nic.nsg.as_ref(), &nic.id)
    }

    /// A NAT gateway; `None` where it is not among the resources, which tells only that there is one.
    pub(super) fn nat_gateway(&self, id: &ResourceId) -> Option<&NatGateway> {
        self.nat_gateways.iter().find(|gateway| gateway.id == *id)
    }

    /// A public address, if it is among the resources.
    pub(super) fn public_ip(&self, id: &ResourceId) -> Option<&PublicIpAddress> {
        self.public_ips.iter().find(|address| address.id == *id)
    }

    pub(super) fn interface(&self, key: &ResourceKey) -> Option<&NetworkInterface> {
        self.interfaces.iter().find(|nic| nic.id.key() == *key)
    }

    /// What an interface is, in words: the virtual machine behind it, where the resources say so.
    pub(super) fn interface_name(&self, nic: &NetworkInterface) -> String {
        let names = |machine: &&VirtualMachine| machine.interfaces.contains(&nic.id);
        let machine = self.machines.iter().find(names).map(|machine| &machine.id);
        match machine.or(nic.virtual_machine.as_ref()) {
            Some(machine) => format!(
                "network interface `{}` of virtual machine `{}`",
                nic.id.name(),
                machine.name()
            ),
            None => format!("network interface `{}`", nic.id.name()),
        }
    }

    pub(super) fn route_table(&self, subnet: &Subnet) -> Result<Option<&RouteTable>, PredictError> {
        let table = subnet.route_table.as_ref();
        find(&self.route_tables, |table| &table.id, table, &subnet.id)
    }

    /// Whether the resources hold a virtual network gateway.
    pub(super) fn has_gateway(&self) -> bool {
        let mut resources = self.resources.iter();
        resources.any(|resource| resource.is("Microsoft.Network/virtualNetworkGateways"))
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
