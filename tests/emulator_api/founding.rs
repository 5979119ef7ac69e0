//! The founding experiment's network, from a template to probes: a kubenet cluster, a container group
//! behind a network security group, and what each lets the other see.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, AttachParams, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use vnetlab::probe::{CLIENT_ADDRESS_PATH, Http, Kind, Probe, echo_path};
use vnetlab::verdict::{Observation, Outcome};

use crate::azure::{AGENT, Azure, web};

const NETWORK_CONTRIBUTOR: &str = "4d97b98b-1d4f-4787-a291-c67834d212e7";

fn rule(priority: u16, access: &str, source: &str) -> Value {
    json!({
        "priority": priority, "access": access, "direction": "Inbound", "protocol": "*",
        "sourceAddressPrefix": source, "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "*",
    })
}

fn nsg(allow: u16) -> Value {
    json!({
        "type": "Microsoft.Network/networkSecurityGroups",
        "apiVersion": "2025-07-01",
        "name": "aci-nsg",
        "location": "[parameters('location')]",
        "properties": { "securityRules": [
            { "name": "allow-aks", "properties": rule(allow, "Allow", "172.16.0.0/20") },
            { "name": "deny-else", "properties": rule(300, "Deny", "*") },
        ] },
    })
}

/// The name of the cluster's role assignment at a resource.
fn role_name(name: &str) -> String {
    format!("guid(resourceGroup().id, 'aks-identity', '{name}')")
}

fn role_id(kind: &str, name: &str) -> String {
    let assignment = role_name(name);
    format!(
        "[extensionResourceId(resourceId('{kind}', '{name}'), 'Microsoft.Authorization/roleAssignments', {assignment})]"
    )
}

/// What the cluster's identity must be allowed (R55).
fn role(kind: &str, name: &str) -> Value {
    let identity = "resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'aks-identity')";
    json!({
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": format!("[{}]", role_name(name)),
        "scope": format!("{kind}/{name}"),
        "dependsOn": [format!("[{identity}]"), format!("[resourceId('{kind}', '{name}')]")],
        "properties": {
            "roleDefinitionId": format!("[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{NETWORK_CONTRIBUTOR}')]"),
            "principalId": format!("[reference({identity}, '2024-11-30').principalId]"),
            "principalType": "ServicePrincipal",
        },
    })
}

/// The founding template, with the allow rule's priority to be chosen.
pub(crate) fn template(allow: u16) -> Value {
    let subnet = |name: &str| {
        format!("[resourceId('Microsoft.Network/virtualNetworks/subnets', 'vnet', '{name}')]")
    };
    let mut group = web(&subnet("aci"));
    for (member, value) in [
        ("type", json!("Microsoft.ContainerInstance/containerGroups")),
        ("apiVersion", json!("2025-09-01")),
        ("name", json!("web")),
        (
            "dependsOn",
            json!(["[resourceId('Microsoft.Network/virtualNetworks', 'vnet')]"]),
        ),
    ] {
        group[member] = value;
    }
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": { "location": { "type": "string", "defaultValue": "[resourceGroup().location]" } },
        "resources": [
            group,
            nsg(allow),
            {
                "type": "Microsoft.Network/routeTables",
                "apiVersion": "2025-07-01",
                "name": "aks-routes",
                "location": "[parameters('location')]",
                "properties": { "routes": [] },
            },
            {
                "type": "Microsoft.Network/virtualNetworks",
                "apiVersion": "2025-07-01",
                "name": "vnet",
                "location": "[parameters('location')]",
                "dependsOn": [
                    "[resourceId('Microsoft.Network/networkSecurityGroups', 'aci-nsg')]",
                    "[resourceId('Microsoft.Network/routeTables', 'aks-routes')]",
                ],
                "properties": {
                    "addressSpace": { "addressPrefixes": ["172.16.0.0/18"] },
                    "subnets": [
                        { "name": "aks", "properties": {
                            "addressPrefix": "172.16.0.0/20",
                            "routeTable": { "id": "[resourceId('Microsoft.Network/routeTables', 'aks-routes')]" },
                        } },
                        { "name": "aci", "properties": {
                            "addressPrefix": "172.16.32.0/20",
                            "networkSecurityGroup": { "id": "[resourceId('Microsoft.Network/networkSecurityGroups', 'aci-nsg')]" },
                            "delegations": [{ "name": "aci", "properties": {
                                "serviceName": "Microsoft.ContainerInstance/containerGroups",
                            } }],
                        } },
                    ],
                },
            },
            {
                "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
                "apiVersion": "2024-11-30",
                "name": "aks-identity",
                "location": "[parameters('location')]",
            },
            role("Microsoft.Network/virtualNetworks", "vnet"),
            role("Microsoft.Network/routeTables", "aks-routes"),
            {
                "type": "Microsoft.ContainerService/managedClusters",
                "apiVersion": "2026-05-01",
                "name": "cluster",
                "location": "[parameters('location')]",
                "identity": { "type": "UserAssigned", "userAssignedIdentities": {
                    "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'aks-identity')]": {},
                } },
                "dependsOn": [
                    "[resourceId('Microsoft.Network/virtualNetworks', 'vnet')]",
                    "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'aks-identity')]",
                    role_id("Microsoft.Network/virtualNetworks", "vnet"),
                    role_id("Microsoft.Network/routeTables", "aks-routes"),
                ],
                "properties": {
                    "dnsPrefix": "cluster",
                    "agentPoolProfiles": [{
                        "name": "nodepool1", "mode": "System", "type": "VirtualMachineScaleSets",
                        "osType": "Linux", "count": 2, "vmSize": "Standard_B2ms",
                        "vnetSubnetID": subnet("aks"),
                    }],
                    "networkProfile": {
                        "networkPlugin": "kubenet", "podCidr": "10.16.0.0/16",
                        "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10",
                    },
                },
            },
        ],
        "outputs": { "webAddress": {
            "type": "string",
            "value": "[reference(resourceId('Microsoft.ContainerInstance/containerGroups', 'web'), '2025-09-01').ipAddress.ip]",
        } },
    })
}

