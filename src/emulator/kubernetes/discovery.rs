//! What a client asks a server before anything else. Plain answers suffice kubectl.

use serde_json::{Value, json};

use super::VERSION;

pub(super) fn version() -> Value {
    let mut parts = VERSION.split('.');
    json!({
        "major": parts.next(),
        "minor": parts.next(),
        "gitVersion": format!("v{VERSION}"),
        "platform": "linux/amd64",
    })
}

pub(super) fn versions() -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })
}

pub(super) fn groups() -> Value {
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [] })
}

pub(super) fn resources() -> Value {
    let resource = |name: &str,
                    singular: &str,
                    kind: &str,
                    namespaced: bool,
                    verbs: &[&str],
                    short: &[&str]| {
        json!({
            "name": name,
            "singularName": singular,
            "namespaced": namespaced,
            "kind": kind,
            "verbs": verbs,
            "shortNames": short,
        })
    };
    let read = ["get", "list"];
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "v1",
        "resources": [
            resource("namespaces", "namespace", "Namespace", false, &read, &["ns"]),
            resource("nodes", "node", "Node", false, &read, &["no"]),
            resource("pods", "pod", "Pod", true, &["create", "delete", "get", "list", "watch"], &["po"]),
            resource("pods/exec", "", "PodExecOptions", true, &["create", "get"], &[]),
            resource("pods/log", "", "Pod", true, &["get"], &[]),
            resource("secrets", "secret", "Secret", true, &["create", "delete", "get", "list", "update"], &[]),
            resource("events", "event", "Event", true, &["list"], &["ev"]),
        ],
    })
}

pub(super) fn namespace(name: &str) -> Value {
    json!({
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": { "name": name, "resourceVersion": "1" },
        "spec": { "finalizers": ["kubernetes"] },
        "status": { "phase": "Active" },
    })
}

pub(super) fn namespaces(names: &[&str]) -> Value {
    json!({
        "kind": "NamespaceList",
        "apiVersion": "v1",
        "metadata": { "resourceVersion": "1" },
        "items": names.iter().map(|name| namespace(name)).collect::<Vec<_>>(),
    })
}
