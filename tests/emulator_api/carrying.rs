//! A resource is there only when the network carries it: over a fabric that waits, and one that fails.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use vnetlab::emulator::ModelFabric;
use vnetlab::emulator::fabric::{
    Connection, DatagramFlow, DatagramListener, DialError, EndpointId, Fabric, FabricError,
    Listener, NetworkState,
};
use vnetlab::verdict::Evidence;
use vnetlab::verdict::event::FabricName;

use crate::azure::{Azure, network, web};

/// The model, but each state waits for a permit, and is refused on request.
pub(crate) struct Gate {
    model: ModelFabric,
    permits: Semaphore,
    refuses: AtomicBool,
    last: Mutex<NetworkState>,
    /// How many states had their permit.
    begun: watch::Sender<usize>,
}

impl Gate {
    pub(crate) fn new(permits: usize) -> Arc<Gate> {
        Arc::new(Gate {
            model: ModelFabric::new(),
            permits: Semaphore::new(permits),
            refuses: AtomicBool::new(false),
            last: Mutex::default(),
            begun: watch::Sender::new(0),
        })
    }

    /// Waits until so many states have been refused or realised.
    async fn begun(&self, states: usize) {
        let mut begun = self.begun.subscribe();
        begun.wait_for(|begun| *begun >= states).await.unwrap();
    }

    /// The last state that was realised.
    pub(crate) fn last(&self) -> NetworkState {
        self.last.lock().unwrap().clone()
    }
}

/// A state that cannot be: a resource in it has the tag `poison`.
fn is_poisoned(state: &NetworkState) -> bool {
    let mut tags = state
        .resources
        .iter()
        .filter_map(|resource| resource.member("tags"));
    tags.any(|tags| tags.get("poison").is_some())
}

#[async_trait]
impl Fabric for Gate {
    fn name(&self) -> FabricName {
        self.model.name()
    }

    async fn apply(&self, state: &NetworkState) -> Result<(), FabricError> {
        self.permits.acquire().await.unwrap().forget();
        let refused = self.refuses.load(Ordering::SeqCst) || is_poisoned(state);
        self.begun.send_modify(|begun| *begun += 1);
        if refused {
            return Err(FabricError {
                operation: "apply".to_owned(),
                message: "out of cable".to_owned(),
            });
        }
        *self.last.lock().unwrap() = state.clone();
        self.model.apply(state).await
    }

