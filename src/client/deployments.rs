//! Template deployments: validate, deploy, list operations, cancel.
//!
//! A deployment's PUT is not repeatable once the first one runs: an answer that gets lost on the way
//! makes the pipeline send it again, and ARM answers 409 `DeploymentActive`. Each submission therefore
//! carries a tag of its own; a running deployment that carries it is ours, and is followed instead.
//! Shapes are those of recorded traffic (sections 5 and 7).

use std::fmt;
use std::time::Duration;

use azure_core::http::Method;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::arm::{AzureError, Parameters, ResourceId, Template};

use super::Client;
use super::error::{ClientError, Failure};
use super::long_running;
use super::poll::Operation;
use super::watch::{Progress, Watch};
use super::wire::Answer;

/// The version of `Microsoft.Resources`, for deployments and for resource groups.
pub(super) const API_VERSION: &str = "2025-04-01";

/// The tag that tells our own submission from another's.
const SUBMISSION_TAG: &str = "vnetlab-submission";

/// How long a validation may take, and the listing of operations after a failure.
const SIDE_CALL: Duration = Duration::from_secs(120);

/// A template to deploy, under a name that is unique in its resource group.
#[derive(Clone, Copy)]
pub struct Deployment<'a> {
    /// The deployment's name.
    pub name: &'a str,
    /// The template.
    pub template: &'a Template,
    /// The values of its parameters.
    pub parameters: &'a Parameters,
}

/// Parameters by name only: their values may be secrets.
impl fmt::Debug for Deployment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.parameters.keys().collect::<Vec<_>>();
        f.debug_struct("Deployment")
            .field("name", &self.name)
            .field("parameters", &parameters)
            .finish_non_exhaustive()
    }
}

impl Deployment<'_> {
    fn properties(&self) -> Value {
        let parameters = self
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), json!({ "value": value })))
            .collect::<Map<_, _>>();
        json!({
            "mode": "Incremental",
            "template": self.template.to_value(),
            "parameters": parameters,
        })
    }
}

/// What a deployment has made.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// The outputs as the target shows them: `{name: {"type", "value"}}`. It may change the case of a
    /// name's first letter.
    pub outputs: Map<String, Value>,
    /// The resources that the deployment wrote.
    pub resources: Vec<ResourceId>,
}

impl Deployed {
    /// The value of an output, by name without case.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&Value> {
        self.outputs
            .iter()
            .find_map(|(key, output)| key.eq_ignore_ascii_case(name).then_some(output))
            .and_then(|output| output.get("value"))
    }

    fn read(operation: &str, answer: &Answer) -> Result<Deployed, ClientError> {
        let body = answer.expect_json(operation)?;
        let outputs = match body.pointer("/properties/outputs") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(outputs)) => outputs.clone(),
            Some(_) => return Err(ClientError::protocol(operation, "`outputs` is no object")),
        };
        let resources = match body.pointer("/properties/outputResources") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(resources)) => resources
                .iter()
                .map(|resource| {
                    let id = resource
                        .get("id")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    ResourceId::parse(id).map_err(|error| {
                        ClientError::protocol(operation, format!("`outputResources`: {error}"))
                    })
                })
                .collect::<Result<_, _>>()?,
            Some(_) => {
                let reason = "`outputResources` is no list";
                return Err(ClientError::protocol(operation, reason));
            }
        };
        Ok(Deployed { outputs, resources })
    }
}

/// One operation of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentOperation {
    /// What was done: `Create`, `Read`, `EvaluateDeploymentOutput` ...
    pub kind: String,
    /// Its state: `Running`, `Succeeded`, `Failed` ...
    pub state: String,
    /// The resource; `None` for an operation on the deployment itself.
    pub resource: Option<ResourceId>,
    /// What the resource provider says, where the operation failed.
    pub error: Option<AzureError>,
}

