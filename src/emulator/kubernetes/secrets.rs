//! Secrets: made, replaced, listed and deleted. Their values are not kept, because no pod here reads them: an answer
//! has everything but those.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::emulator::reply::json_reply;
use crate::emulator::state::Shared;

use super::Asked;
use super::status::{self, Failure};

/// Answers a request for the Secrets of a namespace; `body` is what was sent.
pub(super) fn answer(
    shared: &Shared,
    asked: &Asked,
    namespace: &str,
    (method, rest): (&Method, &[&str]),
    body: &[u8],
) -> Result<Response, Failure> {
    let mut store = shared.store();
    let cluster = store
        .clusters
        .get_mut(&asked.cluster)
        .ok_or_else(|| status::not_found("clusters", asked.cluster.name()))?;
    let key = |name: &str| (namespace.to_owned(), name.to_owned());
    match (method, rest) {
        (&Method::POST, []) => {
            let secret = shown(namespace, body)?;
            let name = secret["metadata"]["name"].as_str().unwrap_or_default();
            if cluster.secrets.contains_key(&key(name)) {
                return Err(status::already_exists("secrets", name));
            }
            cluster.secrets.insert(key(name), secret.clone());
            Ok(json_reply(StatusCode::CREATED, &secret))
        }
        (&Method::PUT, [name]) if cluster.secrets.contains_key(&key(name)) => {
            let secret = shown(namespace, body)?;
            cluster.secrets.insert(key(name), secret.clone());
            Ok(json_reply(StatusCode::OK, &secret))
        }
        (&Method::GET, []) => {
            let items = cluster.secrets.iter();
            let items = items.filter(|((of, _), _)| of == namespace);
            let items = items.map(|(_, secret)| secret).collect::<Vec<_>>();
            let list =
                json!({ "kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": items });
            Ok(json_reply(StatusCode::OK, &list))
        }
        (&Method::GET, [name]) => match cluster.secrets.get(&key(name)) {
            Some(secret) => Ok(json_reply(StatusCode::OK, secret)),
            None => Err(status::not_found("secrets", name)),
        },
        (&Method::DELETE, [name]) => match cluster.secrets.remove(&key(name)) {
            Some(_) => {
                let done = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" });
                Ok(json_reply(StatusCode::OK, &done))
            }
            None => Err(status::not_found("secrets", name)),
        },
        (&Method::PUT, [name]) => Err(status::not_found("secrets", name)),
        _ => Err(Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )),
    }
}

/// A Secret as it is kept and shown: without its values.
fn shown(namespace: &str, body: &[u8]) -> Result<Value, Failure> {
    let sent = serde_json::from_slice::<Value>(body)
        .map_err(|error| status::bad_request(&format!("the body is not a Secret: {error}")))?;
    let Some(name) = sent["metadata"]["name"].as_str() else {
        return Err(status::bad_request("the Secret has no metadata.name"));
    };
    Ok(json!({
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": { "name": name, "namespace": namespace },
        "type": sent["type"].as_str().unwrap_or("Opaque"),
    }))
}
