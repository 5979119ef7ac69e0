//! Which pods a request selects, and the stream of their changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};

use crate::emulator::reply::with_header;
use crate::emulator::state::Shared;

use super::Asked;
use super::objects::Event;
use super::status::{Failure, bad_request, not_found};

/// How long a watch lasts that names no `timeoutSeconds`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);

/// Which pods a request is about.
#[derive(Clone)]
pub(super) struct Selection {
    namespace: Option<String>,
    terms: Vec<(&'static str, String, String)>,
}

impl Selection {
    /// Reads `fieldSelector` and `labelSelector`: terms `name=value` joined by commas.
    pub(super) fn of(asked: &Asked, namespace: Option<&str>) -> Result<Selection, Failure> {
        let mut terms = Vec::new();
        for (parameter, place) in [("fieldSelector", "field"), ("labelSelector", "label")] {
            let selector = asked.first(parameter).unwrap_or_default();
            for term in selector.split(',').filter(|term| !term.is_empty()) {
                let (name, value) = term
                    .split_once('=')
                    .filter(|(name, _)| {
                        let known = [
                            "metadata.name",
                            "metadata.namespace",
                            "status.phase",
                            "spec.nodeName",
                        ];
                        !name.ends_with('!') && (place == "label" || known.contains(name))
                    })
                    .ok_or_else(|| {
                        bad_request(&format!("the {place} selector `{term}` is not supported"))
                    })?;
                let value = value.strip_prefix('=').unwrap_or(value);
                terms.push((place, name.to_owned(), value.to_owned()));
            }
        }
        Ok(Selection {
            namespace: namespace.map(str::to_owned),
            terms,
        })
    }

    /// Whether a pod is selected.
    pub(super) fn has(&self, pod: &Value) -> bool {
        let in_namespace = self
            .namespace
            .as_ref()
            .is_none_or(|namespace| pod["metadata"]["namespace"] == json!(namespace));
        in_namespace
            && self.terms.iter().all(|(place, name, value)| {
                let found = match *place {
                    "label" => &pod["metadata"]["labels"][name],
                    _ => name.split('.').fold(pod, |object, part| &object[part]),
                };
                found.as_str() == Some(value)
            })
    }
}

/// Streams the changes after `resourceVersion`; without one, first what there is.
pub(super) fn stream(
    shared: &Arc<Shared>,
    asked: &Asked,
    selection: Selection,
) -> Result<Response, Failure> {
    let (first, seen, changed) = {
        let store = shared.store();
        let cluster = store
            .clusters
            .get(&asked.cluster)
            .ok_or_else(|| not_found("clusters", asked.cluster.name()))?;
        let given = asked.first("resourceVersion").unwrap_or_default();
        let (first, seen) = match given {
            "" | "0" => {
                let pods = cluster.pods.values().cloned();
                let added = pods.map(|object| Event {
                    kind: "ADDED",
                    object,
                });
                (added.collect::<Vec<_>>(), cluster.version())
            }
            given => match given.parse::<u64>() {
                Ok(version) if version <= cluster.version() => (Vec::new(), version),
                _ => {
                    return Err(Failure::new(
                        StatusCode::GONE,
                        "Expired",
                        &format!("unknown resource version: {given}"),
                    ));
                }
            },
        };
        (first, seen, cluster.subscribe())
    };
    let timeout = asked
        .first("timeoutSeconds")
        .and_then(|seconds| seconds.parse().ok())
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let stopping = shared.stopping.clone();
    let end = async move {
        tokio::select! {
            () = tokio::time::sleep(timeout) => {}
            () = stopping.cancelled() => {}
        }
    };
    let state = (shared.clone(), asked.cluster.clone(), changed, seen);
    let later = stream::unfold(state, |(shared, cluster, mut changed, seen)| async move {
        loop {
            let events = shared
                .store()
                .clusters
                .get(&cluster)
                .map(|cluster| cluster.since(seen).to_vec())?;
            if !events.is_empty() {
                let seen = seen + u64::try_from(events.len()).unwrap_or(0);
                return Some((stream::iter(events), (shared, cluster, changed, seen)));
            }
            changed.changed().await.ok()?;
        }
    })
    .flatten();
    let lines = stream::iter(first)
        .chain(later)
        .take_until(Box::pin(end))
        .filter(move |event| std::future::ready(selection.has(&event.object)))
        .map(|event| {
            let line = format!(
                "{}\n",
                json!({ "type": event.kind, "object": event.object })
            );
            Ok::<_, Infallible>(Bytes::from(line))
        });
    let response = Response::new(Body::from_stream(lines));
    Ok(with_header(response, "content-type", "application/json"))
}
