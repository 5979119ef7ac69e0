//! Views of what templates and Azure's answers hold.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::arm::ResourceKey;

const ROOT: &str = "/subscriptions/s/resourceGroups/g/providers";

fn resource(kind: &str, name: &str, properties: Value) -> Resource {
    let body = json!({ "Properties": properties });
    Resource {
        id: ResourceId::in_group("s", "g", &ResourceKey::new(kind, name)),
        resource_type: kind.to_uppercase(),
        name: name.to_owned(),
        api_version: "2025-07-01".to_owned(),
        depends_on: Vec::new(),
        body: body.as_object().unwrap().clone(),
    }
}

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("s", "g", &ResourceKey::new(kind, name))
}

#[test]
fn peerings_are_read_inline_and_as_children_and_the_child_wins() {
    let remote = json!({ "id": format!("{ROOT}/MICROSOFT.NETWORK/virtualnetworks/HUB") });
    let inline = json!({ "remoteVirtualNetwork": remote, "allowVirtualNetworkAccess": false });
    let child = json!({
        "RemoteVirtualNetwork": remote, "peeringState": "CONNECTED", "allowForwardedTraffic": "True",
        "remoteAddressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
    });
    let networks = VirtualNetwork::all(&[
        resource(
            VIRTUAL_NETWORK,
            "spoke",
            json!({ "virtualNetworkPeerings": [
                { "name": "to-hub", "properties": inline },
                { "name": "other", "properties": { "remoteVirtualNetwork": remote } },
            ]}),
        ),
        resource(PEERING, "SPOKE/To-Hub", child),
    ]);
    let peerings = networks.unwrap().remove(0).peerings;
    assert_eq!(peerings.len(), 2);
    assert_eq!(peerings[0].state, None);
    assert!(
        peerings[0].allow_virtual_network_access,
        "Azure fills in true"
    );
    assert!(!peerings[0].allow_forwarded_traffic);
    let child = &peerings[1];
    assert_eq!(child.remote, id(VIRTUAL_NETWORK, "hub"));
    assert_eq!(child.state, Some(PeeringState::Connected));
    assert_eq!(child.remote_prefixes, ["10.0.0.0/16".parse().unwrap()]);
    assert!(child.allow_forwarded_traffic);
}

#[test]
fn a_peering_that_leads_nowhere_and_an_unknown_state_are_named() {
    let network = resource(VIRTUAL_NETWORK, "v", json!({}));
    let error = |properties| {
        let peering = resource(PEERING, "v/p", properties);
        VirtualNetwork::all(&[network.clone(), peering])
            .unwrap_err()
            .to_string()
    };
    assert!(error(json!({})).ends_with("properties.remoteVirtualNetwork: missing"));
    let odd = json!({ "remoteVirtualNetwork": { "id": id(VIRTUAL_NETWORK, "w") }, "peeringState": "Odd" });
    assert!(error(odd).ends_with("`Odd` is not Initiated, Connected or Disconnected"));
}

#[test]
fn a_subnet_names_its_gateway_services_and_outbound_access() {
    let subnet = json!({
        "addressPrefixes": ["10.1.0.0/24"],
        "natGateway": { "id": id(NAT_GATEWAY, "n") },
        "defaultOutboundAccess": false,
        "delegations": [{ "name": "d", "properties": { "serviceName": "Microsoft.ContainerInstance/containerGroups" } }],
        "serviceEndpoints": [{ "service": "Microsoft.Storage" }],
    });
    let networks = VirtualNetwork::all(&[
        resource(VIRTUAL_NETWORK, "v", json!({})),
        resource(SUBNET, "v/a", subnet),
    ]);
    let subnet = networks.unwrap().remove(0).subnets.remove(0);
    assert_eq!(subnet.nat_gateway, Some(id(NAT_GATEWAY, "n")));
    assert_eq!(subnet.default_outbound_access, Some(false));
    assert_eq!(subnet.service_endpoints, ["Microsoft.Storage"]);
    assert_eq!(subnet.delegations.len(), 1);
}

