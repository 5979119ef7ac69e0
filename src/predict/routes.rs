//! Routes: system routes (R35), peerings among them (R40), user-defined routes by longest prefix (R36,
//! R37), and the routes that AKS adds for kubenet (R51).

use std::net::Ipv4Addr;

use crate::arm::views::{ClusterNetwork, Route};
use crate::net::Prefix;
use crate::verdict::{Leg, RouteRef};

use super::PredictError;
use super::allocation::Allocation;
use super::network::{Attachment, Network};
use super::peering::{Link, link_to};
use super::readings::Readings;

/// Where a route sends a packet.
#[derive(Debug, Clone)]
pub(super) enum NextHop<'n> {
    /// To whoever holds the address in the virtual network.
    VirtualNetwork,
    /// To whoever holds it in a peered one.
    Peering(Link<'n>),
    Internet,
    /// Nowhere: the packet is dropped.
    None,
    /// To a virtual network gateway.
    Gateway,
    Appliance(Ipv4Addr),
}

/// The route that decided.
#[derive(Debug, Clone)]
pub(super) struct Chosen<'n> {
    pub(super) route: RouteRef,
    pub(super) next_hop: NextHop<'n>,
}

impl Chosen<'_> {
    pub(super) fn is_system(&self) -> bool {
        self.route.table == SYSTEM
    }
}

const SYSTEM: &str = "system";
/// The route table that AKS makes for a kubenet cluster where the template attaches none.
const AKS: &str = "aks";

/// The route that packets from `at` to `destination` take.
pub(super) fn choose<'n>(
    at: Attachment<'n>,
    destination: Ipv4Addr,
    leg: Leg,
    network: &'n Network<'n>,
    allocation: &Allocation<'n>,
    readings: &mut Readings,
) -> Result<Chosen<'n>, PredictError> {
    let user = user_routes(at, network, allocation)?
        .into_iter()
        .filter(|route| route.prefix.contains(&destination))
        .max_by_key(|route| route.prefix.prefix_len());
    let (system_prefix, system_hop) = system_route(at, destination, network, readings);
    // R36: the longest prefix; at the same length a user-defined route wins.
    let user = user.filter(|route| route.prefix.prefix_len() >= system_prefix.prefix_len());
    let Some(route) = user else {
        let name = match system_hop {
            NextHop::VirtualNetwork => "VnetLocal",
            NextHop::Peering(_) => "VnetPeering",
            NextHop::Internet => "Internet",
            NextHop::None | NextHop::Gateway | NextHop::Appliance(_) => "None",
        };
        return Ok(Chosen {
            route: RouteRef {
                table: SYSTEM.to_owned(),
                name: name.to_owned(),
                prefix: system_prefix,
                next_hop_type: name.to_owned(),
                next_hop_address: None,
                leg,
            },
            next_hop: system_hop,
        });
    };
    let table = network.route_table(at.subnet)?;
    Ok(Chosen {
        next_hop: next_hop(&route)?,
        route: RouteRef {
            table: table.map_or(AKS, |table| table.id.name()).to_owned(),
            name: route.name,
            prefix: route.prefix,
            next_hop_type: route.next_hop_type,
            next_hop_address: route.next_hop_ip,
            leg,
        },
    })
}

/// The user-defined routes of a subnet, the pod routes that AKS writes among them (R51).
pub(super) fn user_routes(
    at: Attachment<'_>,
    network: &Network<'_>,
    allocation: &Allocation<'_>,
) -> Result<Vec<Route>, PredictError> {
    let table = network.route_table(at.subnet)?;
    let mut routes = table.map(|table| table.routes.clone()).unwrap_or_default();
    for node in &allocation.nodes {
        // AKS writes to the route table of the node subnet, which other subnets may share; without
        // one in the template it attaches its own to the node subnet.
        let shares_table = node.at.subnet.id == at.subnet.id
            || (table.is_some() && node.at.subnet.route_table == at.subnet.route_table);
        let Some(prefix) = node.pod_prefix else {
            continue;
        };
        let written = routes.iter().any(|route| route.prefix == prefix);
        if node.cluster.network == ClusterNetwork::Kubenet && shares_table && !written {
            routes.push(Route {
                name: format!("pods-of-{}", node.name),
                prefix,
                next_hop_type: "VirtualAppliance".to_owned(),
                next_hop_ip: Some(node.address),
            });
        }
    }
    Ok(routes)
}

/// R37. Peerings and service endpoints cannot be named by users.
fn next_hop(route: &Route) -> Result<NextHop<'static>, PredictError> {
    let unsupported = || PredictError::Unsupported {
        what: format!(
            "route `{}` with next hop type `{}`",
            route.name, route.next_hop_type
        ),
    };
    match route.next_hop_type.to_ascii_lowercase().as_str() {
        "vnetlocal" => Ok(NextHop::VirtualNetwork),
        "internet" => Ok(NextHop::Internet),
        "none" => Ok(NextHop::None),
        "virtualnetworkgateway" => Ok(NextHop::Gateway),
        "virtualappliance" => match route.next_hop_ip {
            Some(address) => Ok(NextHop::Appliance(address)),
            None => Err(PredictError::Unsupported {
                what: format!(
                    "route `{}`, whose appliance has no IPv4 address",
                    route.name
                ),
            }),
        },
        _ => Err(unsupported()),
    }
}

/// R35. The reserved ranges are dropped unless the virtual network's own range covers them; peered
/// ranges lead to the peer.
fn system_route<'n>(
    at: Attachment<'n>,
    destination: Ipv4Addr,
    network: &'n Network<'n>,
    readings: &mut Readings,
) -> (Prefix, NextHop<'n>) {
    let reserved = [
        Prefix::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
        Prefix::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
        Prefix::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
        Prefix::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    ];
    let own = &at.vnet.address_prefixes;
    let covered = |prefix: &Prefix| own.iter().any(|own| own.contains(prefix));
    let mut routes = own
        .iter()
        .map(|prefix| (*prefix, NextHop::VirtualNetwork))
        .collect::<Vec<_>>();
    routes.extend(
        reserved
            .into_iter()
            .filter(|prefix| !covered(prefix))
            .map(|prefix| (prefix, NextHop::None)),
    );
    if let Some(link) = link_to(network, at.vnet, destination, readings) {
        let prefixes = link.prefixes.clone();
        routes.extend(
            prefixes
                .into_iter()
                .map(|prefix| (prefix, NextHop::Peering(link.clone()))),
        );
    }
    routes
        .into_iter()
        .filter(|(prefix, _)| prefix.contains(&destination))
        .max_by_key(|(prefix, _)| prefix.prefix_len())
        .unwrap_or((Prefix::default(), NextHop::Internet))
}
