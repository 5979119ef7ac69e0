//! Managed clusters (R50, R54 to R56, R59, R63, R64, R67).

use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde_json::Value;

use crate::arm::views::View;
use crate::arm::{AzureError, Resource, ResourceId};
use crate::net::Prefix;

use super::{Existing, invalid, is_known, prefixes, virtual_networks};

/// R50: ranges that a cluster's own ranges must keep out of.
const RESERVED: [&str; 4] = [
    "169.254.0.0/16",
    "172.30.0.0/16",
    "172.31.0.0/16",
    "192.0.2.0/24",
];

/// R63, R51, R59: the ranges of a cluster that does not name any.
const DEFAULT_SERVICE: &str = "10.0.0.0/16";
const DEFAULT_PODS: &str = "10.244.0.0/16";

/// R54: kubenet has a route for every node, and a route table has 400.
const KUBENET_NODES: u64 = 400;

/// R56: pods on a node that does not say how many.
const DEFAULT_MAX_PODS: u64 = 30;

/// R31: addresses of a subnet that Azure keeps for itself.
const RESERVED_ADDRESSES: u64 = 5;

/// How a cluster's pods get their addresses, as far as the checks depend on it.
#[derive(Clone, Copy, PartialEq)]
enum Network {
    Kubenet,
    Overlay,
    /// Pods have addresses of the node subnet.
    Nodes,
    /// Pods have addresses of a subnet of their own, or there is no plug-in.
    Other,
}

impl Network {
    fn of(view: &View<'_>) -> Network {
        let profile = view.object("networkProfile");
        let is = |member: &str, value: &str| {
            profile
                .text(member)
                .is_some_and(|text| text.eq_ignore_ascii_case(value))
        };
        let pods = view.items("agentPoolProfiles");
        if is("networkPlugin", "kubenet") {
            Network::Kubenet
        } else if is("networkPlugin", "none") {
            Network::Other
        } else if is("networkPluginMode", "overlay") {
            Network::Overlay
        } else if pods.iter().any(|pool| pool.text("podSubnetID").is_some()) {
            Network::Other
        } else {
            Network::Nodes
        }
    }

    fn has_pod_range(self) -> bool {
        matches!(self, Network::Kubenet | Network::Overlay)
    }
}

/// A cluster on its own.
pub(super) fn cluster(resource: &Resource, view: &View<'_>) -> Result<(), AzureError> {
    let network = Network::of(view);
    pools(view, network)?;
    identity(resource, view, network)?;
    let profile = view.object("networkProfile");
    let service = range(&profile, "serviceCidr", DEFAULT_SERVICE)?;
    let pods = range(&profile, "podCidr", DEFAULT_PODS)?;
    if let Some(service) = service {
        // R63 says smaller than /12; whether /12 itself is accepted is not settled, so it is.
        if service.prefix_len() < 12 {
            return Err(invalid(
                &profile,
                "serviceCidr",
                format!("{service} is larger than /12"),
            ));
        }
        dns(&profile, service)?;
    }
    if !network.has_pod_range() {
        return Ok(());
    }
    if let (Some(service), Some(pods)) = (service, pods)
        && prefixes::overlap(&IpNet::V4(service), &IpNet::V4(pods))
    {
        return Err(invalid(
            &profile,
            "podCidr",
            format!("{pods} overlaps the service range {service}"),
        ));
    }
    pods.map_or(Ok(()), |pods| room(view, &profile, pods))
}

/// A range of the network profile: as given, or Azure's default; `None` where it is unknown.
///
/// Bits beyond the length are cut off: they were accepted, and in the founding experiment stood so (E6).
fn range(profile: &View<'_>, member: &str, default: &str) -> Result<Option<Prefix>, AzureError> {
    let text = profile.text(member).unwrap_or_else(|| default.to_owned());
    if !is_known(&text) {
        return Ok(None);
    }
    let range = text
        .parse::<Prefix>()
        .map_err(|_| invalid(profile, member, format!("'{text}' is not an IPv4 range")))?
        .trunc();
    match prefixes::overlapping_one_of(&IpNet::V4(range), &RESERVED) {
        Some(reserved) => Err(invalid(
            profile,
            member,
            format!("{range} overlaps the reserved range {reserved}"),
        )),
        None => Ok(Some(range)),
    }
}

/// R63: the DNS service's address lies in the service range and is not its first one.
fn dns(profile: &View<'_>, service: Prefix) -> Result<(), AzureError> {
    let Some(text) = profile.text("dnsServiceIP").filter(|text| is_known(text)) else {
        return Ok(());
    };
    let address = text.parse::<Ipv4Addr>().map_err(|_| {
        invalid(
            profile,
            "dnsServiceIP",
            format!("'{text}' is not an IPv4 address"),
        )
    })?;
    let first = u32::from(service.network())
        .checked_add(1)
        .map(Ipv4Addr::from);
    if !service.contains(&address) {
        return Err(invalid(
            profile,
            "dnsServiceIP",
            format!("{address} is not in the service range {service}"),
        ));
    }
    if address == service.network() || Some(address) == first {
        return Err(invalid(
            profile,
            "dnsServiceIP",
            format!("{address} is the first address of the service range {service}"),
        ));
    }
    Ok(())
}

