//! Virtual network peerings: two objects, their states, and what is refused.

use serde_json::{Value, json};

use crate::azure::Azure;
use crate::carrying::Gate;

fn network(prefix: &str) -> Value {
    json!({ "location": "eastus", "properties": { "addressSpace": { "addressPrefixes": [prefix] } } })
}

fn peering(remote: &str) -> Value {
    json!({ "properties": { "remoteVirtualNetwork": { "id": remote }, "allowForwardedTraffic": true } })
}

impl Azure {
    fn network(&self, name: &str) -> String {
        self.provider(&format!("Microsoft.Network/virtualNetworks/{name}"))
    }

    async fn networks(&self, all: &[(&str, &str)]) {
        for (name, prefix) in all {
            self.create(&self.network(name), network(prefix)).await;
        }
    }

    fn peering(&self, local: &str, remote: &str) -> String {
        format!("{}/virtualNetworkPeerings/to-{remote}", self.network(local))
    }

    async fn peer(&self, local: &str, remote: &str) -> Value {
        self.create(&self.peering(local, remote), peering(&self.network(remote)))
            .await
    }

    /// The state and the level of a peering.
    async fn stands(&self, local: &str, remote: &str) -> (String, String) {
        let found = self
            .get(&self.peering(local, remote))
            .await
            .expect(200)
            .body;
        let text = |name: &str| found["properties"][name].as_str().unwrap().to_owned();
        (text("peeringState"), text("peeringSyncLevel"))
    }
}

fn stand(state: &str, level: &str) -> (String, String) {
    (state.to_owned(), level.to_owned())
}

#[tokio::test]
async fn a_peering_is_connected_when_both_sides_have_one() {
    let azure = Azure::with_group().await;
    azure
        .networks(&[("one", "10.1.0.0/16"), ("two", "10.2.0.0/16")])
        .await;
    let first = azure.peer("one", "two").await;
    let properties = &first["properties"];
    assert_eq!(properties["peeringState"], "Initiated");
    assert_eq!(properties["peeringSyncLevel"], "RemoteNotInSync");
    assert_eq!(properties["allowVirtualNetworkAccess"], true);
    assert_eq!(properties["allowForwardedTraffic"], true);
    assert_eq!(properties["useRemoteGateways"], false);
    for space in ["remoteAddressSpace", "remoteVirtualNetworkAddressSpace"] {
        assert_eq!(
            properties[space]["addressPrefixes"],
            json!(["10.2.0.0/16"]),
            "{space}"
        );
    }
    assert_eq!(
        first["type"],
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
    );

    azure.peer("two", "one").await;
    let connected = stand("Connected", "FullyInSync");
    assert_eq!(azure.stands("one", "two").await, connected);
    assert_eq!(azure.stands("two", "one").await, connected);
    let listed = azure
        .get(&format!("{}/virtualNetworkPeerings", azure.network("one")))
        .await
        .expect(200)
        .body;
    assert_eq!(listed["value"][0]["name"], "to-two");
}

#[tokio::test]
async fn a_side_that_goes_disconnects_the_other_until_that_one_is_written() {
    let azure = Azure::with_group().await;
    azure
        .networks(&[("one", "10.1.0.0/16"), ("two", "10.2.0.0/16")])
        .await;
    azure.peer("one", "two").await;
    azure.peer("two", "one").await;
    let deletion = azure.delete(&azure.peering("one", "two")).await.expect(202);
    azure.settled(&deletion).await;
    assert_eq!(azure.stands("two", "one").await.0, "Disconnected");

    let remote = azure.network("two");
    let refused = azure
        .put(&azure.peering("one", "two"), peering(&remote))
        .await
        .expect(400);
    assert_eq!(refused.code(), "RemotePeeringIsDisconnected");
    assert_eq!(
        azure.peer("two", "one").await["properties"]["peeringState"],
        "Initiated"
    );
    azure.peer("one", "two").await;
    assert_eq!(
        azure.stands("two", "one").await,
        stand("Connected", "FullyInSync")
    );

    // A network that goes takes its side with it.
    let deletion = azure.delete(&azure.network("one")).await.expect(202);
    azure.settled(&deletion).await;
    assert_eq!(azure.stands("two", "one").await.0, "Disconnected");
}

#[tokio::test]
async fn an_address_space_that_changes_is_out_of_sync_until_the_other_side_is_written() {
    let azure = Azure::with_group().await;
    azure
        .networks(&[("one", "10.1.0.0/16"), ("two", "10.2.0.0/16")])
        .await;
    azure.peer("one", "two").await;
    azure.peer("two", "one").await;
    // The peerings are left out of the body, and stay.
    azure
        .create(&azure.network("one"), network("10.0.0.0/15"))
        .await;
    assert_eq!(
        azure.stands("one", "two").await,
        stand("Connected", "LocalNotInSync")
    );
    assert_eq!(
        azure.stands("two", "one").await,
        stand("Connected", "RemoteNotInSync")
    );
    let synced = azure.peer("two", "one").await;
    assert_eq!(
        synced["properties"]["remoteAddressSpace"]["addressPrefixes"],
        json!(["10.0.0.0/15"])
    );
    assert_eq!(
        azure.stands("one", "two").await,
        stand("Connected", "FullyInSync")
    );

    let overlapping = azure
        .put(&azure.network("one"), network("10.0.0.0/14"))
        .await
        .expect(400);
    assert_eq!(
        overlapping.code(),
        "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet"
    );

    // An empty list is a list: it takes the peerings away.
    let mut without = network("10.0.0.0/15");
    without["properties"]["virtualNetworkPeerings"] = json!([]);
    azure.create(&azure.network("one"), without).await;
    assert_eq!(azure.stands("two", "one").await.0, "Disconnected");
}

