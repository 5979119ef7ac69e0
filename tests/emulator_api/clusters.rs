//! Managed clusters in their networks: modes, egress, rights, nodes that come and go, and where pods run.

use serde_json::{Value, json};

use crate::azure::{AGENT, Azure, network};
use crate::kubernetes::{Kubernetes, pod};

const CLUSTER: &str = "Microsoft.ContainerService/managedClusters/cluster";

/// A cluster of `count` nodes in the subnet `aks`; `change` replaces members of its properties, of its
/// network profile (`profile`) and of its pool (`pool`).
fn cluster(azure: &Azure, count: u32, profile: &Value, pool: &Value) -> Value {
    let subnet = azure.provider("Microsoft.Network/virtualNetworks/vnet/subnets/aks");
    let mut own = json!({
        "name": "p", "count": count, "vmSize": "Standard_B2ms", "mode": "System", "vnetSubnetID": subnet,
    });
    for (member, value) in pool.as_object().unwrap() {
        own[member] = value.clone();
    }
    json!({ "location": "eastus", "identity": { "type": "SystemAssigned" }, "properties": {
        "dnsPrefix": "c", "networkProfile": profile, "agentPoolProfiles": [own],
    } })
}

fn overlay() -> Value {
    json!({ "networkPlugin": "azure", "networkPluginMode": "overlay" })
}

/// A pod with a label, and members of its spec.
fn labelled(name: &str, spec: &Value) -> Value {
    let mut made = pod(name, AGENT);
    made["metadata"]["labels"] = json!({ "app": "copies" });
    for (member, value) in spec.as_object().unwrap() {
        made["spec"][member] = value.clone();
    }
    made
}

impl Kubernetes {
    async fn node_of(&self, name: &str) -> String {
        self.running(name).await;
        let path = format!("/api/v1/namespaces/default/pods/{name}");
        let pod = self.get(&path).await.expect(200).body;
        pod["spec"]["nodeName"].as_str().unwrap().to_owned()
    }

    async fn node_names(&self) -> Vec<String> {
        let nodes = self.get("/api/v1/nodes").await.expect(200).body;
        let nodes = nodes["items"].as_array().unwrap().iter();
        let names = nodes.map(|node| node["metadata"]["name"].as_str().unwrap().to_owned());
        names.collect()
    }
}

#[tokio::test]
async fn pods_of_a_pod_subnet_have_its_addresses_and_the_subnet_is_delegated() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    let mut body = network();
    let subnets = body["properties"]["subnets"].as_array_mut().unwrap();
    subnets.push(json!({ "name": "pods", "properties": { "addressPrefix": "172.16.64.0/24" } }));
    azure.create(&vnet, body.clone()).await;
    let pods = format!("{vnet}/subnets/pods");
    let path = azure.provider(CLUSTER);
    let flat = json!({ "networkPlugin": "azure" });
    let made = cluster(&azure, 2, &flat, &json!({ "podSubnetID": pods }));
    azure.create(&path, made).await;

    let subnet = azure.get(&pods).await.expect(200).body;
    let properties = &subnet["properties"];
    assert_eq!(
        properties["delegations"][0]["properties"]["serviceName"],
        "Microsoft.ContainerService/managedClusters"
    );
    assert_eq!(
        properties["serviceAssociationLinks"][0]["name"],
        "AzureKubernetesService"
    );
    let refused = azure.delete(&pods).await.expect(400);
    assert_eq!(refused.code(), "InUseSubnetCannotBeDeleted");
    let refused = azure.put(&vnet, body).await.expect(400);
    assert_eq!(
        refused.code(),
        "SubnetDelegationsCannotChangeWhenSubnetUsedByResource"
    );

    let kubernetes = Kubernetes::of(azure, &path).await;
    let (nodes, pods) = kubernetes.addresses().await;
    assert_eq!(nodes, ["172.16.0.4", "172.16.0.5"]);
    assert_eq!(pods, ["172.16.64.4", "172.16.64.5", "172.16.0.4"]);
}

