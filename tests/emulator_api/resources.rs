//! Resources one by one: what is added, what is refused, what is left.

use serde_json::{Value, json};

use crate::azure::{Azure, network, web};

#[tokio::test]
async fn a_group_is_made_read_refused_and_deleted() {
    let azure = Azure::with_group().await;
    let path = azure.in_group("");
    azure
        .put(&path, json!({ "location": "East US" }))
        .await
        .expect(200);
    let elsewhere = azure
        .put(&path, json!({ "location": "westus" }))
        .await
        .expect(409);
    assert_eq!(elsewhere.code(), "InvalidResourceGroupLocation");
    azure.head(&path).await.expect(204);
    let group = azure.get(&path).await.expect(200).body;
    assert_eq!(group["properties"]["provisioningState"], "Succeeded");

    let deletion = azure.delete(&path).await.expect(202);
    assert!(deletion.header("azure-asyncoperation").is_none());
    assert!(deletion.header("retry-after").is_none());
    azure.located(&deletion).await.expect(200);
    azure.head(&path).await.expect(404);
    let gone = azure.get(&path).await.expect(404);
    assert_eq!(gone.code(), "ResourceGroupNotFound");
    azure.delete(&path).await.expect(404);
}

#[tokio::test]
async fn a_network_security_group_has_six_default_rules_and_takes_rules_one_by_one() {
    let azure = Azure::with_group().await;
    let nsg = azure.provider("Microsoft.Network/networkSecurityGroups/nsg");
    let first = azure
        .put(&nsg, json!({ "location": "eastus" }))
        .await
        .expect(201);
    assert_eq!(first.body["properties"]["provisioningState"], "Updating");
    azure.settled(&first).await;
    let made = azure.get(&nsg).await.expect(200);
    assert_eq!(made.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(made.body["etag"].as_str(), made.header("etag"));
    assert_ne!(made.body["etag"], first.body["etag"]);
    let names = made.body["properties"]["defaultSecurityRules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["name"].as_str().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "AllowVnetInBound",
            "AllowAzureLoadBalancerInBound",
            "DenyAllInBound",
            "AllowVnetOutBound",
            "AllowInternetOutBound",
            "DenyAllOutBound"
        ]
    );

    let rule = json!({ "properties": {
        "protocol": "Tcp", "sourcePortRange": "*", "destinationPortRange": "80",
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
        "access": "Allow", "priority": 100, "direction": "Inbound",
    } });
    let child = azure
        .create(&format!("{nsg}/securityRules/web"), rule)
        .await;
    assert_eq!(child["properties"]["sourceAddressPrefixes"], json!([]));
    assert_eq!(child["properties"]["protocol"], "Tcp");
    let listed = azure
        .get(&format!("{nsg}/securityRules"))
        .await
        .expect(200)
        .body;
    assert_eq!(listed["value"][0]["name"], "web");

    let deletion = azure
        .delete(&format!("{nsg}/securityRules/WEB"))
        .await
        .expect(202);
    assert!(deletion.header("location").is_some());
    azure.settled(&deletion).await;
    azure.located(&deletion).await.expect(204);
    azure
        .get(&format!("{nsg}/securityRules/web"))
        .await
        .expect(404);
    azure
        .delete(&format!("{nsg}/securityRules/web"))
        .await
        .expect(204);
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let azure = Azure::with_group().await;
    let nsg = azure.provider("Microsoft.Network/networkSecurityGroups/nsg");
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    let group = azure.provider("Microsoft.ContainerInstance/containerGroups/web");
    azure.create(&nsg, json!({ "location": "eastus" })).await;
    let mut body = network();
    body["properties"]["subnets"][1]["properties"]["networkSecurityGroup"] = json!({ "id": nsg });
    azure.create(&vnet, body.clone()).await;
    azure
        .create(&group, web(&format!("{vnet}/subnets/aci")))
        .await;

    let code = |path: String| {
        let azure = &azure;
        async move { azure.delete(&path).await.expect(400).code().to_owned() }
    };
    assert_eq!(
        code(nsg.clone()).await,
        "InUseNetworkSecurityGroupCannotBeDeleted"
    );
    assert_eq!(code(vnet.clone()).await, "InUseSubnetCannotBeDeleted");
    assert_eq!(
        code(format!("{vnet}/subnets/aci")).await,
        "InUseSubnetCannotBeDeleted"
    );
    body["properties"]["subnets"] = json!([body["properties"]["subnets"][0]]);
    let without = azure.put(&vnet, body).await.expect(400);
    assert_eq!(without.code(), "InUseSubnetCannotBeDeleted");
    let used = azure
        .get(&format!("{vnet}/subnets/aci"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        used["properties"]["serviceAssociationLinks"][0]["name"],
        "acisal"
    );

    azure.delete(&group).await.expect(200);
    azure.delete(&group).await.expect(204);
    let deletion = azure
        .delete(&format!("{vnet}/subnets/aci"))
        .await
        .expect(202);
    azure.settled(&deletion).await;
    let deletion = azure.delete(&nsg).await.expect(202);
    azure.settled(&deletion).await;
}

#[tokio::test]
async fn a_container_group_gets_the_first_free_address_and_keeps_it() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let subnet = format!("{vnet}/subnets/aci");
    let path = |name: &str| {
        azure.provider(&format!(
            "Microsoft.ContainerInstance/containerGroups/{name}"
        ))
    };
    let address = |group: &Value| group["properties"]["ipAddress"]["ip"].clone();

    let accepted = azure.put(&path("a"), web(&subnet)).await.expect(201);
    assert_eq!(accepted.body["properties"]["provisioningState"], "Pending");
    assert_eq!(
        accepted.body["properties"]["instanceView"]["state"],
        "Pending"
    );
    azure.settled(&accepted).await;
    let a = azure.get(&path("a")).await.expect(200).body;
    assert_eq!(address(&a), "172.16.32.4");
    assert_eq!(a["properties"]["ipAddress"]["ports"][0]["port"], 80);
    let container = &a["properties"]["containers"][0]["properties"];
    assert_eq!(container["resources"]["requests"]["cpu"], 1);
    assert_eq!(
        container["instanceView"]["currentState"]["state"],
        "Running"
    );

    assert_eq!(
        address(&azure.create(&path("b"), web(&subnet)).await),
        "172.16.32.5"
    );
    azure.delete(&path("a")).await.expect(200);
    assert_eq!(
        address(&azure.create(&path("b"), web(&subnet)).await),
        "172.16.32.5"
    );
    assert_eq!(
        address(&azure.create(&path("c"), web(&subnet)).await),
        "172.16.32.4"
    );
}