pub(crate) async fn deploy(azure: &Azure, name: &str, template: Value) -> Value {
    let path = azure.provider(&format!("Microsoft.Resources/deployments/{name}"));
    let body =
        json!({ "properties": { "mode": "Incremental", "template": template, "parameters": {} } });
    let accepted = azure.put(&path, body).await;
    assert!(matches!(accepted.status, 200 | 201), "{}", accepted.body);
    assert_eq!(accepted.body["properties"]["provisioningState"], "Accepted");
    assert!(accepted.header("location").is_none());
    let ended = azure.settled(&accepted).await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
    azure.get(&path).await.expect(200).body
}

pub(crate) async fn cluster_client(azure: &Azure) -> kube::Client {
    let cluster = azure.provider("Microsoft.ContainerService/managedClusters/cluster");
    let credential = azure
        .post(&format!("{cluster}/listClusterUserCredential"), None)
        .await
        .expect(200)
        .body;
    let encoded = credential["kubeconfigs"][0]["value"].as_str().unwrap();
    let text = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
    let document = kube::config::Kubeconfig::from_yaml(&text).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(document, &Default::default())
        .await
        .unwrap();
    config.proxy_url = None;
    kube::Client::try_from(config).unwrap()
}

pub(crate) fn pod(name: &str, arguments: &[&str]) -> Pod {
    serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": {
            "nodeSelector": { "kubernetes.io/os": "linux" },
            "containers": [{ "name": name, "image": AGENT, "args": arguments }],
        },
    }))
    .unwrap()
}

/// Creates a pod and watches it until it runs.
pub(crate) async fn run_pod(pods: &Api<Pod>, pod: &Pod) -> Pod {
    let created = pods.create(&PostParams::default(), pod).await.unwrap();
    assert_eq!(created.status.unwrap().phase.as_deref(), Some("Pending"));
    let name = pod.metadata.name.as_deref().unwrap();
    let selection = WatchParams::default().fields(&format!("metadata.name={name}"));
    let version = created.metadata.resource_version.unwrap();
    let mut changes = pods.watch(&selection, &version).await.unwrap().boxed();
    while let Some(change) = changes.next().await {
        let WatchEvent::Modified(pod) = change.unwrap() else {
            continue;
        };
        if pod.status.as_ref().unwrap().phase.as_deref() == Some("Running") {
            return pod;
        }
    }
    panic!("the watch ended before {name} ran");
}

/// Runs a command in a pod: standard output, standard error, success.
pub(crate) async fn exec(pods: &Api<Pod>, name: &str, argv: &[String]) -> (String, String, bool) {
    let parameters = AttachParams::default().stdin(false);
    let mut attached = pods.exec(name, argv, &parameters).await.unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    let mut stdout = attached.stdout().unwrap();
    let mut stderr = attached.stderr().unwrap();
    let status = attached.take_status().unwrap();
    let (a, b) = tokio::join!(
        stdout.read_to_string(&mut out),
        stderr.read_to_string(&mut err)
    );
    a.unwrap();
    b.unwrap();
    let status = status.await.unwrap();
    attached.join().await.unwrap();
    (out, err, status.status.as_deref() == Some("Success"))
}

