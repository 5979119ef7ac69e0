use std::net::Ipv4Addr;

use crate::arm::{Resource, ResourceId};
use crate::net::Prefix;

use super::view::View;
use super::{AGENT_POOL, MANAGED_CLUSTER, ViewError, all, join};

/// A managed Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedCluster {
    /// The id.
    pub id: ResourceId,
    /// How pods get their addresses.
    pub network: ClusterNetwork,
    /// The pod range, for kubenet and overlay.
    pub pod_cidr: Option<Prefix>,
    /// The service range.
    pub service_cidr: Option<Prefix>,
    /// The address of the cluster's DNS service.
    pub dns_service_ip: Option<Ipv4Addr>,
    /// `outboundType`, as spelt, where it is set (R65).
    pub outbound_type: Option<String>,
    /// The node pools.
    pub pools: Vec<AgentPool>,
}

/// How the pods of a cluster get their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterNetwork {
    /// Addresses of the pod range behind each node (R51).
    Kubenet,
    /// Azure CNI overlay (R59).
    Overlay,
    /// Azure CNI, addresses of the node subnet (R56).
    NodeSubnet,
    /// Azure CNI, addresses of a pod subnet (R58).
    PodSubnet,
}

/// A node pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPool {
    /// The name.
    pub name: String,
    /// The number of nodes.
    pub count: u32,
    /// The nodes' subnet.
    pub subnet: Option<ResourceId>,
    /// The pods' subnet.
    pub pod_subnet: Option<ResourceId>,
    /// The most pods on a node, where it is set.
    pub max_pods: Option<u32>,
}

impl ManagedCluster {
    /// Every managed cluster among `resources`, child node pools joined in, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<ManagedCluster>, ViewError> {
        let mut clusters = all(resources, MANAGED_CLUSTER, ManagedCluster::read)?;
        join(
            &mut clusters,
            |cluster| &cluster.id,
            resources,
            AGENT_POOL,
            |cluster, id, view| {
                let pool = AgentPool::read(id.name().to_owned(), view)?;
                cluster
                    .pools
                    .retain(|other| !other.name.eq_ignore_ascii_case(&pool.name));
                cluster.pools.push(pool);
                if cluster.network == ClusterNetwork::NodeSubnet && cluster.has_pod_subnet() {
                    cluster.network = ClusterNetwork::PodSubnet;
                }
                Ok(())
            },
        )?;
        Ok(clusters)
    }

    fn has_pod_subnet(&self) -> bool {
        self.pools.iter().any(|pool| pool.pod_subnet.is_some())
    }

    fn read(id: &ResourceId, view: &View<'_>) -> Result<ManagedCluster, ViewError> {
        let profile = view.object("networkProfile");
        let pools = view
            .items("agentPoolProfiles")
            .iter()
            .map(|item| AgentPool::read(item.required_text("name")?, item))
            .collect::<Result<Vec<_>, ViewError>>()?;
        Ok(ManagedCluster {
            id: id.clone(),
            network: network(&profile, &pools)?,
            pod_cidr: profile.prefixes(&["podCidr"])?.first().copied(),
            service_cidr: profile.prefixes(&["serviceCidr"])?.first().copied(),
            dns_service_ip: profile.address("dnsServiceIP")?,
            outbound_type: profile.text("outboundType"),
            pools,
        })
    }
}

impl AgentPool {
    fn read(name: String, view: &View<'_>) -> Result<AgentPool, ViewError> {
        Ok(AgentPool {
            name,
            count: view.count("count")?.unwrap_or(1),
            subnet: view.own_reference("vnetSubnetID")?,
            pod_subnet: view.own_reference("podSubnetID")?,
            max_pods: view.count("maxPods")?,
        })
    }
}

/// The mode that `networkPlugin`, `networkPluginMode` and the pools make together (R67).
fn network(profile: &View<'_>, pools: &[AgentPool]) -> Result<ClusterNetwork, ViewError> {
    let plugin = profile.text("networkPlugin");
    let plugin = plugin.map_or("azure".to_owned(), |text| text.to_ascii_lowercase());
    let mode = profile
        .text("networkPluginMode")
        .filter(|text| !text.is_empty());
    let overlay = match &mode {
        None => false,
        Some(mode) if mode.eq_ignore_ascii_case("overlay") => true,
        Some(mode) => {
            let message = format!("`{mode}` is not supported");
            return Err(profile.error("networkPluginMode", message));
        }
    };
    match (plugin.as_str(), overlay) {
        ("kubenet", _) => Ok(ClusterNetwork::Kubenet),
        ("azure", true) => Ok(ClusterNetwork::Overlay),
        ("azure", false) if pools.iter().any(|pool| pool.pod_subnet.is_some()) => {
            Ok(ClusterNetwork::PodSubnet)
        }
        ("azure", false) => Ok(ClusterNetwork::NodeSubnet),
        (other, _) => Err(profile.error("networkPlugin", format!("`{other}` is not supported"))),
    }
}
