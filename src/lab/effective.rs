//! The effective routes of a subnet: system routes (R35), user-defined ones over them (R36, R37).
//!
//! The kernel gets these routes as a table; the journal asks here which of them decided.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::views::{RouteTable, VirtualNetwork};
use crate::emulator::fabric::FabricError;
use crate::net::Prefix;
use crate::verdict::{Leg, RouteRef};

use super::error::fabric_error;
use super::plan::Host;
use super::security;

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
    /// To the hosts of the virtual network.
    Network,
    /// Nowhere.
    Nowhere,
    /// Through an address of the virtual network.
    Through(Host, Ipv4Addr),
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

/// The routes of a subnet of `network` with the route table `table`; `overlay` holds the pod ranges
/// of its nodes.
pub(super) fn effective_routes(
    network: &VirtualNetwork,
    table: Option<&RouteTable>,
    hosts: Option<&BTreeMap<Ipv4Addr, Host>>,
    overlay: &[(Prefix, Host, Ipv4Addr)],
) -> Result<Vec<EffectiveRoute>, FabricError> {
    let mut routes = BTreeMap::new();
    // R35. There is no Internet in the lab: what is sent there is dropped, on record.
    routes.insert(
        Prefix::default(),
        system(Prefix::default(), "Internet", Hop::Nowhere),
    );
    for prefix in security::reserved_ranges() {
        let covered = |range: &Prefix| range.contains(&prefix) && *range != prefix;
        if !network.address_prefixes.iter().any(covered) {
            routes.insert(prefix, system(prefix, "None", Hop::Nowhere));
        }
    }
    for prefix in &network.address_prefixes {
        routes.insert(*prefix, system(*prefix, "VnetLocal", Hop::Network));
    }
    for (prefix, host, address) in overlay {
        let hop = Hop::Through(host.clone(), *address);
        routes.insert(*prefix, system(*prefix, "VnetLocal", hop));
    }
    // R36: for the same prefix the user's route wins.
    if let Some(table) = table {
        for route in &table.routes {
            let kind = route.next_hop_type.to_ascii_lowercase();
            let hop = match (kind.as_str(), route.next_hop_ip) {
                ("none" | "internet", _) => Hop::Nowhere,
                ("vnetlocal", _) => Hop::Network,
                ("virtualappliance", Some(address)) => {
                    let host = hosts.and_then(|hosts| hosts.get(&address));
                    // Nobody there to forward: the packets vanish, as R38 has it.
                    host.map_or(Hop::Nowhere, |host| Hop::Through(host.clone(), address))
                }
                _ => {
                    return Err(fabric_error(
                        "read the network",
                        format!(
                            "route `{}` of `{}`: the lab cannot carry the next hop `{}`",
                            route.name, table.id, route.next_hop_type
                        ),
                    ));
                }
            };
            let route = RouteRef {
                table: table.id.name().to_owned(),
                name: route.name.clone(),
                prefix: route.prefix,
                next_hop_type: route.next_hop_type.clone(),
                next_hop_address: route.next_hop_ip,
                leg: Leg::Forward,
            };
            routes.insert(route.prefix, EffectiveRoute { route, hop });
        }
    }
    Ok(routes.into_values().collect())
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
