//! The place in the spec of everything that has a resource, a rule or a route of its own.

use std::collections::BTreeMap;

use crate::arm::{ResourceKey, views};
use crate::topology::{Placement, Span, Topology};

use super::lookup::{
    self, NAT_GATEWAY, PEERING, PUBLIC_ADDRESS, ROUTE, cluster_key, container_group_key,
};
use super::network::{self, ClusterTables};
use super::{CompileError, cluster};

pub(super) fn of(topology: &Topology) -> Result<BTreeMap<ResourceKey, Span>, CompileError> {
    let mut spans = BTreeMap::new();
    let mut put = |kind: &str, name: String, span: Span| {
        spans.insert(ResourceKey::new(kind, name), span);
    };
    for vnet in topology.virtual_networks.values() {
        let name = &vnet.azure_name;
        put(views::VIRTUAL_NETWORK, name.clone(), vnet.span);
        for subnet in vnet.subnets.values() {
            put(
                views::SUBNET,
                format!("{name}/{}", subnet.azure_name),
                subnet.span,
            );
        }
    }
    for peering in topology.peerings.values() {
        for end in &peering.between {
            let vnet = &lookup::virtual_network(topology, end)?.azure_name;
            put(
                PEERING,
                format!("{vnet}/{}", peering.azure_name),
                peering.span,
            );
        }
    }
    for nsg in topology.network_security_groups.values() {
        let name = &nsg.azure_name;
        put(views::NETWORK_SECURITY_GROUP, name.clone(), nsg.span);
        for rule in &nsg.rules {
            put(
                views::SECURITY_RULE,
                format!("{name}/{}", rule.azure_name),
                rule.span,
            );
        }
    }
    for table in topology.route_tables.values() {
        let name = &table.azure_name;
        put(views::ROUTE_TABLE, name.clone(), table.span);
        for route in &table.routes {
            put(ROUTE, format!("{name}/{}", route.azure_name), route.span);
        }
    }
    for nat in topology.nat_gateways.values() {
        put(NAT_GATEWAY, nat.azure_name.clone(), nat.span);
        put(PUBLIC_ADDRESS, network::public_address(nat), nat.span);
    }
    let tables = ClusterTables::of(topology)?;
    for cluster in topology.clusters.values() {
        let key = cluster_key(cluster);
        put(&key.resource_type, key.name, cluster.span);
        if let Some(identity) = cluster::identity(cluster) {
            put(views::USER_ASSIGNED_IDENTITY, identity, cluster.span);
        }
        // The author's table has a place of its own.
        let own = lookup::subnet(topology, &cluster.subnet)?.routes.is_none();
        if let Some(table) = tables.of_cluster(topology, cluster)?.filter(|_| own) {
            put(views::ROUTE_TABLE, table.name, cluster.span);
        }
    }
    for workload in topology.workloads.values() {
        if let Placement::Aci(_) = workload.placement {
            let key = container_group_key(workload);
            put(&key.resource_type, key.name, workload.span);
        }
    }
    Ok(spans)
}
