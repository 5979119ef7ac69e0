//! Pods: created Pending, Running as soon as the fabric has them, gone when they are deleted.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::emulator::builtin::agent::{self, Role};
use crate::emulator::builtin::servers::Served;
use crate::emulator::fabric::{Endpoint, EndpointId};
use crate::emulator::network::{carry, pod_address, pod_endpoint};
use crate::emulator::providers::managed_cluster;
use crate::emulator::reply::{json_reply, with_header};
use crate::emulator::state::Shared;

use super::status::{Failure, already_exists, bad_request, invalid, not_found};
use super::watch::{Selection, stream};
use super::{Asked, scheduler};

type Key = (String, String);

fn key(namespace: &str, name: &str) -> Key {
    (namespace.to_owned(), name.to_owned())
}

/// GET of pods: a list, or a watch.
pub(super) fn list(
    shared: &Arc<Shared>,
    asked: &Asked,
    namespace: Option<&str>,
) -> Result<Response, Failure> {
    let selection = Selection::of(asked, namespace)?;
    if asked.is("watch") {
        return stream(shared, asked, selection);
    }
    let store = shared.store();
    let cluster = store.clusters.get(&asked.cluster);
    let items = cluster
        .into_iter()
        .flat_map(|cluster| cluster.pods.values())
        .filter(|pod| selection.has(pod))
        .collect::<Vec<_>>();
    let version = cluster.map_or(0, |cluster| cluster.version());
    let list = json!({
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": { "resourceVersion": version.to_string() },
        "items": items,
    });
    Ok(json_reply(StatusCode::OK, &list))
}

/// A pod as it is stored.
pub(super) fn find(
    shared: &Shared,
    asked: &Asked,
    namespace: &str,
    name: &str,
) -> Result<Value, Failure> {
    let store = shared.store();
    let cluster = store.clusters.get(&asked.cluster);
    let pod = cluster.and_then(|cluster| cluster.pods.get(&key(namespace, name)));
    pod.cloned().ok_or_else(|| not_found("pods", name))
}

/// GET of a pod.
pub(super) fn get(
    shared: &Shared,
    asked: &Asked,
    namespace: &str,
    name: &str,
) -> Result<Response, Failure> {
    let pod = find(shared, asked, namespace, name)?;
    Ok(json_reply(StatusCode::OK, &pod))
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["spec"]["containers"].as_array().into_iter().flatten()
}

/// The ports that a pod's containers serve.
fn served(pod: &Value) -> Result<Vec<Served>, String> {
    let mut served = Vec::<Served>::new();
    for container in containers(pod) {
        let name = container["name"].as_str().unwrap_or_default();
        let words = |member: &str| {
            let words = container[member].as_array().into_iter().flatten();
            words.filter_map(Value::as_str).map(str::to_owned)
        };
        let line = words("command").chain(words("args")).collect::<Vec<_>>();
        let image = container["image"].as_str().unwrap_or_default();
        if let Role::Serves { http, udp } = agent::role(image, &line)? {
            for other in &served {
                let port = if other.http == http {
                    format!("port {http}")
                } else if let Some(udp) = udp.filter(|_| other.udp == udp) {
                    format!("UDP port {udp}")
                } else {
                    continue;
                };
                return Err(format!(
                    "containers `{}` and `{name}` both listen on {port}",
                    other.container
                ));
            }
            served.push(Served {
                container: name.to_owned(),
                http,
                udp,
            });
        }
    }
    Ok(served)
}

/// POST of a pod.
pub(super) fn create(
    shared: &Arc<Shared>,
    asked: &Asked,
    namespace: &str,
    mut pod: Value,
) -> Result<Response, Failure> {
    let name = pod["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if name.is_empty() {
        return Err(bad_request("the Pod has no metadata.name"));
    }
    if containers(&pod).next().is_none() {
        return Err(invalid(&name, "spec.containers: Required value"));
    }
    let served = served(&pod).map_err(|message| invalid(&name, &message))?;
    let host_network = pod["spec"]["hostNetwork"].as_bool().unwrap_or(false);
    let endpoint = pod_endpoint(&asked.cluster, namespace, &name);
    let answer = {
        let mut store = shared.store();
        let resource = store.resources.get(&asked.cluster);
        let view = resource.and_then(|resource| managed_cluster::view(resource).ok());
        let view = view.ok_or_else(|| not_found("clusters", asked.cluster.name()))?;
        let refused = |message: String| invalid(&name, &message);
        let cluster = store.clusters.get(&asked.cluster);
        let cluster = cluster.ok_or_else(|| not_found("clusters", asked.cluster.name()))?;
        if cluster.pods.contains_key(&key(namespace, &name)) {
            return Err(already_exists("pods", &name));
        }
        let node = scheduler::choose(&store, cluster, &view, namespace, &pod).map_err(refused)?;
        let address = if host_network {
            Some(node.address)
        } else {
            pod_address(&store, &view, &node)
        };
        let address = address
            .ok_or_else(|| refused(format!("node `{}` has no pod address left", node.name)))?;
        let cluster = store
            .clusters
            .get_mut(&asked.cluster)
            .ok_or_else(|| not_found("clusters", asked.cluster.name()))?;
        let metadata = &mut pod["metadata"];
        metadata["namespace"] = json!(namespace);
        metadata["uid"] = json!(Uuid::new_v4().to_string());
        metadata["creationTimestamp"] = json!(now());
        pod["kind"] = json!("Pod");
        pod["apiVersion"] = json!("v1");
        pod["spec"]["nodeName"] = json!(node.name);
        pod["status"] = json!({
            "phase": "Pending",
            "hostIP": node.address.to_string(),
            "hostIPs": [{ "ip": node.address.to_string() }],
            "conditions": conditions("False"),
            "qosClass": "BestEffort",
        });
        let answer = cluster.put(key(namespace, &name), pod);
        store.leases.endpoints.insert(
            endpoint.clone(),
            Endpoint::Pod {
                cluster: asked.cluster.clone(),
                name: name.clone(),
                node: node.endpoint,
                address,
                host_network,
            },
        );
        answer
    };
    let start = start(
        shared.clone(),
        asked.cluster.clone(),
        key(namespace, &name),
        endpoint,
        served,
    );
    shared.tasks.spawn(start);
    Ok(json_reply(StatusCode::CREATED, &answer))
}

