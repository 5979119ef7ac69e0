//! A resource is there only when the network carries it: over a fabric that waits, and one that fails.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use vnetlab::emulator::ModelFabric;
use vnetlab::emulator::fabric::{
    Connection, DatagramFlow, DatagramListener, DialError, EndpointId, Fabric, FabricError,
    Listener, NetworkState,
};
use vnetlab::verdict::Evidence;
use vnetlab::verdict::event::FabricName;

use crate::azure::{Azure, network, web};

/// The model, but each state waits for a permit, and is refused on request.
struct Gate {
    model: ModelFabric,
    permits: Semaphore,
    refuses: AtomicBool,
}

impl Gate {
    fn new(permits: usize) -> Arc<Gate> {
        Arc::new(Gate {
            model: ModelFabric::new(),
            permits: Semaphore::new(permits),
            refuses: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Fabric for Gate {
    fn name(&self) -> FabricName {
        self.model.name()
    }

    async fn apply(&self, state: &NetworkState) -> Result<(), FabricError> {
        self.permits.acquire().await.unwrap().forget();
        if self.refuses.load(Ordering::SeqCst) {
            return Err(FabricError {
                operation: "apply".to_owned(),
                message: "out of cable".to_owned(),
            });
        }
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
