//! The resources that no typed view covers, as far as the lab needs them: peerings, network
//! interfaces, NAT gateways and their public addresses.
//!
//! Reads and decides nothing. Names compare without case, as Azure's do.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use crate::arm::{Resource, ResourceId};
use crate::emulator::fabric::FabricError;

use super::error::fabric_error;

const VIRTUAL_NETWORK: &str = "Microsoft.Network/virtualNetworks";
const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
const NETWORK_INTERFACE: &str = "Microsoft.Network/networkInterfaces";
const NAT_GATEWAY: &str = "Microsoft.Network/natGateways";
const PUBLIC_ADDRESS: &str = "Microsoft.Network/publicIPAddresses";

/// One side of a peering as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PeeringSide {
    /// The virtual network that the side belongs to.
    pub(super) network: ResourceId,
    /// The peering's name.
    pub(super) name: String,
    /// The virtual network on the other side.
    pub(super) remote: ResourceId,
    /// `allowVirtualNetworkAccess`; true where it is left out, as Azure stores it then.
    pub(super) access: bool,
    /// `allowForwardedTraffic`; false where it is left out (R41).
    pub(super) forwarded: bool,
    /// Whether the stored state is `Connected`; true where none is stored.
    pub(super) connected: bool,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) id: ResourceId,
    /// Its own network security group.
    pub(super) nsg: Option<ResourceId>,
    /// `enableIPForwarding`.
    pub(super) forwards: bool,
    /// A public address of its own.
    pub(super) public_address: Option<ResourceId>,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NatGateway {
    pub(super) id: ResourceId,
    /// Its public addresses.
    pub(super) public_addresses: Vec<ResourceId>,
}

/// A public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicAddress {
    pub(super) id: ResourceId,
    /// The address, where the resource carries it.
    pub(super) address: Option<Ipv4Addr>,
}

type Object = Map<String, Value>;

fn get<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let member = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    member
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

fn object<'a>(object: &'a Object, name: &str) -> Option<&'a Object> {
    get(object, name)?.as_object()
}

fn items<'a>(object: &'a Object, name: &str) -> impl Iterator<Item = &'a Object> {
    let list = get(object, name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    get(object, name)?.as_str()
}

/// A boolean, also one that is written as text.
fn flag(object: &Object, name: &str) -> Option<bool> {
    let value = get(object, name)?;
    let written = || value.as_str()?.to_ascii_lowercase().parse().ok();
    value.as_bool().or_else(written)
}

/// The id in `{"id": ...}`.
fn reference(
    owner: &ResourceId,
    holder: &Object,
    name: &str,
) -> Result<Option<ResourceId>, FabricError> {
    let id = object(holder, name).and_then(|object| text(object, "id"));
    let id = id.map(|id| {
        ResourceId::parse(id)
            .map_err(|error| fabric_error("read the network", format!("{owner}: {name}: {error}")))
    });
    id.transpose()
}

fn of_type<'a>(
    resources: &'a [Resource],
    resource_type: &'a str,
) -> impl Iterator<Item = (&'a Resource, &'a Object)> {
    resources
        .iter()
        .filter(move |resource| resource.is(resource_type))
        .filter_map(|resource| Some((resource, resource.properties().as_object()?)))
}

/// Every side of a peering: child resources, and those listed in their virtual network. A child
/// stands for a listed one of its name.
pub(super) fn peerings(resources: &[Resource]) -> Result<Vec<PeeringSide>, FabricError> {
    let mut sides = Vec::<PeeringSide>::new();
    for (resource, properties) in of_type(resources, VIRTUAL_NETWORK) {
        for item in items(properties, "virtualNetworkPeerings") {
            let name = text(item, "name").unwrap_or_default();
            if let Some(inner) = object(item, "properties") {
                sides.extend(side(&resource.id, name, inner)?);
            }
        }
    }
    for (resource, properties) in of_type(resources, PEERING) {
        let Some(network) = resource.id.parent() else {
            continue;
        };
        let name = resource.id.name();
        let same =
            |other: &PeeringSide| other.network == network && other.name.eq_ignore_ascii_case(name);
        sides.retain(|other| !same(other));
        sides.extend(side(&network, name, properties)?);
    }
    sides.sort_by(|a, b| (&a.network, &a.name).cmp(&(&b.network, &b.name)));
    Ok(sides)
}

fn side(
    network: &ResourceId,
    name: &str,
    properties: &Object,
) -> Result<Option<PeeringSide>, FabricError> {
    let remote = reference(network, properties, "remoteVirtualNetwork")?;
    let state = text(properties, "peeringState");
    Ok(remote.map(|remote| PeeringSide {
        network: network.clone(),
        name: name.to_owned(),
        remote,
        access: flag(properties, "allowVirtualNetworkAccess").unwrap_or(true),
        forwarded: flag(properties, "allowForwardedTraffic").unwrap_or(false),
        connected: state.is_none_or(|state| state.eq_ignore_ascii_case("Connected")),
    }))
}

/// Every network interface.
pub(super) fn interfaces(resources: &[Resource]) -> Result<Vec<Interface>, FabricError> {
    of_type(resources, NETWORK_INTERFACE)
        .map(|(resource, properties)| {
            let id = &resource.id;
            let mut public_address = None;
            for item in items(properties, "ipConfigurations") {
                if let Some(inner) = object(item, "properties")
                    && public_address.is_none()
                {
                    public_address = reference(id, inner, "publicIPAddress")?;
                }
            }
            Ok(Interface {
                id: id.clone(),
                nsg: reference(id, properties, "networkSecurityGroup")?,
                forwards: flag(properties, "enableIPForwarding").unwrap_or(false),
                public_address,
            })
        })
        .collect()
}

/// Every NAT gateway.
pub(super) fn nat_gateways(resources: &[Resource]) -> Result<Vec<NatGateway>, FabricError> {
    let gateways = of_type(resources, NAT_GATEWAY).map(|(resource, properties)| {
        let ids = items(properties, "publicIpAddresses").filter_map(|item| text(item, "id"));
        let ids = ids.map(|id| {
            ResourceId::parse(id).map_err(|error| {
                fabric_error("read the network", format!("{}: {error}", resource.id))
            })
        });
        Ok(NatGateway {
            id: resource.id.clone(),
            public_addresses: ids.collect::<Result<_, _>>()?,
        })
    });
    gateways.collect()
}

/// Every public address.
pub(super) fn public_addresses(resources: &[Resource]) -> Vec<PublicAddress> {
    let addresses =
        of_type(resources, PUBLIC_ADDRESS).map(|(resource, properties)| PublicAddress {
            id: resource.id.clone(),
            address: text(properties, "ipAddress").and_then(|text| text.parse().ok()),
        });
    addresses.collect()
}
