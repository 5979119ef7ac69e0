//! seam: written by the arm work package
//!
//! The expression language: grammar, functions, evaluation.

use serde_json::Value;

use super::AzureError;

/// What only a deployment can tell: `reference()` and `list*()`.
pub trait Runtime {
    /// The answer of `reference(target, api_version, full)`: the properties of the resource, or the
    /// whole resource when `full`. `target` is an id, or a name of the same deployment resolved to one.
    ///
    /// # Errors
    /// [`RuntimeError::Unknown`] when only a deployment can tell; [`RuntimeError::Azure`] when the
    /// resource does not exist.
    fn reference(
        &self,
        target: &super::ResourceId,
        api_version: Option<&str>,
        full: bool,
    ) -> Result<Value, RuntimeError>;

    /// The answer of `list*(target, api_version, body)`.
    ///
    /// # Errors
    /// As [`Runtime::reference`].
    fn list(
        &self,
        function: &str,
        target: &super::ResourceId,
        api_version: &str,
        body: Option<&Value>,
    ) -> Result<Value, RuntimeError>;
}

/// Why a runtime function has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeError {
    /// Unknown until deployed.
    Unknown,
    /// Azure would refuse.
    Azure(AzureError),
}

/// Text as a string literal of a template: text that Azure would read as an expression gets a second `[`.
#[must_use]
pub fn literal(text: &str) -> String {
    if text.starts_with('[') && text.ends_with(']') {
        format!("[{text}")
    } else {
        text.to_owned()
    }
}
