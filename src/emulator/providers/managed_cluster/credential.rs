//! The kubeconfig of a cluster.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::arm::ResourceId;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

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
