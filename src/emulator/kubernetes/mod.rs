//! The part of the Kubernetes API that probes and kubectl need, for each emulated cluster under
//! `/kubernetes/{uid}` with a token of its own.
//!
//! JSON of its own, no client types. Everything else is answered 404 with a `Status` object, as
//! kubectl expects of a server without it.

mod discovery;
mod exec;
mod nodes;
mod objects;
mod pods;
mod scheduler;
mod secrets;
mod status;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::arm::ResourceId;

use super::fabric::EndpointId;
use super::network::pod_endpoint;
use super::reply::json_reply;
use super::security::{bears, random_token};
use super::state::Shared;
use status::Failure;

pub(super) use objects::Event;

/// The version that every cluster runs, whatever was asked for: older ones make some builds of kubectl
/// speak a protocol that is not served here.
pub(super) const VERSION: &str = "1.32.9";

/// The largest request body that is read.
const LARGEST_BODY: usize = 4 << 20;

/// The namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The Kubernetes side of a managed cluster.
pub(super) struct Cluster {
    id: ResourceId,
    pub(super) uid: Uuid,
    pub(super) token: String,
    /// By namespace and name.
    pods: BTreeMap<(String, String), Value>,
    /// By namespace and name, without what is secret of them.
    secrets: BTreeMap<(String, String), Value>,
    /// Every change, its index being its resource version less one.
    events: Vec<Event>,
    changed: tokio::sync::watch::Sender<u64>,
}

impl Cluster {
    pub(super) fn new(id: ResourceId) -> Cluster {
        Cluster {
            id,
            uid: Uuid::new_v4(),
            token: random_token(),
            pods: BTreeMap::new(),
            secrets: BTreeMap::new(),
            events: Vec::new(),
            changed: tokio::sync::watch::Sender::new(0),
        }
    }

    /// Forgets the pods whose nodes went.
    pub(super) fn forget(&mut self, gone: &[EndpointId]) {
        let lost = self
            .pods
            .keys()
            .filter(|(namespace, name)| gone.contains(&pod_endpoint(&self.id, namespace, name)))
            .cloned()
            .collect::<Vec<_>>();
        for key in lost {
            self.remove(&key);
        }
    }
}

/// A request, taken apart.
struct Asked {
    query: Vec<(String, String)>,
    cluster: ResourceId,
}

impl Asked {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.query.iter().filter(move |(key, _)| key == name);
        values.map(|(_, value)| value.as_str())
    }

    fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.first(name), Some("true" | "1"))
    }
}

/// Answers a request below `/kubernetes/{uid}`.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    uid: &str,
    rest: &[String],
    request: Request<Body>,
) -> Response {
    let found = {
        let store = shared.store();
        let mut clusters = store.clusters.iter();
        clusters
            .find(|(_, cluster)| cluster.uid.to_string().eq_ignore_ascii_case(uid))
            .map(|(id, cluster)| (id.clone(), cluster.token.clone()))
    };
    // A cluster that does not exist has no token, so that nothing tells the two apart.
    let Some((cluster, _)) = found.filter(|(_, token)| bears(request.headers(), token)) else {
        return Failure::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
            .into_response();
    };
    let query = request.uri().query().unwrap_or_default();
    let asked = Asked {
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        cluster,
    };
    let rest = rest.iter().map(String::as_str).collect::<Vec<_>>();
    route(shared, &asked, &rest, request)
        .await
        .unwrap_or_else(Failure::into_response)
}

async fn route(
    shared: &Arc<Shared>,
    asked: &Asked,
    rest: &[&str],
    request: Request<Body>,
) -> Result<Response, Failure> {
    let method = request.method().clone();
    let ok = |value: Value| Ok(json_reply(StatusCode::OK, &value));
    match (&method, rest) {
        (&Method::GET, ["version"]) => ok(discovery::version()),
        (&Method::GET, ["api"]) => ok(discovery::versions()),
        (&Method::GET, ["apis"]) => ok(discovery::groups()),
        (&Method::GET, ["api", "v1"]) => ok(discovery::resources()),
        (&Method::GET, ["api", "v1", "nodes"]) => ok(nodes::list(&shared.store(), asked)),
        (&Method::GET, ["api", "v1", "nodes", name]) => {
            ok(nodes::get(&shared.store(), asked, name)?)
        }
        (&Method::GET, ["api", "v1", "namespaces"]) => ok(discovery::namespaces(&NAMESPACES)),
        (&Method::GET, ["api", "v1", "namespaces", name]) if NAMESPACES.contains(name) => {
            ok(discovery::namespace(name))
        }
        (&Method::GET, ["api", "v1", "pods"]) => pods::list(shared, asked, None),
        (_, ["api", "v1", "namespaces", namespace, "pods", rest @ ..]) => {
            if !NAMESPACES.contains(namespace) {
                return Err(status::not_found("namespaces", namespace));
            }
            in_namespace(shared, asked, namespace, rest, request).await
        }
        (_, ["api", "v1", "namespaces", namespace, "secrets", rest @ ..]) => {
            if !NAMESPACES.contains(namespace) {
                return Err(status::not_found("namespaces", namespace));
            }
            let body = to_bytes(request.into_body(), LARGEST_BODY).await;
            let body = body.map_err(|error| status::bad_request(&error.to_string()))?;
            secrets::answer(shared, asked, namespace, (&method, rest), &body)
        }
        (&Method::GET, ["api", "v1", "namespaces", _, "events"] | ["api", "v1", "events"]) => ok(
            json!({ "kind": "EventList", "apiVersion": "v1", "metadata": { "resourceVersion": "0" }, "items": [] }),
        ),
        _ => Err(Failure::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        )),
    }
}

async fn in_namespace(
    shared: &Arc<Shared>,
    asked: &Asked,
    namespace: &str,
    rest: &[&str],
    request: Request<Body>,
) -> Result<Response, Failure> {
    let method = request.method().clone();
    match (&method, rest) {
        (&Method::GET, []) => pods::list(shared, asked, Some(namespace)),
        (&Method::POST, []) => {
            let body = to_bytes(request.into_body(), LARGEST_BODY).await;
            let body = body.map_err(|error| status::bad_request(&error.to_string()))?;
            let pod = serde_json::from_slice(&body)
                .map_err(|error| status::bad_request(&format!("the body is not a Pod: {error}")))?;
            pods::create(shared, asked, namespace, pod)
        }
        (&Method::GET, [name]) => pods::get(shared, asked, namespace, name),
        (&Method::DELETE, [name]) => pods::delete(shared, asked, namespace, name).await,
        (&Method::GET, [name, "log"]) => pods::log(shared, asked, namespace, name),
        (&Method::GET | &Method::POST, [name, "exec"]) => {
            exec::upgrade(shared, asked, namespace, name, request)
        }
        (_, [_, what @ ("attach" | "portforward" | "proxy")]) => Err(Failure::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            &format!("`{what}` is not built into the local Azure"),
        )),
        _ => Err(Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )),
    }
}