#[test]
fn the_primary_configuration_of_an_interface_comes_first() {
    let subnet = json!({ "id": format!("{ROOT}/Microsoft.Network/virtualNetworks/v/subnets/a") });
    let interface = json!({
        "enableIPForwarding": true,
        "networkSecurityGroup": { "id": id(NETWORK_SECURITY_GROUP, "n") },
        "virtualMachine": { "id": id(VIRTUAL_MACHINE, "m") },
        "ipConfigurations": [
            { "name": "second", "properties": { "subnet": subnet, "privateIPAddress": "10.1.0.9" } },
            { "name": "first", "properties": {
                "primary": true, "subnet": subnet, "privateIPAllocationMethod": "Dynamic",
                "publicIPAddress": { "id": id(PUBLIC_IP_ADDRESS, "p") },
                "applicationSecurityGroups": [{ "id": id(APPLICATION_SECURITY_GROUP, "WEB") }],
            }},
        ],
    });
    let interface = NetworkInterface::all(&[resource(NETWORK_INTERFACE, "i", interface)])
        .unwrap()
        .remove(0);
    assert!(interface.enable_ip_forwarding);
    assert_eq!(interface.nsg, Some(id(NETWORK_SECURITY_GROUP, "n")));
    assert_eq!(interface.virtual_machine, Some(id(VIRTUAL_MACHINE, "m")));
    let [first, second] = &interface.ip_configurations[..] else {
        panic!("two addresses")
    };
    assert_eq!(first.name, "first");
    assert_eq!(first.address, None);
    assert_eq!(first.public_ip, Some(id(PUBLIC_IP_ADDRESS, "p")));
    assert_eq!(first.asgs, [id(APPLICATION_SECURITY_GROUP, "web")]);
    assert_eq!(second.address, Some("10.1.0.9".parse().unwrap()));
}