impl DeploymentOperation {
    fn read(operation: &Value) -> DeploymentOperation {
        let text = |path: &str| operation.pointer(path).and_then(Value::as_str);
        let state = text("/properties/provisioningState").unwrap_or_default();
        let message = match operation.pointer("/properties/statusMessage") {
            None | Some(Value::Null) => None,
            Some(Value::String(message)) => Some(message.clone()),
            Some(message) => Some(message.to_string()),
        };
        let status = text("/properties/statusCode").unwrap_or_default();
        let error = state.eq_ignore_ascii_case("Failed").then(|| match message {
            Some(message) => AzureError::parse(status_number(status), &message),
            None => AzureError::new(status, "the operation failed and says no more"),
        });
        DeploymentOperation {
            kind: text("/properties/provisioningOperation")
                .unwrap_or_default()
                .to_owned(),
            state: state.to_owned(),
            resource: text("/properties/targetResource/id")
                .and_then(|id| ResourceId::parse(id).ok()),
            error,
        }
    }
}

/// The number of a status as the operations list spells it; it serves only a body without a code.
fn status_number(status: &str) -> u16 {
    match status {
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "NotFound" => 404,
        "Conflict" => 409,
        "InternalServerError" => 500,
        _ => 400,
    }
}

impl Client {
    /// Has the target check a deployment without making anything.
    ///
    /// # Errors
    /// What the target finds wrong, as a refusal.
    pub async fn validate(
        &self,
        group: &str,
        deployment: &Deployment<'_>,
    ) -> Result<(), ClientError> {
        let name = format!("validate deployment `{}`", deployment.name);
        let url = self.deployment_url(&name, group, deployment.name, &["validate"])?;
        let body = json!({ "properties": deployment.properties() });
        let operation = Operation {
            name: &name,
            method: Method::Post,
            resource: &url,
        };
        let never = CancellationToken::new();
        let watch = side_call(&never);
        let answer = self.wire.run(operation, Some(&body), &watch).await?;
        // Older API versions report what they find in a 200.
        match answer.json().as_ref().and_then(|body| body.get("error")) {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(answer.refused(&name)),
        }
    }

    /// Deploys a template (mode `Incremental`: what it does not name stays) and waits for the end.
    ///
    /// When the watch is cancelled or its deadline passes, the deployment goes on at the target; stop
    /// it with [`Client::cancel`].
    ///
    /// # Errors
    /// A refusal, or [`ClientError::DeploymentFailed`] with each failed resource.
    pub async fn deploy(
        &self,
        group: &str,
        deployment: &Deployment<'_>,
        watch: &Watch<'_>,
    ) -> Result<Deployed, ClientError> {
        let name = format!("deploy `{}`", deployment.name);
        let url = self.deployment_url(&name, group, deployment.name, &[])?;
        let submission = Uuid::new_v4().to_string();
        let body = json!({
            "properties": deployment.properties(),
            "tags": { SUBMISSION_TAG: submission },
        });
        let (submitted, answer) = watch
            .bound(self.submit(&name, &url, &body, &submission))
            .await
            .map_err(|interrupt| ClientError::interrupted(interrupt, &name, None))??;
        if let Submitted::Before = submitted {
            watch.tell(Progress::Adopted {
                deployment: deployment.name.to_owned(),
            });
        }
        let operation = Operation {
            name: &name,
            method: Method::Put,
            resource: &url,
        };
        let step = long_running::begin(Method::Put, &url, &answer);
        match self.wire.follow(operation, step, answer, watch).await {
            Ok(answer) => Deployed::read(&name, &answer),
            Err(ClientError::Ended {
                state,
                error,
                request_id,
                ..
            }) => Err(ClientError::DeploymentFailed {
                name: deployment.name.to_owned(),
                failures: self
                    .failures(group, deployment.name, error.as_deref(), watch)
                    .await,
                state,
                error,
                request_id,
            }),
            Err(error) => Err(error),
        }
    }

    /// Submits a deployment; gives the answer to the PUT, or the deployment itself where an earlier
    /// try of the same PUT had started it.
    async fn submit(
        &self,
        name: &str,
        url: &Url,
        body: &Value,
        submission: &str,
    ) -> Result<(Submitted, Answer), ClientError> {
        let answer = self.wire.send(name, Method::Put, url, Some(body)).await?;
        let active = answer.status == 409
            && answer
                .azure_error()
                .code
                .eq_ignore_ascii_case("DeploymentActive");
        if !active {
            return Ok((Submitted::Now, answer));
        }
        let running = self.wire.call(name, Method::Get, url, None).await?;
        let tag = running
            .json()
            .and_then(|body| Some(body.get("tags")?.get(SUBMISSION_TAG)?.as_str()? == submission));
        if tag == Some(true) {
            Ok((Submitted::Before, running))
        } else {
            Err(answer.refused(name))
        }
    }