fn now() -> String {
    // Kubernetes times have whole seconds.
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn conditions(ready: &str) -> Value {
    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "lastTransitionTime": now() });
    json!([
        condition("PodScheduled", "True"),
        condition("Initialized", "True"),
        condition("ContainersReady", ready),
        condition("Ready", ready),
    ])
}

/// Brings a pod onto the network, and to Running or Failed.
async fn start(
    shared: Arc<Shared>,
    cluster: crate::arm::ResourceId,
    key: Key,
    endpoint: EndpointId,
    served: Vec<Served>,
) {
    let started = async {
        carry(&shared).await?;
        let (fabric, name) = (shared.fabric.as_ref(), &key.1);
        shared.servers.serve(fabric, &endpoint, name, &served).await
    }
    .await;
    let mut store = shared.store();
    let address = store.leases.endpoints.get(&endpoint).map(Endpoint::address);
    let Some(cluster) = store.clusters.get_mut(&cluster) else {
        return;
    };
    // A pod that was deleted meanwhile stays deleted.
    let (Some(mut pod), Some(address)) = (cluster.pods.get(&key).cloned(), address) else {
        return;
    };
    match started {
        Ok(()) => {
            let statuses = containers(&pod)
                .map(|container| {
                    json!({
                        "name": container["name"],
                        "image": container["image"],
                        "imageID": container["image"],
                        "containerID": format!("containerd://{}", Uuid::new_v4().simple()),
                        "ready": true,
                        "started": true,
                        "restartCount": 0,
                        "state": { "running": { "startedAt": now() } },
                    })
                })
                .collect::<Vec<_>>();
            let status = &mut pod["status"];
            status["phase"] = json!("Running");
            status["podIP"] = json!(address.to_string());
            status["podIPs"] = json!([{ "ip": address.to_string() }]);
            status["startTime"] = json!(now());
            status["conditions"] = conditions("True");
            status["containerStatuses"] = json!(statuses);
        }
        Err(error) => {
            pod["status"]["phase"] = json!("Failed");
            pod["status"]["reason"] = json!("FabricError");
            pod["status"]["message"] = json!(error.to_string());
        }
    }
    cluster.put(key, pod);
}

/// DELETE of a pod; it is off the network when the answer comes.
pub(super) async fn delete(
    shared: &Shared,
    asked: &Asked,
    namespace: &str,
    name: &str,
) -> Result<Response, Failure> {
    let endpoint = pod_endpoint(&asked.cluster, namespace, name);
    let pod = {
        let mut store = shared.store();
        let cluster = store.clusters.get_mut(&asked.cluster);
        let pod = cluster.and_then(|cluster| cluster.remove(&key(namespace, name)));
        let pod = pod.ok_or_else(|| not_found("pods", name))?;
        store.leases.endpoints.remove(&endpoint);
        // Here, while the store is locked: a pod of the same name may come back any time after.
        shared.servers.stop(&endpoint);
        pod
    };
    match carry(shared).await {
        Ok(()) => Ok(json_reply(StatusCode::OK, &pod)),
        Err(error) => Err(Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            &error.to_string(),
        )),
    }
}

/// The container that a request names, or the first.
pub(super) fn container(asked: &Asked, pod: &Value) -> Result<String, Failure> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let mut names = containers(pod).filter_map(|container| container["name"].as_str());
    match asked.first("container") {
        None => Ok(names.next().unwrap_or_default().to_owned()),
        Some(wanted) if names.any(|name| name == wanted) => Ok(wanted.to_owned()),
        Some(wanted) => Err(bad_request(&format!(
            "container {wanted} is not valid for pod {name}"
        ))),
    }
}

/// GET of a container's log.
pub(super) fn log(
    shared: &Shared,
    asked: &Asked,
    namespace: &str,
    name: &str,
) -> Result<Response, Failure> {
    let pod = find(shared, asked, namespace, name)?;
    if asked.is("follow") {
        return Err(bad_request("the local Azure does not follow logs"));
    }
    let container = container(asked, &pod)?;
    let endpoint = pod_endpoint(&asked.cluster, namespace, name);
    let response = Response::new(Body::from(shared.servers.log(&endpoint, &container)));
    Ok(with_header(response, "content-type", "text/plain"))
}
