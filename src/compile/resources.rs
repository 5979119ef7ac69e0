//! Each thing of a topology as the values of its handlebars file, and the Azure facts that follow from
//! it: a kubenet cluster's route table (R51, R55), a cluster's identity and its role assignments (R55).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::arm::ResourceKey;
use crate::arm::views;
use crate::net::{PortRange, Prefix, Protocol};
use crate::topology::Span;
use crate::topology::{
    Access, Cluster, ClusterNetwork, Delegation, NetworkSecurityGroup, Placement, RuleAddresses,
    RuleSide, SecurityRule, SubnetRef, Topology, VirtualNetwork, Workload,
};
use crate::verdict::Direction;

use super::engine::{Engine, resource_id_call};
use super::{CompileError, containers};

/// The built-in role `Network Contributor` (R55).
const NETWORK_CONTRIBUTOR: &str = "4d97b98b-1d4f-4787-a291-c67834d212e7";

/// Every resource of a topology as JSON text, in the order of the data flow: what is referred to first.
pub(super) fn render(
    engine: &Engine,
    topology: &Topology,
    tags: &BTreeMap<String, String>,
) -> Result<Vec<String>, CompileError> {
    let tags = if tags.is_empty() {
        Value::Null
    } else {
        json!(tags)
    };
    let render = |file: &str, mut values: Value| {
        values["tags"] = tags.clone();
        engine.render(file, &values)
    };
    let mut resources = Vec::new();
    for nsg in topology.network_security_groups.values() {
        resources.push(render(
            "network-security-group",
            network_security_group(nsg),
        )?);
    }
    for cluster in topology
        .clusters
        .values()
        .filter(|cluster| has_route_table(cluster))
    {
        resources.push(render(
            "route-table",
            json!({ "name": route_table(cluster) }),
        )?);
    }
    for vnet in topology.virtual_networks.iter() {
        resources.push(render(
            "virtual-network",
            virtual_network(topology, vnet.0.as_str(), vnet.1),
        )?);
    }
    for cluster in topology.clusters.values() {
        resources.push(render(
            "user-assigned-identity",
            json!({ "name": identity(cluster) }),
        )?);
        for scope in role_scopes(topology, cluster) {
            resources.push(render("role-assignment", role_assignment(cluster, &scope))?);
        }
        resources.push(render(
            "managed-cluster",
            managed_cluster(topology, cluster),
        )?);
    }
    for workload in topology.workloads.values() {
        if let Placement::Aci(subnet) = &workload.placement {
            resources.push(render(
                "container-group",
                container_group(topology, workload, subnet),
            )?);
        }
    }
    Ok(resources)
}

/// The key of the managed cluster that stands for a cluster.
pub(super) fn cluster_key(cluster: &Cluster) -> ResourceKey {
    ResourceKey::new(views::MANAGED_CLUSTER, &*cluster.azure_name)
}

/// The key of the container group that stands for a workload.
pub(super) fn container_group_key(workload: &Workload) -> ResourceKey {
    ResourceKey::new(views::CONTAINER_GROUP, &*workload.azure_name)
}

/// The place in the spec of everything that has a resource or a rule of its own.
pub(super) fn spans(topology: &Topology) -> BTreeMap<ResourceKey, Span> {
    let mut spans = BTreeMap::new();
    for vnet in topology.virtual_networks.values() {
        spans.insert(
            ResourceKey::new(views::VIRTUAL_NETWORK, &*vnet.azure_name),
            vnet.span,
        );
        for (name, subnet) in &vnet.subnets {
            spans.insert(
                ResourceKey::new(views::SUBNET, format!("{}/{name}", vnet.azure_name)),
                subnet.span,
            );
        }
    }
    for nsg in topology.network_security_groups.values() {
        spans.insert(
            ResourceKey::new(views::NETWORK_SECURITY_GROUP, &*nsg.azure_name),
            nsg.span,
        );
        for rule in &nsg.rules {
            spans.insert(
                super::rule_key(&nsg.azure_name, rule.name.as_str()),
                rule.span,
            );
        }
    }
    for cluster in topology.clusters.values() {
        spans.insert(cluster_key(cluster), cluster.span);
    }
    for workload in topology
        .workloads
        .values()
        .filter(|workload| matches!(workload.placement, Placement::Aci(_)))
    {
        spans.insert(container_group_key(workload), workload.span);
    }
    spans
}

