//! Azure's errors: one value for every shape in which they come over the wire.
//!
//! Reading never fails: whatever came, there is a code, and the innermost error is the one worth
//! showing. The shapes are those of recorded traffic (section 7, A to I).

use serde_json::{Map, Value, json};

use super::resource::get;

/// The deepest nesting that is read, in objects or in JSON strings; three was recorded.
const MAX_NESTING: usize = 16;

/// An error as Azure says it: a code that clients compare, a message, and nested details.
///
/// The emulator builds these, the client reads them from answers; the spelling of codes and the shape
/// `{"error":{"code","message","target","details"}}` are Azure's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AzureError {
    /// The code, for example `InvalidTemplate`.
    pub code: String,
    /// The message.
    pub message: String,
    /// What it is about: a resource id or a property path.
    pub target: Option<String>,
    /// Inner errors; the innermost is usually the useful one.
    pub details: Vec<AzureError>,
    /// Further structured facts, kept as sent.
    pub additional_info: Vec<Value>,
}

impl AzureError {
    /// An error with a code and a message.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> AzureError {
        AzureError {
            code: code.into(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            additional_info: Vec::new(),
        }
    }

    /// Reads the error of an answer. Where the body names no code (it is HTML, empty, or JSON of
    /// another kind), the code follows from the status.
    #[must_use]
    pub fn parse(status: u16, body: &str) -> AzureError {
        let value = json_in(body);
        if let Some(error) = value.as_ref().and_then(|value| read(value, 0))
            && !error.code.is_empty()
        {
            return error;
        }
        let said = value.as_ref().and_then(|value| said(value.as_object()?));
        let message = said.unwrap_or_else(|| text_in(body));
        AzureError::new(
            code_of(status),
            if message.is_empty() {
                format!("HTTP status {status} without a message")
            } else {
                message
            },
        )
    }

    /// The error as a body: `{"error": {"code", "message", ...}}`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({"error": self.object()})
    }

    fn object(&self) -> Value {
        let mut object = Map::new();
        object.insert("code".to_owned(), self.code.clone().into());
        object.insert("message".to_owned(), self.message.clone().into());
        if let Some(target) = &self.target {
            object.insert("target".to_owned(), target.clone().into());
        }
        if !self.details.is_empty() {
            let details = self.details.iter().map(AzureError::object).collect();
            object.insert("details".to_owned(), details);
        }
        if !self.additional_info.is_empty() {
            object.insert(
                "additionalInfo".to_owned(),
                self.additional_info.clone().into(),
            );
        }
        Value::Object(object)
    }

    /// The error that the first details lead to: the one to show. Its `Display` is `Code: message`.
    #[must_use]
    pub fn innermost(&self) -> &AzureError {
        match self.details.first() {
            Some(inner) => inner.innermost(),
            None => self,
        }
    }
}

/// The JSON of a body; a JSON string that holds JSON is opened.
fn json_in(body: &str) -> Option<Value> {
    match serde_json::from_str(body.trim_start_matches('\u{feff}')).ok()? {
        Value::String(inner) => serde_json::from_str(&inner).ok(),
        value => Some(value),
    }
}

/// Reads an object of any of the shapes. The code is empty where neither it nor what is nested in it
/// has one.
fn read(value: &Value, nesting: usize) -> Option<AzureError> {
    let object = value.as_object().filter(|_| nesting < MAX_NESTING)?;
    for wrapper in ["error", "errorResponse", "errorEntity"] {
        if let Some(inner @ Value::Object(_)) = get(object, wrapper) {
            return read(inner, nesting + 1);
        }
    }
    // A deployment that is read back carries its error among its properties.
    if let Some(Value::Object(properties)) = get(object, "properties")
        && let Some(inner @ Value::Object(_)) = get(properties, "error")
    {
        return read(inner, nesting + 1);
    }
    let mut error = AzureError::new(
        code_in(object).unwrap_or_default(),
        said(object).unwrap_or_default(),
    );
    error.target = get(object, "target")
        .and_then(Value::as_str)
        .map(str::to_owned);
    error.additional_info = get(object, "additionalInfo")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    // Older services put the real error into the message, as text.
    let in_message = serde_json::from_str::<Value>(&error.message)
        .ok()
        .and_then(|value| read(&value, nesting + 1));
    if let Some(mut inner) = in_message {
        if error.code.is_empty() {
            inner.target = inner.target.or(error.target);
            return Some(inner);
        }
        error.message.clone_from(&inner.message);
        error.details.push(inner);
    }
    let details = get(object, "details").and_then(Value::as_array);
    for detail in details.into_iter().flatten() {
        if let Some(detail) = read(detail, nesting + 1)
            && adds(&detail, &error)
        {
            error.details.push(detail);
        }
    }
    if error.code.is_empty() && error.details.is_empty() && error.message.is_empty() {
        return None;
    }
    Some(error)
}

/// Whether a detail says more than the error that it belongs to: App Service spreads one error over
/// several details, operations repeat their own, and AKS adds `Unspecified` ones of its inner services.
fn adds(detail: &AzureError, error: &AzureError) -> bool {
    !detail.code.is_empty()
        && detail.code != "Unspecified"
        && (!detail.message.is_empty() || !detail.details.is_empty())
        && (detail.code != error.code
            || detail.message != error.message
            || !detail.details.is_empty())
}

