use crate::arm::{Resource, ResourceId};
use crate::net::Prefix;

use super::view::View;
use super::{PEERING, SUBNET, VIRTUAL_NETWORK, ViewError, all, join};

/// A virtual network with its subnets and peerings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualNetwork {
    /// The id.
    pub id: ResourceId,
    /// The address space.
    pub address_prefixes: Vec<Prefix>,
    /// The subnets: inline ones and child resources.
    pub subnets: Vec<Subnet>,
    /// This side's peerings: inline ones and child resources.
    pub peerings: Vec<Peering>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// The id.
    pub id: ResourceId,
    /// The address prefixes; one in all but rare cases.
    pub prefixes: Vec<Prefix>,
    /// The network security group.
    pub nsg: Option<ResourceId>,
    /// The route table.
    pub route_table: Option<ResourceId>,
    /// The NAT gateway.
    pub nat_gateway: Option<ResourceId>,
    /// The services that the subnet is delegated to.
    pub delegations: Vec<String>,
    /// `defaultOutboundAccess`, where it is set.
    pub default_outbound_access: Option<bool>,
    /// The services of its service endpoints, as spelt: `Microsoft.Storage` ...
    pub service_endpoints: Vec<String>,
}

/// One side of a peering: an object of the virtual network that it lies in (R40).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peering {
    /// The id.
    pub id: ResourceId,
    /// The virtual network that it leads to.
    pub remote: ResourceId,
    /// The remote ranges, where the object carries them (Azure's answer does, a template rarely).
    pub remote_prefixes: Vec<Prefix>,
    /// The state, where the object carries it (Azure's answer does, a template does not).
    pub state: Option<PeeringState>,
    /// Whether the remote ranges are in this side's `VirtualNetwork` (R19); Azure fills in true.
    pub allow_virtual_network_access: bool,
    /// Whether this side accepts what the remote side forwards but did not originate (R41).
    pub allow_forwarded_traffic: bool,
    /// Whether the remote side may use this side's gateway.
    pub allow_gateway_transit: bool,
    /// Whether this side uses the remote side's gateway.
    pub use_remote_gateways: bool,
}

/// How far a peering has come (R40).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeeringState {
    /// The other side's object does not exist yet.
    Initiated,
    /// Both sides exist.
    Connected,
    /// The other side's object was deleted.
    Disconnected,
}

impl VirtualNetwork {
    /// Every virtual network among `resources`, child resources joined in, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<VirtualNetwork>, ViewError> {
        let mut networks = all(resources, VIRTUAL_NETWORK, VirtualNetwork::read)?;
        join(
            &mut networks,
            |network| &network.id,
            resources,
            SUBNET,
            |network, id, view| {
                network.subnets.retain(|other| other.id != *id);
                network.subnets.push(Subnet::read(id.clone(), view)?);
                Ok(())
            },
        )?;
        join(
            &mut networks,
            |network| &network.id,
            resources,
            PEERING,
            |network, id, view| {
                network.peerings.retain(|other| other.id != *id);
                network.peerings.push(Peering::read(id.clone(), view)?);
                Ok(())
            },
        )?;
        Ok(networks)
    }

    fn read(id: &ResourceId, view: &View<'_>) -> Result<VirtualNetwork, ViewError> {
        let subnet = |item: &View<'_>| {
            let child = id.child("subnets", &item.required_text("name")?);
            Subnet::read(child, &item.object("properties"))
        };
        let peering = |item: &View<'_>| {
            let child = id.child("virtualNetworkPeerings", &item.required_text("name")?);
            Peering::read(child, &item.object("properties"))
        };
        Ok(VirtualNetwork {
            id: id.clone(),
            address_prefixes: view.object("addressSpace").prefixes(&["addressPrefixes"])?,
            subnets: view
                .items("subnets")
                .iter()
                .map(subnet)
                .collect::<Result<_, _>>()?,
            peerings: view
                .items("virtualNetworkPeerings")
                .iter()
                .map(peering)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Subnet {
    fn read(id: ResourceId, view: &View<'_>) -> Result<Subnet, ViewError> {
        let delegations = view
            .items("delegations")
            .iter()
            .filter_map(|item| item.object("properties").text("serviceName"))
            .collect();
        let service_endpoints = view
            .items("serviceEndpoints")
            .iter()
            .map(|item| item.required_text("service"))
            .collect::<Result<_, _>>()?;
        Ok(Subnet {
            id,
            prefixes: view.prefixes(&["addressPrefix", "addressPrefixes"])?,
            nsg: view.reference("networkSecurityGroup")?,
            route_table: view.reference("routeTable")?,
            nat_gateway: view.reference("natGateway")?,
            delegations,
            default_outbound_access: view.flag("defaultOutboundAccess")?,
            service_endpoints,
        })
    }
}

impl Peering {
    fn read(id: ResourceId, view: &View<'_>) -> Result<Peering, ViewError> {
        let state = view
            .text("peeringState")
            .map(|text| match text.to_ascii_lowercase().as_str() {
                "initiated" => Ok(PeeringState::Initiated),
                "connected" => Ok(PeeringState::Connected),
                "disconnected" => Ok(PeeringState::Disconnected),
                _ => Err(view.error(
                    "peeringState",
                    format!("`{text}` is not Initiated, Connected or Disconnected"),
                )),
            })
            .transpose()?;
        // Until a peering is synchronised the remote network may have ranges that are not peered yet;
        // `remoteAddressSpace` is what is peered.
        let current = view
            .object("remoteVirtualNetworkAddressSpace")
            .prefixes(&["addressPrefixes"])?;
        let peered = view
            .object("remoteAddressSpace")
            .prefixes(&["addressPrefixes"])?;
        Ok(Peering {
            id,
            remote: view
                .reference("remoteVirtualNetwork")?
                .ok_or_else(|| view.error("remoteVirtualNetwork", "missing".to_owned()))?,
            remote_prefixes: if peered.is_empty() { current } else { peered },
            state,
            allow_virtual_network_access: view.flag("allowVirtualNetworkAccess")?.unwrap_or(true),
            allow_forwarded_traffic: view.flag("allowForwardedTraffic")?.unwrap_or(false),
            allow_gateway_transit: view.flag("allowGatewayTransit")?.unwrap_or(false),
            use_remote_gateways: view.flag("useRemoteGateways")?.unwrap_or(false),
        })
    }
}