fn identity(cluster: &Cluster) -> String {
    format!("{}-identity", cluster.azure_name)
}

fn route_table(cluster: &Cluster) -> String {
    format!("{}-routes", cluster.azure_name)
}

/// kubenet on a subnet of one's own needs a route table of one's own, attached before creation (R55).
fn has_route_table(cluster: &Cluster) -> bool {
    cluster.network == ClusterNetwork::Kubenet
}

fn vnet_name<'a>(topology: &'a Topology, subnet: &SubnetRef) -> &'a str {
    &topology.virtual_networks[&subnet.vnet].azure_name
}

fn subnet_name(topology: &Topology, subnet: &SubnetRef) -> String {
    format!("{}/{}", vnet_name(topology, subnet), subnet.subnet)
}

fn virtual_network(topology: &Topology, name: &str, vnet: &VirtualNetwork) -> Value {
    let route_table_of = |subnet: &str| {
        let here = |cluster: &&Cluster| {
            cluster.subnet.vnet.as_str() == name && cluster.subnet.subnet.as_str() == subnet
        };
        topology
            .clusters
            .values()
            .filter(here)
            .find(|cluster| has_route_table(cluster))
            .map(route_table)
    };
    let mut depends_on = Vec::new();
    let mut subnets = Vec::new();
    for (subnet_name, subnet) in &vnet.subnets {
        let nsg = subnet
            .nsg
            .as_ref()
            .map(|nsg| topology.network_security_groups[nsg].azure_name.clone());
        let route_table = route_table_of(subnet_name.as_str());
        depends_on.extend(
            nsg.iter()
                .map(|nsg| (views::NETWORK_SECURITY_GROUP, nsg.clone())),
        );
        depends_on.extend(
            route_table
                .iter()
                .map(|table| (views::ROUTE_TABLE, table.clone())),
        );
        subnets.push(json!({
            "name": subnet_name,
            "prefix": subnet.prefix.to_string(),
            "nsg": nsg,
            "route_table": route_table,
            "delegation": subnet.delegation.as_ref().map(delegation),
            "default_outbound": subnet.default_outbound,
        }));
    }
    depends_on.sort();
    depends_on.dedup();
    json!({
        "name": vnet.azure_name,
        "address_space": vnet.address_space.iter().map(Prefix::to_string).collect::<Vec<_>>(),
        "subnets": subnets,
        "depends_on": depends_on.iter().map(|(kind, name)| json!({ "type": kind, "name": name })).collect::<Vec<_>>(),
    })
}

fn delegation(delegation: &Delegation) -> &str {
    match delegation {
        Delegation::ContainerGroups => views::CONTAINER_GROUP,
        Delegation::ManagedClusters => views::MANAGED_CLUSTER,
        Delegation::Other(service) => service,
    }
}

fn network_security_group(nsg: &NetworkSecurityGroup) -> Value {
    json!({
        "name": nsg.azure_name,
        "flush_connection": nsg.flush_connections,
        "rules": nsg.rules.iter().map(security_rule).collect::<Vec<_>>(),
    })
}

fn security_rule(rule: &SecurityRule) -> Value {
    let mut values = json!({
        "name": rule.name,
        "priority": rule.priority,
        "direction": match rule.direction { Direction::Inbound => "Inbound", Direction::Outbound => "Outbound" },
        "access": match rule.access { Access::Allow => "Allow", Access::Deny => "Deny" },
        "protocol": match rule.protocol {
            None => "*",
            Some(Protocol::Tcp) => "Tcp",
            Some(Protocol::Udp) => "Udp",
            Some(Protocol::Icmp) => "Icmp",
            Some(Protocol::Esp) => "Esp",
            Some(Protocol::Ah) => "Ah",
        },
    });
    side(&mut values, "source", &rule.source);
    side(&mut values, "destination", &rule.destination);
    values
}

