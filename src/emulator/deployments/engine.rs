//! Runs the resources of a deployment: in the order of their dependencies, independent ones at the same
//! time, each evaluated just before it runs. After a failure what runs finishes, what depends on it is
//! not started, and the deployment ends `Failed`; outputs come last (steps 7 to 9 of a deployment).

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;

use crate::arm::expand::Bound;
use crate::arm::{AzureError, ResourceId};
use crate::emulator::resources::{begin, finish};
use crate::emulator::state::Shared;
use crate::emulator::store::Status;

use super::record::{Done, State};
use super::runtime::Live;
use super::secrets::Secrets;

type Key = (String, String);

/// Runs a deployment to its end and records it.
pub(super) async fn run(
    shared: Arc<Shared>,
    key: Key,
    operation: String,
    bound: Bound,
    secrets: Secrets,
) {
    let cancel = {
        let mut store = shared.store();
        let deployment = store.deployments.get_mut(&key).filter(|deployment| {
            deployment.operation == operation && !deployment.state.is_terminal()
        });
        let Some(deployment) = deployment else {
            return;
        };
        deployment.state = State::Running;
        deployment.cancel.clone()
    };
    let planned = bound.resources();
    let mut waiting = (0..planned.len()).collect::<BTreeSet<_>>();
    let mut unfinished = planned
        .iter()
        .map(|planned| planned.id.clone())
        .collect::<BTreeSet<_>>();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        if !cancel.is_cancelled() {
            let ready = waiting
                .iter()
                .copied()
                .filter(|index| {
                    let depends_on = &planned[*index].depends_on;
                    !depends_on.iter().any(|id| unfinished.contains(id))
                })
                .collect::<Vec<_>>();
            for index in ready {
                waiting.remove(&index);
                running.push(deploy(&shared, &bound, &secrets, index));
            }
        }
        let Some((id, done)) = running.next().await else {
            break;
        };
        if let Some(error) = &done.error {
            failures.push(failure(&id, error));
        } else {
            unfinished.remove(&id);
        }
        record(&shared, &key, &operation, done);
    }
    drop(running);
    if cancel.is_cancelled() {
        end(&shared, &key, &operation, Err(None));
    } else if failures.is_empty() {
        let result = outputs(&shared, &key, &operation, &bound, &secrets);
        end(&shared, &key, &operation, result.map_err(Some));
    } else {
        let error = deployment_failed(failures);
        end(&shared, &key, &operation, Err(Some(error)));
    }
}

/// Deploys one resource.
async fn deploy(
    shared: &Arc<Shared>,
    bound: &Bound,
    secrets: &Secrets,
    index: usize,
) -> (ResourceId, Done) {
    let planned = &bound.resources()[index];
    let started = Timestamp::now();
    let (status_code, error) = match put(shared, bound, index).await {
        Ok(created) => (if created { "Created" } else { "OK" }, None),
        Err((status_code, error)) => (status_code, Some(secrets.error(error))),
    };
    let done = Done {
        target: Some(planned.id.clone()),
        started,
        ended: Timestamp::now(),
        status_code,
        error,
    };
    (planned.id.clone(), done)
}

async fn put(
    shared: &Arc<Shared>,
    bound: &Bound,
    index: usize,
) -> Result<bool, (&'static str, AzureError)> {
    let resource = bound
        .evaluate(index, &Live(shared))
        .map_err(|error| ("BadRequest", error))?;
    let begun = begin(shared, &resource.id, &resource.api_version, resource.body)
        .map_err(|refusal| (status_word(refusal.status.as_u16()), *refusal.error))?;
    let created = begun.status.as_u16() == 201;
    finish(shared, begun).await.map_err(|error| {
        let mut failed = AzureError::new(
            "ResourceDeploymentFailure",
            "The resource write operation failed to complete successfully, because it reached terminal provisioning state 'Failed'.",
        );
        failed.details.push(error);
        ("Conflict", failed)
    })?;
    Ok(created)
}

fn status_word(status: u16) -> &'static str {
    match status {
        404 => "NotFound",
        409 => "Conflict",
        500 => "InternalServerError",
        501 => "NotImplemented",
        _ => "BadRequest",
    }
}

/// A failed resource as a detail of the deployment's error: the provider's error, its target named.
fn failure(id: &ResourceId, error: &AzureError) -> AzureError {
    let mut detail = error.clone();
    detail.target.get_or_insert_with(|| id.as_str().to_owned());
    detail
}

fn deployment_failed(details: Vec<AzureError>) -> AzureError {
    let mut error = AzureError::new(
        "DeploymentFailed",
        "At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.",
    );
    error.details = details;
    error
}

fn record(shared: &Shared, key: &Key, operation: &str, done: Done) {
    let mut store = shared.store();
    if let Some(deployment) = store
        .deployments
        .get_mut(key)
        .filter(|deployment| deployment.operation == operation)
    {
        if done.error.is_none() {
            deployment.deployed.extend(done.target.clone());
        }
        deployment.done.push(done);
    }
}

type Outputs = serde_json::Map<String, serde_json::Value>;

fn outputs(
    shared: &Shared,
    key: &Key,
    operation: &str,
    bound: &Bound,
    secrets: &Secrets,
) -> Result<Outputs, AzureError> {
    let started = Timestamp::now();
    let result = bound.outputs(&Live(shared));
    let result = result
        .map_err(|error| secrets.error(error))
        .map(|mut outputs| {
            outputs
                .values_mut()
                .for_each(|output| secrets.value(output));
            outputs
        });
    let done = Done {
        target: None,
        started,
        ended: Timestamp::now(),
        status_code: if result.is_ok() { "OK" } else { "BadRequest" },
        error: result.as_ref().err().cloned(),
    };
    record(shared, key, operation, done);
    result
}

/// Ends a deployment: with outputs, with an error, or cancelled (`Err(None)`).
fn end(shared: &Shared, key: &Key, operation: &str, result: Result<Outputs, Option<AzureError>>) {
    let mut store = shared.store();
    let Some(deployment) = store
        .deployments
        .get_mut(key)
        .filter(|deployment| deployment.operation == operation && !deployment.state.is_terminal())
    else {
        return;
    };
    let status = match result {
        Ok(outputs) => {
            deployment.state = State::Succeeded;
            deployment.outputs = Some(outputs);
            Status::Succeeded
        }
        Err(Some(error)) => {
            deployment.state = State::Failed;
            deployment.error = Some(error.clone());
            Status::Failed(error)
        }
        Err(None) => {
            deployment.cancelled();
            Status::Canceled
        }
    };
    deployment.ended = Some(Timestamp::now());
    store.end(operation, status);
}
