//! The Kubernetes API request by request: addresses under each network plugin, and what is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::azure::{AGENT, Answer, Azure, network};

pub(crate) struct Kubernetes {
    pub(crate) azure: Azure,
    server: String,
    token: String,
}

impl Kubernetes {
    /// A cluster of two nodes in the subnet `aks`.
    pub(crate) async fn with(profile: Value) -> Kubernetes {
        let azure = Azure::with_group().await;
        let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
        azure.create(&vnet, network()).await;
        let cluster = azure.provider("Microsoft.ContainerService/managedClusters/cluster");
        let body = json!({ "location": "eastus", "identity": { "type": "SystemAssigned" }, "properties": {
            "dnsPrefix": "c",
            "networkProfile": profile,
            "agentPoolProfiles": [{
                "name": "p", "count": 2, "vmSize": "Standard_B2ms", "mode": "System",
                "vnetSubnetID": format!("{vnet}/subnets/aks"),
            }],
        } });
        azure.create(&cluster, body).await;
        Kubernetes::of(azure, &cluster).await
    }

    /// The API of a cluster.
    pub(crate) async fn of(azure: Azure, cluster: &str) -> Kubernetes {
        let credential = azure
            .post(&format!("{cluster}/listClusterAdminCredential"), None)
            .await
            .expect(200)
            .body;
        let encoded = credential["kubeconfigs"][0]["value"].as_str().unwrap();
        let config: Value = serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Kubernetes {
            server: text(&config["clusters"][0]["cluster"]["server"]),
            token: text(&config["users"][0]["user"]["token"]),
            azure,
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}{path}", self.server);
        self.azure.send(method, &url, Some(&self.token), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn create(&self, pod: Value) -> Answer {
        self.send(Method::POST, "/api/v1/namespaces/default/pods", Some(pod))
            .await
    }

    /// The addresses of the nodes, and of a pod on each and one on the host network of the first.
    pub(crate) async fn addresses(&self) -> (Vec<String>, Vec<String>) {
        let nodes = self.get("/api/v1/nodes").await.expect(200).body;
        let mut node_addresses = Vec::new();
        let mut pod_addresses = Vec::new();
        let mut specs = Vec::new();
        for node in nodes["items"].as_array().unwrap() {
            let address = &node["status"]["addresses"][0]["address"];
            node_addresses.push(address.as_str().unwrap().to_owned());
            specs.push((node["metadata"]["name"].clone(), false));
        }
        specs.push((specs[0].0.clone(), true));
        for (index, (node, host_network)) in specs.into_iter().enumerate() {
            let name = format!("pod{index}");
            let mut body = pod(&name, AGENT);
            body["spec"]["nodeName"] = node;
            body["spec"]["hostNetwork"] = json!(host_network);
            self.create(body).await.expect(201);
            pod_addresses.push(self.running(&name).await);
        }
        (node_addresses, pod_addresses)
    }

    /// Waits until a pod runs; its address.
    pub(crate) async fn running(&self, name: &str) -> String {
        loop {
            let pod = self
                .get(&format!("/api/v1/namespaces/default/pods/{name}"))
                .await
                .expect(200)
                .body;
            match pod["status"]["phase"].as_str().unwrap() {
                "Running" => return pod["status"]["podIP"].as_str().unwrap().to_owned(),
                "Pending" => tokio::task::yield_now().await,
                other => panic!("{name} is {other}: {}", pod["status"]),
            }
        }
    }
}

pub(crate) fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "containers": [{ "name": "c", "image": image, "args": ["pause"] }] },
    })
}

#[tokio::test]
async fn node_subnet_reserves_thirty_addresses_a_node_for_pods() {
    let kubernetes = Kubernetes::with(json!({ "networkPlugin": "azure" })).await;
    let (nodes, pods) = kubernetes.addresses().await;
    assert_eq!(nodes, ["172.16.0.4", "172.16.0.35"]);
    assert_eq!(pods, ["172.16.0.5", "172.16.0.36", "172.16.0.4"]);
}

#[tokio::test]
async fn overlay_pods_have_addresses_behind_their_nodes() {
    let profile = json!({ "networkPlugin": "azure", "networkPluginMode": "overlay", "podCidr": "10.244.0.0/16" });
    let kubernetes = Kubernetes::with(profile).await;
    let (nodes, pods) = kubernetes.addresses().await;
    assert_eq!(nodes, ["172.16.0.4", "172.16.0.5"]);
    assert_eq!(pods, ["10.244.0.2", "10.244.1.2", "172.16.0.4"]);
}