/// One value goes into the singular member, several into the plural one (R6, R10).
fn side(values: &mut Value, name: &str, side: &RuleSide) {
    let (prefix, prefixes) = match &side.addresses {
        RuleAddresses::Any => (Some("*".to_owned()), None),
        RuleAddresses::Tag(tag) => (Some(tag.clone()), None),
        RuleAddresses::Addresses(set) => match set.prefixes.as_slice() {
            [one] => (Some(one.to_string()), None),
            many => (
                None,
                Some(many.iter().map(Prefix::to_string).collect::<Vec<_>>()),
            ),
        },
    };
    let (range, ranges) = match side.ports.as_slice() {
        [] => (Some("*".to_owned()), None),
        [one] => (Some(one.to_string()), None),
        many => (
            None,
            Some(many.iter().map(PortRange::to_string).collect::<Vec<_>>()),
        ),
    };
    values[format!("{name}_prefix")] = json!(prefix);
    values[format!("{name}_prefixes")] = json!(prefixes);
    values[format!("{name}_range")] = json!(range);
    values[format!("{name}_ranges")] = json!(ranges);
}

/// What the cluster's identity must be allowed to change: its network, and its route table (R55).
fn role_scopes(topology: &Topology, cluster: &Cluster) -> Vec<ResourceKey> {
    let network = ResourceKey::new(views::VIRTUAL_NETWORK, vnet_name(topology, &cluster.subnet));
    let table = has_route_table(cluster)
        .then(|| ResourceKey::new(views::ROUTE_TABLE, route_table(cluster)));
    std::iter::once(network).chain(table).collect()
}

fn role_assignment(cluster: &Cluster, scope: &ResourceKey) -> Value {
    json!({
        "identity": identity(cluster),
        "role": NETWORK_CONTRIBUTOR,
        "scope": scope.path(),
        "scope_type": scope.resource_type,
        "scope_name": scope.name,
    })
}

/// The expression that yields the id of a role assignment, as the role assignment's file names it.
fn role_assignment_id(cluster: &Cluster, scope: &ResourceKey) -> String {
    let name = format!(
        "guid(resourceGroup().id, '{}', '{NETWORK_CONTRIBUTOR}', '{}')",
        identity(cluster).replace('\'', "''"),
        scope.path().replace('\'', "''"),
    );
    let scope = resource_id_call(&scope.resource_type, &scope.name);
    Value::String(format!(
        "[extensionResourceId({scope}, '{}', {name})]",
        views::ROLE_ASSIGNMENT
    ))
    .to_string()
}

fn managed_cluster(topology: &Topology, cluster: &Cluster) -> Value {
    let assignments = role_scopes(topology, cluster)
        .iter()
        .map(|scope| role_assignment_id(cluster, scope))
        .collect::<Vec<_>>();
    json!({
        "name": cluster.azure_name,
        "identity": identity(cluster),
        "vnet": vnet_name(topology, &cluster.subnet),
        "subnet": subnet_name(topology, &cluster.subnet),
        "role_assignments": assignments,
        "version": cluster.version,
        "nodes": cluster.nodes,
        "size": cluster.size,
        "max_pods": cluster.max_pods,
        "network_plugin": if cluster.network == ClusterNetwork::Kubenet { "kubenet" } else { "azure" },
        "pods": cluster.pods.map(|prefix| prefix.to_string()),
        "services": cluster.services.to_string(),
        "dns_ip": cluster.dns_ip.to_string(),
    })
}

fn container_group(topology: &Topology, workload: &Workload, subnet: &SubnetRef) -> Value {
    let mut ports = workload
        .serve
        .iter()
        .map(|listen| json!({ "port": listen.port, "protocol": "TCP" }))
        .collect::<Vec<_>>();
    if ports.is_empty() {
        ports.push(json!({ "port": containers::UNSERVED_PORT, "protocol": "TCP" }));
    }
    json!({
        "name": workload.azure_name,
        "vnet": vnet_name(topology, subnet),
        "subnet": subnet_name(topology, subnet),
        "ports": ports,
        "containers": containers::in_group(workload),
    })
}
