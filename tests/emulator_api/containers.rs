//! Container groups: what is read back, what may change, and stop and start.

use serde_json::{Value, json};

use crate::azure::{AGENT, Azure, network, web};

const GROUP: &str = "Microsoft.ContainerInstance/containerGroups/web";

/// Two containers, with everything that a template may say of them.
fn two(subnet: &str) -> Value {
    let mut body = web(subnet);
    let properties = &mut body["properties"];
    properties["restartPolicy"] = json!("OnFailure");
    properties["imageRegistryCredentials"] = json!([
        { "server": "registry.example", "username": "me", "password": "hunter2-registry" },
    ]);
    properties["dnsConfig"] =
        json!({ "nameServers": ["10.0.0.4"], "searchDomains": "lab.example" });
    let ports = properties["ipAddress"]["ports"].as_array_mut().unwrap();
    ports.push(json!({ "port": 53, "protocol": "UDP" }));
    let containers = properties["containers"].as_array_mut().unwrap();
    containers[0]["properties"]["environmentVariables"] = json!([
        { "name": "PLAIN", "value": "seen" },
        { "name": "SECRET", "secureValue": "hunter2-variable" },
    ]);
    containers.push(json!({ "name": "waits", "properties": {
        "image": AGENT, "command": ["/agnhost", "pause"],
        "ports": [{ "port": 53, "protocol": "UDP" }],
        "resources": { "requests": { "cpu": 0.5, "memoryInGB": 0.5 } },
    } }));
    body
}

#[tokio::test]
async fn a_group_reads_back_as_sent_but_for_its_secrets() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let subnet = format!("{vnet}/subnets/aci");
    let path = azure.provider(GROUP);
    let made = azure.create(&path, two(&subnet)).await;
    let properties = &made["properties"];
    assert_eq!(properties["restartPolicy"], "OnFailure");
    assert_eq!(properties["dnsConfig"]["nameServers"], json!(["10.0.0.4"]));
    assert_eq!(properties["ipAddress"]["ports"][1]["protocol"], "UDP");
    assert_eq!(
        properties["containers"][1]["properties"]["command"],
        json!(["/agnhost", "pause"])
    );
    let variables = &properties["containers"][0]["properties"]["environmentVariables"];
    assert_eq!(
        *variables,
        json!([{ "name": "PLAIN", "value": "seen" }, { "name": "SECRET" }])
    );
    assert_eq!(properties["imageRegistryCredentials"][0]["username"], "me");
    assert!(!made.to_string().contains("hunter2"), "{made}");

    // The answer can be sent back; what needs a new group is refused.
    azure.create(&path, made.clone()).await;
    let changed = |place: &str, value: Value| {
        let mut body = two(&subnet);
        *body.pointer_mut(place).unwrap() = value;
        body
    };
    let cpu = "/properties/containers/1/properties/resources/requests/cpu";
    for body in [
        changed(cpu, json!(1)),
        changed("/properties/restartPolicy", json!("Always")),
        changed("/properties/osType", json!("Windows")),
    ] {
        let refused = azure.put(&path, body).await.expect(400);
        assert_eq!(refused.code(), "InvalidContainerGroupUpdate");
    }
    for body in [
        changed(cpu, json!("0.50")),
        changed(
            "/properties/containers/0/properties/environmentVariables",
            json!([]),
        ),
    ] {
        azure.create(&path, body).await;
    }
}

#[tokio::test]
async fn groups_that_cannot_be_are_refused() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let subnet = format!("{vnet}/subnets/aci");
    let path = azure.provider(GROUP);
    for (place, value, status, code) in [
        (
            "/properties/restartPolicy",
            json!("Sometimes"),
            400,
            "InvalidParameter",
        ),
        (
            "/properties/dnsConfig/nameServers",
            json!([]),
            400,
            "InvalidParameter",
        ),
        (
            "/properties/dnsConfig/nameServers",
            json!(["resolver"]),
            400,
            "InvalidParameter",
        ),
        (
            "/properties/imageRegistryCredentials/0/server",
            json!(null),
            400,
            "InvalidParameter",
        ),
        (
            "/properties/ipAddress/ports/1/protocol",
            json!("SCTP"),
            400,
            "InvalidParameter",
        ),
        (
            "/properties/containers/0/properties/ports/0/port",
            json!(70000),
            400,
            "InvalidParameter",
        ),
        (
            "/properties/containers/0/properties/environmentVariables/1/name",
            json!("PLAIN"),
            400,
            "InvalidParameter",
        ),
        // Two servers on one port of the group's one address.
        (
            "/properties/containers/1/properties/command",
            json!(["/agnhost", "netexec", "--http-port=80"]),
            501,
            "NotSupported",
        ),
    ] {
        let mut body = two(&subnet);
        *body.pointer_mut(place).unwrap() = value.clone();
        let refused = azure.put(&path, body).await.expect(status);
        assert_eq!(refused.code(), code, "{place} {value}");
        azure.get(&path).await.expect(404);
    }
}

#[tokio::test]
async fn a_group_that_stops_gives_its_address_back() {
    let azure = Azure::with_group().await;
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    let subnet = format!("{vnet}/subnets/aci");
    let path = azure.provider(GROUP);
    let other = azure.provider("Microsoft.ContainerInstance/containerGroups/other");
    let address = |group: &Value| group["properties"]["ipAddress"]["ip"].clone();
    let made = azure.create(&path, web(&subnet)).await;
    assert_eq!(address(&made), "172.16.32.4");

    let restart = azure
        .post(&format!("{path}/restart"), None)
        .await
        .expect(204);
    assert_eq!(azure.settled(&restart).await["status"], "Succeeded");
    let running = azure.get(&path).await.expect(200).body;
    assert_eq!(address(&running), "172.16.32.4");
    assert_eq!(running["properties"]["instanceView"]["state"], "Running");

    azure.post(&format!("{path}/stop"), None).await.expect(204);
    let stopped = azure.get(&path).await.expect(200).body;
    assert_eq!(stopped["properties"]["instanceView"]["state"], "Stopped");
    assert!(address(&stopped).is_null());
    let made = azure.create(&other, web(&subnet)).await;
    assert_eq!(address(&made), "172.16.32.4");

    let start = azure.post(&format!("{path}/start"), None).await.expect(202);
    assert_eq!(azure.settled(&start).await["status"], "Succeeded");
    assert_eq!(
        address(&azure.get(&path).await.expect(200).body),
        "172.16.32.5"
    );
    azure
        .post(&format!("{path}/explode"), None)
        .await
        .expect(501);
    let none = azure.provider("Microsoft.ContainerInstance/containerGroups/none");
    azure.post(&format!("{none}/stop"), None).await.expect(404);
}
