//! The way to the Internet: which translation an endpoint leaves through, and whom the far end sees.
//!
//! In Azure's order (R43): NAT gateway of the subnet, public address of the interface, outbound rules
//! of a load balancer, default outbound access (R42). Routes come before all of these.

use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::net::Protocol;

use super::endpoint::{Endpoint, Node};
use super::network::Network;
use super::readings::Readings;

/// Whom the Internet sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicSource {
    /// An address that the resources carry.
    Known(Ipv4Addr),
    /// An address that only a deployment tells, in words.
    Unknown(String),
}

/// How `endpoint` leaves for the Internet; the cause if it cannot.
pub(super) fn leave(
    endpoint: &Endpoint<'_>,
    protocol: Protocol,
    port: Option<u16>,
    network: &Network<'_>,
    readings: &mut Readings,
) -> Result<PublicSource, &'static str> {
    let nodes = endpoint.node.as_ref().map(|node| node.at.subnet);
    let gateway = endpoint.at.subnet.nat_gateway.as_ref();
    if let Some(gateway) = gateway.or(nodes.and_then(|subnet| subnet.nat_gateway.as_ref())) {
        let is_container_group = endpoint.node.is_none() && endpoint.nic.is_none();
        if is_container_group && matches!(port, Some(25 | 19390)) {
            // R73 calls these ports unsupported and does not say what becomes of the packets.
            let passes = readings.ask_whether(
                "R73: a container group's calls to ports 25 and 19390 pass, though unsupported",
                "R73: a container group's calls to ports 25 and 19390 do not pass",
            );
            if !passes {
                return Err("unsupported-outbound-port");
            }
        }
        return through_gateway(gateway, protocol, network);
    }
    match (&endpoint.node, endpoint.nic) {
        (Some(node), _) => from_cluster(node, readings),
        (None, Some((_, configuration))) => {
            if let Some(public) = &configuration.public_ip {
                return Ok(public_address(public, network));
            }
            if !configuration.load_balancer_pools.is_empty() {
                let open = readings.ask_whether(
                    "R43: the load balancer of the interface has an outbound rule",
                    "R43: the load balancer of the interface has no outbound rule",
                );
                if open {
                    return Ok(PublicSource::Unknown(
                        "the load balancer's address".to_owned(),
                    ));
                }
            }
            by_default(endpoint.at.subnet.default_outbound_access, readings)
        }
        // R73: a container group leaves only through a NAT gateway.
        (None, None) => Err("no-nat-gateway"),
    }
}

fn through_gateway(
    id: &ResourceId,
    protocol: Protocol,
    network: &Network<'_>,
) -> Result<PublicSource, &'static str> {
    if !protocol.has_ports() {
        // R43: it carries TCP and UDP only.
        return Err("nat-gateway-protocol");
    }
    let words = || PublicSource::Unknown(format!("an address of NAT gateway `{}`", id.name()));
    let Some(gateway) = network.nat_gateway(id) else {
        return Ok(words());
    };
    Ok(
        match (&gateway.public_ips[..], &gateway.public_ip_prefixes[..]) {
            ([address], []) => public_address(address, network),
            _ => words(),
        },
    )
}

fn public_address(id: &ResourceId, network: &Network<'_>) -> PublicSource {
    match network.public_ip(id).and_then(|public| public.address) {
        Some(address) => PublicSource::Known(address),
        None => PublicSource::Unknown(format!("public address `{}`", id.name())),
    }
}

/// R65: what the cluster's `outboundType` stands for.
fn from_cluster(node: &Node<'_>, readings: &mut Readings) -> Result<PublicSource, &'static str> {
    let outbound = node.cluster.outbound_type.as_deref();
    match outbound
        .unwrap_or("loadBalancer")
        .to_ascii_lowercase()
        .as_str()
    {
        "loadbalancer" => Ok(PublicSource::Unknown(
            "the address of the cluster's load balancer".to_owned(),
        )),
        "managednatgateway" | "managednatgatewayv2" => Ok(PublicSource::Unknown(
            "the address of the cluster's NAT gateway".to_owned(),
        )),
        "none" => by_default(node.at.subnet.default_outbound_access, readings),
        _ => Err("no-egress"),
    }
}

/// R42. Where the subnet says nothing, it depends on when and with which API version the network was
/// made.
fn by_default(set: Option<bool>, readings: &mut Readings) -> Result<PublicSource, &'static str> {
    let open = set.unwrap_or_else(|| {
        readings.ask_whether(
            "R42: a subnet that does not set defaultOutboundAccess has default outbound access",
            "R42: a subnet that does not set defaultOutboundAccess is private",
        )
    });
    if open {
        Ok(PublicSource::Unknown(
            "an address of Azure's default outbound access".to_owned(),
        ))
    } else {
        Err("no-egress")
    }
}
