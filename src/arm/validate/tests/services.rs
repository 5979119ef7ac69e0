//! Container groups and managed clusters.

use super::*;

fn container_group(change: &Value) -> Resource {
    let properties = json!({
        "containers": [{"name": "c", "properties": {"image": "i", "ports": [{"port": 80}]}}],
        "ipAddress": {"type": "Private", "ports": [{"port": "80", "protocol": "TCP"}]},
        "subnetIds": [id(SUBNET, "vnet/aci")],
    });
    made(CONTAINER_GROUP, "group", with(properties, change))
}

#[test]
fn container_groups_on_their_own() {
    for (change, expected) in [
        (json!({}), "accepted"),
        (json!({"containers": []}), "InvalidParameter"),
        (
            json!({"containers": [{"name": "c", "properties": {"ports": [{"port": 80}]}}]}),
            "InvalidParameter",
        ),
        (
            json!({"ipAddress": {"type": "Private", "ports": [{"port": 81}]}}),
            "InvalidParameter",
        ),
        (
            json!({"ipAddress": {"type": "Private", "ports": [{"port": 80, "protocol": "UDP"}]}}),
            "InvalidParameter",
        ),
        (
            json!({"ipAddress": {"type": "Private", "ports": [{"port": 0}]}}),
            "InvalidParameter",
        ),
        (
            json!({"ipAddress": {"type": "Public", "ports": [{"port": 80}]}}),
            "InvalidParameter",
        ),
        (
            json!({"ipAddress": {"type": "Private", "dnsNameLabel": "x", "ports": []}}),
            "InvalidParameter",
        ),
        (json!({"subnetIds": null}), "InvalidParameter"),
        (
            json!({"subnetIds": null, "networkProfile": {"Id": "/p"}}),
            "accepted",
        ),
        (
            json!({"containers": [
                {"name": "c", "properties": {"image": "i", "ports": [{"port": 80}]}},
                {"name": "d", "properties": {"image": "i", "ports": [{"port": 80}]}},
            ]}),
            "InvalidParameter",
        ),
    ] {
        assert_eq!(
            code(resource(&container_group(&change))),
            expected,
            "{change}"
        );
    }
}

#[test]
fn container_groups_need_a_delegated_subnet() {
    let delegation = json!([{"name": "d", "properties": {"serviceName": "microsoft.containerinstance/containerGroups"}}]);
    let delegated = json!({"name": "ACI", "properties": {"addressPrefix": "10.1.0.0/24", "delegations": delegation}});
    for (subnets, expected) in [
        (json!([delegated]), "accepted"),
        (
            json!([subnet_item("aci", "10.1.0.0/24")]),
            "SubnetMissingRequiredDelegation",
        ),
        (json!([]), "NotFound"),
    ] {
        let vnet = network(subnets.clone());
        let existing = |id: &ResourceId| (*id == vnet.id).then(|| vnet.clone());
        assert_eq!(
            code(against(&container_group(&json!({})), &existing)),
            expected,
            "{subnets}"
        );
    }
    // The subnet may also be a resource of its own.
    let child = made(
        SUBNET,
        "vnet/aci",
        json!({"addressPrefix": "10.1.0.0/24", "delegations": delegation}),
    );
    let existing = |id: &ResourceId| (*id == child.id).then(|| child.clone());
    assert_eq!(
        code(against(&container_group(&json!({})), &existing)),
        "accepted"
    );
}

fn cluster(network: &Value, pool: &Value, identity: &str) -> Resource {
    let pool = with(
        json!({"name": "nodes", "count": 2, "vnetSubnetID": id(SUBNET, "vnet/aks")["id"]}),
        pool,
    );
    let mut cluster = made(
        MANAGED_CLUSTER,
        "aks",
        json!({
            "agentPoolProfiles": [pool],
            "networkProfile": with(
                json!({"networkPlugin": "kubenet", "podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10"}),
                network,
            ),
        }),
    );
    cluster
        .body
        .insert("identity".to_owned(), json!({"type": identity}));
    cluster
}

