//! The record of a deployment, and how answers show it (recorded traffic, section 5).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arm::expand::Bound;
use crate::arm::{AzureError, ResourceId, Template};
use crate::emulator::providers::spelling;
use crate::emulator::reply::error_value;
use crate::emulator::state::Shared;

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Accepted,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl State {
    pub(super) fn is_terminal(self) -> bool {
        matches!(self, State::Succeeded | State::Failed | State::Canceled)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            State::Accepted => "Accepted",
            State::Running => "Running",
            State::Succeeded => "Succeeded",
            State::Failed => "Failed",
            State::Canceled => "Canceled",
        }
    }
}

/// What was done with one resource, or with the outputs.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) target: Option<ResourceId>,
    pub(super) started: Timestamp,
    pub(super) ended: Timestamp,
    /// The class of the HTTP status, as Azure spells it.
    pub(super) status_code: &'static str,
    pub(super) error: Option<AzureError>,
}

/// A deployment.
pub(in crate::emulator) struct Deployment {
    id: String,
    name: String,
    correlation: String,
    template_hash: String,
    parameters: Map<String, Value>,
    providers: Value,
    dependencies: Value,
    pub(super) state: State,
    pub(super) started: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) outputs: Option<Map<String, Value>>,
    pub(super) deployed: Vec<ResourceId>,
    pub(super) error: Option<AzureError>,
    /// The id of its long-running operation.
    pub(super) operation: String,
    pub(super) done: Vec<Done>,
    /// Stops what has not begun.
    pub(in crate::emulator) cancel: CancellationToken,
}

impl Deployment {
    pub(super) fn new(
        shared: &Shared,
        group: &str,
        name: &str,
        bound: &Bound,
        template: &Template,
    ) -> Deployment {
        let subscription = &shared.subscription;
        let text = template.to_value().to_string();
        let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).as_u64_pair();
        Deployment {
            id: format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Resources/deployments/{name}"
            ),
            name: name.to_owned(),
            correlation: Uuid::new_v4().to_string(),
            template_hash: hash.0.to_string(),
            parameters: bound.parameters(),
            providers: providers(bound),
            dependencies: dependencies(bound),
            state: State::Accepted,
            started: Timestamp::now(),
            ended: None,
            outputs: None,
            deployed: Vec::new(),
            error: None,
            operation: String::new(),
            done: Vec::new(),
            cancel: shared.stopping.child_token(),
        }
    }

    /// When Azure would give an active deployment up.
    pub(super) fn expires(&self) -> Timestamp {
        self.started + SignedDuration::from_hours(7 * 24)
    }

    /// Ends the deployment at once; what is under way finishes unrecorded.
    pub(super) fn cancelled(&mut self) {
        self.state = State::Canceled;
        self.ended = Some(Timestamp::now());
        self.cancel.cancel();
    }

    /// The deployment as GET answers it.
    pub(super) fn render(&self) -> Value {
        let ended = self.ended.unwrap_or_else(Timestamp::now);
        let mut properties = json!({
            "templateHash": self.template_hash,
            "parameters": self.parameters,
            "mode": "Incremental",
            "provisioningState": self.state.word(),
            "timestamp": ended.to_string(),
            "duration": duration(self.started, ended),
            "correlationId": self.correlation,
            "providers": self.providers,
            "dependencies": self.dependencies,
        });
        if let Some(outputs) = &self.outputs {
            properties["outputs"] = json!(outputs);
            properties["outputResources"] = ids(&self.deployed);
        }
        if let Some(error) = &self.error {
            properties["error"] = error_value(error);
        }
        self.envelope(properties)
    }

    /// The answer to a successful validation.
    pub(super) fn validated(&self, bound: &Bound) -> Value {
        let planned = bound.resources().iter().map(|planned| planned.id.clone());
        self.envelope(json!({
            "templateHash": self.template_hash,
            "parameters": self.parameters,
            "mode": "Incremental",
            "provisioningState": "Succeeded",
            "timestamp": "0001-01-01T00:00:00Z",
            "duration": "PT0S",
            "correlationId": self.correlation,
            "providers": self.providers,
            "dependencies": self.dependencies,
            "validatedResources": ids(&planned.collect::<Vec<_>>()),
        }))
    }

    fn envelope(&self, properties: Value) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.Resources/deployments",
            "properties": properties,
        })
    }

    /// The operations as the list answers them.
    pub(super) fn operations(&self) -> Vec<Value> {
        let render = |(index, done): (usize, &Done)| {
            let name = format!("{}-{index}", self.operation);
            let operation = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
                .simple()
                .to_string()
                .to_ascii_uppercase();
            let mut properties = json!({
                "provisioningOperation": "EvaluateDeploymentOutput",
                "provisioningState": if done.error.is_none() { "Succeeded" } else { "Failed" },
                "timestamp": done.ended.to_string(),
                "duration": duration(done.started, done.ended),
                "trackingId": Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string(),
                "statusCode": done.status_code,
            });
            if let Some(id) = &done.target {
                properties["provisioningOperation"] = json!("Create");
                properties["targetResource"] = target(id);
            }
            if let Some(error) = &done.error {
                properties["statusMessage"] =
                    json!({ "status": "Failed", "error": error_value(error) });
            }
            json!({
                "id": format!("{}/operations/{operation}", self.id),
                "operationId": operation,
                "properties": properties,
            })
        };
        self.done.iter().enumerate().map(render).collect()
    }
}

fn ids(ids: &[ResourceId]) -> Value {
    ids.iter().map(|id| json!({ "id": id })).collect()
}

fn target(id: &ResourceId) -> Value {
    let key = id.key();
    json!({
        "id": id,
        "resourceType": spelling(&key.resource_type),
        "resourceName": key.name,
    })
}

/// An ISO 8601 duration in seconds.
fn duration(from: Timestamp, to: Timestamp) -> String {
    format!("PT{}S", to.duration_since(from).as_secs_f64().max(0.0))
}

/// Namespaces with their types; a child type has no location of its own.
fn providers(bound: &Bound) -> Value {
    let mut namespaces = BTreeMap::<String, BTreeSet<String>>::new();
    for planned in bound.resources() {
        if let Some((namespace, kind)) = planned.resource_type.split_once('/') {
            let kinds = namespaces.entry(namespace.to_owned()).or_default();
            kinds.insert(kind.to_owned());
        }
    }
    let render = |(namespace, kinds): (String, BTreeSet<String>)| {
        let kinds = kinds
            .into_iter()
            .map(|kind| json!({ "resourceType": kind, "locations": [null] }));
        json!({ "namespace": namespace, "resourceTypes": kinds.collect::<Vec<_>>() })
    };
    namespaces.into_iter().map(render).collect()
}

fn dependencies(bound: &Bound) -> Value {
    let all = bound.resources();
    let dependent = all.iter().filter(|planned| !planned.depends_on.is_empty());
    dependent
        .map(|planned| {
            let on = planned.depends_on.iter().map(target).collect::<Vec<_>>();
            let mut entry = target(&planned.id);
            entry["dependsOn"] = json!(on);
            entry
        })
        .collect()
}