#[tokio::test]
async fn an_image_that_is_not_built_in_is_refused_by_name() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let mut body = web(&format!("{vnet}/subnets/aci"));
    body["properties"]["containers"][0]["properties"]["image"] = json!("nginx:1.27");
    let path = azure.provider("Microsoft.ContainerInstance/containerGroups/web");
    let refused = azure.put(&path, body).await.expect(400);
    assert_eq!(refused.code(), "InaccessibleImage");
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`nginx:1.27`") && message.contains("pulls no images"),
        "{message}"
    );
    azure.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_role_is_assigned_once() {
    let azure = Azure::with_group().await;
    let identity = azure.provider("Microsoft.ManagedIdentity/userAssignedIdentities/identity");
    let made = azure
        .put(&identity, json!({ "location": "eastus" }))
        .await
        .expect(201);
    assert!(made.header("azure-asyncoperation").is_none());
    let principal = made.body["properties"]["principalId"].clone();
    let again = azure
        .put(&identity, json!({ "location": "eastus" }))
        .await
        .expect(200);
    assert_eq!(again.body["properties"]["principalId"], principal);

    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let role = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7",
        azure.emulator.subscription()
    );
    let assignment = json!({ "properties": {
        "roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal",
    } });
    let at =
        |name: &str| format!("{vnet}/providers/Microsoft.Authorization/roleAssignments/{name}");
    let first = at("11111111-1111-1111-1111-111111111111");
    let second = at("22222222-2222-2222-2222-222222222222");
    let made = azure.put(&first, assignment.clone()).await.expect(201).body;
    assert_eq!(made["properties"]["scope"], json!(vnet));
    let refused = azure.put(&second, assignment).await.expect(409);
    assert_eq!(refused.code(), "RoleAssignmentExists");
    azure.delete(&vnet).await.expect(202);
    azure.get(&first).await.expect(404);
}

#[tokio::test]
async fn a_type_that_is_not_simulated_is_stored_and_noted() {
    let azure = Azure::with_group().await;
    let path = azure.provider("Microsoft.Storage/storageAccounts/store");
    let stored = azure
        .create(
            &path,
            json!({ "location": "eastus", "sku": { "name": "Standard_LRS" } }),
        )
        .await;
    assert_eq!(stored["sku"]["name"], "Standard_LRS");
    let notes = azure.emulator.notes();
    assert!(
        notes[0].contains("Microsoft.Storage/storageAccounts/store"),
        "{notes:?}"
    );
    let tagged = azure
        .patch(&path, json!({ "tags": { "a": "b" } }))
        .await
        .expect(200)
        .body;
    assert_eq!(tagged["tags"]["a"], "b");
    let list = azure
        .get(&azure.in_group("/resources"))
        .await
        .expect(200)
        .body;
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cluster_without_a_subnet_of_its_own_is_refused() {
    let azure = Azure::with_group().await;
    let path = azure.provider("Microsoft.ContainerService/managedClusters/cluster");
    let body = json!({ "location": "eastus", "properties": {
        "dnsPrefix": "c",
        "agentPoolProfiles": [{ "name": "p", "count": 1, "vmSize": "Standard_B2ms", "mode": "System" }],
    } });
    let refused = azure.put(&path, body).await.expect(501);
    assert_eq!(refused.code(), "NotSupported");
    assert!(
        refused.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("vnetSubnetID")
    );
    azure.get(&path).await.expect(404);
}