async fn call_web(pods: &Api<Pod>) -> Observation {
    let probe = Probe {
        address: Some("172.16.32.4".parse().unwrap()),
        timeout: Duration::from_millis(200),
        kind: Kind::Http(Http::get(
            80,
            vec![echo_path("Hello World!"), CLIENT_ADDRESS_PATH.to_owned()],
        )),
    };
    let (out, _, succeeded) = exec(pods, "observer", &probe.command("nonce1").unwrap()).await;
    assert!(succeeded);
    probe.read("nonce1", &out)
}

#[tokio::test]
async fn the_founding_experiment_runs_from_template_to_probe() {
    let azure = Azure::with_group().await;
    let deployed = deploy(&azure, "first", template(100)).await;
    let properties = &deployed["properties"];
    assert_eq!(properties["outputs"]["webAddress"]["value"], "172.16.32.4");
    assert_eq!(properties["outputResources"].as_array().unwrap().len(), 8);
    assert_eq!(properties["parameters"]["location"]["value"], "eastus");

    // The cluster keeps a route to each node's pods (R51).
    let table = azure
        .get(&azure.provider("Microsoft.Network/routeTables/aks-routes"))
        .await
        .expect(200)
        .body;
    let routes = table["properties"]["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| {
            let text = |name: &str| route["properties"][name].as_str().unwrap().to_owned();
            (text("addressPrefix"), text("nextHopIpAddress"))
        })
        .collect::<Vec<_>>();
    let route = |prefix: &str, hop: &str| (prefix.to_owned(), hop.to_owned());
    assert_eq!(
        routes,
        [
            route("10.16.0.0/24", "172.16.0.4"),
            route("10.16.1.0/24", "172.16.0.5")
        ]
    );

    let client = cluster_client(&azure).await;
    assert_eq!(client.apiserver_version().await.unwrap().minor, "32");
    let nodes: Api<Node> = Api::all(client.clone());
    assert_eq!(
        nodes
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    let pods: Api<Pod> = Api::default_namespaced(client);
    let observer = run_pod(&pods, &pod("observer", &["pause"])).await;
    let status = observer.status.unwrap();
    assert_eq!(status.pod_ip.as_deref(), Some("10.16.0.2"));
    assert_eq!(status.host_ip.as_deref(), Some("172.16.0.4"));
    assert!(
        pods.create(&PostParams::default(), &pod("observer", &["pause"]))
            .await
            .is_err()
    );

    // The group sees the node, not the pod (R52).
    let seen = call_web(&pods).await;
    assert_eq!(seen.outcome.outcome(), Some(Outcome::Reachable));
    assert_eq!(seen.status, Some(200));
    assert_eq!(seen.body.as_deref(), Some("Hello World!"));
    assert_eq!(seen.source, Some("172.16.0.4".parse().unwrap()));
    assert_eq!(
        seen.caller.map(|own| *own.ip()),
        Some("10.16.0.2".parse().unwrap())
    );

    let logs = azure
        .get(
            &azure
                .provider("Microsoft.ContainerInstance/containerGroups/web/containers/web-80/logs"),
        )
        .await
        .expect(200)
        .body;
    let log = logs["content"].as_str().unwrap();
    assert!(log.contains("GET /clientip from 172.16.0.4:"), "{log}");

    // The allow rule below the deny rule; the route table is written again, and the routes stay.
    deploy(&azure, "second", template(400)).await;
    let seen = call_web(&pods).await;
    assert_eq!(seen.outcome.outcome(), Some(Outcome::Timeout));
    let table = azure
        .get(&azure.provider("Microsoft.Network/routeTables/aks-routes"))
        .await
        .expect(200)
        .body;
    assert_eq!(table["properties"]["routes"].as_array().unwrap().len(), 2);

    let argv = ["curl".to_owned(), "http://172.16.32.4/".to_owned()];
    let (_, err, succeeded) = exec(&pods, "observer", &argv).await;
    assert!(!succeeded);
    assert!(
        err.contains("`curl http://172.16.32.4/` is not built into"),
        "{err}"
    );

    pods.delete("observer", &DeleteParams::default())
        .await
        .unwrap();
    assert!(pods.get_opt("observer").await.unwrap().is_none());

    let group = azure.in_group("");
    let deletion = azure.delete(&group).await.expect(202);
    azure.located(&deletion).await.expect(200);
    azure.get(&group).await.expect(404);
    let left = azure
        .get(&format!(
            "/subscriptions/{}/providers/Microsoft.Network/virtualNetworks",
            azure.emulator.subscription()
        ))
        .await
        .expect(200)
        .body;
    assert_eq!(left["value"], json!([]));
    azure.emulator.shutdown().await;
}