#[tokio::test]
async fn clusters_that_their_network_does_not_suit_are_refused() {
    let azure = Azure::with_group().await;
    let path = |rest: &str| azure.provider(&format!("Microsoft.Network/{rest}"));
    let vnet = path("virtualNetworks/vnet");
    for (name, hop) in [
        ("inet", json!("Internet")),
        ("nva", json!("VirtualAppliance")),
        ("bare", json!(null)),
    ] {
        let mut routes = Vec::new();
        if !hop.is_null() {
            let mut properties = json!({ "addressPrefix": "0.0.0.0/0", "nextHopType": hop });
            if hop == "VirtualAppliance" {
                properties["nextHopIpAddress"] = json!("172.16.90.4");
            }
            routes.push(json!({ "name": "default", "properties": properties }));
        }
        let body = json!({ "location": "eastus", "properties": { "routes": routes } });
        azure
            .create(&path(&format!("routeTables/{name}")), body)
            .await;
    }
    azure
        .create(
            &path("natGateways/nat"),
            json!({ "location": "eastus", "sku": { "name": "Standard" } }),
        )
        .await;
    let mut body = network();
    let subnets = body["properties"]["subnets"].as_array_mut().unwrap();
    for (index, (name, member, id)) in [
        ("inet", "routeTable", path("routeTables/inet")),
        ("nva", "routeTable", path("routeTables/nva")),
        ("bare", "routeTable", path("routeTables/bare")),
        ("nat", "natGateway", path("natGateways/nat")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut properties = json!({ "addressPrefix": format!("172.16.{}.0/24", 100 + index) });
        properties[member] = json!({ "id": id });
        subnets.push(json!({ "name": name, "properties": properties }));
    }
    azure.create(&vnet, body).await;
    let subnet = |name: &str| json!({ "vnetSubnetID": format!("{vnet}/subnets/{name}") });
    let outbound = |kind: &str| {
        let mut profile = overlay();
        profile["outboundType"] = json!(kind);
        profile
    };
    let with_pods = |name: &str| {
        let mut pool = subnet("aks");
        pool["podSubnetID"] = json!(format!("{vnet}/subnets/{name}"));
        pool
    };
    let flat = json!({ "networkPlugin": "azure" });
    for (profile, pool, status, code) in [
        (
            outbound("userDefinedRouting"),
            subnet("aks"),
            400,
            "ExistingRouteTableNotAssociatedWithSubnet",
        ),
        (
            outbound("userDefinedRouting"),
            subnet("bare"),
            400,
            "RouteTableMissingDefaultRouteError",
        ),
        (
            outbound("userDefinedRouting"),
            subnet("inet"),
            400,
            "RouteTableInvalidNextHop",
        ),
        (
            outbound("userAssignedNATGateway"),
            subnet("aks"),
            400,
            "InvalidParameter",
        ),
        (
            outbound("managedNATGateway"),
            subnet("aks"),
            400,
            "InvalidParameter",
        ),
        (outbound("block"), subnet("aks"), 501, "NotSupported"),
        (
            outbound("none of these"),
            subnet("aks"),
            400,
            "InvalidParameter",
        ),
        (overlay(), with_pods("nat"), 400, "InvalidParameter"),
        (flat.clone(), with_pods("aks"), 400, "InvalidParameter"),
        (flat.clone(), with_pods("aci"), 400, "SubnetIsDelegated"),
        (flat.clone(), with_pods("none"), 404, "NotFound"),
        (overlay(), json!({ "maxPods": 9 }), 400, "InvalidParameter"),
        (overlay(), json!({ "count": 0 }), 400, "InvalidParameter"),
        // 8 nodes with 31 addresses each, of the 251 of a /24.
        (
            flat,
            {
                let mut pool = subnet("nat");
                pool["count"] = json!(9);
                pool
            },
            400,
            "InsufficientSubnetSize",
        ),
        (
            json!({ "networkPlugin": "none" }),
            subnet("aks"),
            501,
            "NotSupported",
        ),
    ] {
        let body = cluster(&azure, 1, &profile, &pool);
        let refused = azure.put(&azure.provider(CLUSTER), body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (status, code),
            "{profile} {pool}: {}",
            refused.body
        );
        azure.get(&azure.provider(CLUSTER)).await.expect(404);
    }
    for (profile, name) in [
        (outbound("userDefinedRouting"), "nva"),
        (outbound("userAssignedNATGateway"), "nat"),
        (outbound("none"), "bare"),
    ] {
        let id = azure.provider(&format!(
            "Microsoft.ContainerService/managedClusters/c-{name}"
        ));
        let made = azure
            .create(&id, cluster(&azure, 1, &profile, &subnet(name)))
            .await;
        assert_eq!(
            made["properties"]["networkProfile"]["outboundType"],
            profile["outboundType"]
        );
    }
}

#[tokio::test]
async fn a_kubenet_cluster_needs_an_identity_that_may_write_its_route_table() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    let table = azure.provider("Microsoft.Network/routeTables/rt");
    azure.create(&table, json!({ "location": "eastus" })).await;
    let mut body = network();
    body["properties"]["subnets"][0]["properties"]["routeTable"] = json!({ "id": table });
    azure.create(&vnet, body).await;
    let identity = azure.provider("Microsoft.ManagedIdentity/userAssignedIdentities/id");
    let kubenet = json!({ "networkPlugin": "kubenet" });
    let mut body = cluster(&azure, 1, &kubenet, &json!({}));
    body["identity"] =
        json!({ "type": "UserAssigned", "userAssignedIdentities": { (identity.clone()): {} } });
    let path = azure.provider(CLUSTER);
    let refused = async |status: u16, code: &str| {
        let answer = azure.put(&path, body.clone()).await.expect(status);
        assert_eq!(answer.code(), code);
    };
    refused(400, "FailedIdentityOperation").await;
    let made = azure
        .create(&identity, json!({ "location": "eastus" }))
        .await;
    let principal = &made["properties"]["principalId"];

    let assign = async |scope: &str, number: u8, role: &str, more: Value| {
        let guid = format!("{number:08}-0000-0000-0000-000000000000");
        let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{guid}");
        let mut properties = json!({
            "roleDefinitionId": format!("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "principalId": principal,
        });
        for (member, value) in more.as_object().unwrap() {
            properties[member] = value.clone();
        }
        azure.put(&path, json!({ "properties": properties })).await
    };
    let (reader, contributor) = (
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
    );
    refused(403, "LinkedAuthorizationFailed").await;
    assign(&vnet, 1, reader, json!({})).await.expect(201);
    refused(403, "LinkedAuthorizationFailed").await;
    let made = assign(&vnet, 2, contributor, json!({})).await.expect(201);
    assert_eq!(made.body["properties"]["principalType"], "ServicePrincipal");
    refused(400, "CustomRouteTableMissingPermission").await;

    // A role of one's own will do, if it has the action.
    let role = "99999999-0000-0000-0000-000000000000";
    let definition = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        azure.emulator.subscription()
    );
    let permissions = json!([{ "actions": ["Microsoft.Network/routeTables/*"], "notActions": [] }]);
    azure
        .create(
            &definition,
            json!({ "properties": { "permissions": permissions } }),
        )
        .await;
    assign(&table, 3, role, json!({})).await.expect(201);
    azure.create(&path, body.clone()).await;

    // One kubenet cluster a route table (R54).
    let other = azure.provider("Microsoft.ContainerService/managedClusters/other");
    let answer = azure.put(&other, body.clone()).await.expect(400);
    assert_eq!(answer.code(), "InvalidParameter");

    for (number, more, code) in [
        (
            4,
            json!({ "principalId": "12345678-0000-0000-0000-000000000000" }),
            "PrincipalNotFound",
        ),
        (
            4,
            json!({ "principalType": "User" }),
            "UnmatchedPrincipalType",
        ),
        (
            2,
            json!({ "roleDefinitionId": format!("/x/{reader}") }),
            "RoleAssignmentUpdateNotPermitted",
        ),
    ] {
        let answer = assign(&vnet, number, "b24988ac-6180-42a0-ab88-20f7382dd24c", more).await;
        assert_eq!(answer.expect(400).code(), code);
    }
}

