//! Clusters, their identities and role assignments as the values of their handlebars files (R51 to R69).

use serde_json::{Value, json};

use crate::arm::{ResourceKey, views};
use crate::topology::{Cluster, ClusterNetwork, Dataplane, Egress, NetworkPolicy, Topology};

use super::CompileError;
use super::lookup;
use super::network::ClusterTables;

/// The built-in role `Network Contributor` (R55).
const NETWORK_CONTRIBUTOR: &str = "4d97b98b-1d4f-4787-a291-c67834d212e7";

/// The name of the identity that is made for a cluster; `None` where one is given.
pub(super) fn identity(cluster: &Cluster) -> Option<String> {
    match cluster.identity {
        Some(_) => None,
        None => Some(format!("{}-identity", cluster.azure_name)),
    }
}

/// The role assignments of a cluster's identity: it must be able to change its network, which takes in the
/// pods' subnet, and a kubenet cluster its route table (R55). A given identity has its roles already.
pub(super) fn role_assignments(
    topology: &Topology,
    tables: &ClusterTables<'_>,
    cluster: &Cluster,
) -> Result<Vec<Value>, CompileError> {
    let Some(identity) = identity(cluster) else {
        return Ok(Vec::new());
    };
    let vnet = lookup::virtual_network(topology, &cluster.subnet.vnet)?;
    let network = ResourceKey::new(views::VIRTUAL_NETWORK, &*vnet.azure_name);
    let table = tables.of_cluster(topology, cluster)?;
    Ok(std::iter::once(network)
        .chain(table)
        .map(|scope| {
            json!({
                "identity": identity,
                "role": NETWORK_CONTRIBUTOR,
                "scope": scope.path(),
                "scope_type": scope.resource_type,
                "scope_name": scope.name,
            })
        })
        .collect())
}

pub(super) fn managed_cluster(
    topology: &Topology,
    cluster: &Cluster,
    role_assignments: &[Value],
) -> Result<Value, CompileError> {
    let vnet = lookup::virtual_network(topology, &cluster.subnet.vnet)?;
    let subnet = lookup::subnet(topology, &cluster.subnet)?;
    let pod_subnet = match &cluster.pod_subnet {
        Some(at) if cluster.network == ClusterNetwork::PodSubnet => {
            Some(lookup::subnet_name(topology, at)?)
        }
        _ => None,
    };
    let (plugin, mode) = match cluster.network {
        ClusterNetwork::Kubenet => ("kubenet", None),
        ClusterNetwork::Overlay => ("azure", Some("overlay")),
        ClusterNetwork::NodeSubnet | ClusterNetwork::PodSubnet => ("azure", None),
    };
    Ok(json!({
        "name": cluster.azure_name,
        "location": vnet.location,
        "identity": identity(cluster),
        "identity_id": cluster.identity,
        "role_assignments": role_assignments,
        "virtual_network": vnet.azure_name,
        "subnet": lookup::subnet_name(topology, &cluster.subnet)?,
        "pod_subnet": pod_subnet,
        "version": cluster.version,
        "nodes": cluster.nodes,
        "size": cluster.size,
        "max_pods": cluster.max_pods,
        "network_plugin": plugin,
        "network_plugin_mode": mode,
        "network_policy": match cluster.policy {
            NetworkPolicy::None => None,
            NetworkPolicy::Azure => Some("azure"),
            NetworkPolicy::Calico => Some("calico"),
            NetworkPolicy::Cilium => Some("cilium"),
        },
        "network_dataplane": match cluster.dataplane {
            // Azure's own where nothing is said.
            Dataplane::Azure => None,
            Dataplane::Cilium => Some("cilium"),
        },
        "pods": cluster.pods.map(|prefix| prefix.to_string()),
        "services": cluster.services.to_string(),
        "dns_ip": cluster.dns_ip,
        "outbound_type": match cluster.egress {
            Egress::LoadBalancer => "loadBalancer",
            Egress::Nat if subnet.nat.is_some() => "userAssignedNATGateway",
            Egress::Nat => "managedNATGateway",
            Egress::Routes => "userDefinedRouting",
            Egress::None => "none",
        },
    }))
}
