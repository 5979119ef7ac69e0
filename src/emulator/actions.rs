//! A word after a resource: an action on it, or the list of its children.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::arm::ResourceId;
use crate::arm::views::MANAGED_CLUSTER;

use super::body;
use super::operations::provider_url;
use super::providers::{container_group as group_power, managed_cluster};
use super::reply::{Refusal, empty, json_reply, with_operation};
use super::resources;
use super::routes::namespace;
use super::state::Shared;
use super::store::embedding;

/// An action of a container group.
pub(super) async fn container_group(
    shared: &Arc<Shared>,
    base: &str,
    group: &ResourceId,
    action: &str,
) -> Result<Response, Refusal> {
    let (status, operation) = match action.to_ascii_lowercase().as_str() {
        "stop" => {
            group_power::stop(shared, group).await?;
            return Ok(empty(StatusCode::NO_CONTENT));
        }
        "start" => (StatusCode::ACCEPTED, group_power::start(shared, group)?),
        "restart" => (StatusCode::NO_CONTENT, group_power::restart(shared, group)?),
        _ => {
            return Err(Refusal::not_supported(format!(
                "The local Azure does not support POST `{action}` of {group}."
            )));
        }
    };
    let location = {
        let store = shared.store();
        let group = store.resources.get(group);
        let location = group.and_then(|group| body::text(&group.body, "location"));
        location.unwrap_or("global").to_owned()
    };
    let url = provider_url(
        base,
        &shared.subscription,
        &namespace(group),
        &location,
        "operations",
        &operation,
    );
    Ok(with_operation(empty(status), "azure-asyncoperation", &url))
}

/// A word after a resource: an action, or the list of its children.
pub(super) fn under(
    shared: &Shared,
    base: &str,
    method: &str,
    parent: &ResourceId,
    word: &str,
) -> Result<Response, Refusal> {
    let key = parent.key();
    let child_type = format!("{}/{word}", key.resource_type);
    match (method, word.to_ascii_lowercase().as_str()) {
        ("POST", action @ ("listclusterusercredential" | "listclusteradmincredential"))
            if key.is(MANAGED_CLUSTER) =>
        {
            let admin = action == "listclusteradmincredential";
            let store = shared.store();
            let credential = managed_cluster::credential(&store, parent, base, admin)?;
            Ok(json_reply(StatusCode::OK, &credential))
        }
        ("GET", _) if embedding(&child_type).is_some() => {
            let store = shared.store();
            let found = resources::read(shared, &store, parent);
            let mut found = found.ok_or_else(|| Refusal::not_found(parent))?;
            let list = embedding(&child_type).unwrap_or_default();
            let items = found["properties"][list].take();
            Ok(json_reply(StatusCode::OK, &json!({ "value": items })))
        }
        _ => Err(Refusal::not_supported(format!(
            "The local Azure does not support {method} `{word}` of {parent}."
        ))),
    }
}