#[test]
fn clusters_on_their_own() {
    let user = "UserAssigned";
    for (network, pool, identity, expected) in [
        (json!({}), json!({}), user, "accepted"),
        (
            json!({}),
            json!({}),
            "SystemAssigned",
            "CustomRouteTableWithUnsupportedMSIType",
        ),
        (
            json!({}),
            json!({"vnetSubnetID": null}),
            "SystemAssigned",
            "accepted",
        ),
        (
            json!({"networkPlugin": "azure", "networkPluginMode": "overlay"}),
            json!({}),
            "SystemAssigned",
            "accepted",
        ),
        (
            json!({"dnsServiceIP": "10.1.0.10"}),
            json!({}),
            user,
            "InvalidParameter",
        ),
        (
            json!({"dnsServiceIP": "10.0.0.1"}),
            json!({}),
            user,
            "InvalidParameter",
        ),
        (
            json!({"dnsServiceIP": "dns"}),
            json!({}),
            user,
            "InvalidParameter",
        ),
        (
            json!({"serviceCidr": "10.0.0.0/11"}),
            json!({}),
            user,
            "InvalidParameter",
        ),
        (
            json!({"serviceCidr": "10.0.0.0/8000"}),
            json!({}),
            user,
            "InvalidParameter",
        ),
        (
            json!({"podCidr": "10.0.128.0/17"}),
            json!({}),
            user,
            "InvalidParameter",
        ),
        (
            json!({"podCidr": "172.30.0.0/20"}),
            json!({}),
            user,
            "InvalidParameter",
        ),
        // The founding experiment's: bits beyond the length were accepted (E6).
        (
            json!({"podCidr": "10.16.0.1/16"}),
            json!({}),
            user,
            "accepted",
        ),
        (
            json!({"podCidr": "10.244.0.0/23"}),
            json!({"count": 3}),
            user,
            "InvalidParameter",
        ),
        (json!({}), json!({"count": 401}), user, "InvalidParameter"),
        (
            json!({}),
            json!({"count": u64::MAX}),
            user,
            "InvalidParameter",
        ),
        (
            json!({}),
            json!({"name": "Nodes"}),
            user,
            "InvalidParameter",
        ),
        (
            json!({}),
            json!({"name": "averylongpoolname"}),
            user,
            "InvalidParameter",
        ),
    ] {
        assert_eq!(
            code(resource(&cluster(&network, &pool, identity))),
            expected,
            "{network} {pool} {identity}"
        );
    }
    let unnamed = made(MANAGED_CLUSTER, "a.b", json!({}));
    assert_eq!(code(resource(&unnamed)), "InvalidParameter");
}

#[test]
fn clusters_in_their_subnets() {
    let overlay = json!({"networkPlugin": "azure", "networkPluginMode": "overlay"});
    let flat = json!({"networkPlugin": "azure", "podCidr": null});
    let delegated = json!({"name": "aks", "properties": {"addressPrefix": "10.1.0.0/24", "delegations": [{"properties": {"serviceName": "X/y"}}]}});
    for (subnets, network_profile, expected) in [
        (
            json!([subnet_item("aks", "10.1.0.0/24")]),
            json!({}),
            "accepted",
        ),
        (json!([delegated]), json!({}), "SubnetIsDelegated"),
        (json!([]), json!({}), "NotFound"),
        (
            json!([subnet_item("aks", "10.1.0.0/24")]),
            json!({"serviceCidr": "10.1.0.0/25"}),
            "ServiceCidrOverlapExistingSubnetsCidr",
        ),
        // Any subnet of the network counts.
        (
            json!([
                subnet_item("aks", "10.1.0.0/24"),
                subnet_item("b", "10.1.1.0/24")
            ]),
            json!({"serviceCidr": "10.1.1.0/25"}),
            "ServiceCidrOverlapExistingSubnetsCidr",
        ),
        (
            json!([subnet_item("aks", "10.1.0.0/24")]),
            json!({"podCidr": "10.1.0.0/16"}),
            "InvalidParameter",
        ),
        (
            json!([subnet_item("aks", "10.1.0.0/24")]),
            overlay,
            "accepted",
        ),
        // Two nodes with 30 pods each need 62 addresses, and a /26 has 59.
        (
            json!([subnet_item("aks", "10.1.0.0/26")]),
            flat.clone(),
            "InsufficientSubnetSize",
        ),
        (json!([subnet_item("aks", "10.1.0.0/25")]), flat, "accepted"),
    ] {
        let vnet = network(subnets.clone());
        let existing = |id: &ResourceId| (*id == vnet.id).then(|| vnet.clone());
        let cluster = cluster(&network_profile, &json!({}), "UserAssigned");
        assert_eq!(
            code(against(&cluster, &existing)),
            expected,
            "{subnets} {network_profile}"
        );
    }
}