    /// Every failed operation of a deployment; where they cannot be listed, or none is on the list,
    /// what the deployment's own error says of each resource.
    async fn failures(
        &self,
        group: &str,
        name: &str,
        error: Option<&AzureError>,
        watch: &Watch<'_>,
    ) -> Vec<Failure> {
        let bounds = Watch {
            deadline: Instant::now() + SIDE_CALL,
            ..*watch
        };
        let listed = match bounds.bound(self.operations(group, name)).await {
            Ok(Ok(operations)) => operations,
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        let mut failures = listed
            .into_iter()
            .filter_map(|operation| {
                Some(Failure {
                    resource: operation.resource,
                    error: operation.error?,
                })
            })
            .collect::<Vec<_>>();
        if failures.is_empty() {
            let details = error
                .map(|error| error.details.as_slice())
                .unwrap_or_default();
            failures.extend(details.iter().map(|detail| {
                Failure {
                    resource: detail
                        .target
                        .as_deref()
                        .and_then(|target| ResourceId::parse(target).ok()),
                    error: detail.clone(),
                }
            }));
        }
        failures
    }

    /// Lists the operations of a deployment, in the target's order.
    ///
    /// # Errors
    /// When the target refuses, or its answer is no such list.
    pub async fn operations(
        &self,
        group: &str,
        name: &str,
    ) -> Result<Vec<DeploymentOperation>, ClientError> {
        let operation = format!("list the operations of deployment `{name}`");
        let mut next = Some(self.deployment_url(&operation, group, name, &["operations"])?);
        let mut operations = Vec::new();
        while let Some(url) = next {
            let answer = self.wire.call(&operation, Method::Get, &url, None).await?;
            let page = answer.expect_json(&operation)?;
            let list = page
                .get("value")
                .and_then(Value::as_array)
                .ok_or_else(|| ClientError::protocol(&operation, "the answer has no `value`"))?;
            operations.extend(list.iter().map(DeploymentOperation::read));
            next = match page.get("nextLink").and_then(Value::as_str) {
                None | Some("") => None,
                Some(link) => Some(url.join(link).map_err(|error| {
                    ClientError::protocol(&operation, format!("`nextLink` is not a URL: {error}"))
                })?),
            };
        }
        Ok(operations)
    }

    /// Cancels a deployment; one that has ended or does not exist is a success.
    ///
    /// # Errors
    /// When the target refuses otherwise.
    pub async fn cancel(&self, group: &str, name: &str) -> Result<(), ClientError> {
        let operation = format!("cancel deployment `{name}`");
        let url = self.deployment_url(&operation, group, name, &["cancel"])?;
        match self.wire.call(&operation, Method::Post, &url, None).await {
            // 409 is `DeploymentCannotBeCancelled`: it has ended.
            Ok(_)
            | Err(ClientError::Refused {
                status: 404 | 409, ..
            }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn deployment_url(
        &self,
        operation: &str,
        group: &str,
        name: &str,
        below: &[&str],
    ) -> Result<Url, ClientError> {
        let mut segments = vec!["providers", "Microsoft.Resources", "deployments", name];
        segments.extend(below);
        self.wire.in_group(operation, group, &segments, API_VERSION)
    }
}

/// Which try of a submission the target runs.
enum Submitted {
    /// The one that was answered.
    Now,
    /// An earlier one, whose answer was lost.
    Before,
}

/// The bounds of a call beside the main one, which its caller stops by dropping it.
fn side_call(never: &CancellationToken) -> Watch<'_> {
    Watch {
        deadline: Instant::now() + SIDE_CALL,
        cancel: never,
        progress: &|_| {},
    }
}

#[cfg(test)]
mod tests;
