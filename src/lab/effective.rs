//! The effective routes of a subnet: system routes (R35), those of peerings, user-defined ones over
//! them (R36, R37).
//!
//! The kernel gets these routes as a table; the journal asks here which of them decided.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::views::{Route, RouteTable, VirtualNetwork};
use crate::emulator::fabric::FabricError;
use crate::net::Prefix;
use crate::verdict::{Leg, RouteRef};

use super::error::fabric_error;
use super::peering::Peer;
use super::plan::Host;
use super::space;

/// An effective route of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EffectiveRoute {
    /// The route in Azure's words, as of the forward leg.
    pub(super) route: RouteRef,
    /// Where it leads.
    pub(super) hop: Hop,
}

/// Where an effective route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hop {
    /// To the hosts of the virtual network and of those peered with it.
    Network,
    /// To the Internet.
    Internet,
    /// Nowhere.
    Nowhere,
    /// Through an address that forwards.
    Through(Host, Ipv4Addr),
}

/// The range of the pods behind a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodRange {
    pub(super) prefix: Prefix,
    pub(super) node: Host,
    pub(super) address: Ipv4Addr,
}

/// What the routes of a subnet follow from.
pub(super) struct Surroundings<'a> {
    pub(super) network: &'a VirtualNetwork,
    pub(super) peers: &'a [Peer],
    pub(super) table: Option<&'a RouteTable>,
    /// The pod ranges that the subnet's ports know without a route table.
    pub(super) overlay: &'a [PodRange],
    /// Who answers to an address, here or in a peer.
    pub(super) host: &'a dyn Fn(Ipv4Addr) -> Option<Host>,
}

fn system(prefix: Prefix, next_hop_type: &str, hop: Hop) -> EffectiveRoute {
    EffectiveRoute {
        route: RouteRef {
            table: "system".to_owned(),
            name: next_hop_type.to_owned(),
            prefix,
            next_hop_type: next_hop_type.to_owned(),
            next_hop_address: None,
            leg: Leg::Forward,
        },
        hop,
    }
}

/// The effective routes of a subnet.
#[derive(Debug)]
pub(super) struct Effective {
    pub(super) routes: Vec<EffectiveRoute>,
    /// Hosts that a route names as its next hop though they do not forward: only what is meant for the
    /// host itself arrives (R38).
    pub(super) deliveries: Vec<(Ipv4Addr, Host)>,
}

/// The routes of a subnet.
///
/// # Errors
/// A route whose next hop is none of Azure's.
pub(super) fn effective_routes(of: &Surroundings<'_>) -> Result<Effective, FabricError> {
    let mut routes = BTreeMap::new();
    let mut add = |route: EffectiveRoute| {
        routes.insert(route.route.prefix, route);
    };
    add(system(Prefix::default(), "Internet", Hop::Internet));
    for prefix in space::reserved_ranges() {
        let covered = |range: &Prefix| range.contains(&prefix) && *range != prefix;
        if !of.network.address_prefixes.iter().any(covered) {
            add(system(prefix, "None", Hop::Nowhere));
        }
    }
    for prefix in of.peers.iter().flat_map(|peer| &peer.prefixes) {
        add(system(*prefix, "VnetPeering", Hop::Network));
    }
    for prefix in &of.network.address_prefixes {
        add(system(*prefix, "VnetLocal", Hop::Network));
    }
    for range in of.overlay {
        let hop = Hop::Through(range.node.clone(), range.address);
        add(system(range.prefix, "VnetLocal", hop));
    }
    // R36: for the same prefix the user's route wins.
    let mut named = Vec::new();
    if let Some(table) = of.table {
        for route in &table.routes {
            let hop = user_hop(of, table, route)?;
            if let (Hop::Nowhere, Some(address)) = (&hop, route.next_hop_ip) {
                named.push(address);
            }
            add(EffectiveRoute {
                route: RouteRef {
                    table: table.id.name().to_owned(),
                    name: route.name.clone(),
                    prefix: route.prefix,
                    next_hop_type: route.next_hop_type.clone(),
                    next_hop_address: route.next_hop_ip,
                    leg: Leg::Forward,
                },
                hop,
            });
        }
    }
    let routes = routes.into_values().collect::<Vec<_>>();
    named.sort();
    named.dedup();
    let own_next_hop = |address: &Ipv4Addr| {
        let deciding = deciding_route(&routes, *address);
        deciding.is_some_and(|deciding| {
            let route = &deciding.route;
            route.next_hop_address == Some(*address)
                && route.next_hop_type.eq_ignore_ascii_case("VirtualAppliance")
        })
    };
    let deliveries = named
        .into_iter()
        .filter(own_next_hop)
        .filter_map(|address| Some((address, (of.host)(address)?)))
        .collect();
    Ok(Effective { routes, deliveries })
}

fn user_hop(of: &Surroundings<'_>, table: &RouteTable, route: &Route) -> Result<Hop, FabricError> {
    let refused = |why: &str| {
        let message = format!("route `{}` of `{}`: {why}", route.name, table.id);
        Err(fabric_error("read the network", message))
    };
    match route.next_hop_type.to_ascii_lowercase().as_str() {
        // There is no gateway in a lab: what is sent to it is dropped, on record.
        "none" | "virtualnetworkgateway" => Ok(Hop::Nowhere),
        "internet" => Ok(Hop::Internet),
        // Beyond its own ranges the virtual network has no hosts.
        "vnetlocal" => {
            let own = |range: &Prefix| range.contains(&route.prefix);
            Ok(match of.network.address_prefixes.iter().any(own) {
                true => Hop::Network,
                false => Hop::Nowhere,
            })
        }
        "virtualappliance" => {
            let Some(address) = route.next_hop_ip else {
                return refused("an appliance needs a `nextHopIpAddress`");
            };
            // Nobody there, or nobody who forwards: the packets vanish, as R38 has it.
            let host = (of.host)(address).filter(|host| host.forwards);
            Ok(host.map_or(Hop::Nowhere, |host| Hop::Through(host, address)))
        }
        _ => refused(&format!(
            "the lab cannot carry the next hop `{}`",
            route.next_hop_type
        )),
    }
}

/// The route that decides for a destination: the longest prefix that holds it.
pub(super) fn deciding_route(
    routes: &[EffectiveRoute],
    destination: Ipv4Addr,
) -> Option<&EffectiveRoute> {
    routes
        .iter()
        .filter(|route| route.route.prefix.contains(&destination))
        .max_by_key(|route| route.route.prefix.prefix_len())
}
