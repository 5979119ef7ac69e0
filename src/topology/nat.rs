//! NAT gateways: one for a subnet, or one that subnets of a virtual network share (R43).

use std::collections::BTreeMap;

use super::{NatGateway, Topology, VirtualNetwork};
use crate::spec::{Diagnostic, Name, Nat, Network, Span, codes};

/// Enters the NAT gateways of every subnet into the topology, and each into its subnets.
pub(super) fn resolve(network: &Network, topology: &mut Topology, found: &mut Vec<Diagnostic>) {
    let mut homes: BTreeMap<Name, (Name, Span)> = BTreeMap::new();
    for (vnet_name, vnet) in &network.vnets {
        for (subnet_name, subnet) in &vnet.subnets {
            let Some(nat) = &subnet.nat else {
                continue;
            };
            let name = match &nat.value {
                Nat::None => continue,
                Nat::Own => match own(vnet_name, subnet_name) {
                    Some(name) => name,
                    None => {
                        found.push(
                            Diagnostic::error(
                                codes::AZURE_NAME,
                                nat.span,
                                "the name of the NAT gateway would be too long",
                            )
                            .help("give it a name: `nat: NAME`"),
                        );
                        continue;
                    }
                },
                Nat::Shared(name) => name.clone(),
            };
            let home = homes
                .entry(name.clone())
                .or_insert_with(|| (vnet_name.clone(), nat.span));
            if home.0 != *vnet_name {
                found.push(
                    Diagnostic::error(
                        codes::NAT_ACROSS_NETWORKS,
                        nat.span,
                        format!("NAT gateway `{name}` serves virtual network `{}` already", home.0),
                    )
                    .related(home.1, "here")
                    .help("a NAT gateway serves subnets of one virtual network; give this one another name"),
                );
                continue;
            }
            enter(topology, vnet_name, subnet_name, name, nat.span);
        }
    }
}

/// The gateway of one subnet: `VNET-SUBNET`.
fn own(vnet: &Name, subnet: &Name) -> Option<Name> {
    format!("{vnet}-{subnet}").parse().ok()
}

fn enter(topology: &mut Topology, vnet_name: &Name, subnet: &Name, name: Name, span: Span) {
    let Some(vnet) = topology.virtual_networks.get_mut(vnet_name) else {
        return;
    };
    let VirtualNetwork {
        subnets, location, ..
    } = vnet;
    if let Some(subnet) = subnets.get_mut(subnet) {
        subnet.nat = Some(name.clone());
    }
    topology
        .nat_gateways
        .entry(name.clone())
        .or_insert_with(|| NatGateway {
            azure_name: format!("{name}-nat"),
            location: location.clone(),
            span,
        });
}
