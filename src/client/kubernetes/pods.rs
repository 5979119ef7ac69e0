//! Pods: create, wait until they run, read their logs, delete and wait until they are gone.
//!
//! Waiting is a list and then a watch from its resource version, so that no change falls between.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{DeleteParams, ListParams, LogParams, PostParams, WatchEvent, WatchParams};
use serde_json::Value;
use tokio::time::MissedTickBehavior;

use crate::arm::PodAddress;
use crate::client::watch::{Progress, Watch};

use super::{Cluster, KubernetesError, answered};

/// The least time between two lists, for servers that end each watch at once.
const LIST_PACE: Duration = Duration::from_secs(1);

/// What a container waits for when it will not start without a change to the pod or the registry. The
/// first failed pull (`ErrImagePull`) is not among them: it is tried again once.
const FINAL_REASONS: [&str; 7] = [
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
];

impl Cluster {
    /// Creates a pod from its manifest.
    ///
    /// # Errors
    /// When the manifest is no Pod with a name, or the API refuses: a pod of that name exists, or
    /// admission is denied.
    pub async fn create_pod(
        &self,
        namespace: &str,
        manifest: &Value,
    ) -> Result<(), KubernetesError> {
        let invalid = |reason: String| KubernetesError::Invalid {
            operation: "create a pod".to_owned(),
            reason,
        };
        let pod = serde_json::from_value::<Pod>(manifest.clone())
            .map_err(|error| invalid(format!("the manifest is no Pod: {error}")))?;
        let name = pod.metadata.name.as_deref();
        let name = name.ok_or_else(|| invalid("the manifest names no pod".to_owned()))?;
        let operation = format!("create pod `{name}`");
        answered(
            &operation,
            self.pods(namespace).create(&PostParams::default(), &pod),
        )
        .await
        .map(drop)
    }

    /// Waits until a pod runs; gives its address and its node's.
    ///
    /// # Errors
    /// As soon as the pod cannot run any more (its phase is terminal, it was deleted, an image cannot be
    /// pulled, a container keeps crashing), or when the watch ends the wait.
    pub async fn wait_running(
        &self,
        namespace: &str,
        name: &str,
        watch: &Watch<'_>,
    ) -> Result<PodAddress, KubernetesError> {
        let operation = format!("see pod `{name}` run");
        self.until(namespace, name, &operation, watch, |pod| {
            match pod.map_or_else(
                || Standing::Failed("it does not exist".to_owned()),
                Standing::of,
            ) {
                Standing::Running(address) => Seen::End(Ok(address)),
                Standing::Waiting(state) => Seen::State(state),
                Standing::Failed(reason) => Seen::End(Err(KubernetesError::PodFailed {
                    name: name.to_owned(),
                    reason,
                })),
            }
        })
        .await?
    }

    /// Deletes a pod without a grace period and waits until it is gone; one that does not exist is a
    /// success.
    ///
    /// # Errors
    /// When the API refuses, or when the watch ends the wait.
    pub async fn delete_pod(
        &self,
        namespace: &str,
        name: &str,
        watch: &Watch<'_>,
    ) -> Result<(), KubernetesError> {
        let operation = format!("delete pod `{name}`");
        let pods = self.pods(namespace);
        let parameters = DeleteParams::default().grace_period(0);
        let deleted = answered(&operation, pods.delete(name, &parameters));
        match watch.bound(deleted).await {
            Ok(Ok(_)) => {}
            Ok(Err(KubernetesError::Refused { status: 404, .. })) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(interrupt) => {
                let state = "not answered";
                return Err(KubernetesError::interrupted(interrupt, &operation, state));
            }
        }
        self.until(namespace, name, &operation, watch, |pod| match pod {
            None => Seen::End(()),
            Some(_) => Seen::State("Terminating".to_owned()),
        })
        .await
    }

