//! The template document: its envelope typed, everything inside as written.
//!
//! Reading refuses what this version does not carry out (an unknown member, symbolic names), so that
//! nothing in a template is dropped in silence. Writing is deterministic: the same template gives the
//! same bytes, whatever the order of `serde_json::Map` in the build. No expression is evaluated here.

mod read;
mod write;

use serde_json::{Map, Value};

use super::{AzureError, ResourceKey};

/// An ARM template document (language version 1.0): the envelope typed, `properties` kept as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// `$schema`.
    pub schema: String,
    /// `contentVersion`.
    pub content_version: String,
    /// `parameters`, as written.
    pub parameters: Map<String, Value>,
    /// `variables`, as written.
    pub variables: Map<String, Value>,
    /// `functions`, as written.
    pub functions: Vec<Value>,
    /// `resources`, in the document's order.
    pub resources: Vec<TemplateResource>,
    /// `outputs`, as written.
    pub outputs: Map<String, Value>,
    /// `metadata`, as written.
    pub metadata: Option<Value>,
}

/// A resource of a template, before any expression is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateResource {
    /// `type`.
    pub resource_type: String,
    /// `apiVersion`.
    pub api_version: String,
    /// `name`: text or an expression.
    pub name: String,
    /// `dependsOn`: names, ids or expressions.
    pub depends_on: Vec<String>,
    /// Every other member (`condition`, `copy`, `scope`, `location`, `tags`, `sku`, `identity`,
    /// `properties`, nested `resources` ...), as written.
    pub body: Map<String, Value>,
}

/// Why a document is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Not JSON.
    #[error("the document is not JSON: {message} (line {line}, column {column})")]
    Json {
        /// The parser's message.
        message: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A member is missing, unknown or of the wrong type.
    #[error("{path}: {message}")]
    Shape {
        /// Where, for example `resources[2].dependsOn`.
        path: String,
        /// What is wrong.
        message: String,
    },
}

impl TemplateError {
    fn shape(path: impl Into<String>, message: impl Into<String>) -> TemplateError {
        TemplateError::Shape {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// The error that a deployment with such a document is refused with.
impl From<TemplateError> for AzureError {
    fn from(error: TemplateError) -> AzureError {
        match &error {
            TemplateError::Json { .. } => AzureError::new(
                "InvalidRequestContent",
                format!(
                    "The request content was invalid and could not be deserialized: '{error}'."
                ),
            ),
            TemplateError::Shape { .. } => AzureError::new(
                "InvalidTemplate",
                format!("Deployment template validation failed: '{error}'."),
            ),
        }
    }
}

impl Template {
    /// Reads a template from JSON text. Comments (`//`, `/* */`) and line breaks inside string
    /// literals are accepted, as Azure accepts them; unknown members of the document and of a
    /// resource's envelope are refused.
    ///
    /// # Errors
    /// When the text is not JSON or not a template.
    pub fn from_json(text: &str) -> Result<Template, TemplateError> {
        Template::from_value(&read::json(text)?)
    }

    /// Reads a template from a JSON value.
    ///
    /// # Errors
    /// When the value is not a template.
    pub fn from_value(value: &Value) -> Result<Template, TemplateError> {
        read::template(value)
    }

    /// The document as a JSON value, for a request body.
    #[must_use]
    pub fn to_value(&self) -> Value {
        write::template(self)
    }

    /// The document as text: two-space indentation, envelope members in a fixed order, all other
    /// members sorted, a final line break. The same template gives the same bytes on every machine,
    /// whatever the order of `serde_json::Map` in the build.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::text(self)
    }
}

impl Template {
    /// The template's hash, as a deployment's `templateHash`: equal for equal templates. Azure's own
    /// algorithm is not published; only equality means anything.
    #[must_use]
    pub fn hash(&self) -> String {
        super::expression::digest(self.to_json().as_bytes()).to_string()
    }
}

impl TemplateResource {
    /// Reads a resource from a JSON value; `path` is where it stands, for errors.
    ///
    /// # Errors
    /// When the value is not a resource.
    pub(super) fn from_value(value: &Value, path: &str) -> Result<TemplateResource, TemplateError> {
        read::resource(value.clone(), path)
    }

    /// Reads one resource from JSON text, as [`Template::from_json`] reads a document.
    ///
    /// # Errors
    /// When the text is not JSON or not a resource.
    pub fn from_json(text: &str) -> Result<TemplateResource, TemplateError> {
        read::resource(read::json(text)?, "resource")
    }

    /// The type and the name as written (the name may be an expression).
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        ResourceKey::new(self.resource_type.clone(), self.name.clone())
    }
}