    async fn listen(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn Listener>, FabricError> {
        self.model.listen(endpoint, port).await
    }

    async fn dial(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        timeout: Duration,
        nonce: Option<&str>,
    ) -> Result<Connection, DialError> {
        self.model.dial(endpoint, to, timeout, nonce).await
    }

    async fn listen_datagrams(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn DatagramListener>, FabricError> {
        self.model.listen_datagrams(endpoint, port).await
    }

    async fn dial_datagrams(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        nonce: Option<&str>,
    ) -> Result<Box<dyn DatagramFlow>, DialError> {
        self.model.dial_datagrams(endpoint, to, nonce).await
    }

    async fn echo(
        &self,
        endpoint: &EndpointId,
        to: Ipv4Addr,
        timeout: Duration,
        nonce: Option<&str>,
    ) -> Result<(), DialError> {
        self.model.echo(endpoint, to, timeout, nonce).await
    }

    async fn evidence(&self, _nonce: &str) -> Option<Evidence> {
        Some(Evidence::default())
    }
}

fn nsg_deployment() -> Value {
    json!({ "properties": { "mode": "Incremental", "parameters": {}, "template": {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [{
            "type": "Microsoft.Network/networkSecurityGroups", "apiVersion": "2025-07-01",
            "name": "nsg", "location": "eastus", "properties": {},
        }],
    } } })
}

#[tokio::test]
async fn a_deployment_is_active_until_the_network_carries_it_and_can_be_cancelled() {
    let gate = Gate::new(0);
    let azure = Azure::over(gate.clone()).await.and_group().await;
    let path = azure.provider("Microsoft.Resources/deployments/d");
    let accepted = azure.put(&path, nsg_deployment()).await.expect(201);
    let url = accepted.header("azure-asyncoperation").unwrap().to_owned();
    let running = azure.get(&url).await.expect(200);
    assert_eq!(running.body, json!({ "status": "Running" }));
    let refused = azure.put(&path, nsg_deployment()).await.expect(409);
    assert_eq!(refused.code(), "DeploymentActive");
    azure.delete(&path).await.expect(409);

    azure
        .post(&format!("{path}/cancel"), None)
        .await
        .expect(204);
    let cancelled = azure.get(&path).await.expect(200).body;
    assert_eq!(cancelled["properties"]["provisioningState"], "Canceled");
    assert!(cancelled["properties"]["error"].is_null());
    assert_eq!(azure.get(&url).await.expect(200).body["status"], "Canceled");

    gate.permits.add_permits(8);
    let again = azure.put(&path, nsg_deployment()).await.expect(200);
    assert_eq!(azure.settled(&again).await["status"], "Succeeded");
    assert_ne!(again.header("azure-asyncoperation"), Some(url.as_str()));
}

#[tokio::test]
async fn a_network_that_fails_leaves_a_failed_resource_and_the_old_state_of_another() {
    let gate = Gate::new(usize::MAX >> 4);
    let azure = Azure::over(gate.clone()).await.and_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    gate.refuses.store(true, Ordering::SeqCst);

    let mut changed = network();
    changed["tags"] = json!({ "new": "yes" });
    let update = azure.put(&vnet, changed).await.expect(200);
    assert_eq!(azure.settled(&update).await["status"], "Failed");
    let kept = azure.get(&vnet).await.expect(200).body;
    assert!(kept["tags"].is_null());
    assert_eq!(kept["properties"]["provisioningState"], "Succeeded");

    let group = azure.provider("Microsoft.ContainerInstance/containerGroups/web");
    let new = azure
        .put(&group, web(&format!("{vnet}/subnets/aci")))
        .await
        .expect(201);
    let ended = azure.settled(&new).await;
    assert!(
        ended["error"]["message"]
            .as_str()
            .unwrap()
            .contains("out of cable")
    );
    let failed = azure.get(&group).await.expect(200).body;
    assert_eq!(failed["properties"]["provisioningState"], "Failed");

    let path = azure.provider("Microsoft.Resources/deployments/d");
    let accepted = azure.put(&path, nsg_deployment()).await.expect(201);
    let ended = azure.settled(&accepted).await;
    let detail = &ended["error"]["details"][0];
    assert_eq!(detail["code"], "ResourceDeploymentFailure");
    assert!(
        detail["details"][0]["message"]
            .as_str()
            .unwrap()
            .contains("out of cable")
    );

    gate.refuses.store(false, Ordering::SeqCst);
    let made = azure
        .create(&group, web(&format!("{vnet}/subnets/aci")))
        .await;
    assert_eq!(made["properties"]["ipAddress"]["ip"], "172.16.32.4");
}

fn tagged(tag: &str) -> Value {
    json!({ "location": "eastus", "tags": { (tag): "yes" } })
}

#[tokio::test]
async fn a_write_that_fails_does_not_undo_a_later_one() {
    let gate = Gate::new(1);
    let azure = Azure::over(gate.clone()).await.and_group().await;
    let nsg = azure.provider("Microsoft.Network/networkSecurityGroups/nsg");
    azure.create(&nsg, tagged("first")).await;

    gate.refuses.store(true, Ordering::SeqCst);
    let second = azure.put(&nsg, tagged("second")).await.expect(200);
    let third = azure.put(&nsg, tagged("third")).await.expect(200);
    gate.permits.add_permits(1);
    // One of the two is refused and the other waits; whichever it was, the third is what stands.
    gate.begun(2).await;
    gate.refuses.store(false, Ordering::SeqCst);
    gate.permits.add_permits(8);
    let ended = [azure.settled(&second).await, azure.settled(&third).await];
    let failed = ended
        .iter()
        .filter(|ended| ended["status"] == "Failed")
        .count();
    assert_eq!(failed, 1, "{ended:?}");
    let expected = match ended[1]["status"].as_str() {
        Some("Failed") => "second",
        _ => "third",
    };
    let kept = azure.get(&nsg).await.expect(200).body;
    assert_eq!(kept["tags"], json!({ (expected): "yes" }));

    // What fails next falls back to it, not to what stood before.
    let poisoned = azure.put(&nsg, tagged("poison")).await.expect(200);
    assert_eq!(azure.settled(&poisoned).await["status"], "Failed");
    let kept = azure.get(&nsg).await.expect(200).body;
    assert_eq!(kept["tags"], json!({ (expected): "yes" }));
    assert_eq!(kept["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn a_write_that_cannot_be_carried_fails_alone() {
    let gate = Gate::new(0);
    let azure = Azure::over(gate.clone()).await.and_group().await;
    let path =
        |name: &str| azure.provider(&format!("Microsoft.Network/networkSecurityGroups/{name}"));
    let bad = azure.put(&path("bad"), tagged("poison")).await.expect(201);
    let good = azure.put(&path("good"), tagged("good")).await.expect(201);
    gate.permits.add_permits(32);
    let error = azure.settled(&bad).await;
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("out of cable")
    );
    assert_eq!(azure.settled(&good).await["status"], "Succeeded");
    let state = |body: &Value| body["properties"]["provisioningState"].clone();
    assert_eq!(state(&azure.get(&path("bad")).await.body), "Failed");
    assert_eq!(state(&azure.get(&path("good")).await.body), "Succeeded");
    let carried = gate.last();
    let names = carried.resources.iter().map(|resource| resource.id.name());
    assert_eq!(names.collect::<Vec<_>>(), ["good"]);
}

#[tokio::test]
async fn a_group_that_is_deleted_and_made_again_at_once_runs() {
    let gate = Gate::new(2);
    let azure = Azure::over(gate.clone()).await.and_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let group = azure.provider("Microsoft.ContainerInstance/containerGroups/web");
    let body = web(&format!("{vnet}/subnets/aci"));
    azure.create(&group, body.clone()).await;
    let before = gate.last();

    azure.delete(&group).await.expect(200);
    let again = azure.put(&group, body).await.expect(201);
    gate.permits.add_permits(8);
    assert_eq!(azure.settled(&again).await["status"], "Succeeded");
    let running = azure.get(&group).await.expect(200).body;
    assert_eq!(running["properties"]["ipAddress"]["ip"], "172.16.32.4");
    let logs = azure
        .get(&format!("{group}/containers/web-80/logs"))
        .await
        .expect(200)
        .body;
    assert!(
        logs["content"]
            .as_str()
            .unwrap()
            .contains("Started HTTP server on port 80")
    );
    // Another endpoint, though it has the name and the address of the first.
    let after = gate.last();
    assert_eq!(after.endpoints.len(), 1);
    assert!(
        after
            .endpoints
            .keys()
            .all(|id| !before.endpoints.contains_key(id))
    );
}

#[tokio::test]
async fn evidence_is_the_fabrics() {
    let evidence = |azure: &Azure| {
        let url = format!("{}/vnetlab/evidence/n1", azure.emulator.base_url());
        (url, azure.emulator.token().to_owned())
    };
    let azure = Azure::over(Gate::new(0)).await;
    let (url, token) = evidence(&azure);
    let found = azure
        .send(reqwest::Method::GET, &url, Some(&token), None)
        .await
        .expect(200);
    assert_eq!(found.body["packets"], json!([]));
    let azure = Azure::start().await;
    let (url, token) = evidence(&azure);
    azure
        .send(reqwest::Method::GET, &url, Some(&token), None)
        .await
        .expect(404);
}
