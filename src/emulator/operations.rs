//! Long-running operations as clients poll them (recorded traffic, section 3): by
//! `Azure-AsyncOperation` (always 200, a `status` in the body) or by `Location` (202 until done, then
//! 200 or 204; a failure is the poll's own status).

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::reply::{Refusal, empty, error_value, json_reply, poll_again, with_operation};
use super::store::{Operation, Status, Store};

fn find<'a>(store: &'a Store, id: &str) -> Result<&'a Operation, Refusal> {
    store
        .operations
        .get(&id.to_ascii_lowercase())
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "OperationNotFound",
                format!("The operation '{id}' could not be found."),
            )
        })
}

/// The URL at which a provider's operation is polled.
pub(super) fn provider_url(
    base: &str,
    subscription: &str,
    namespace: &str,
    location: &str,
    kind: &str,
    operation: &str,
) -> String {
    format!(
        "{base}/subscriptions/{subscription}/providers/{namespace}/locations/{location}/{kind}/{operation}?api-version={}",
        poll_api_version(namespace)
    )
}

/// The poll's API version is the provider's own, not the request's.
fn poll_api_version(namespace: &str) -> &'static str {
    match namespace.to_ascii_lowercase().as_str() {
        "microsoft.containerservice" => "2016-03-30",
        "microsoft.containerinstance" => "2018-06-01",
        _ => "2024-03-01",
    }
}

/// The `status` of an operation, with its error.
pub(super) fn status_value(status: &Status) -> Value {
    match status {
        Status::Running(word) => json!({ "status": word }),
        Status::Succeeded => json!({ "status": "Succeeded" }),
        Status::Canceled => json!({ "status": "Canceled" }),
        Status::Failed(error) => json!({ "status": "Failed", "error": error_value(error) }),
    }
}

/// The answer to a poll of a URL of `Azure-AsyncOperation`.
pub(super) fn poll_status(store: &Store, namespace: &str, id: &str) -> Result<Response, Refusal> {
    let operation = find(store, id)?;
    let mut body = status_value(&operation.status);
    if namespace.eq_ignore_ascii_case("Microsoft.ContainerService") {
        body["name"] = json!(swapped(id));
        body["startTime"] = json!(operation.started.to_string());
    }
    if namespace.eq_ignore_ascii_case("Microsoft.ContainerInstance") {
        body["id"] = json!(operation.resource);
        body["startTime"] = json!(operation.started.to_string());
        body["properties"] = json!({ "events": [] });
    }
    let response = json_reply(StatusCode::OK, &body);
    Ok(match operation.status {
        Status::Running(_) => poll_again(response),
        _ => response,
    })
}

/// The answer to a poll of a `Location`; `done` is the status of success.
pub(super) fn poll_result(
    store: &Store,
    id: &str,
    url: &str,
    done: StatusCode,
) -> Result<Response, Refusal> {
    match &find(store, id)?.status {
        Status::Running(_) => Ok(with_operation(empty(StatusCode::ACCEPTED), "location", url)),
        Status::Succeeded | Status::Canceled => Ok(empty(done)),
        Status::Failed(error) => Err(Refusal {
            status: StatusCode::CONFLICT,
            error: Box::new(error.clone()),
        }),
    }
}

/// AKS names an operation by the GUID of its URL with the first three groups byte-swapped.
fn swapped(id: &str) -> String {
    id.parse::<Uuid>().map_or_else(
        |_| id.to_owned(),
        |id| Uuid::from_bytes(id.to_bytes_le()).to_string(),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_aks_operation_is_named_by_its_swapped_guid() {
        assert_eq!(
            super::swapped("5d662d95-cf50-4ad4-859c-71181d82ada2"),
            "952d665d-50cf-d44a-859c-71181d82ada2"
        );
    }
}
