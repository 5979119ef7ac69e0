//! Deployments at the scope of a resource group: requests and answers (recorded traffic, section 5).
//!
//! What a template means is `arm::expand`'s; when its resources run is [`engine`]'s.

mod engine;
mod record;
mod runtime;
mod secrets;
mod submitted;

pub(super) use record::Deployment;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use submitted::submitted;

use super::operations::status_value;
use super::path::DeploymentPart;
use super::reply::{Refusal, empty, json_reply, poll_again, with_operation};
use super::state::Shared;
use super::store::{Status, Store};

fn key(group: &str, name: &str) -> (String, String) {
    (group.to_ascii_lowercase(), name.to_ascii_lowercase())
}

fn not_found(group: &str, name: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "DeploymentNotFound",
        format!("Deployment '{name}' could not be found in resource group '{group}'."),
    )
}

/// Answers a request for a deployment or a part of it.
///
/// # Errors
/// As Azure refuses it.
pub(super) fn answer(
    shared: &Arc<Shared>,
    base: &str,
    method: &str,
    (group, name, part): (&str, &str, &DeploymentPart),
    sent: &Map<String, Value>,
) -> Result<Response, Refusal> {
    if shared.store().group(group).is_none() {
        return Err(Refusal::group_not_found(group));
    }
    match (method, part) {
        ("GET", DeploymentPart::Itself) => {
            let (value, running) = read(shared, group, name)?;
            let response = json_reply(StatusCode::OK, &value);
            Ok(if running {
                poll_again(response)
            } else {
                response
            })
        }
        ("HEAD", DeploymentPart::Itself) => {
            let found = shared.store().deployments.contains_key(&key(group, name));
            Ok(empty(if found {
                StatusCode::NO_CONTENT
            } else {
                StatusCode::NOT_FOUND
            }))
        }
        ("PUT", DeploymentPart::Itself) => put(shared, base, group, name, sent),
        ("DELETE", DeploymentPart::Itself) => delete(shared, base, group, name),
        ("POST", DeploymentPart::Validate) => {
            let submitted = submitted(shared, group, name, sent)?;
            let record =
                Deployment::new(shared, group, name, &submitted.bound, &submitted.template);
            Ok(json_reply(
                StatusCode::OK,
                &record.validated(&submitted.bound),
            ))
        }
        ("POST", DeploymentPart::WhatIf) => Err(Refusal::not_supported(
            "The local Azure does not support what-if.",
        )),
        ("POST", DeploymentPart::Cancel) => cancel(shared, group, name),
        ("GET", DeploymentPart::Operations) => {
            let store = shared.store();
            let deployment = find(&store, group, name)?;
            Ok(json_reply(
                StatusCode::OK,
                &json!({ "value": deployment.operations() }),
            ))
        }
        ("GET", DeploymentPart::Operation(id)) => {
            let store = shared.store();
            let operations = find(&store, group, name)?.operations();
            let found = operations
                .into_iter()
                .find(|operation| operation["operationId"] == json!(id));
            found
                .map(|operation| json_reply(StatusCode::OK, &operation))
                .ok_or_else(|| not_found(group, name))
        }
        ("GET", DeploymentPart::Status(id)) => {
            let store = shared.store();
            let operation = store.operations.get(id);
            let operation = operation.ok_or_else(|| not_found(group, name))?;
            let response = json_reply(StatusCode::OK, &status_value(&operation.status));
            Ok(match operation.status {
                Status::Running(_) => poll_again(response),
                _ => response,
            })
        }
        _ => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("The HTTP method '{method}' is not supported at this path."),
        )),
    }
}

fn find<'a>(store: &'a Store, group: &str, name: &str) -> Result<&'a Deployment, Refusal> {
    store
        .deployments
        .get(&key(group, name))
        .ok_or_else(|| not_found(group, name))
}

fn read(shared: &Shared, group: &str, name: &str) -> Result<(Value, bool), Refusal> {
    let store = shared.store();
    let deployment = find(&store, group, name)?;
    Ok((deployment.render(), !deployment.state.is_terminal()))
}

/// GET of all deployments of a group.
///
/// # Errors
/// `ResourceGroupNotFound`.
pub(super) fn list(shared: &Shared, group: &str) -> Result<Value, Refusal> {
    let store = shared.store();
    if store.group(group).is_none() {
        return Err(Refusal::group_not_found(group));
    }
    let own = store
        .deployments
        .iter()
        .filter(|((of, _), _)| of.eq_ignore_ascii_case(group));
    Ok(json!({ "value": own.map(|(_, deployment)| deployment.render()).collect::<Vec<_>>() }))
}

fn put(
    shared: &Arc<Shared>,
    base: &str,
    group: &str,
    name: &str,
    sent: &Map<String, Value>,
) -> Result<Response, Refusal> {
    let submitted = submitted(shared, group, name, sent)?;
    let mut record = Deployment::new(shared, group, name, &submitted.bound, &submitted.template);
    let (status, answer, operation) = {
        let mut store = shared.store();
        let key = key(group, name);
        let before = store.deployments.get(&key);
        if let Some(active) = before.filter(|deployment| !deployment.state.is_terminal()) {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "DeploymentActive",
                format!(
                    "Unable to edit or replace deployment '{name}': previous deployment from '{}' is still active (expiration time is '{}'). Please see https://aka.ms/arm-deploy for usage details.",
                    active.started,
                    active.expires()
                ),
            ));
        }
        let status = match before {
            None => StatusCode::CREATED,
            Some(_) => StatusCode::OK,
        };
        record.operation = store.begin("Running", None);
        let operation = record.operation.clone();
        let answer = record.render();
        store.deployments.insert(key, record);
        (status, answer, operation)
    };
    let run = engine::run(
        shared.clone(),
        key(group, name),
        operation.clone(),
        submitted.bound,
        submitted.secrets,
    );
    shared.tasks.spawn(run);
    let url = format!(
        "{base}/subscriptions/{}/resourcegroups/{group}/providers/Microsoft.Resources/deployments/{name}/operationStatuses/{operation}?api-version=2025-04-01",
        shared.subscription
    );
    Ok(with_operation(
        json_reply(status, &answer),
        "azure-asyncoperation",
        &url,
    ))
}

fn delete(shared: &Shared, base: &str, group: &str, name: &str) -> Result<Response, Refusal> {
    let mut store = shared.store();
    let deployment = find(&store, group, name)?;
    if !deployment.state.is_terminal() {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "DeploymentActive",
            format!("Unable to delete deployment '{name}': it is still active."),
        ));
    }
    store.deployments.remove(&key(group, name));
    let operation = store.begin("Running", None);
    store.end(&operation, Status::Succeeded);
    let url = super::routes::operation_result_url(shared, base, &operation);
    Ok(with_operation(
        empty(StatusCode::ACCEPTED),
        "location",
        &url,
    ))
}

fn cancel(shared: &Shared, group: &str, name: &str) -> Result<Response, Refusal> {
    let mut store = shared.store();
    let deployment = store
        .deployments
        .get_mut(&key(group, name))
        .ok_or_else(|| not_found(group, name))?;
    if deployment.state.is_terminal() {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "DeploymentCannotBeCancelled",
            format!(
                "The deployment '{name}' cannot be cancelled because its provisioning state is '{}'.",
                deployment.state.word()
            ),
        ));
    }
    deployment.cancelled();
    let operation = deployment.operation.clone();
    store.end(&operation, Status::Canceled);
    Ok(empty(StatusCode::NO_CONTENT))
}
