//! Public addresses, NAT gateways, network interfaces and application security groups.

use serde_json::{Value, json};

use crate::azure::{Azure, network};

fn public() -> Value {
    json!({
        "location": "eastus", "sku": { "name": "Standard" },
        "properties": { "publicIPAllocationMethod": "Static" },
    })
}

fn gateway(addresses: &[&str]) -> Value {
    let addresses = addresses
        .iter()
        .map(|id| json!({ "id": id }))
        .collect::<Vec<_>>();
    json!({ "location": "eastus", "sku": { "name": "Standard" }, "properties": { "publicIpAddresses": addresses } })
}

/// A network interface whose configurations are `(name, members)` in the subnet.
fn interface(subnet: &str, configurations: &[(&str, Value)]) -> Value {
    let configurations = configurations.iter().map(|(name, members)| {
        let mut properties = json!({ "subnet": { "id": subnet } });
        for (member, value) in members.as_object().unwrap() {
            properties[member] = value.clone();
        }
        json!({ "name": name, "properties": properties })
    });
    json!({ "location": "eastus", "properties": { "ipConfigurations": configurations.collect::<Vec<_>>() } })
}

#[tokio::test]
async fn a_public_address_is_there_after_success_and_belongs_to_one_user() {
    let azure = Azure::with_group().await;
    let address =
        |name: &str| azure.provider(&format!("Microsoft.Network/publicIPAddresses/{name}"));
    let accepted = azure.put(&address("one"), public()).await.expect(201);
    assert!(accepted.body["properties"]["ipAddress"].is_null());
    azure.settled(&accepted).await;
    let one = azure.get(&address("one")).await.expect(200).body;
    assert_eq!(one["properties"]["ipAddress"], "203.0.113.1");
    assert_eq!(
        one["sku"],
        json!({ "name": "Standard", "tier": "Regional" })
    );
    let two = azure.create(&address("two"), public()).await;
    assert_eq!(two["properties"]["ipAddress"], "203.0.113.2");

    let nat = azure.provider("Microsoft.Network/natGateways/nat");
    let made = azure.create(&nat, gateway(&[&address("one")])).await;
    assert_eq!(made["properties"]["idleTimeoutInMinutes"], 4);
    let used = azure.get(&address("one")).await.expect(200).body;
    assert_eq!(used["properties"]["natGateway"]["id"], json!(nat));
    let other = azure.provider("Microsoft.Network/natGateways/other");
    let refused = azure
        .put(&other, gateway(&[&address("one")]))
        .await
        .expect(400);
    assert_eq!(refused.code(), "PublicIPAddressInUse");
    let refused = azure.delete(&address("one")).await.expect(400);
    assert_eq!(refused.code(), "PublicIPAddressCannotBeDeleted");

    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    let mut body = network();
    body["properties"]["subnets"][0]["properties"]["natGateway"] = json!({ "id": nat });
    azure.create(&vnet, body).await;
    let shown = azure.get(&nat).await.expect(200).body;
    assert_eq!(
        shown["properties"]["subnets"],
        json!([{ "id": format!("{vnet}/subnets/aks") }])
    );
    let subnet = azure
        .get(&format!("{vnet}/subnets/aks"))
        .await
        .expect(200)
        .body;
    assert_eq!(subnet["properties"]["natGateway"]["id"], json!(nat));
    let refused = azure.delete(&nat).await.expect(400);
    assert_eq!(refused.code(), "InUseNatGatewayCannotBeDeleted");

    // The answer that is sent back comes out the same; a group goes as a whole.
    let again = azure.create(&nat, shown.clone()).await;
    assert_eq!(
        again["properties"]["subnets"],
        shown["properties"]["subnets"]
    );
    let deletion = azure.delete(&azure.in_group("")).await.expect(202);
    azure.located(&deletion).await.expect(200);
}