#[test]
fn a_virtual_machine_names_its_interfaces_primary_first() {
    let machine = json!({ "networkProfile": { "networkInterfaces": [
        { "id": id(NETWORK_INTERFACE, "b"), "properties": { "primary": false } },
        { "id": id(NETWORK_INTERFACE, "a"), "properties": { "primary": true } },
    ]}});
    let machines = VirtualMachine::all(&[resource(VIRTUAL_MACHINE, "m", machine)]).unwrap();
    let names = machines[0].interfaces.iter().map(ResourceId::name);
    assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn gateways_and_public_addresses() {
    let gateway = json!({ "publicIpAddresses": [{ "id": id(PUBLIC_IP_ADDRESS, "p") }] });
    let gateways = NatGateway::all(&[resource(NAT_GATEWAY, "n", gateway)]).unwrap();
    assert_eq!(gateways[0].public_ips, [id(PUBLIC_IP_ADDRESS, "P")]);
    let told = resource(PUBLIC_IP_ADDRESS, "p", json!({ "ipAddress": "20.0.0.9" }));
    let untold = resource(PUBLIC_IP_ADDRESS, "q", json!({}));
    let addresses = PublicIpAddress::all(&[untold, told]).unwrap();
    let addresses = addresses.iter().map(|one| one.address);
    assert_eq!(
        addresses.collect::<Vec<_>>(),
        [Some("20.0.0.9".parse().unwrap()), None]
    );
}

#[test]
fn routes_are_read_inline_and_as_children() {
    let route = json!({ "addressPrefix": "10.9.0.0/16", "nextHopType": "None" });
    let tables = RouteTable::all(&[
        resource(
            ROUTE_TABLE,
            "t",
            json!({ "routes": [{ "name": "a", "properties": route }] }),
        ),
        resource(ROUTE, "t/b", route),
    ]);
    let names = tables.unwrap()[0]
        .routes
        .iter()
        .map(|r| r.name.clone())
        .collect::<Vec<_>>();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn the_mode_of_a_cluster_follows_plugin_mode_and_pools() {
    let pods = json!([{ "name": "p", "podSubnetID": format!("{ROOT}/Microsoft.Network/virtualNetworks/v/subnets/pods") }]);
    for (profile, pools, expected) in [
        (
            json!({ "networkPlugin": "KUBENET" }),
            json!([]),
            ClusterNetwork::Kubenet,
        ),
        (
            json!({ "networkPlugin": "azure", "networkPluginMode": "Overlay" }),
            json!([]),
            ClusterNetwork::Overlay,
        ),
        (
            json!({ "networkPlugin": "azure", "networkPluginMode": "" }),
            json!([]),
            ClusterNetwork::NodeSubnet,
        ),
        (
            json!({ "networkPlugin": "azure" }),
            pods.clone(),
            ClusterNetwork::PodSubnet,
        ),
    ] {
        let properties = json!({ "networkProfile": profile, "agentPoolProfiles": pools });
        let clusters = ManagedCluster::all(&[resource(MANAGED_CLUSTER, "c", properties)]).unwrap();
        assert_eq!(clusters[0].network, expected, "{profile}");
    }
    let joined = ManagedCluster::all(&[
        resource(
            MANAGED_CLUSTER,
            "c",
            json!({ "networkProfile": { "networkPlugin": "azure" } }),
        ),
        resource(AGENT_POOL, "c/p", pods[0].clone()),
    ])
    .unwrap();
    assert_eq!(joined[0].network, ClusterNetwork::PodSubnet);
    for profile in [
        json!({ "networkPlugin": "none" }),
        json!({ "networkPluginMode": "cloud" }),
    ] {
        let cluster = resource(MANAGED_CLUSTER, "c", json!({ "networkProfile": profile }));
        let error = ManagedCluster::all(&[cluster]).unwrap_err();
        assert!(error.message.ends_with("is not supported"), "{error}");
    }
}

#[test]
fn ipv6_is_named_as_not_supported() {
    let space = json!({ "addressSpace": { "addressPrefixes": ["10.0.0.0/16", "fd00::/48"] } });
    let error = VirtualNetwork::all(&[resource(VIRTUAL_NETWORK, "v", space)]).unwrap_err();
    assert!(
        error.message.contains("`fd00::/48` is an IPv6 prefix"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_read_is_named_and_never_taken_for_a_default() {
    let subnet = |properties: Value| {
        let error = VirtualNetwork::all(&[
            resource(VIRTUAL_NETWORK, "v", json!({})),
            resource(SUBNET, "v/a", properties),
        ]);
        error.unwrap_err().to_string()
    };
    for (properties, message) in [
        (
            json!({ "networkSecurityGroup": "n" }),
            "networkSecurityGroup: `\"n\"` is not an object with an id",
        ),
        (
            json!({ "natGateway": { "id": 7 } }),
            "natGateway.id: `7` is not a resource id",
        ),
        (
            json!({ "defaultOutboundAccess": "no" }),
            "defaultOutboundAccess: `\"no\"` is not true or false",
        ),
        (
            json!({ "addressPrefixes": [{ "a": 1 }] }),
            "addressPrefixes: `{\"a\":1}` is not an address prefix",
        ),
        (
            json!({ "routeTable": { "id": "[reference('x').id]" } }),
            "routeTable.id: `[reference('x').id]` is told only by a deployment",
        ),
    ] {
        let error = subnet(properties);
        assert!(error.ends_with(message), "{error}");
    }
    let route = json!({
        "addressPrefix": "10.9.0.0/16", "nextHopType": "VirtualAppliance",
        "nextHopIpAddress": "[reference('fw').address]",
    });
    let table = json!({ "routes": [{ "name": "fw", "properties": route }] });
    let error = RouteTable::all(&[resource(ROUTE_TABLE, "t", table)]).unwrap_err();
    assert_eq!(
        error.message,
        "`[reference('fw').address]` is told only by a deployment"
    );
    let pool = json!([{ "name": "p", "count": "many" }]);
    let cluster = resource(MANAGED_CLUSTER, "c", json!({ "agentPoolProfiles": pool }));
    let error = ManagedCluster::all(&[cluster]).unwrap_err();
    assert_eq!(error.message, "`\"many\"` is not a number of things");
}
