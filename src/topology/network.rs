//! One state of the network: everything bound, and the checks that span several things.

use std::collections::BTreeMap;

use super::azure_name::{self, Taken};
use super::deployed::Deployed;
use super::{
    Placement, RouteTable, Topology, claim, cluster, nat, peering, probe, route, security, subnet,
    workload,
};
use crate::spec::{Diagnostic, Name, Network, Unread};

/// Resolves one state. What cannot be resolved is left out and reported, so the rest is still checked.
pub(super) fn resolve(
    network: &Network,
    deployed: Deployed<'_>,
    found: &mut Vec<Diagnostic>,
) -> Topology {
    let mut topology = Topology::default();
    let mut taken = Taken::default();
    for (name, vnet) in &network.vnets {
        let (given, unread) = (vnet.azure_name.as_ref(), &vnet.unread);
        let azure_name = taken.enter(&azure_name::VNET, name, vnet.key, given, unread, found);
        let vnet = subnet::virtual_network(network, name, vnet, azure_name, found);
        topology.virtual_networks.insert(name.clone(), vnet);
    }
    nat::resolve(network, &mut topology, found);
    let mut taken = Taken::default();
    for (name, nsg) in &network.nsgs {
        let (given, unread) = (nsg.azure_name.as_ref(), &nsg.unread);
        let azure_name = taken.enter(&azure_name::NSG, name, nsg.key, given, unread, found);
        let group = security::group(network, deployed, nsg, azure_name, found);
        topology.network_security_groups.insert(name.clone(), group);
    }
    routing(network, deployed, &mut topology, found);
    let mut taken = Taken::default();
    for (name, cluster) in &network.clusters {
        let (given, unread) = (cluster.azure_name.as_ref(), &cluster.unread);
        let rule = &azure_name::CLUSTER;
        let azure_name = taken.enter(rule, name, cluster.key, given, unread, found);
        if let Some(cluster) = cluster::resolve(network, name, cluster, azure_name, found) {
            topology.clusters.insert(name.clone(), cluster);
        }
    }
    workloads(network, &mut topology, found);
    for (name, probe) in &network.probes {
        // Who probes it all the same is told so.
        if deployed.removed(network, probe).is_some() {
            continue;
        }
        if let Some(probe) = probe::resolve(network, probe, found) {
            topology.probes.insert(name.clone(), probe);
        }
    }
    for (name, invariant) in &network.invariants {
        if let Some(invariant) = claim::resolve(network, invariant, found) {
            topology.invariants.insert(name.clone(), invariant);
        }
    }
    subnet::occupancy(network, &mut topology, found);
    cluster::ranges_and_peers(network, &topology, found);
    topology
}

/// Peerings and route tables.
fn routing(
    network: &Network,
    deployed: Deployed<'_>,
    topology: &mut Topology,
    found: &mut Vec<Diagnostic>,
) {
    let mut taken = Taken::default();
    for (name, peering) in &network.peerings {
        let (given, unread) = (peering.azure_name.as_ref(), &peering.unread);
        let rule = &azure_name::PEERING;
        let azure_name = taken.enter(rule, name, peering.key, given, unread, found);
        if let Some(peering) = peering::resolve(network, peering, azure_name, found) {
            topology.peerings.insert(name.clone(), peering);
        }
    }
    peering::once(&topology.peerings, found);
    let mut taken = Taken::default();
    for (name, table) in &network.routes {
        let rule = &azure_name::ROUTE_TABLE;
        let azure_name = taken.enter(rule, name, table.key, None, &Unread::new(), found);
        topology.route_tables.insert(
            name.clone(),
            RouteTable {
                azure_name,
                location: region(topology, name),
                routes: route::routes(network, deployed, table, found),
                span: table.key,
            },
        );
    }
}

/// A route table is in the region of the virtual networks that use it.
fn region(topology: &Topology, table: &Name) -> Option<String> {
    let uses = |subnet: &super::Subnet| subnet.routes.as_ref() == Some(table);
    topology
        .virtual_networks
        .values()
        .find(|vnet| vnet.subnets.values().any(uses))
        .and_then(|vnet| vnet.location.clone())
}

fn workloads(network: &Network, topology: &mut Topology, found: &mut Vec<Diagnostic>) {
    let mut groups = Taken::default();
    let mut pods: BTreeMap<Name, Taken> = BTreeMap::new();
    for (name, workload) in &network.workloads {
        workload::listeners(workload, found);
        let Some(placement) = workload::placement(network, workload, found) else {
            continue;
        };
        let (taken, rule) = match &placement {
            Placement::Aci(_) => (&mut groups, &azure_name::CONTAINER_GROUP),
            Placement::Pod(cluster) => (pods.entry(cluster.clone()).or_default(), &azure_name::POD),
        };
        let (given, unread) = (workload.azure_name.as_ref(), &workload.unread);
        let azure_name = taken.enter(rule, name, workload.key, given, unread, found);
        if let Placement::Pod(cluster) = &placement {
            workload::copies(workload, topology.clusters.get(cluster), found);
        }
        let workload = workload::resolve(workload, placement, azure_name, found);
        topology.workloads.insert(name.clone(), workload);
    }
}
