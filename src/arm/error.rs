use serde_json::Value;

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
}