#[tokio::test]
async fn peerings_that_cannot_be_are_refused() {
    let azure = Azure::with_group().await;
    azure
        .networks(&[
            ("hub", "10.1.0.0/16"),
            ("spoke", "10.2.0.0/16"),
            ("same", "10.1.128.0/17"),
            ("twin", "10.2.0.0/24"),
        ])
        .await;
    azure.peer("hub", "spoke").await;
    azure.peer("spoke", "hub").await;
    let id = |name: &str| azure.network(name);
    let flag = |remote: &str, name: &str, value: bool| {
        let mut body = peering(&id(remote));
        body["properties"][name] = json!(value);
        body
    };
    for (local, name, body, status, code) in [
        (
            "hub",
            "x",
            peering(&id("none")),
            400,
            "InvalidResourceReference",
        ),
        ("hub", "x", peering(&id("hub")), 400, "InvalidParameter"),
        ("hub", "x", peering("not an id"), 400, "InvalidParameter"),
        (
            "hub",
            "x",
            json!({ "properties": {} }),
            400,
            "InvalidParameter",
        ),
        (
            "hub",
            "x",
            peering(&id("same")),
            400,
            "VnetAddressSpacesOverlap",
        ),
        (
            "hub",
            "x",
            peering(&id("spoke")),
            400,
            "AnotherPeeringAlreadyReferencesRemoteVnet",
        ),
        // The hub is peered with a spoke of the same addresses.
        (
            "twin",
            "x",
            peering(&id("hub")),
            400,
            "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
        ),
        (
            "hub",
            "x",
            peering(&id("twin")),
            400,
            "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
        ),
        (
            "none",
            "x",
            peering(&id("hub")),
            404,
            "ParentResourceNotFound",
        ),
        (
            "hub",
            "to-spoke",
            flag("spoke", "useRemoteGateways", true),
            400,
            "RemoteVnetHasNoGateways",
        ),
        (
            "hub",
            "to-spoke",
            flag("spoke", "peerCompleteVnets", false),
            501,
            "NotSupported",
        ),
    ] {
        let path = format!("{}/virtualNetworkPeerings/{name}", id(local));
        let refused = azure.put(&path, body.clone()).await.expect(status);
        assert_eq!(refused.code(), code, "{local} {body}");
    }
    assert_eq!(
        azure.stands("hub", "spoke").await,
        stand("Connected", "FullyInSync")
    );
}

#[tokio::test]
async fn a_template_peers_its_networks_and_the_fabric_learns_both_sides() {
    let gate = Gate::new(usize::MAX >> 4);
    let azure = Azure::over(gate.clone()).await.and_group().await;
    let vnet = |name: &str, prefix: &str| {
        let mut network = network(prefix);
        network["type"] = json!("Microsoft.Network/virtualNetworks");
        network["apiVersion"] = json!("2025-07-01");
        network["name"] = json!(name);
        network
    };
    let side = |local: &str, remote: &str| {
        let reference =
            |name: &str| format!("[resourceId('Microsoft.Network/virtualNetworks', '{name}')]");
        json!({
            "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
            "apiVersion": "2025-07-01",
            "name": format!("{local}/to-{remote}"),
            "dependsOn": [reference(local), reference(remote)],
            "properties": { "remoteVirtualNetwork": { "id": reference(remote) } },
        })
    };
    let template = |resources: Value| {
        json!({ "properties": { "mode": "Incremental", "parameters": {}, "template": {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": resources,
        } } })
    };
    let path = azure.provider("Microsoft.Resources/deployments/d");
    let good = template(json!([
        vnet("one", "10.1.0.0/16"),
        vnet("two", "10.2.0.0/16"),
        side("one", "two"),
        side("two", "one"),
    ]));
    // Twice: the networks are written again without their peerings, and keep them.
    for status in [201, 200] {
        let accepted = azure.put(&path, good.clone()).await.expect(status);
        assert_eq!(azure.settled(&accepted).await["status"], "Succeeded");
        assert_eq!(
            azure.stands("one", "two").await,
            stand("Connected", "FullyInSync")
        );
    }
    let carried = gate.last();
    let states = carried
        .resources
        .iter()
        .flat_map(|network| {
            network.properties()["virtualNetworkPeerings"]
                .as_array()
                .unwrap()
        })
        .map(|peering| peering["properties"]["peeringState"].as_str().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(states, ["Connected", "Connected"]);

    // What overlaps is found before anything is deployed, also between children of one template.
    let bad = template(json!([
        vnet("one", "10.1.0.0/16"),
        vnet("three", "10.1.0.0/24"),
        side("one", "three"),
    ]));
    let refused = azure.put(&path, bad).await.expect(400);
    assert_eq!(refused.code(), "InvalidTemplateDeployment");
    assert_eq!(
        refused.body["error"]["details"][0]["code"],
        "VnetAddressSpacesOverlap"
    );
    azure.get(&azure.network("three")).await.expect(404);
}