#[tokio::test]
async fn what_is_not_served_is_refused_with_a_status() {
    let kubernetes = Kubernetes::with(json!({ "networkPlugin": "azure" })).await;
    kubernetes.create(pod("a", AGENT)).await.expect(201);
    kubernetes.running("a").await;
    let again = kubernetes.create(pod("a", AGENT)).await.expect(409);
    assert_eq!(again.body["reason"], "AlreadyExists");
    let image = kubernetes.create(pod("b", "busybox")).await.expect(422);
    assert!(
        image.body["message"]
            .as_str()
            .unwrap()
            .contains("`busybox`")
    );

    let own = "/api/v1/namespaces/default/pods";
    for (path, status, reason) in [
        (format!("{own}/absent"), 404, "NotFound"),
        (format!("{own}/a/attach"), 501, "NotImplemented"),
        (format!("{own}/a/portforward"), 501, "NotImplemented"),
        (
            format!("{own}/a/exec?command=ls&stdin=true"),
            400,
            "BadRequest",
        ),
        (
            format!("{own}/a/exec?command=ls&stdout=true"),
            400,
            "BadRequest",
        ),
        (format!("{own}?fieldSelector=spec.x%3D1"), 400, "BadRequest"),
        (
            format!("{own}?watch=true&resourceVersion=99"),
            410,
            "Expired",
        ),
        ("/api/v1/namespaces/other/pods".to_owned(), 404, "NotFound"),
        ("/apis/apps/v1/deployments".to_owned(), 404, "NotFound"),
    ] {
        let answer = kubernetes.get(&path).await.expect(status);
        assert_eq!(answer.body["kind"], "Status", "{path}");
        assert_eq!(answer.body["reason"], reason, "{path}");
    }

    // A cluster's token is its own: ARM's is not good for it, nor its for ARM.
    let url = format!("{}/version", kubernetes.server);
    let azure = &kubernetes.azure;
    let arm = azure.emulator.token();
    azure
        .send(Method::GET, &url, Some(arm), None)
        .await
        .expect(401);
    let url = format!(
        "{}{}?api-version=1",
        azure.emulator.base_url(),
        azure.in_group("")
    );
    azure
        .send(Method::GET, &url, Some(&kubernetes.token), None)
        .await
        .expect(401);
}

#[tokio::test]
async fn a_list_can_be_watched_from_its_version_on() {
    let kubernetes = Kubernetes::with(json!({ "networkPlugin": "azure" })).await;
    kubernetes.create(pod("a", AGENT)).await.expect(201);
    kubernetes.running("a").await;
    let list = kubernetes.get("/api/v1/pods").await.expect(200).body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let own = "/api/v1/namespaces/default/pods";
    kubernetes
        .send(Method::DELETE, &format!("{own}/a"), None)
        .await
        .expect(200);
    let watched = kubernetes
        .get(&format!(
            "{own}?watch=true&resourceVersion={version}&timeoutSeconds=1"
        ))
        .await
        .expect(200)
        .body;
    // One line alone is JSON by itself.
    assert_eq!(watched["type"], "DELETED");
    assert_eq!(watched["object"]["metadata"]["name"], "a");
}

/// Made, replaced and deleted by this tool's own client; no answer ever has a value.
#[tokio::test]
async fn a_secret_is_kept_without_its_values() {
    use std::collections::BTreeMap;
    use vnetlab::client::kubernetes::Cluster;

    let api =
        Kubernetes::with(json!({ "networkPlugin": "azure", "networkPluginMode": "overlay" })).await;
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": api.server } }],
        "users": [{ "name": "u", "user": { "token": api.token } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    });
    let config = vnetlab::client::Kubeconfig::new(config.to_string());
    let cluster = Cluster::connect(&config, true).await.expect("a client");
    let data = |value: &str| BTreeMap::from([("TOKEN".to_owned(), value.to_owned())]);
    for value in ["first-value", "second-value"] {
        let put = cluster.put_secret("default", "web-env", "Opaque", data(value));
        put.await.expect("the secret is put");
    }
    let path = "/api/v1/namespaces/default/secrets/web-env";
    let shown = api.get(path).await.expect(200).body;
    assert_eq!(shown["type"], "Opaque");
    assert!(!shown.to_string().contains("value"), "{shown}");
    for _ in 0..2 {
        let deleted = cluster.delete_secret("default", "web-env").await;
        deleted.expect("what is not there is deleted already");
    }
    api.get(path).await.expect(404);
}
