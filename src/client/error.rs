//! What can go wrong between a request and its result.
//!
//! Azure's own words are kept verbatim as an [`AzureError`]; ours name the operation. Messages carry no
//! token and no URL query (polling URLs are signed): the errors of the libraries below are therefore
//! never kept themselves, only their texts, by [`Cause::of`].

use std::error::Error;
use std::fmt;

use crate::arm::{AzureError, ResourceId};

use super::watch::Interrupt;

/// Why an operation has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client cannot be made.
    #[error("cannot set up the client: {reason}")]
    Setup {
        /// What is wrong.
        reason: String,
        /// The error below, if there is one.
        #[source]
        cause: Option<Cause>,
    },
    /// An argument cannot stand in a request.
    #[error("cannot {operation}: {reason}")]
    Invalid {
        /// The operation, for example ``delete resource group `g` ``.
        operation: String,
        /// What is wrong with which argument.
        reason: String,
    },
    /// No answer came, or no request could be sent.
    #[error("cannot {operation}")]
    Transport {
        /// The operation.
        operation: String,
        /// What the layers below say.
        #[source]
        cause: Cause,
    },
    /// The target refused the request, or a question about its progress.
    #[error("cannot {operation}: status {status}{}", in_parentheses(.request_id))]
    Refused {
        /// The operation.
        operation: String,
        /// The HTTP status.
        status: u16,
        /// What the target says.
        #[source]
        error: Box<AzureError>,
        /// `x-ms-request-id`, which Azure's support asks for.
        request_id: Option<String>,
    },
    /// A long-running operation ended without success.
    #[error("cannot {operation}: it ended as `{state}`{}", in_parentheses(.request_id))]
    Ended {
        /// The operation.
        operation: String,
        /// The state that it ended in: `Failed` or `Canceled`.
        state: String,
        /// What the target says.
        #[source]
        error: Option<Box<AzureError>>,
        /// `x-ms-request-id` of the answer that said so.
        request_id: Option<String>,
    },
    /// A deployment ended without success.
    #[error("deployment `{name}` ended as `{state}`{}{}", in_parentheses(.request_id), list(.failures))]
    DeploymentFailed {
        /// The deployment's name.
        name: String,
        /// The state that it ended in: `Failed` or `Canceled`.
        state: String,
        /// Each failed operation of the deployment.
        failures: Vec<Failure>,
        /// What the deployment as a whole says.
        #[source]
        error: Option<Box<AzureError>>,
        /// `x-ms-request-id` of the answer that said so.
        request_id: Option<String>,
    },
    /// The answer is not what the API promises.
    #[error("cannot {operation}: {reason}")]
    Protocol {
        /// The operation.
        operation: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The caller cancelled; what was started goes on at the target.
    #[error("cancelled while waiting to {operation}")]
    Cancelled {
        /// The operation.
        operation: String,
    },
    /// The deadline passed; what was started goes on at the target.
    #[error("the deadline passed while waiting to {operation}{}", last_state(.state))]
    Deadline {
        /// The operation.
        operation: String,
        /// The last state that was seen.
        state: Option<String>,
    },
}

/// One failed operation of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The resource; `None` for an operation on the deployment itself, such as evaluating its outputs.
    pub resource: Option<ResourceId>,
    /// What its resource provider says.
    pub error: AzureError,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resource) = &self.resource {
            write!(f, "`{}`: ", resource.key())?;
        }
        self.error.innermost().fmt(f)
    }
}

impl ClientError {
    /// What Azure says, where it says anything.
    #[must_use]
    pub fn azure(&self) -> Option<&AzureError> {
        match self {
            ClientError::Refused { error, .. } => Some(error),
            ClientError::Ended { error, .. } | ClientError::DeploymentFailed { error, .. } => {
                error.as_deref()
            }
            _ => None,
        }
    }

    /// The HTTP status of a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            ClientError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub(super) fn interrupted(
        interrupt: Interrupt,
        operation: &str,
        state: Option<&str>,
    ) -> ClientError {
        let operation = operation.to_owned();
        match interrupt {
            Interrupt::Cancelled => ClientError::Cancelled { operation },
            Interrupt::Deadline => ClientError::Deadline {
                operation,
                state: state.map(str::to_owned),
            },
        }
    }

    pub(super) fn protocol(operation: &str, reason: impl Into<String>) -> ClientError {
        ClientError::Protocol {
            operation: operation.to_owned(),
            reason: reason.into(),
        }
    }
}

fn in_parentheses(request_id: &Option<String>) -> String {
    request_id
        .as_ref()
        .map(|id| format!(" (request {id})"))
        .unwrap_or_default()
}

fn last_state(state: &Option<String>) -> String {
    state
        .as_ref()
        .map(|state| format!(", last seen as `{state}`"))
        .unwrap_or_default()
}

fn list(failures: &[Failure]) -> String {
    failures
        .iter()
        .map(|failure| format!("; {failure}"))
        .collect()
}

/// The text of an error of a library below, and of the errors that it stems from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// The texts of an error and its sources, queries of URLs left out, repetitions left out.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Cause {
        let mut texts: Vec<String> = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            let text = without_queries(&error.to_string());
            if !texts.iter().any(|above| above.ends_with(&text)) {
                texts.push(text);
            }
            next = error.source();
        }
        texts
            .into_iter()
            .rev()
            .fold(None, |source, text| {
                Some(Cause {
                    text,
                    source: source.map(Box::new),
                })
            })
            .unwrap_or(Cause {
                text: "an error without words".to_owned(),
                source: None,
            })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

/// The text with the query and user information of every URL cut out.
fn without_queries(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, url) = rest.split_at(start + 3);
        let end = url
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ')' | '>'))
            .unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        let shown = url.split(['?', '#']).next().unwrap_or_default();
        let authority = shown.find('/').unwrap_or(shown.len());
        let host = shown[..authority].rfind('@').map_or(0, |at| at + 1);
        kept.push_str(before);
        kept.push_str(&shown[host..]);
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_shows_no_query_and_no_user_information() {
        for (text, shown) in [
            (
                "error sending request for url (https://h/a?t=1&s=secret)",
                "error sending request for url (https://h/a)",
            ),
            (
                "`https://user:pass@h:1/x#f` and http://i/?q",
                "`https://h:1/x` and http://i/",
            ),
            ("is it? no url", "is it? no url"),
            ("https://h", "https://h"),
        ] {
            assert_eq!(without_queries(text), shown);
        }
    }

    #[test]
    fn a_cause_says_each_thing_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: inner")]
        struct Outer(#[source] std::io::Error);

        let cause = Cause::of(&Outer(std::io::Error::other("inner")));
        assert_eq!(cause.to_string(), "outer: inner");
        assert!(cause.source().is_none());
    }

    #[test]
    fn a_failed_deployment_names_each_resource_and_the_innermost_error() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
        let mut outer = AzureError::new("BadRequest", "outer");
        outer
            .details
            .push(AzureError::new("NetcfgInvalidSubnet", "inner"));
        let error = ClientError::DeploymentFailed {
            name: "d".to_owned(),
            state: "Failed".to_owned(),
            failures: vec![Failure {
                resource: ResourceId::parse(id).ok(),
                error: outer,
            }],
            error: Some(Box::new(AzureError::new("DeploymentFailed", "see details"))),
            request_id: Some("r-1".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "deployment `d` ended as `Failed` (request r-1); \
             `Microsoft.Network/virtualNetworks/v`: NetcfgInvalidSubnet: inner"
        );
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("DeploymentFailed: see details")
        );
    }
}
