//! What a kubenet cluster's own controller does: it keeps a route for each node's pods in the route
//! table of the node subnet (R51), and writes them again after somebody replaced the table.

use serde_json::json;

use crate::arm::ResourceId;
use crate::arm::validate::types::ROUTE;
use crate::arm::views::{ClusterNetwork, ManagedCluster};
use crate::emulator::body;
use crate::emulator::fabric::Endpoint;
use crate::emulator::store::Store;

/// Writes the routes that are missing. A subnet without a route table stays without: the cluster's
/// creation has refused it.
pub(super) fn reconcile(store: &mut Store) {
    let kubenet = store
        .resources
        .values()
        .filter_map(|resource| ManagedCluster::all(std::slice::from_ref(resource)).ok())
        .flatten()
        .filter(|cluster| cluster.network == ClusterNetwork::Kubenet)
        .map(|cluster| cluster.id)
        .collect::<Vec<_>>();
    let nodes = store
        .leases
        .endpoints
        .values()
        .filter_map(|endpoint| match endpoint {
            Endpoint::Node {
                cluster,
                name,
                subnet,
                address,
                pod_prefix: Some(prefix),
            } if kubenet.contains(cluster) => {
                Some((name.clone(), subnet.clone(), *address, *prefix))
            }
            _ => None,
        })
        .collect::<Vec<_>>();
    for (node, subnet, address, prefix) in nodes {
        let Some(table) = route_table(store, &subnet) else {
            continue;
        };
        let digits = prefix
            .to_string()
            .replace(|character: char| !character.is_ascii_digit(), "");
        let name = format!("{node}____{digits}");
        let Some(resource) = store.resources.get_mut(&table) else {
            continue;
        };
        let id = resource.id.child("routes", &name);
        let etag = resource.member("etag").cloned();
        let routes = body::list(body::object(&mut resource.body, "properties"), "routes");
        routes.retain(|route| !body::is_named(route, &name));
        routes.push(json!({
            "name": name,
            "id": id,
            "etag": etag,
            "type": ROUTE,
            "properties": {
                "provisioningState": "Succeeded",
                "addressPrefix": prefix.to_string(),
                "nextHopType": "VirtualAppliance",
                "nextHopIpAddress": address.to_string(),
                "hasBgpOverride": false,
            },
        }));
    }
}

/// The route table of a subnet.
pub(in crate::emulator) fn route_table(store: &Store, subnet: &ResourceId) -> Option<ResourceId> {
    let subnet = store.resource(subnet)?;
    body::reference(subnet.properties().as_object()?, "routeTable")
}

/// Takes the routes to the nodes of a cluster out again, before its leases are given back.
pub(in crate::emulator) fn release_routes(store: &mut Store, cluster: &ResourceId) {
    let nodes = store
        .leases
        .endpoints
        .values()
        .filter_map(|endpoint| match endpoint {
            Endpoint::Node {
                cluster: of,
                name,
                subnet,
                ..
            } if of == cluster => Some((name.clone(), subnet.clone())),
            _ => None,
        })
        .collect::<Vec<_>>();
    for (node, subnet) in nodes {
        let Some(table) = route_table(store, &subnet) else {
            continue;
        };
        if let Some(resource) = store.resources.get_mut(&table) {
            let own = format!("{node}____");
            let routes = body::list(body::object(&mut resource.body, "properties"), "routes");
            routes.retain(|route| {
                !route["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with(&own))
            });
        }
    }
}
