//! What can be asked of a container of a container group: exec and logs (R76; recorded traffic, sections 7
//! and 9).

mod exec;
mod shell;
mod terminal;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use crate::arm::{Resource, ResourceId};

use super::body;
use super::fabric::EndpointId;
use super::reply::{Refusal, json_reply};
use super::state::Shared;

pub(super) use exec::{Sessions, open};

/// The type under which a container is addressed; it is no resource.
pub(super) const TYPE: &str = "Microsoft.ContainerInstance/containerGroups/containers";

/// What is asked of a container.
pub(super) struct Asked<'a> {
    pub(super) base: &'a str,
    pub(super) container: &'a ResourceId,
    pub(super) query: &'a str,
    pub(super) body: &'a Map<String, Value>,
}

/// Answers an action on a container.
///
/// # Errors
/// When there is no such action, container or group, or the group does not run.
pub(super) fn answer(
    shared: &Shared,
    method: &str,
    action: &str,
    asked: &Asked<'_>,
) -> Result<Response, Refusal> {
    match (method, action.to_ascii_lowercase().as_str()) {
        ("POST", "exec") => exec::invite(shared, asked),
        ("GET", "logs") => logs(shared, asked),
        _ => Err(Refusal::not_supported(format!(
            "The local Azure does not support {method} `{action}` of {}.",
            asked.container
        ))),
    }
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

/// Where a group runs, which it must do now, and what is cancelled when it ends to.
fn running(shared: &Shared, group: &Resource) -> Result<(EndpointId, CancellationToken), Refusal> {
    settled(group)?;
    let leased = shared.store().leases.group(&group.id);
    let running = leased.and_then(|(endpoint, _)| {
        let ended = shared.servers.ended(&endpoint)?;
        Some((endpoint, ended))
    });
    running.ok_or_else(|| stopped(&group.id))
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
    let group = group_of(shared, asked.container)?;
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
    let Ok((endpoint, _)) = running(shared, &group) else {
        // As for a container that has not started (virtual-kubelet issue 237).
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "ContainerLogNotAvailable",
            format!(
                "Log of container '{}' in container group '{}' is not available yet. Please check container 'InstanceView' for more information or retry later.",
                asked.container.name(),
                group.id.name()
            ),
        ));
    };
    let log = shared.servers.log(&endpoint, asked.container.name());
    let lines = log.split_inclusive('\n').collect::<Vec<_>>();
    let last = lines[lines.len().saturating_sub(tail)..].concat();
    Ok(json_reply(StatusCode::OK, &json!({ "content": last })))
}
