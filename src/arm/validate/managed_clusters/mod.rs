//! Managed clusters on their own (R50, R54 to R56, R59, R63 to R65, R67).

mod egress;
mod placement;

pub(super) use placement::placement;

use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde_json::Value;

use crate::arm::views::View;
use crate::arm::{AzureError, Resource};
use crate::net::Prefix;

use super::{invalid, is_known, prefixes};

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

/// Pods and nodes of a pool; a pool of system pods has a node at least.
const MAX_PODS: std::ops::RangeInclusive<u64> = 10..=250;
const MOST_NODES: u64 = 1000;

/// How a cluster's pods get their addresses, as far as the checks depend on it.
#[derive(Clone, Copy, PartialEq)]
enum Network {
    Kubenet,
    Overlay,
    /// Pods have addresses of the node subnet.
    Nodes,
    /// Pods have addresses of a subnet of their own.
    PodSubnet,
    /// There is no plug-in.
    None,
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
        let named = [
            "networkPlugin",
            "networkPluginMode",
            "podCidr",
            "serviceCidr",
        ]
        .iter()
        .any(|member| profile.get(member).is_some());
        if is("networkPlugin", "kubenet") {
            Network::Kubenet
        } else if is("networkPlugin", "none") {
            Network::None
        } else if is("networkPluginMode", "overlay") {
            Network::Overlay
        } else if pods.iter().any(|pool| pool.text("podSubnetID").is_some()) {
            Network::PodSubnet
        } else if !named {
            // R59: the default of a cluster that says nothing of its network.
            Network::Overlay
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
    egress::outbound_type(view)?;
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
        numbers(&pool)?;
    }
    pod_subnets(view, network)?;
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

/// R54, R56: how many nodes, and pods on each.
fn numbers(pool: &View<'_>) -> Result<(), AzureError> {
    if let Some(pods) = pool
        .number("maxPods")
        .filter(|pods| !MAX_PODS.contains(pods))
    {
        return Err(invalid(
            pool,
            "maxPods",
            format!("{pods} is not {} to {}", MAX_PODS.start(), MAX_PODS.end()),
        ));
    }
    let of_system = pool
        .text("mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("System"));
    let fewest = u64::from(of_system);
    match pool.number("count") {
        Some(count) if !(fewest..=MOST_NODES).contains(&count) => Err(invalid(
            pool,
            "count",
            format!("{count} is not {fewest} to {MOST_NODES}"),
        )),
        _ => Ok(()),
    }
}

/// R58: subnets for pods belong to Azure CNI without overlay, and then to every pool.
fn pod_subnets(view: &View<'_>, network: Network) -> Result<(), AzureError> {
    let pools = view.items("agentPoolProfiles");
    let with = pools
        .iter()
        .filter(|pool| pool.text("podSubnetID").is_some());
    let Some(pool) = with.clone().next() else {
        return Ok(());
    };
    let problem = if network != Network::PodSubnet {
        "only Azure CNI without overlay takes pod addresses of a subnet"
    } else if with.count() < pools.len() {
        "either every pool has a subnet for its pods, or none"
    } else {
        return Ok(());
    };
    Err(invalid(pool, "podSubnetID", problem))
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

fn targeted(code: &str, message: String, target: &str) -> AzureError {
    let mut error = AzureError::new(code, message);
    error.target = Some(target.to_owned());
    error
}