fn code_in(object: &Map<String, Value>) -> Option<String> {
    let code = get(object, "code").or_else(|| get(object, "errorCode"))?;
    match code {
        Value::String(code) if !code.is_empty() => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

/// The message: text, or `{"language", "value"}`.
fn said(object: &Map<String, Value>) -> Option<String> {
    match get(object, "message")? {
        Value::String(message) => Some(message.clone()),
        Value::Object(message) => get(message, "value")?.as_str().map(str::to_owned),
        _ => None,
    }
}

/// What a body that is no JSON says: the title of a page, or the beginning of the text.
fn text_in(body: &str) -> String {
    const SHOWN: usize = 200;
    let lower = body.to_ascii_lowercase();
    let title = lower
        .find("<title>")
        .map(|start| start + "<title>".len())
        .zip(lower.find("</title>"))
        .and_then(|(start, end)| body.get(start..end));
    let text = match title {
        Some(title) => title,
        None if body.trim_start().starts_with('<') => "",
        None => body,
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(SHOWN).collect()
}

/// The code that stands for an HTTP status.
fn code_of(status: u16) -> String {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        408 => "RequestTimeout",
        409 => "Conflict",
        412 => "PreconditionFailed",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        other => return other.to_string(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_error_is_found_in_every_shape() {
        for (shape, status, body, expected) in [
            (
                "A",
                404,
                r#"{"error":{"code":"ResourceNotFound","message":"gone","details":[]}}"#,
                "ResourceNotFound: gone",
            ),
            (
                "B",
                400,
                r#"{"code":"NotFound","message":"no cluster","subcode":"X","details":null}"#,
                "NotFound: no cluster",
            ),
            (
                "C",
                409,
                r#"{"Error":{"Code":"ResourceGroupDeletionBlocked","Target":null,"Message":"blocked","Details":[{"Code":null,"Target":"/x","Message":"{\"error\":{\"code\":\"InUse\",\"message\":\"in use\",\"details\":[]}}"}]}}"#,
                "InUse: in use",
            ),
            (
                "D",
                429,
                r#"{"Code":"429","Message":"locked","Target":null,"Details":[{"Message":"locked"},{"Code":"429"},{"ErrorEntity":{"ExtendedCode":"1","Code":"429","Message":"locked"}}]}"#,
                "429: locked",
            ),
            (
                "E",
                200,
                r#"{"status":"Failed","error":{"code":"DeploymentFailed","message":"one","details":[{"code":"BadRequest","message":"{\"error\":{\"code\":\"Quota\",\"message\":\"{\\\"code\\\":\\\"Deepest\\\",\\\"message\\\":\\\"m\\\"}\"}}"}]}}"#,
                "Deepest: m",
            ),
            (
                "F",
                200,
                r#"{"status":"Failed","error":{"code":"DeploymentFailed","message":"one","details":[{"code":"ResourceDeploymentFailure","target":"/a","message":"two","details":[{"code":"Real","message":"three"}]}]}}"#,
                "Real: three",
            ),
            (
                "G",
                200,
                r#"{"status":"Canceled","error":{"code":"Canceled","message":"c","details":[{"code":"CanceledAndSupersededDueToAnotherOperation","message":"s"}]}}"#,
                "CanceledAndSupersededDueToAnotherOperation: s",
            ),
            (
                "deployment",
                200,
                r#"{"properties":{"error":{"code":"DeploymentFailed","message":"m"}}}"#,
                "DeploymentFailed: m",
            ),
            (
                "H empty",
                404,
                "",
                "NotFound: HTTP status 404 without a message",
            ),
            (
                "H page",
                503,
                "<html><head><title>Service\n Unavailable</title></head></html>",
                "ServiceUnavailable: Service Unavailable",
            ),
            (
                "H text",
                403,
                "Forbidden by policy",
                "Forbidden: Forbidden by policy",
            ),
            (
                "H other JSON",
                405,
                r#"{"Message":"no GET here"}"#,
                "MethodNotAllowed: no GET here",
            ),
            (
                "I",
                429,
                r#"{"error":{"code":429,"message":"slow down"}}"#,
                "429: slow down",
            ),
            (
                "JSON in a string",
                409,
                r#""{\"error\":{\"code\":\"Unauthorized\",\"message\":\"m\"}}""#,
                "Unauthorized: m",
            ),
            (
                "localised",
                500,
                r#"{"ErrorCode":"CloudInternalError","Message":{"Language":"en-US","Value":"m"}}"#,
                "CloudInternalError: m",
            ),
        ] {
            let error = AzureError::parse(status, body);
            assert_eq!(error.innermost().to_string(), expected, "shape {shape}");
        }
    }

    #[test]
    fn the_code_within_a_blocked_deletion_keeps_its_target() {
        let body = r#"{"Error":{"Code":"Blocked","Message":"b","Details":[{"Code":null,"Target":"/x","Message":"{\"error\":{\"code\":\"InUse\",\"message\":\"m\"}}"}]}}"#;
        let error = AzureError::parse(409, body);
        assert_eq!(error.innermost().target.as_deref(), Some("/x"));
    }

    #[test]
    fn an_error_reads_back_as_it_was_written() {
        let mut error = AzureError::new("DeploymentFailed", "outer");
        error.target = Some("/a".to_owned());
        error.additional_info.push(json!({"type": "T", "info": {}}));
        error.details.push(AzureError::new("Conflict", "inner"));
        let body = error.to_value().to_string();
        assert_eq!(AzureError::parse(409, &body), error);
    }

    #[test]
    fn nesting_without_end_is_cut() {
        let body = format!("{}1{}", r#"{"error":"#.repeat(100), "}".repeat(100));
        assert_eq!(AzureError::parse(500, &body).code, "InternalServerError");
    }
}