#[tokio::test]
async fn nodes_come_and_go_and_take_their_pods_with_them() {
    let kubernetes = Kubernetes::with(overlay()).await;
    let nodes = kubernetes.node_names().await;
    assert_eq!(nodes.len(), 2);
    for (name, node) in [("low", &nodes[0]), ("high", &nodes[1])] {
        let pod = labelled(name, &json!({ "nodeName": node }));
        kubernetes.create(pod).await.expect(201);
        kubernetes.running(name).await;
    }
    let azure = &kubernetes.azure;
    let path = azure.provider(CLUSTER);
    let scaled = async |count: u32| {
        azure
            .create(&path, cluster(azure, count, &overlay(), &json!({})))
            .await;
        kubernetes.node_names().await
    };
    assert_eq!(scaled(1).await, nodes[..1]);
    let pods = "/api/v1/namespaces/default/pods";
    kubernetes.get(&format!("{pods}/low")).await.expect(200);
    kubernetes.get(&format!("{pods}/high")).await.expect(404);

    // The place of the node that went is taken by a new one.
    let three = scaled(3).await;
    assert_eq!(three[..2], nodes);
    kubernetes
        .create(labelled("again", &json!({ "nodeName": three[1] })))
        .await
        .expect(201);
    assert_eq!(kubernetes.running("again").await, "10.244.1.2");

    for (profile, pool) in [
        (json!({ "networkPlugin": "azure" }), json!({})),
        (overlay(), json!({ "vmSize": "Standard_D4s_v5" })),
        (overlay(), json!({ "maxPods": 50 })),
    ] {
        let refused = azure
            .put(&path, cluster(azure, 3, &profile, &pool))
            .await
            .expect(400);
        assert_eq!(
            refused.code(),
            "PropertyChangeNotAllowed",
            "{profile} {pool}"
        );
    }
}