#[tokio::test]
async fn egress_that_is_not_simulated_or_not_allowed_is_refused() {
    let azure = Azure::with_group().await;
    azure
        .create(
            &azure.provider("Microsoft.Network/publicIPAddresses/one"),
            public(),
        )
        .await;
    let sku = |name: &str, method: &str| {
        let mut body = public();
        body["sku"]["name"] = json!(name);
        body["properties"]["publicIPAllocationMethod"] = json!(method);
        body
    };
    let mut six = public();
    six["properties"]["publicIPAddressVersion"] = json!("IPv6");
    let mut odd = gateway(&[]);
    odd["sku"]["name"] = json!("Basic");
    let mut slow = gateway(&[]);
    slow["properties"]["idleTimeoutInMinutes"] = json!(121);
    let mut prefixes = gateway(&[]);
    let prefix = azure.provider("Microsoft.Network/publicIPPrefixes/p");
    prefixes["properties"]["publicIpPrefixes"] = json!([{ "id": prefix }]);
    let none = azure.provider("Microsoft.Network/publicIPAddresses/none");
    for (path, body, status, code) in [
        (
            "publicIPAddresses/x",
            sku("Standard", "Dynamic"),
            400,
            "StandardSkuPublicIPAddressesMustBeStatic",
        ),
        (
            "publicIPAddresses/x",
            sku("Basic", "Dynamic"),
            501,
            "NotSupported",
        ),
        ("publicIPAddresses/x", six, 501, "NotSupported"),
        (
            "publicIPPrefixes/x",
            json!({ "location": "eastus" }),
            501,
            "NotSupported",
        ),
        ("natGateways/x", odd, 400, "InvalidParameter"),
        ("natGateways/x", slow, 400, "InvalidParameter"),
        ("natGateways/x", prefixes, 400, "InvalidResourceReference"),
        (
            "natGateways/x",
            gateway(&[&none]),
            400,
            "InvalidResourceReference",
        ),
    ] {
        let path = azure.provider(&format!("Microsoft.Network/{path}"));
        let refused = azure.put(&path, body.clone()).await.expect(status);
        assert_eq!(refused.code(), code, "{path} {body}");
        azure.get(&path).await.expect(404);
    }
}

#[tokio::test]
async fn network_interfaces_get_addresses_and_keep_them() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let subnet = format!("{vnet}/subnets/aks");
    let nic = |name: &str| azure.provider(&format!("Microsoft.Network/networkInterfaces/{name}"));
    let address = |nic: &Value, place: usize| {
        nic["properties"]["ipConfigurations"][place]["properties"]["privateIPAddress"].clone()
    };

    let fixed = json!({ "privateIPAllocationMethod": "Static", "privateIPAddress": "172.16.0.4" });
    let a = azure
        .create(&nic("a"), interface(&subnet, &[("c", fixed.clone())]))
        .await;
    assert_eq!(address(&a, 0), "172.16.0.4");
    assert_eq!(a["properties"]["enableIPForwarding"], false);
    let two = [("x", json!({ "primary": true })), ("y", json!({}))];
    let b = azure.create(&nic("b"), interface(&subnet, &two)).await;
    assert_eq!(
        (address(&b, 0), address(&b, 1)),
        (json!("172.16.0.5"), json!("172.16.0.6"))
    );

    // The lower address is free again, but a dynamic one does not move, not even when sent back.
    let deletion = azure.delete(&nic("a")).await.expect(202);
    azure.settled(&deletion).await;
    let again = azure.create(&nic("b"), b.clone()).await;
    assert_eq!(
        (address(&again, 0), address(&again, 1)),
        (address(&b, 0), address(&b, 1))
    );
    assert_eq!(
        again["properties"]["macAddress"],
        b["properties"]["macAddress"]
    );
    let shown = azure.get(&subnet).await.expect(200).body;
    assert_eq!(
        shown["properties"]["ipConfigurations"][0]["id"],
        json!(format!("{}/ipConfigurations/x", nic("b")))
    );
    let refused = azure.delete(&vnet).await.expect(400);
    assert_eq!(refused.code(), "InUseSubnetCannotBeDeleted");

    let at = |address: &str| {
        let asked = json!({ "privateIPAllocationMethod": "Static", "privateIPAddress": address });
        interface(&subnet, &[("c", asked)])
    };
    let static_without = json!({ "privateIPAllocationMethod": "Static" });
    for (body, code) in [
        (at("172.16.0.5"), "PrivateIPAddressIsAllocated"),
        (at("172.16.32.9"), "PrivateIPAddressNotInSubnet"),
        (at("172.16.0.3"), "PrivateIPAddressInReservedRange"),
        (at("172.16.15.255"), "PrivateIPAddressInReservedRange"),
        (at("here"), "InvalidParameter"),
        (
            interface(&subnet, &[("c", static_without)]),
            "PrivateIPAddressMissing",
        ),
        (interface(&subnet, &[]), "InvalidParameter"),
        (
            interface(&subnet, &[("c", json!({})), ("d", json!({}))]),
            "InvalidParameter",
        ),
        // A delegated subnet is its service's alone.
        (
            interface(&format!("{vnet}/subnets/aci"), &[("c", json!({}))]),
            "InvalidParameter",
        ),
        (
            interface(&format!("{vnet}/subnets/none"), &[("c", json!({}))]),
            "NotFound",
        ),
    ] {
        let refused = azure.put(&nic("c"), body.clone()).await;
        assert_eq!(refused.code(), code, "{body}: {}", refused.body);
    }
}

