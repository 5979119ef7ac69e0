//! `Status` objects: how the Kubernetes API says no.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::emulator::reply::json_reply;

/// A refusal, ready to be sent.
pub(super) struct Failure(pub(super) Response);

/// A `Status` of failure.
pub(super) fn failure(
    code: StatusCode,
    reason: &str,
    message: &str,
    details: Option<Value>,
) -> Response {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code.as_u16(),
    });
    if let Some(details) = details {
        status["details"] = details;
    }
    json_reply(code, &status)
}

/// An object that does not exist.
pub(super) fn not_found(kind: &str, name: &str) -> Failure {
    Failure(failure(
        StatusCode::NOT_FOUND,
        "NotFound",
        &format!("{kind} \"{name}\" not found"),
        Some(json!({ "name": name, "kind": kind })),
    ))
}

/// A request that cannot be read.
pub(super) fn bad_request(message: &str) -> Failure {
    Failure(failure(
        StatusCode::BAD_REQUEST,
        "BadRequest",
        message,
        None,
    ))
}

/// A Pod that is not accepted.
pub(super) fn invalid(name: &str, message: &str) -> Failure {
    Failure(failure(
        StatusCode::UNPROCESSABLE_ENTITY,
        "Invalid",
        &format!("Pod \"{name}\" is invalid: {message}"),
        Some(json!({ "name": name, "kind": "Pod" })),
    ))
}
