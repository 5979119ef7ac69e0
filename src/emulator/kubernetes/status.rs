//! `Status` objects: how the Kubernetes API says no.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::emulator::reply::json_reply;

/// A refusal, ready to be sent.
pub(super) struct Failure(Box<Response>);

impl Failure {
    /// A refusal of any kind.
    pub(super) fn new(code: StatusCode, reason: &str, message: &str) -> Failure {
        Failure(Box::new(failure(code, reason, message, None)))
    }

    /// The answer.
    pub(super) fn into_response(self) -> Response {
        *self.0
    }
}

/// An object that exists already.
pub(super) fn already_exists(kind: &str, name: &str) -> Failure {
    Failure(Box::new(failure(
        StatusCode::CONFLICT,
        "AlreadyExists",
        &format!("{kind} \"{name}\" already exists"),
        Some(json!({ "name": name, "kind": kind })),
    )))
}

/// A `Status` of failure.
fn failure(code: StatusCode, reason: &str, message: &str, details: Option<Value>) -> Response {
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
    Failure(Box::new(failure(
        StatusCode::NOT_FOUND,
        "NotFound",
        &format!("{kind} \"{name}\" not found"),
        Some(json!({ "name": name, "kind": kind })),
    )))
}

/// A request that cannot be read.
pub(super) fn bad_request(message: &str) -> Failure {
    Failure(Box::new(failure(
        StatusCode::BAD_REQUEST,
        "BadRequest",
        message,
        None,
    )))
}

/// A Pod that is not accepted.
pub(super) fn invalid(name: &str, message: &str) -> Failure {
    Failure(Box::new(failure(
        StatusCode::UNPROCESSABLE_ENTITY,
        "Invalid",
        &format!("Pod \"{name}\" is invalid: {message}"),
        Some(json!({ "name": name, "kind": "Pod" })),
    )))
}