    /// The node of a pod; `None` where there is no such pod, it has no node yet, or it has ended.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn pod_node(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, KubernetesError> {
        let operation = format!("look for pod `{name}`");
        let pods = self.pods(namespace);
        let pod = answered(&operation, pods.get_opt(name)).await?;
        Ok(pod
            .filter(|pod| {
                !matches!(
                    pod.status.as_ref().map(Standing::phase),
                    Some("Failed" | "Succeeded")
                )
            })
            .and_then(|pod| pod.spec?.node_name))
    }

    /// Gets what a pod's only container has written so far.
    ///
    /// # Errors
    /// When the API refuses, for example because the container has not started.
    pub async fn logs(&self, namespace: &str, name: &str) -> Result<String, KubernetesError> {
        let operation = format!("get the logs of pod `{name}`");
        answered(
            &operation,
            self.pods(namespace).logs(name, &LogParams::default()),
        )
        .await
    }

    /// Shows `decide` every state of a pod, `None` where it does not exist, until it sees the end.
    async fn until<T>(
        &self,
        namespace: &str,
        name: &str,
        operation: &str,
        watch: &Watch<'_>,
        mut decide: impl FnMut(Option<&Pod>) -> Seen<T>,
    ) -> Result<T, KubernetesError> {
        let mut state = "Unknown".to_owned();
        let mut look = |pod: Option<&Pod>| match decide(pod) {
            Seen::End(end) => Some(end),
            Seen::State(seen) => {
                if seen != state {
                    watch.tell(Progress::Running {
                        operation: operation.to_owned(),
                        state: seen.clone(),
                        again_in: Duration::ZERO,
                    });
                    state = seen;
                }
                None
            }
        };
        let bound = watch
            .bound(self.observe(namespace, name, operation, &mut look))
            .await;
        bound.map_err(|interrupt| KubernetesError::interrupted(interrupt, operation, &state))?
    }

    async fn observe<T>(
        &self,
        namespace: &str,
        name: &str,
        operation: &str,
        look: &mut impl FnMut(Option<&Pod>) -> Option<T>,
    ) -> Result<T, KubernetesError> {
        let pods = self.pods(namespace);
        let selector = format!("metadata.name={name}");
        let is_it = |pod: &Pod| pod.metadata.name.as_deref() == Some(name);
        let mut pace = tokio::time::interval(LIST_PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let parameters = ListParams::default().fields(&selector);
            let list = answered(operation, pods.list(&parameters)).await?;
            if let Some(end) = look(list.items.iter().find(|pod| is_it(pod))) {
                return Ok(end);
            }
            let version = list.metadata.resource_version.unwrap_or_default();
            let parameters = WatchParams::default().fields(&selector);
            let events = answered(operation, pods.watch(&parameters, &version)).await?;
            let mut events = pin!(events);
            // A watch ends after some minutes, or with an error when its version is too old: list anew.
            while let Some(Ok(event)) = events.next().await {
                let end = match event {
                    WatchEvent::Added(pod) | WatchEvent::Modified(pod) if is_it(&pod) => {
                        look(Some(&pod))
                    }
                    WatchEvent::Deleted(pod) if is_it(&pod) => look(None),
                    WatchEvent::Error(_) => break,
                    _ => None,
                };
                if let Some(end) = end {
                    return Ok(end);
                }
            }
        }
    }
}

/// What one look at a pod says.
enum Seen<T> {
    /// What was waited for.
    End(T),
    /// A state on the way.
    State(String),
}

/// Where a pod stands on its way to running.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Running(PodAddress),
    Waiting(String),
    Failed(String),
}

impl Standing {
    fn phase(status: &PodStatus) -> &str {
        status.phase.as_deref().unwrap_or("Pending")
    }