#[tokio::test]
async fn groups_know_their_interfaces_and_stay_while_they_are_used() {
    let azure = Azure::with_group().await;
    let path = |rest: &str| azure.provider(&format!("Microsoft.Network/{rest}"));
    let vnet = path("virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let subnet = format!("{vnet}/subnets/aks");
    let (asg, other) = (
        path("applicationSecurityGroups/web"),
        path("applicationSecurityGroups/db"),
    );
    for id in [&asg, &other] {
        azure.create(id, json!({ "location": "eastus" })).await;
    }
    let nsg = path("networkSecurityGroups/nsg");
    let rule = |group: &str| {
        json!({ "location": "eastus", "properties": { "securityRules": [{ "name": "r", "properties": {
            "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Esp",
            "sourceApplicationSecurityGroups": [{ "id": group }], "sourcePortRange": "*",
            "destinationAddressPrefixes": ["10.0.0.0/24", "10.0.1.4"],
            "destinationPortRanges": ["80", "443", "8000-8999"],
        } }] } })
    };
    let refused = azure
        .put(&nsg, rule(&path("applicationSecurityGroups/none")))
        .await
        .expect(400);
    assert_eq!(refused.code(), "InvalidResourceReference");
    let made = azure.create(&nsg, rule(&asg)).await;
    let shown = &made["properties"]["securityRules"][0]["properties"];
    assert_eq!(
        shown["destinationPortRanges"],
        json!(["80", "443", "8000-8999"])
    );
    assert_eq!(shown["sourceAddressPrefixes"], json!([]));

    let member = json!({ "applicationSecurityGroups": [{ "id": asg }] });
    let mut body = interface(&subnet, &[("c", member.clone())]);
    body["properties"]["networkSecurityGroup"] = json!({ "id": nsg });
    let nic = path("networkInterfaces/nic");
    azure.create(&nic, body).await;
    let guarded = azure.get(&nsg).await.expect(200).body;
    assert_eq!(
        guarded["properties"]["networkInterfaces"],
        json!([{ "id": nic }])
    );
    for (id, code) in [
        (&nsg, "InUseNetworkSecurityGroupCannotBeDeleted"),
        (&asg, "InUseApplicationSecurityGroupCannotBeDeleted"),
    ] {
        assert_eq!(azure.delete(id).await.expect(400).code(), code);
    }
    let deletion = azure.delete(&other).await.expect(202);
    azure.settled(&deletion).await;

    let uneven = [
        (
            "c",
            json!({ "primary": true, "applicationSecurityGroups": [{ "id": asg }] }),
        ),
        ("d", json!({})),
    ];
    let refused = azure
        .put(&path("networkInterfaces/two"), interface(&subnet, &uneven))
        .await
        .expect(400);
    assert_eq!(
        refused.code(),
        "AllIpConfigurationsOnANicMustBelongToTheSameApplicationSecurityGroups"
    );

    // A machine is stored without being simulated, and keeps its interface.
    let machine = azure.provider("Microsoft.Compute/virtualMachines/vm");
    let profile = json!({ "networkProfile": { "networkInterfaces": [{ "id": nic }] } });
    azure
        .create(
            &machine,
            json!({ "location": "eastus", "properties": profile }),
        )
        .await;
    let refused = azure.delete(&nic).await.expect(400);
    assert_eq!(refused.code(), "NicInUse");
    let deletion = azure.delete(&azure.in_group("")).await.expect(202);
    azure.located(&deletion).await.expect(200);
}

#[tokio::test]
async fn a_subnet_reads_back_as_sent_and_in_use_keeps_what_its_users_need() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    let mut body = network();
    body["properties"]["dhcpOptions"] = json!({ "dnsServers": ["10.0.0.4"] });
    let aks = &mut body["properties"]["subnets"][0]["properties"];
    aks["defaultOutboundAccess"] = json!(false);
    aks["serviceEndpoints"] = json!([{ "service": "Microsoft.Storage" }]);
    let made = azure.create(&vnet, body.clone()).await;
    assert_eq!(
        made["properties"]["dhcpOptions"]["dnsServers"],
        json!(["10.0.0.4"])
    );
    let aks = &made["properties"]["subnets"][0]["properties"];
    assert_eq!(aks["defaultOutboundAccess"], false);
    assert_eq!(aks["serviceEndpoints"][0]["service"], "Microsoft.Storage");
    assert_eq!(aks["serviceEndpoints"][0]["provisioningState"], "Succeeded");

    let group = azure.provider("Microsoft.ContainerInstance/containerGroups/web");
    azure
        .create(&group, crate::azure::web(&format!("{vnet}/subnets/aci")))
        .await;
    let mut undelegated = body.clone();
    undelegated["properties"]["subnets"][1]["properties"]["delegations"] = json!([]);
    let refused = azure.put(&vnet, undelegated).await.expect(400);
    assert_eq!(
        refused.code(),
        "SubnetDelegationsCannotChangeWhenSubnetUsedByResource"
    );
    let mut moved = body.clone();
    moved["properties"]["subnets"][1]["properties"]["addressPrefix"] = json!("172.16.48.0/20");
    let refused = azure.put(&vnet, moved).await.expect(400);
    assert_eq!(refused.code(), "InUsePrefixCannotBeDeleted");
    // One that still holds the address in use is accepted.
    let mut smaller = body;
    smaller["properties"]["subnets"][1]["properties"]["addressPrefix"] = json!("172.16.32.0/24");
    azure.create(&vnet, smaller).await;
}

