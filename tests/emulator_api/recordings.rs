//! Status and long-running-operation headers side by side with recorded traffic.
//!
//! The data is found through `VNETLAB_RECORDINGS`; without it the comparison is skipped and says so.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::azure::{Answer, Azure, network, web};

fn recordings() -> Option<PathBuf> {
    let found = std::env::var_os("VNETLAB_RECORDINGS").map(PathBuf::from);
    if found.is_none() {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("skipped: VNETLAB_RECORDINGS is not set");
        }
    }
    found
}

/// The first answer of a recording to `method` on a path that ends in `/TYPE/NAME` (or, for groups,
/// is the group's own): its status and which operation headers it has.
fn recorded(file: &Value, method: &str, kind: &str) -> (u64, BTreeSet<String>) {
    let interaction = file["interactions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|interaction| {
            let path = interaction["request"]["path"]
                .as_str()
                .unwrap()
                .to_ascii_lowercase();
            let segments = path
                .split('/')
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>();
            let named = segments.len().checked_sub(2).map(|at| segments[at]);
            interaction["request"]["method"] == method
                && named == Some(kind.to_ascii_lowercase().as_str())
                && interaction["response"]["status"].as_u64().unwrap() < 300
        })
        .unwrap_or_else(|| panic!("no {method} of {kind} in {}", file["name"]));
    let headers = interaction["response"]["headers"].as_object().unwrap();
    let status = interaction["response"]["status"].as_u64().unwrap();
    (
        status,
        operation_headers(headers.keys().map(String::as_str)),
    )
}

fn operation_headers<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names
        .filter(|name| matches!(*name, "azure-asyncoperation" | "location"))
        .map(str::to_owned)
        .collect()
}

fn ours(answer: &Answer) -> (u64, BTreeSet<String>) {
    let headers = operation_headers(answer.headers.keys().map(String::as_str));
    (answer.status.into(), headers)
}

#[tokio::test]
async fn first_answers_have_the_recorded_status_and_operation_headers() {
    let Some(directory) = recordings() else {
        return;
    };
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(directory.join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let groups = read("01-resource-groups/rg-create-get-update-delete.json");
    let subnets = read("06-aci/aci-in-delegated-subnet.json");
    let containers = read("06-aci/aci-create-get-list-logs-delete.json");
    let clusters = read("07-aks/aks-create-credentials-upgrade-delete.json");
    let security = read("05-network/nsg-securityrules-crud-2024.json");
    let identities = read("08-identity-rbac/uami-crud-federated.json");

    let azure = Azure::start().await;
    let group = azure.in_group("");
    let made = azure.put(&group, json!({ "location": "eastus" })).await;
    assert_eq!(ours(&made), recorded(&groups, "PUT", "resourceGroups"));

    let nsg = azure.provider("Microsoft.Network/networkSecurityGroups/nsg");
    let made = azure.put(&nsg, json!({ "location": "eastus" })).await;
    assert_eq!(
        ours(&made),
        recorded(&security, "PUT", "networkSecurityGroups")
    );
    azure.settled(&made).await;

    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    let made = azure.put(&vnet, network()).await;
    assert_eq!(ours(&made), recorded(&subnets, "PUT", "virtualNetworks"));
    azure.settled(&made).await;

    let web_path = azure.provider("Microsoft.ContainerInstance/containerGroups/web");
    let made = azure
        .put(&web_path, web(&format!("{vnet}/subnets/aci")))
        .await;
    assert_eq!(ours(&made), recorded(&containers, "PUT", "containerGroups"));
    azure.settled(&made).await;
    let gone = azure.delete(&web_path).await;
    assert_eq!(
        ours(&gone),
        recorded(&containers, "DELETE", "containerGroups")
    );

    let identity = azure.provider("Microsoft.ManagedIdentity/userAssignedIdentities/identity");
    let made = azure.put(&identity, json!({ "location": "eastus" })).await;
    assert_eq!(
        ours(&made),
        recorded(&identities, "PUT", "userAssignedIdentities")
    );

    let cluster = azure.provider("Microsoft.ContainerService/managedClusters/cluster");
    let body = json!({ "location": "eastus", "identity": { "type": "SystemAssigned" }, "properties": {
        "dnsPrefix": "c",
        "networkProfile": { "networkPlugin": "azure", "networkPluginMode": "overlay" },
        "agentPoolProfiles": [{
            "name": "p", "count": 1, "vmSize": "Standard_B2ms", "mode": "System",
            "vnetSubnetID": format!("{vnet}/subnets/aks"),
        }],
    } });
    let made = azure.put(&cluster, body).await;
    assert_eq!(ours(&made), recorded(&clusters, "PUT", "managedClusters"));
    azure.settled(&made).await;
    let gone = azure.delete(&cluster).await;
    assert_eq!(
        ours(&gone),
        recorded(&clusters, "DELETE", "managedClusters")
    );

    let gone = azure.delete(&nsg).await;
    assert_eq!(
        ours(&gone),
        recorded(&security, "DELETE", "networkSecurityGroups")
    );
    let gone = azure.delete(&group).await;
    assert_eq!(ours(&gone), recorded(&groups, "DELETE", "resourceGroups"));
}