    fn of(pod: &Pod) -> Standing {
        let Some(status) = &pod.status else {
            return Standing::Waiting("Pending".to_owned());
        };
        let phase = Standing::phase(status);
        if matches!(phase, "Failed" | "Succeeded") {
            let said = status.message.as_ref().or(status.reason.as_ref());
            return Standing::Failed(match said {
                Some(said) => format!("its phase is {phase}: {said}"),
                None => format!("its phase is {phase}"),
            });
        }
        if let Some((reason, message)) = waiting(status) {
            return if FINAL_REASONS.contains(&reason) {
                Standing::Failed(match message {
                    Some(message) => format!("{reason}: {message}"),
                    None => reason.to_owned(),
                })
            } else {
                Standing::Waiting(reason.to_owned())
            };
        }
        match (phase, address(pod, status)) {
            ("Running", Some(address)) => Standing::Running(address),
            ("Running", None) => Standing::Waiting("Running without an address".to_owned()),
            _ => Standing::Waiting(not_scheduled(status).unwrap_or(phase).to_owned()),
        }
    }
}

/// The reason and message of the first container that waits.
fn waiting(status: &PodStatus) -> Option<(&str, Option<&str>)> {
    let init = status.init_container_statuses.iter().flatten();
    let containers = status.container_statuses.iter().flatten();
    init.chain(containers).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref().unwrap_or("Waiting");
        Some((reason, waiting.message.as_deref()))
    })
}

fn not_scheduled(status: &PodStatus) -> Option<&str> {
    let mut conditions = status.conditions.iter().flatten();
    conditions
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .and_then(|condition| condition.reason.as_deref())
}

fn address(pod: &Pod, status: &PodStatus) -> Option<PodAddress> {
    Some(PodAddress {
        address: status.pod_ip.as_ref()?.parse().ok()?,
        node: pod.spec.as_ref()?.node_name.clone()?,
        node_address: status.host_ip.as_ref()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing(status: Value) -> String {
        let pod = json!({
            "metadata": {"name": "p"},
            "spec": {"nodeName": "n", "containers": []},
            "status": status,
        });
        let pod = serde_json::from_value(pod).expect("a pod");
        match Standing::of(&pod) {
            Standing::Running(at) => format!("{} on {} ({})", at.address, at.node, at.node_address),
            Standing::Waiting(state) => format!("waits: {state}"),
            Standing::Failed(reason) => format!("failed: {reason}"),
        }
    }

    #[test]
    fn a_pod_runs_when_its_containers_do_and_it_has_an_address() {
        let waits = |reason: &str| {
            json!([{
                "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": reason, "message": "said so"}},
            }])
        };
        for (status, expected) in [
            (
                json!({"phase": "Running", "podIP": "10.244.0.5", "hostIP": "10.1.0.4"}),
                "10.244.0.5 on n (10.1.0.4)",
            ),
            (
                json!({"phase": "Running"}),
                "waits: Running without an address",
            ),
            (json!({}), "waits: Pending"),
            (
                json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}),
                "waits: Unschedulable",
            ),
            (
                json!({"phase": "Pending", "containerStatuses": waits("ContainerCreating")}),
                "waits: ContainerCreating",
            ),
            (
                json!({"phase": "Pending", "containerStatuses": waits("ErrImagePull")}),
                "waits: ErrImagePull",
            ),
            (
                json!({"phase": "Pending", "containerStatuses": waits("ImagePullBackOff")}),
                "failed: ImagePullBackOff: said so",
            ),
            (
                json!({"phase": "Running", "podIP": "10.244.0.5", "hostIP": "10.1.0.4", "containerStatuses": waits("CrashLoopBackOff")}),
                "failed: CrashLoopBackOff: said so",
            ),
            (
                json!({"phase": "Failed", "reason": "Evicted", "message": "disk pressure"}),
                "failed: its phase is Failed: disk pressure",
            ),
            (
                json!({"phase": "Succeeded"}),
                "failed: its phase is Succeeded",
            ),
        ] {
            assert_eq!(standing(status.clone()), expected, "{status}");
        }
    }
}