#[tokio::test]
async fn a_route_table_has_one_route_for_a_prefix() {
    let azure = Azure::with_group().await;
    let table = azure.provider("Microsoft.Network/routeTables/rt");
    let route = |prefix: &str, hop: &str| json!({ "properties": { "addressPrefix": prefix, "nextHopType": hop } });
    let mut body = json!({ "location": "eastus", "properties": { "routes": [] } });
    for (index, (prefix, hop)) in [
        ("10.0.0.0/8", "VnetLocal"),
        ("0.0.0.0/0", "Internet"),
        ("172.16.0.0/12", "None"),
        ("192.168.0.0/16", "VirtualNetworkGateway"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut item = route(prefix, hop);
        item["name"] = json!(format!("r{index}"));
        let routes = body["properties"]["routes"].as_array_mut().unwrap();
        routes.push(item);
    }
    let made = azure.create(&table, body.clone()).await;
    assert_eq!(
        made["properties"]["routes"][0]["properties"]["hasBgpOverride"],
        false
    );
    let refused = azure
        .put(
            &format!("{table}/routes/other"),
            route("10.0.0.0/8", "None"),
        )
        .await
        .expect(400);
    assert_eq!(refused.code(), "RouteConflict");
    azure
        .create(&format!("{table}/routes/r0"), route("10.0.0.0/8", "None"))
        .await;
    body["properties"]["routes"][1]["properties"]["addressPrefix"] = json!("10.0.0.0/8");
    let refused = azure.put(&table, body).await.expect(400);
    assert_eq!(refused.code(), "RouteConflict");
}