#[tokio::test]
async fn copies_of_a_pod_spread_over_the_nodes() {
    let kubernetes = Kubernetes::with(overlay()).await;
    let nodes = kubernetes.node_names().await;
    // Least loaded first, then by name.
    for (name, node) in [("a", 0), ("b", 1), ("c", 0), ("d", 1)] {
        kubernetes.create(pod(name, AGENT)).await.expect(201);
        assert_eq!(kubernetes.node_of(name).await, nodes[node], "{name}");
    }
    // A node has more pods, but none of these.
    let extra = labelled("e", &json!({ "nodeName": nodes[0] }));
    kubernetes.create(extra).await.expect(201);
    let selector = json!({ "matchLabels": { "app": "copies" } });
    let by_host = "kubernetes.io/hostname";
    let spread = json!({ "topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": by_host, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector,
    }] });
    for (name, node) in [("f", 1), ("g", 0), ("h", 1)] {
        kubernetes.create(labelled(name, &spread)).await.expect(201);
        assert_eq!(kubernetes.node_of(name).await, nodes[node], "{name}");
    }

    let alone = |key: &str| {
        let term =
            json!({ "topologyKey": key, "labelSelector": { "matchLabels": { "app": "alone" } } });
        json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } })
    };
    let lonely = |name: &str, key: &str| {
        let mut made = labelled(name, &json!({ "affinity": alone(key) }));
        made["metadata"]["labels"] = json!({ "app": "alone" });
        made
    };
    for name in ["one", "two"] {
        kubernetes.create(lonely(name, by_host)).await.expect(201);
    }
    assert_ne!(
        kubernetes.node_of("one").await,
        kubernetes.node_of("two").await
    );
    for (pod, named) in [
        (lonely("three", by_host), "anti-affinity"),
        (
            lonely("three", "topology.kubernetes.io/zone"),
            "topology.kubernetes.io/zone",
        ),
        (
            labelled("three", &json!({ "nodeName": "elsewhere" })),
            "`elsewhere`",
        ),
        (
            labelled("three", &json!({ "nodeSelector": { "disk": "ssd" } })),
            "`disk: \"ssd\"`",
        ),
        (
            labelled("three", &json!({ "affinity": { "nodeAffinity": {} } })),
            "nodeAffinity",
        ),
    ] {
        let refused = kubernetes.create(pod).await.expect(422);
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.contains(named), "{message}");
    }
}
