//! Managed clusters in the subnets that their pools name (R50, R56, R58, R64).

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::arm::views::{MANAGED_CLUSTER, View};
use crate::arm::{AzureError, ResourceId};

use super::super::{Existing, invalid, is_known, prefixes, virtual_networks};
use super::{DEFAULT_PODS, DEFAULT_SERVICE, Network, egress, range, targeted};

/// R56: pods on a node that does not say how many.
const DEFAULT_MAX_PODS: u64 = 30;

/// R31: addresses of a subnet that Azure keeps for itself.
const RESERVED_ADDRESSES: u64 = 5;

/// A cluster in the subnets that its pools name.
pub(in crate::arm::validate) fn placement(
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let network = Network::of(view);
    let profile = view.object("networkProfile");
    let service = range(&profile, "serviceCidr", DEFAULT_SERVICE)?;
    let pods = range(&profile, "podCidr", DEFAULT_PODS)?.filter(|_| network.has_pod_range());
    let mut needed = BTreeMap::new();
    for pool in view.items("agentPoolProfiles") {
        let Some(text) = pool.text("vnetSubnetID").filter(|text| is_known(text)) else {
            continue;
        };
        let id = ResourceId::parse(&text).map_err(|_| {
            invalid(
                &pool,
                "vnetSubnetID",
                format!("'{text}' is not the id of a subnet"),
            )
        })?;
        let subnet = virtual_networks::find(&id, existing)?;
        // R50.
        if !subnet.delegations.is_empty() {
            return Err(targeted(
                "SubnetIsDelegated",
                format!(
                    "AgentPoolProfile.VnetSubnetID {id} cannot be used as it's a delegated subnet. Please check https://aka.ms/adv-network-prerequest for more details."
                ),
                "agentPoolProfile.vnetSubnetID",
            ));
        }
        let needed = needed.entry(id.clone()).or_insert(0_u64);
        *needed = needed.saturating_add(addresses(&pool, network));
        size(*needed, &id, &subnet)?;
        egress::subnet(view, &id, &subnet, existing)?;
        pod_subnet(&pool, &id, existing)?;
        for (name, prefix) in neighbours(&id, &subnet)? {
            if service.is_some_and(|service| prefixes::overlap(&IpNet::V4(service), &prefix)) {
                let service = service
                    .map(|service| service.to_string())
                    .unwrap_or_default();
                return Err(targeted(
                    "ServiceCidrOverlapExistingSubnetsCidr",
                    format!(
                        "The specified service CIDR {service} is conflicted with an existing subnet CIDR {prefix} ({name})."
                    ),
                    "networkProfile.serviceCIDR",
                ));
            }
            // R64: of the subnets, the pod range must keep out of the cluster's own.
            if name.eq_ignore_ascii_case(id.name())
                && pods.is_some_and(|pods| prefixes::overlap(&IpNet::V4(pods), &prefix))
            {
                return Err(invalid(
                    &profile,
                    "podCidr",
                    format!("it overlaps the subnet {name} ({prefix})"),
                ));
            }
        }
    }
    Ok(())
}

/// Every subnet of the network, the cluster's own among them (R27: the service range must keep out of
/// all of them).
fn neighbours(
    id: &ResourceId,
    subnet: &virtual_networks::Found,
) -> Result<Vec<(String, IpNet)>, AzureError> {
    let mut all = match &subnet.network {
        Some(network) => virtual_networks::subnets(network)?,
        None => Vec::new(),
    };
    if !all
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(id.name()))
    {
        all.push((id.name().to_owned(), subnet.prefixes.clone()));
    }
    let flat = all.into_iter().flat_map(|(name, prefixes)| {
        prefixes
            .into_iter()
            .map(move |prefix| (name.clone(), prefix))
    });
    Ok(flat.collect())
}

/// The addresses that a pool takes of its node subnet.
fn addresses(pool: &View<'_>, network: Network) -> u64 {
    let each = match network {
        Network::Nodes => pool
            .number("maxPods")
            .unwrap_or(DEFAULT_MAX_PODS)
            .saturating_add(1),
        _ => 1,
    };
    pool.number("count").unwrap_or(1).saturating_mul(each)
}

/// R64: the subnet has an address for every node, and with node-subnet pods for every pod.
fn size(needed: u64, id: &ResourceId, subnet: &virtual_networks::Found) -> Result<(), AzureError> {
    for prefix in &subnet.prefixes {
        let IpNet::V4(prefix) = prefix else { continue };
        let available = (1_u64 << (32 - prefix.prefix_len())).saturating_sub(RESERVED_ADDRESSES);
        if needed > available {
            return Err(targeted(
                "InsufficientSubnetSize",
                format!(
                    "Pre-allocated IPs {needed} exceeds IPs available {available} in Subnet Cidr {prefix}, Subnet Name {}.",
                    id.name()
                ),
                "agentPoolProfile.vnetSubnetID",
            ));
        }
    }
    Ok(())
}

/// R58: the subnet of a pool's pods is another one of the same network, and delegated to nobody else.
/// Without a delegation the service adds its own.
fn pod_subnet(
    pool: &View<'_>,
    nodes: &ResourceId,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let Some(text) = pool.text("podSubnetID").filter(|text| is_known(text)) else {
        return Ok(());
    };
    let wrong = |problem: String| Err(invalid(pool, "podSubnetID", problem));
    let Ok(id) = ResourceId::parse(&text) else {
        return wrong(format!("'{text}' is not the id of a subnet"));
    };
    let subnet = virtual_networks::find(&id, existing)?;
    if id == *nodes {
        return wrong("the nodes have addresses of the same subnet".to_owned());
    }
    if id.parent() != nodes.parent() {
        return wrong(format!("{id} is not of the virtual network of the nodes"));
    }
    let mut services = subnet.delegations.iter();
    match services.find(|service| !service.eq_ignore_ascii_case(MANAGED_CLUSTER)) {
        None => Ok(()),
        Some(service) => Err(targeted(
            "SubnetIsDelegated",
            format!(
                "AgentPoolProfile.PodSubnetID {id} cannot be used as it is delegated to {service}."
            ),
            "agentPoolProfile.podSubnetID",
        )),
    }
}
