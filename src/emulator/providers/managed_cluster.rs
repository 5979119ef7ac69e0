//! Microsoft.ContainerService: managed clusters (R50 to R64; recorded traffic, section 10).

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::arm::views::{ClusterNetwork, ManagedCluster};
use crate::arm::{AzureError, Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::fabric::EndpointId;
use crate::emulator::kubernetes::{Cluster, VERSION};
use crate::emulator::network::{self, lease_nodes};
use crate::emulator::reply::Refusal;
use crate::emulator::state::Shared;
use crate::emulator::store::Store;

pub(super) fn accept(
    shared: &Shared,
    store: &mut Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<Vec<EndpointId>, Refusal> {
    let state = if previous.is_some() {
        "Updating"
    } else {
        "Creating"
    };
    complete(shared, resource, state);
    let view = view(resource)?;
    if let Some(previous) = previous {
        unchanged(&self::view(previous)?, &view)?;
    }
    for pool in &view.pools {
        let subnet = pool
            .subnet
            .as_ref()
            .filter(|_| view.network == ClusterNetwork::Kubenet);
        if let Some(subnet) = subnet
            && network::route_table(store, subnet).is_none()
        {
            return Err(Refusal::not_supported(format!(
                "Subnet {subnet} has no route table: the local Azure writes the routes of a kubenet cluster into the table of its subnet and makes none of its own."
            )));
        }
    }
    let before = store.leases.clone();
    let leased = lease_nodes(store, &view);
    let gone = leased.inspect_err(|_| store.leases = before)?;
    let cluster = store
        .clusters
        .entry(resource.id.clone())
        .or_insert_with(|| Cluster::new(resource.id.clone()));
    cluster.forget(&gone);
    Ok(gone)
}

/// The cluster as the network sees it.
///
/// # Errors
/// When its properties cannot be read.
pub(in crate::emulator) fn view(resource: &Resource) -> Result<ManagedCluster, Refusal> {
    ManagedCluster::all(std::slice::from_ref(resource))
        .map_err(|error| Refusal::from(AzureError::new("InvalidParameter", error.to_string())))?
        .into_iter()
        .next()
        .ok_or_else(|| Refusal::not_found(&resource.id))
}

/// What a cluster may not change after its creation.
fn unchanged(before: &ManagedCluster, after: &ManagedCluster) -> Result<(), Refusal> {
    let refuse = |property: &str| {
        Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "PropertyChangeNotAllowed",
            format!("Changing property '{property}' is not allowed."),
        ))
    };
    if before.network != after.network {
        return refuse("networkProfile.networkPlugin");
    }
    if before.pod_cidr != after.pod_cidr {
        return refuse("networkProfile.podCidr");
    }
    for pool in &after.pools {
        let subnet_changed = before
            .pools
            .iter()
            .any(|other| other.name == pool.name && other.subnet != pool.subnet);
        if subnet_changed {
            return refuse("agentPoolProfile.vnetSubnetID");
        }
    }
    Ok(())
}

fn complete(shared: &Shared, resource: &mut Resource, state: &str) {
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
    body::default(properties, "kubernetesVersion", VERSION);
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
    for pool in body::list(properties, "agentPoolProfiles")
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        complete_pool(pool, state, default_pods);
    }
    if let Some(identity) = body::get(&resource.body, "identity").cloned() {
        let identity = complete_identity(identity, &shared.tenant);
        body::set(&mut resource.body, "identity", identity);
    }
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

fn complete_identity(mut identity: Value, tenant: &str) -> Value {
    if let Some(object) = identity.as_object_mut() {
        let system = body::text(object, "type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("SystemAssigned"));
        if system {
            body::default(object, "principalId", uuid::Uuid::new_v4().to_string());
            body::set(object, "tenantId", tenant);
        }
    }
    identity
}

/// `listClusterUserCredential` and `listClusterAdminCredential`: a kubeconfig for the cluster's part
/// of this server.
///
/// # Errors
/// When the cluster does not exist.
pub(in crate::emulator) fn credential(
    store: &Store,
    id: &ResourceId,
    base: &str,
    admin: bool,
) -> Result<Value, Refusal> {
    let cluster = store
        .clusters
        .get(id)
        .ok_or_else(|| Refusal::not_found(id))?;
    let (name, user) = (
        id.name(),
        if admin { "clusterAdmin" } else { "clusterUser" },
    );
    let login = format!("{user}_{}_{name}", id.resource_group().unwrap_or_default());
    // JSON is YAML, and no name needs quoting rules of its own.
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": name,
            "cluster": { "server": format!("{base}/kubernetes/{}", cluster.uid) },
        }],
        "users": [{ "name": login, "user": { "token": cluster.token } }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": login } }],
        "current-context": name,
        "preferences": {},
    });
    let encoded = STANDARD.encode(config.to_string());
    Ok(json!({ "kubeconfigs": [{ "name": user, "value": encoded }] }))
}
