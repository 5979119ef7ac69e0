//! What the service adds to a managed cluster (recorded traffic, section 10).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::arm::views::USER_ASSIGNED_IDENTITY;
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::kubernetes::VERSION;
use crate::emulator::state::Shared;
use crate::emulator::store::Store;

/// Completes a cluster that is about to be stored.
pub(super) fn complete(
    shared: &Shared,
    store: &Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) {
    let state = match previous {
        Some(_) => "Updating",
        None => "Creating",
    };
    let location = body::text(&resource.body, "location")
        .unwrap_or_default()
        .to_owned();
    let name = resource.id.name().to_owned();
    let group = resource.id.resource_group().unwrap_or_default().to_owned();
    body::default(
        &mut resource.body,
        "sku",
        json!({ "name": "Base", "tier": "Free" }),
    );
    let properties = body::object(&mut resource.body, "properties");
    body::set(properties, "provisioningState", state);
    body::set(properties, "powerState", json!({ "code": "Running" }));
    if body::text(properties, "kubernetesVersion").is_none_or(str::is_empty) {
        body::set(properties, "kubernetesVersion", VERSION);
    }
    body::set(properties, "currentKubernetesVersion", VERSION);
    body::default(properties, "dnsPrefix", name.as_str());
    let prefix = body::text(properties, "dnsPrefix")
        .unwrap_or_default()
        .to_owned();
    body::set(
        properties,
        "fqdn",
        format!("{prefix}.hcp.{location}.azmk8s.io"),
    );
    body::default(
        properties,
        "nodeResourceGroup",
        format!("MC_{group}_{name}_{location}"),
    );
    body::default(properties, "enableRBAC", true);
    body::default(properties, "maxAgentPools", 100);
    body::default(properties, "disableLocalAccounts", false);
    body::default(
        properties,
        "servicePrincipalProfile",
        json!({ "clientId": "msi" }),
    );
    body::default(
        properties,
        "identityProfile",
        kubelet_identity(&resource.id, &group),
    );
    let profile = body::object(properties, "networkProfile");
    let given = profile.is_empty();
    body::default(profile, "networkPlugin", "azure");
    if given {
        body::default(profile, "networkPluginMode", "overlay");
    }
    let plugin = body::text(profile, "networkPlugin")
        .unwrap_or_default()
        .to_owned();
    let overlay = body::get(profile, "networkPluginMode").is_some();
    let default_pods = match (plugin.as_str(), overlay) {
        ("kubenet", _) => 110,
        (_, true) => 250,
        (_, false) => 30,
    };
    if plugin == "kubenet" || overlay {
        body::default(profile, "podCidr", "10.244.0.0/16");
    }
    body::default(profile, "serviceCidr", "10.0.0.0/16");
    body::default(profile, "dnsServiceIP", "10.0.0.10");
    body::default(profile, "loadBalancerSku", "standard");
    body::default(profile, "outboundType", "loadBalancer");
    body::default(profile, "ipFamilies", json!(["IPv4"]));
    let balanced = body::text(profile, "outboundType")
        .is_some_and(|outbound| outbound.eq_ignore_ascii_case("loadBalancer"));
    if balanced {
        let outbound = json!({ "managedOutboundIPs": { "count": 1 }, "backendPoolType": "nodeIPConfiguration" });
        body::default(profile, "loadBalancerProfile", outbound);
    }
    for pool in body::list(properties, "agentPoolProfiles")
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        complete_pool(pool, state, default_pods);
    }
    complete_identity(shared, store, resource, previous);
}

fn complete_pool(pool: &mut Map<String, Value>, state: &str, max_pods: u32) {
    body::default(pool, "count", 1);
    body::default(pool, "osDiskSizeGB", 128);
    body::default(pool, "osDiskType", "Managed");
    body::default(pool, "maxPods", max_pods);
    body::default(pool, "type", "VirtualMachineScaleSets");
    body::default(pool, "enableAutoScaling", false);
    body::default(pool, "mode", "System");
    body::default(pool, "osType", "Linux");
    body::default(pool, "osSKU", "Ubuntu");
    body::default(pool, "upgradeSettings", json!({ "maxSurge": "10%" }));
    body::default(pool, "orchestratorVersion", VERSION);
    body::set(pool, "currentOrchestratorVersion", VERSION);
    body::set(pool, "powerState", json!({ "code": "Running" }));
    body::set(pool, "provisioningState", state);
}

/// The identity of the nodes, which is not that of the cluster.
fn kubelet_identity(cluster: &ResourceId, group: &str) -> Value {
    let name = format!("{}-agentpool", cluster.name());
    let made = |what: &str| {
        let text = format!("{cluster}/{what}").to_ascii_lowercase();
        Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).to_string()
    };
    json!({ "kubeletidentity": {
        "resourceId": format!(
            "/subscriptions/{}/resourcegroups/MC_{group}_{}/providers/{USER_ASSIGNED_IDENTITY}/{name}",
            cluster.subscription().unwrap_or_default(),
            cluster.name(),
        ),
        "clientId": made("client"),
        "objectId": made("object"),
    } })
}

fn complete_identity(
    shared: &Shared,
    store: &Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) {
    let Some(identity) = body::get(&resource.body, "identity").and_then(Value::as_object) else {
        return;
    };
    let mut identity = identity.clone();
    let system = body::text(&identity, "type")
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("systemassigned"));
    if system {
        let kept = previous
            .and_then(|previous| previous.member("identity")?.get("principalId").cloned())
            .unwrap_or_else(|| json!(Uuid::new_v4().to_string()));
        body::set(&mut identity, "principalId", kept);
        body::set(&mut identity, "tenantId", shared.tenant.as_str());
    }
    let list = body::object(&mut identity, "userAssignedIdentities");
    for (id, shown) in list.iter_mut() {
        let found = ResourceId::parse(id).ok();
        let found = found.and_then(|id| store.resources.get(&id));
        if let Some(found) = found {
            let properties = found.properties();
            *shown = json!({
                "principalId": properties["principalId"],
                "clientId": properties["clientId"],
            });
        }
    }
    if list.is_empty() {
        identity.retain(|name, _| !name.eq_ignore_ascii_case("userAssignedIdentities"));
    }
    body::set(&mut resource.body, "identity", identity);
}
