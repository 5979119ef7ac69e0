//! Network policy, dataplane and egress of a cluster: what AKS takes together (R54, R65, R69).

use super::SubnetRef;
use crate::net::Prefix;
use crate::spec::{
    self, ClusterNetwork, Dataplane, Diagnostic, Egress, Hop, Nat, Network, NetworkPolicy,
    RoutePrefix, Span, codes,
};

/// Reports options that AKS does not take together.
pub(super) fn check(
    network: &Network,
    cluster: &spec::Cluster,
    mode: ClusterNetwork,
    subnet: &SubnetRef,
    found: &mut Vec<Diagnostic>,
) {
    let mut refuse = |span: Span, message: &str, help: &str| {
        found.push(Diagnostic::error(codes::CLUSTER_OPTIONS, span, message).help(help));
    };
    let cilium = cluster
        .dataplane
        .as_ref()
        .filter(|dataplane| dataplane.value == Dataplane::Cilium);
    let kubenet = mode == ClusterNetwork::Kubenet;
    if let Some(dataplane) = cilium
        && kubenet
    {
        refuse(
            dataplane.span,
            "a kubenet cluster has no Cilium dataplane",
            "`overlay`, `node-subnet` and `pod-subnet` have it",
        );
    }
    if let Some(policy) = &cluster.policy {
        match policy.value {
            NetworkPolicy::Azure | NetworkPolicy::Cilium if kubenet => refuse(
                policy.span,
                "a kubenet cluster takes no network policy but Calico's",
                "write `policy: calico`",
            ),
            NetworkPolicy::Cilium if cilium.is_none() && !cluster.unread.contains("dataplane") => {
                refuse(
                    policy.span,
                    "Cilium's network policy needs its dataplane",
                    "add `dataplane: cilium`",
                );
            }
            NetworkPolicy::Azure | NetworkPolicy::Calico if cilium.is_some() => refuse(
                policy.span,
                "the Cilium dataplane takes no network policy but its own",
                "write `policy: cilium`",
            ),
            _ => {}
        }
    }
    if let Some(egress) = &cluster.egress
        && egress.value == Egress::Nat
        && !has_gateway(network, subnet)
    {
        refuse(
            egress.span,
            "`egress: nat`, and the nodes' subnet has no NAT gateway",
            "give the subnet `nat: true`; AKS makes a gateway of its own only in virtual networks that it makes itself",
        );
    }
    if let Some(egress) = &cluster.egress
        && egress.value == Egress::Routes
        && !routes_everything(network, subnet)
    {
        refuse(
            egress.span,
            "`egress: routes`, and the nodes' subnet has no route for everything",
            "give the subnet `routes` with a table that says where `any` goes: `any -> appliance 10.0.1.4`",
        );
    }
}

/// Whether a subnet has a NAT gateway, or may have one that could not be read.
fn has_gateway(network: &Network, at: &SubnetRef) -> bool {
    let vnet = network.vnets.get(&at.vnet);
    let subnet = vnet.and_then(|vnet| vnet.subnets.get(&at.subnet));
    subnet.is_none_or(|subnet| {
        subnet.unread.contains("nat")
            || subnet
                .nat
                .as_ref()
                .is_some_and(|nat| nat.value != Nat::None)
    })
}

/// Whether the route table of a subnet has a user route for all of IPv4 to an appliance (R65).
fn routes_everything(network: &Network, at: &SubnetRef) -> bool {
    let subnet = network
        .vnets
        .get(&at.vnet)
        .and_then(|vnet| vnet.subnets.get(&at.subnet));
    let table = subnet
        .and_then(|subnet| subnet.routes.as_ref())
        .and_then(|reference| network.routes.get(&reference.value.name));
    let Some(table) = table else {
        return false;
    };
    table.routes.iter().any(|route| {
        let all = |prefix: &spec::Spanned<RoutePrefix>| {
            prefix.value == RoutePrefix::Prefix(Prefix::default())
        };
        let none = |hop: &spec::Spanned<Hop>| hop.value == Hop::None;
        route.prefix.as_ref().is_some_and(all) && !route.hop.as_ref().is_some_and(none)
    })
}
