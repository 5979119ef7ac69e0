//! Routes: system routes (R35), user-defined routes by longest prefix (R36, R37), and the routes that
//! AKS adds for kubenet (R51).

use std::net::Ipv4Addr;

use crate::arm::views::{ClusterNetwork, Route, VirtualNetwork};
use crate::net::Prefix;
use crate::verdict::{Leg, RouteRef};

use super::PredictError;
use super::allocation::Allocation;
use super::endpoint::Endpoint;
use super::network::{Attachment, Network};
use super::readings::Readings;

/// Where a route sends a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextHop {
    VirtualNetwork,
    Internet,
    None,
    Appliance(Ipv4Addr),
}

/// The route that decided.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) route: RouteRef,
    pub(super) next_hop: NextHop,
}

impl Chosen {
    pub(super) fn is_system(&self) -> bool {
        self.route.table == SYSTEM
    }
}

const SYSTEM: &str = "system";
/// The route table that AKS makes for a kubenet cluster where the template attaches none.
const AKS: &str = "aks";

/// The route that packets from `at` to `destination` take.
pub(super) fn choose(
    at: Attachment<'_>,
    destination: Ipv4Addr,
    leg: Leg,
    network: &Network<'_>,
    allocation: &Allocation<'_>,
) -> Result<Chosen, PredictError> {
    let (system_prefix, system_hop) = system_route(at.vnet, destination);
    let user = user_routes(at, network, allocation)?
        .into_iter()
        .filter(|route| route.prefix.contains(&destination))
        .max_by_key(|route| route.prefix.prefix_len())
        // R36: the longest prefix; at the same length a user-defined route wins.
        .filter(|route| route.prefix.prefix_len() >= system_prefix.prefix_len());
    let Some(route) = user else {
        let name = match system_hop {
            NextHop::VirtualNetwork => "VnetLocal",
            NextHop::Internet => "Internet",
            NextHop::None | NextHop::Appliance(_) => "None",
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

fn next_hop(route: &Route) -> Result<NextHop, PredictError> {
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
        "virtualappliance" => route
            .next_hop_ip
            .map(NextHop::Appliance)
            .ok_or_else(unsupported),
        _ => Err(unsupported()),
    }
}

/// R35. The reserved ranges are dropped unless the virtual network's own range covers them.
fn system_route(vnet: &VirtualNetwork, destination: Ipv4Addr) -> (Prefix, NextHop) {
    let reserved = [
        Prefix::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
        Prefix::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
        Prefix::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
        Prefix::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    ];
    let own = vnet
        .address_prefixes
        .iter()
        .map(|prefix| (*prefix, NextHop::VirtualNetwork));
    let covered = |prefix: &Prefix| vnet.address_prefixes.iter().any(|own| own.contains(prefix));
    let dropped = reserved
        .into_iter()
        .filter(|prefix| !covered(prefix))
        .map(|prefix| (prefix, NextHop::None));
    own.chain(dropped)
        .filter(|(prefix, _)| prefix.contains(&destination))
        .max_by_key(|(prefix, _)| prefix.prefix_len())
        .unwrap_or((Prefix::default(), NextHop::Internet))
}

/// Whether `endpoint` can open connections to the Internet; the cause if it cannot.
pub(super) fn egress(endpoint: &Endpoint<'_>, readings: &mut Readings) -> Result<(), &'static str> {
    let nat_gateway = endpoint.at.subnet.nat_gateway.is_some();
    let Some(node) = &endpoint.node else {
        // R73: a container group leaves only through a NAT gateway.
        return if nat_gateway {
            Ok(())
        } else {
            Err("no-nat-gateway")
        };
    };
    if nat_gateway || node.at.subnet.nat_gateway.is_some() {
        return Ok(());
    }
    let outbound = node
        .cluster
        .outbound_type
        .as_deref()
        .unwrap_or("loadBalancer");
    match outbound.to_ascii_lowercase().as_str() {
        // R65: the nodes' load balancer, or a gateway that AKS manages.
        "loadbalancer" | "managednatgateway" | "managednatgatewayv2" => Ok(()),
        "none" if node.at.subnet.default_outbound_access != Some(false) => {
            let open = readings.ask_whether(
                "R42: the nodes have default outbound access",
                "R42: the nodes have no default outbound access",
            );
            if open { Ok(()) } else { Err("no-egress") }
        }
        _ => Err("no-egress"),
    }
}
