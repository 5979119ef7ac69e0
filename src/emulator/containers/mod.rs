//! What can be asked of a container group beyond its resource: exec, logs, stop, start, restart (R76;
//! recorded traffic, sections 7 and 9).

mod exec;
mod lifecycle;
mod shell;
mod terminal;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use crate::arm::views::CONTAINER_GROUP;
use crate::arm::{Resource, ResourceId};

use super::body;
use super::network::container_group_endpoint;
use super::reply::{Refusal, json_reply};
use super::state::Shared;

pub(super) use exec::{Sessions, open};

/// The state of a group that is stopped, in Azure's word.
pub(super) const STOPPED: &str = "Stopped";

/// An action on a container group or one of its containers.
pub(super) struct Asked<'a> {
    pub(super) base: &'a str,
    pub(super) method: &'a str,
    /// The group or the container.
    pub(super) of: &'a ResourceId,
    /// The action, in lower case.
    pub(super) action: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a Map<String, Value>,
}

/// Answers an action; `None` for anything that is none of a container group's.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    asked: Asked<'_>,
) -> Option<Result<Response, Refusal>> {
    let key = asked.of.key();
    let container = key.is(&format!("{CONTAINER_GROUP}/containers"));
    if !container && !key.is(CONTAINER_GROUP) {
        return None;
    }
    Some(match (asked.method, asked.action) {
        ("POST", "exec") if container => exec::invite(shared, &asked),
        ("GET", "logs") if container => logs(shared, &asked),
        ("POST", "stop") if !container => lifecycle::stop(shared, asked.of).await,
        ("POST", "start") if !container => lifecycle::start(shared, &asked),
        ("POST", "restart") if !container => lifecycle::restart(shared, &asked),
        _ => return None,
    })
}

/// A container group.
fn group(shared: &Shared, id: &ResourceId) -> Result<Resource, Refusal> {
    let store = shared.store();
    if let Some(name) = id.resource_group()
        && store.group(name).is_none()
    {
        return Err(Refusal::group_not_found(name));
    }
    let found = store.resources.get(id).cloned();
    found.ok_or_else(|| Refusal::not_found(id))
}

/// The group of a container, which must have it.
fn group_of(shared: &Shared, container: &ResourceId) -> Result<Resource, Refusal> {
    let id = container
        .parent()
        .ok_or_else(|| Refusal::not_found(container))?;
    let group = group(shared, &id)?;
    let properties = group.properties().as_object();
    let exists = properties
        .into_iter()
        .flat_map(|properties| body::items(properties, "containers"))
        .any(|item| {
            body::text(item, "name").is_some_and(|name| name.eq_ignore_ascii_case(container.name()))
        });
    if exists {
        return Ok(group);
    }
    // The words are Azure's (docker/compose-cli issue 1302).
    Err(Refusal::new(
        StatusCode::NOT_FOUND,
        "ContainerNotFound",
        format!(
            "The container '{}' does not exist in container group '{}'.",
            container.name(),
            id.name()
        ),
    ))
}

/// Cancelled when the group ends to run, which it must do now.
fn running(shared: &Shared, group: &Resource) -> Result<CancellationToken, Refusal> {
    settled(group)?;
    let ended = shared.servers.ended(&container_group_endpoint(&group.id));
    ended.ok_or_else(|| stopped(&group.id))
}

/// Refuses while an operation on the group is under way.
fn settled(group: &Resource) -> Result<(), Refusal> {
    let properties = group.properties().as_object();
    let state = properties.and_then(|properties| body::text(properties, "provisioningState"));
    match state {
        Some("Succeeded" | "Failed") | None => Ok(()),
        Some(_) => Err(Refusal::new(
            StatusCode::CONFLICT,
            "ContainerGroupTransitioning",
            format!(
                "The container group '{}' is still transitioning, please retry later.",
                group.id.name()
            ),
        )),
    }
}

/// The refusal for a group that is stopped, in Azure's words (azure-cli issue 8136).
fn stopped(group: &ResourceId) -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "ContainerGroupStopped",
        format!(
            "Container Group '{}' in resource group '{}' is stopped.",
            group.name(),
            group.resource_group().unwrap_or_default()
        ),
    )
}

/// `logs?tail=N`: what the container has written, or its last lines.
fn logs(shared: &Shared, asked: &Asked<'_>) -> Result<Response, Refusal> {
    let group = group_of(shared, asked.of)?;
    let member = |name: &str| {
        form_urlencoded::parse(asked.query.as_bytes())
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    };
    if member("timestamps").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(Refusal::not_supported(
            "The local Azure keeps no timestamps of a log's lines.",
        ));
    }
    let tail = match member("tail") {
        None => usize::MAX,
        Some(text) => text.parse().map_err(|_| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "InvalidQueryParameter",
                format!("`tail` must be a number of lines, got `{text}`."),
            )
        })?,
    };
    if running(shared, &group).is_err() {
        // As for a container that has not started (virtual-kubelet issue 237).
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "ContainerLogNotAvailable",
            format!(
                "Log of container '{}' in container group '{}' is not available yet. Please check container 'InstanceView' for more information or retry later.",
                asked.of.name(),
                group.id.name()
            ),
        ));
    }
    let endpoint = container_group_endpoint(&group.id);
    let log = shared.servers.log(&endpoint, asked.of.name());
    let lines = log.split_inclusive('\n').collect::<Vec<_>>();
    let last = lines[lines.len().saturating_sub(tail)..].concat();
    Ok(json_reply(StatusCode::OK, &json!({ "content": last })))
}
