//! Virtual networks, peerings, route tables and NAT gateways as the values of their handlebars files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::arm::{ResourceKey, views};
use crate::net::Prefix;
use crate::topology::{
    Cluster, ClusterNetwork, Name, NatGateway, NextHop, Peering, Route, RoutePrefix, RouteTable,
    Topology, VirtualNetwork,
};

use super::CompileError;
use super::lookup::{self, NAT_GATEWAY, PEERING};
use super::parameters::ParameterSource;

/// The route table of a kubenet cluster whose subnet has none from the author: on a subnet of one's own it
/// must be there, attached, before the cluster is (R55).
#[derive(Debug)]
pub(super) struct ClusterTables<'t>(BTreeMap<(&'t Name, &'t Name), (String, Option<String>)>);

impl<'t> ClusterTables<'t> {
    pub(super) fn of(topology: &'t Topology) -> Result<ClusterTables<'t>, CompileError> {
        let mut tables = BTreeMap::new();
        for cluster in topology.clusters.values() {
            let at = &cluster.subnet;
            let subnet = lookup::subnet(topology, at)?;
            if cluster.network == ClusterNetwork::Kubenet && subnet.routes.is_none() {
                let location = &lookup::virtual_network(topology, &at.vnet)?.location;
                let name = format!("{}-routes", cluster.azure_name);
                tables.insert((&at.vnet, &at.subnet), (name, location.clone()));
            }
        }
        Ok(ClusterTables(tables))
    }

    /// The values of each table.
    pub(super) fn values(&self) -> impl Iterator<Item = (ResourceKey, Value)> {
        self.0.values().map(|(name, location)| {
            let key = ResourceKey::new(views::ROUTE_TABLE, &**name);
            let values = json!({ "name": name, "location": location, "routes": [] });
            (key, values)
        })
    }

    fn at<'n>(&'n self, vnet: &'n Name, subnet: &'n Name) -> Option<&'n str> {
        self.0.get(&(vnet, subnet)).map(|(name, _)| &**name)
    }

    /// The table that a kubenet cluster writes its routes into: the author's, or its own.
    pub(super) fn of_cluster(
        &self,
        topology: &Topology,
        cluster: &Cluster,
    ) -> Result<Option<ResourceKey>, CompileError> {
        if cluster.network != ClusterNetwork::Kubenet {
            return Ok(None);
        }
        let at = &cluster.subnet;
        let name = match &lookup::subnet(topology, at)?.routes {
            Some(table) => lookup::route_table(topology, table)?,
            None => self.at(&at.vnet, &at.subnet).unwrap_or_default(),
        };
        Ok(Some(ResourceKey::new(views::ROUTE_TABLE, name)))
    }
}

pub(super) fn virtual_network(
    topology: &Topology,
    tables: &ClusterTables<'_>,
    name: &Name,
    vnet: &VirtualNetwork,
) -> Result<Value, CompileError> {
    let mut depends_on = BTreeSet::new();
    let mut subnets = Vec::new();
    for (subnet_name, subnet) in &vnet.subnets {
        let nsg = match &subnet.nsg {
            Some(nsg) => Some(lookup::network_security_group(topology, nsg)?),
            None => None,
        };
        let route_table = match &subnet.routes {
            Some(table) => Some(lookup::route_table(topology, table)?),
            None => tables.at(name, subnet_name),
        };
        let nat_gateway = match &subnet.nat {
            Some(nat) => Some(&*lookup::nat_gateway(topology, nat)?.azure_name),
            None => None,
        };
        for (kind, name) in [
            (views::NETWORK_SECURITY_GROUP, nsg),
            (views::ROUTE_TABLE, route_table),
            (NAT_GATEWAY, nat_gateway),
        ] {
            depends_on.extend(name.map(|name| (kind, name)));
        }
        subnets.push(json!({
            "name": subnet.azure_name,
            "prefix": subnet.prefix.to_string(),
            "nsg": nsg,
            "route_table": route_table,
            "nat_gateway": nat_gateway,
            "service_endpoints": subnet.endpoints,
            "delegation": subnet.delegation.as_ref().map(|delegation| delegation.service()),
            "default_outbound": subnet.default_outbound,
        }));
    }
    let space = vnet.address_space.iter().map(Prefix::to_string);
    let depends_on = depends_on.into_iter();
    let depends_on = depends_on.map(|(kind, name)| json!({ "type": kind, "name": name }));
    let mut values = json!({
        "name": vnet.azure_name,
        "location": vnet.location,
        "dns_servers": vnet.dns_servers,
    });
    // What is put in afterwards is moved; inside `json!` it would be copied.
    values["address_space"] = space.collect();
    values["subnets"] = Value::Array(subnets);
    values["depends_on"] = depends_on.collect();
    Ok(values)
}

/// Both sides of a peering.
pub(super) fn peering(
    topology: &Topology,
    peering: &Peering,
) -> Result<[(ResourceKey, Value); 2], CompileError> {
    let [one, other] = &peering.between;
    let one = &*lookup::virtual_network(topology, one)?.azure_name;
    let other = &*lookup::virtual_network(topology, other)?.azure_name;
    Ok([(one, other), (other, one)].map(|(own, remote)| {
        let name = format!("{own}/{}", peering.azure_name);
        let values = json!({
            "name": name,
            "virtual_network": own,
            "remote": remote,
            "access": peering.access,
            "forwarded_traffic": peering.forwarded_traffic,
        });
        (ResourceKey::new(PEERING, name), values)
    }))
}

pub(super) fn route_table(table: &RouteTable) -> Value {
    json!({
        "name": table.azure_name,
        "location": table.location,
        "routes": table.routes.iter().map(route).collect::<Vec<_>>(),
    })
}

fn route(route: &Route) -> Value {
    let (kind, address, parameter) = match &route.hop {
        NextHop::Appliance(address) => ("VirtualAppliance", Some(address.to_string()), None),
        NextHop::Workload(name) => {
            let source = ParameterSource::WorkloadAddresses(name.clone());
            ("VirtualAppliance", None, Some(source.parameter()))
        }
        NextHop::VirtualNetwork => ("VnetLocal", None, None),
        NextHop::Internet => ("Internet", None, None),
        NextHop::Gateway => ("VirtualNetworkGateway", None, None),
        NextHop::None => ("None", None, None),
    };
    json!({
        "name": route.azure_name,
        "prefix": match &route.prefix {
            RoutePrefix::Prefix(prefix) => prefix.to_string(),
            RoutePrefix::Tag(tag) => tag.clone(),
        },
        "next_hop_type": kind,
        "next_hop_address": address,
        "next_hop_parameter": parameter,
    })
}

/// The name of a NAT gateway's public address.
pub(super) fn public_address(nat: &NatGateway) -> String {
    format!("{}-ip", nat.azure_name)
}
