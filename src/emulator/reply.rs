//! Answers: JSON bodies, errors with their status, and the headers that Azure puts on each.
//!
//! The one place where an [`AzureError`] gets an HTTP status. Shapes and statuses as in recorded
//! traffic (sections 1, 2 and 7).

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::arm::{AzureError, ResourceId};

/// How long a client should wait before it polls again, in milliseconds. `Retry-After` counts whole
/// seconds, and 0 means absent to clients, so it is left out.
const POLL_AFTER_MS: &str = "20";

/// A request that is refused: the error and its HTTP status.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Boxed, because most answers are not refusals.
    pub(super) error: Box<AzureError>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            error: Box::new(AzureError::new(code, message)),
        }
    }

    pub(super) fn group_not_found(group: &str) -> Refusal {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "ResourceGroupNotFound",
            format!("Resource group '{group}' could not be found."),
        )
    }

    pub(super) fn not_found(id: &ResourceId) -> Refusal {
        Refusal {
            status: StatusCode::NOT_FOUND,
            error: Box::new(resource_not_found(id)),
        }
    }

    pub(super) fn not_supported(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_IMPLEMENTED, "NotSupported", message)
    }
}

/// The error for a resource that does not exist.
pub(super) fn resource_not_found(id: &ResourceId) -> AzureError {
    AzureError::new(
        "ResourceNotFound",
        format!(
            "The Resource '{}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            id.key(),
            id.resource_group().unwrap_or_default()
        ),
    )
}

impl From<AzureError> for Refusal {
    fn from(error: AzureError) -> Refusal {
        let status = match error.code.as_str() {
            "ResourceNotFound"
            | "ParentResourceNotFound"
            | "ResourceGroupNotFound"
            | "NotFound"
            | "DeploymentNotFound" => StatusCode::NOT_FOUND,
            "RoleAssignmentExists" | "DeploymentActive" | "OperationNotAllowed" => {
                StatusCode::CONFLICT
            }
            "InternalServerError" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Refusal {
            status,
            error: Box::new(error),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json_reply(self.status, &self.error.to_value())
    }
}

/// An error as it stands inside another body, without the `error` wrapper.
pub(super) fn error_value(error: &AzureError) -> Value {
    error.to_value()["error"].take()
}

/// A JSON answer.
pub(super) fn json_reply(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds a header; text that cannot stand in a header is left out.
pub(super) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}

/// Adds the URL of an operation, under `azure-asyncoperation` or `location`, and the time to wait.
pub(super) fn with_operation(response: Response, header: &'static str, url: &str) -> Response {
    poll_again(with_header(response, header, url))
}

/// Tells the client to poll again soon.
pub(super) fn poll_again(response: Response) -> Response {
    with_header(response, "retry-after-ms", POLL_AFTER_MS)
}