/// R67: the names of node pools; R54: the number of nodes.
fn pools(view: &View<'_>, network: Network) -> Result<(), AzureError> {
    let mut names = Vec::new();
    for pool in view.items("agentPoolProfiles") {
        let name = pool.text("name").unwrap_or_default();
        let accepted = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= 12
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
        if !accepted {
            return Err(invalid(
                &pool,
                "name",
                format!("'{name}' does not match ^[a-z][a-z0-9]{{0,11}}$"),
            ));
        }
        if names.contains(&name) {
            return Err(invalid(&pool, "name", format!("'{name}' is there twice")));
        }
        names.push(name);
    }
    let nodes = nodes(view);
    if network == Network::Kubenet && nodes > KUBENET_NODES {
        return Err(invalid(
            view,
            "agentPoolProfiles",
            format!("kubenet has at most {KUBENET_NODES} nodes, not {nodes}"),
        ));
    }
    Ok(())
}

/// R55: kubenet in a subnet of one's own needs a user-assigned identity or a service principal.
fn identity(resource: &Resource, view: &View<'_>, network: Network) -> Result<(), AzureError> {
    let own_subnet = view
        .items("agentPoolProfiles")
        .iter()
        .any(|pool| pool.text("vnetSubnetID").is_some());
    let kind = resource
        .member("identity")
        .and_then(Value::as_object)
        .and_then(|identity| crate::arm::resource::get(identity, "type"))
        .and_then(Value::as_str);
    let user_assigned = kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("userassigned"));
    let principal = view
        .object("servicePrincipalProfile")
        .text("clientId")
        .is_some_and(|id| !id.eq_ignore_ascii_case("msi"));
    if network != Network::Kubenet || !own_subnet || user_assigned || principal {
        return Ok(());
    }
    Err(AzureError::new(
        "CustomRouteTableWithUnsupportedMSIType",
        format!(
            "Clusters using managed identity type {} do not support bringing your own route table. Please see https://aka.ms/aks/customrt for more information.",
            kind.unwrap_or("None")
        ),
    ))
}

/// R64, R51, R59: the pod range has a /24 for every node.
fn room(view: &View<'_>, profile: &View<'_>, pods: Prefix) -> Result<(), AzureError> {
    let nodes = nodes(view);
    let ranges = 24_u8
        .checked_sub(pods.prefix_len())
        .map_or(0, |bits| 1_u64 << bits);
    if nodes > ranges {
        return Err(invalid(
            profile,
            "podCidr",
            format!("{pods} has {ranges} ranges of /24 for {nodes} nodes"),
        ));
    }
    Ok(())
}

fn nodes(view: &View<'_>) -> u64 {
    let pools = view.items("agentPoolProfiles");
    pools
        .iter()
        .map(|pool| pool.number("count").unwrap_or(1))
        .fold(0, u64::saturating_add)
}

/// A cluster in the subnets that its pools name.
pub(super) fn placement(view: &View<'_>, existing: Existing<'_>) -> Result<(), AzureError> {
    let network = Network::of(view);
    let profile = view.object("networkProfile");
    let service = range(&profile, "serviceCidr", DEFAULT_SERVICE)?;
    let pods = range(&profile, "podCidr", DEFAULT_PODS)?.filter(|_| network.has_pod_range());
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
        if let Some(service) = subnet.delegations.first() {
            return Err(targeted(
                "SubnetIsDelegated",
                format!(
                    "Subnet {id} is delegated to {service} and cannot be used for a node pool."
                ),
                "agentPoolProfile.vnetSubnetID",
            ));
        }
        size(&pool, &id, &subnet, network)?;
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

/// R64: the subnet has an address for every node, and with node-subnet pods for every pod.
fn size(
    pool: &View<'_>,
    id: &ResourceId,
    subnet: &virtual_networks::Found,
    network: Network,
) -> Result<(), AzureError> {
    let nodes = pool.number("count").unwrap_or(1);
    let each = match network {
        Network::Nodes => pool
            .number("maxPods")
            .unwrap_or(DEFAULT_MAX_PODS)
            .saturating_add(1),
        _ => 1,
    };
    let needed = nodes.saturating_mul(each);
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

fn targeted(code: &str, message: String, target: &str) -> AzureError {
    let mut error = AzureError::new(code, message);
    error.target = Some(target.to_owned());
    error
}
