//! The resources of a topology, in the order of the data flow: what is referred to first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::arm::{ResourceKey, TemplateResource, views};
use crate::topology::{Cluster, Placement, Topology};

use super::engine::Engine;
use super::lookup::{self, NAT_GATEWAY, PUBLIC_ADDRESS};
use super::network::{self, ClusterTables};
use super::{CompileError, cluster, security, workload};

/// The resources that have been rendered so far.
struct Rendered<'a> {
    engine: &'a Engine,
    tags: Value,
    resources: Vec<TemplateResource>,
}

impl Rendered<'_> {
    /// Renders a resource that takes tags.
    fn tagged(
        &mut self,
        file: &str,
        key: ResourceKey,
        mut values: Value,
    ) -> Result<(), CompileError> {
        values["tags"] = self.tags.clone();
        self.put(file, Some(key), values)
    }

    fn put(
        &mut self,
        file: &str,
        key: Option<ResourceKey>,
        values: Value,
    ) -> Result<(), CompileError> {
        let resource = self.engine.resource(file, key.as_ref(), values)?;
        self.resources.push(resource);
        Ok(())
    }
}

/// Renders every resource of a topology.
pub(super) fn render(
    engine: &Engine,
    topology: &Topology,
    tags: &BTreeMap<String, String>,
) -> Result<Vec<TemplateResource>, CompileError> {
    let mut rendered = Rendered {
        engine,
        tags: if tags.is_empty() {
            Value::Null
        } else {
            json!(tags)
        },
        resources: Vec::new(),
    };
    let tables = ClusterTables::of(topology)?;
    network(&mut rendered, topology, &tables)?;
    for cluster in topology.clusters.values() {
        self::cluster(&mut rendered, topology, &tables, cluster)?;
    }
    for workload in topology.workloads.values() {
        if let Placement::Aci(at) = &workload.placement {
            let key = lookup::container_group_key(workload);
            let values = workload::container_group(topology, workload, at)?;
            rendered.tagged("container-group", key, values)?;
        }
    }
    Ok(rendered.resources)
}

fn network(
    rendered: &mut Rendered<'_>,
    topology: &Topology,
    tables: &ClusterTables<'_>,
) -> Result<(), CompileError> {
    let regions = security::regions(topology);
    for (name, nsg) in &topology.network_security_groups {
        let key = ResourceKey::new(views::NETWORK_SECURITY_GROUP, &*nsg.azure_name);
        let location = regions.get(name).copied();
        let values = security::network_security_group(topology, nsg, location)?;
        rendered.tagged("network-security-group", key, values)?;
    }
    for table in topology.route_tables.values() {
        let key = ResourceKey::new(views::ROUTE_TABLE, &*table.azure_name);
        rendered.tagged("route-table", key, network::route_table(table))?;
    }
    for (key, values) in tables.values() {
        rendered.tagged("route-table", key, values)?;
    }
    for nat in topology.nat_gateways.values() {
        let address = network::public_address(nat);
        let values = json!({ "name": address, "location": nat.location });
        let key = ResourceKey::new(PUBLIC_ADDRESS, &*address);
        rendered.tagged("public-address", key, values)?;
        let values = json!({
            "name": nat.azure_name,
            "location": nat.location,
            "public_address": address,
        });
        let key = ResourceKey::new(NAT_GATEWAY, &*nat.azure_name);
        rendered.tagged("nat-gateway", key, values)?;
    }
    for (name, vnet) in &topology.virtual_networks {
        let key = ResourceKey::new(views::VIRTUAL_NETWORK, &*vnet.azure_name);
        let values = network::virtual_network(topology, tables, name, vnet)?;
        rendered.tagged("virtual-network", key, values)?;
    }
    for peering in topology.peerings.values() {
        for (key, values) in network::peering(topology, peering)? {
            rendered.put("virtual-network-peering", Some(key), values)?;
        }
    }
    Ok(())
}

fn cluster(
    rendered: &mut Rendered<'_>,
    topology: &Topology,
    tables: &ClusterTables<'_>,
    cluster: &Cluster,
) -> Result<(), CompileError> {
    let vnet = lookup::virtual_network(topology, &cluster.subnet.vnet)?;
    if let Some(identity) = cluster::identity(cluster) {
        let values = json!({ "name": identity, "location": vnet.location });
        let key = ResourceKey::new(views::USER_ASSIGNED_IDENTITY, identity);
        rendered.tagged("user-assigned-identity", key, values)?;
    }
    let assignments = cluster::role_assignments(topology, tables, cluster)?;
    for assignment in &assignments {
        rendered.put("role-assignment", None, assignment.clone())?;
    }
    let values = cluster::managed_cluster(topology, cluster, &assignments)?;
    rendered.tagged("managed-cluster", lookup::cluster_key(cluster), values)
}
