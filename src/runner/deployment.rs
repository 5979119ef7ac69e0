//! The deployment of one step: the template, what is deleted, and the pods that follow it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::arm::{self, Parameters, ResourceId, ResourceKey, Scope, views};
use crate::client::kubernetes::Cluster;
use crate::client::{ClientError, Deployment, Progress, Watch};
use crate::compile::{Compiled, Delta, Workload};
use crate::topology::Name;
use crate::verdict::event::{DeploymentRecord, Event, TargetName};

use super::error::StepError;
use super::steps::Context;

/// The namespace of the workload pods.
pub(super) const NAMESPACE: &str = "default";

/// The longest that one operation may take: the slowest recorded cluster took 35 minutes.
pub(super) const OPERATION_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Between two looks at whether a container group runs; Azure needs tens of seconds.
const CONTAINER_POLL: Duration = Duration::from_secs(2);

/// What to watch an operation with: a deadline, an interrupt, and where progress goes.
pub(super) fn watch<'a>(
    deadline: tokio::time::Instant,
    cancel: &'a CancellationToken,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
) -> Watch<'a> {
    Watch {
        deadline,
        cancel,
        progress,
    }
}

impl Context<'_> {
    /// Deploys what differs from the state before, and makes its pods.
    pub(super) async fn deploy(
        &mut self,
        step: usize,
        compiled: &Compiled,
    ) -> Result<Option<DeploymentRecord>, StepError> {
        let delta = match &self.deployed {
            Some(before) => Delta::between(&before.template, &compiled.template),
            None => Delta {
                template: compiled.template.clone(),
                deleted: Vec::new(),
            },
        };
        // While its cluster is still there to be asked.
        self.remove_pods(compiled).await?;
        let record = if delta.is_empty() {
            None
        } else {
            Some(self.send(step, &delta).await?)
        };
        self.pods(compiled).await?;
        self.containers_run(compiled).await?;
        if let Some(before) = &self.deployed {
            self.held.change(before, compiled);
        }
        self.deployed = Some(compiled.clone());
        Ok(record)
    }

    /// The id under which a resource of the state before was deployed: its name may be an expression,
    /// and a role assignment stands at the scope of another resource.
    fn deployed_id(&self, key: &ResourceKey) -> Result<ResourceId, StepError> {
        let in_group = || ResourceId::in_group(&self.target.subscription, self.group, key);
        let Some(before) = &self.deployed else {
            return Ok(in_group());
        };
        let mut template = before.template.clone();
        template.outputs.clear();
        template.resources.retain(|resource| resource.key() == *key);
        for resource in &mut template.resources {
            resource.depends_on.clear();
        }
        let scope = Scope {
            subscription_id: self.target.subscription.clone(),
            tenant_id: self.target.tenant.clone(),
            resource_group: self.group.to_owned(),
            location: self.location.to_owned(),
            deployment: format!("vnetlab-{}", &self.run_id[..8]),
        };
        let expansion = arm::expand(&template, &Parameters::new(), &scope);
        let mut resources = expansion
            .map_err(StepError::Template)?
            .resources
            .into_iter();
        let id = resources.next().map(|resource| resource.id);
        Ok(id.unwrap_or_else(|| ResourceId::in_group(&self.target.subscription, self.group, key)))
    }

    async fn send(&mut self, step: usize, delta: &Delta) -> Result<DeploymentRecord, StepError> {
        let name = format!("vnetlab-{}-{step}", &self.run_id[..8]);
        let emit = self.emit;
        let progress = |progress: Progress| {
            emit(Event::Progress {
                message: progress.to_string(),
            })
        };
        let watch = watch(self.limit(), self.cancel, &progress);
        let mut record = DeploymentRecord {
            name: name.clone(),
            resources: Vec::new(),
            deleted: Vec::new(),
        };
        if !delta.template.resources.is_empty() {
            let resources = delta.template.resources.len();
            emit(Event::Progress {
                message: match resources {
                    1 => format!("deployment `{name}`: 1 resource"),
                    _ => format!("deployment `{name}`: {resources} resources"),
                },
            });
            let parameters = Parameters::new();
            let deployment = Deployment {
                name: &name,
                template: &delta.template,
                parameters: &parameters,
            };
            self.target.client.validate(self.group, &deployment).await?;
            let deployed = self
                .target
                .client
                .deploy(self.group, &deployment, &watch)
                .await;
            if matches!(
                deployed,
                Err(ClientError::Cancelled { .. } | ClientError::Deadline { .. })
            ) {
                // What was submitted goes on at the target unless it is told to stop; that it has ended
                // already is no reason to say more than why the wait ended.
                let _ = self.target.client.cancel(self.group, &name).await;
            }
            let deployed = deployed?;
            record.resources = deployed.resources.iter().map(ToString::to_string).collect();
        }
        for key in &delta.deleted {
            // What is deleted was deployed, so the state before knows its version.
            let version = self
                .deployed
                .as_ref()
                .and_then(|before| before.api_version(&key.resource_type))
                .unwrap_or_default();
            let id = self.deployed_id(key)?;
            emit(Event::Progress {
                message: format!("deleting `{}`", key.name),
            });
            self.target.client.delete(&id, version, &watch).await?;
            record.deleted.push(id.to_string());
            // A cluster of the same name that comes later has other credentials.
            self.clusters.remove(key);
        }
        Ok(record)
    }

    /// Removes the pods that the state to come does not have, or has otherwise.
    async fn remove_pods(&mut self, compiled: &Compiled) -> Result<(), StepError> {
        let emit = self.emit;
        let progress = |progress: Progress| {
            emit(Event::Progress {
                message: progress.to_string(),
            });
        };
        let watch = watch(self.limit(), self.cancel, &progress);
        for (name, workload) in self.pods_before() {
            if let Workload::Pod {
                cluster, name: pod, ..
            } = &workload
                && compiled.manifest.workloads.get(&name) != Some(&workload)
            {
                let cluster = self.cluster(cluster).await?;
                cluster.delete_pod(NAMESPACE, pod, &watch).await?;
            }
        }
        Ok(())
    }

    /// The workloads of the state that is deployed.
    fn pods_before(&self) -> BTreeMap<Name, Workload> {
        let deployed = self.deployed.as_ref();
        deployed
            .map(|compiled| compiled.manifest.workloads.clone())
            .unwrap_or_default()
    }

    /// Makes the pods that the state before does not have, or has otherwise.
    async fn pods(&mut self, compiled: &Compiled) -> Result<(), StepError> {
        let emit = self.emit;
        let progress = |progress: Progress| {
            emit(Event::Progress {
                message: progress.to_string(),
            });
        };
        let watch = watch(self.limit(), self.cancel, &progress);
        let before = self.pods_before();
        let mut made = Vec::new();
        for (name, workload) in &compiled.manifest.workloads {
            if let Workload::Pod {
                cluster,
                name: pod,
                manifest,
            } = workload
                && before.get(name) != Some(workload)
            {
                let message = format!("pod `{pod}` on cluster `{}`", cluster.name);
                emit(Event::Progress { message });
                self.cluster(cluster)
                    .await?
                    .create_pod(NAMESPACE, manifest)
                    .await?;
                made.push((cluster, pod));
            }
        }
        for (cluster, pod) in made {
            self.cluster(cluster)
                .await?
                .wait_running(NAMESPACE, pod, &watch)
                .await?;
        }
        Ok(())
    }

    /// Waits until the containers of every container group run: `Succeeded` says nothing of them.
    async fn containers_run(&self, compiled: &Compiled) -> Result<(), StepError> {
        let deadline = self.limit();
        for workload in compiled.manifest.workloads.values() {
            let Workload::ContainerGroup { key } = workload else {
                continue;
            };
            let id = ResourceId::in_group(&self.target.subscription, self.group, key);
            let version = compiled
                .api_version(views::CONTAINER_GROUP)
                .unwrap_or_default();
            loop {
                let group = self.target.client.get(&id, version).await?;
                let state = group
                    .pointer("/properties/instanceView/state")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                if state.eq_ignore_ascii_case("running") {
                    break;
                }
                tokio::select! {
                    () = self.cancel.cancelled() => return Err(StepError::Interrupted { operation: format!("waiting for container group `{}`", key.name) }),
                    () = tokio::time::sleep_until(deadline) => return Err(StepError::Deadline { operation: format!("waiting for container group `{}`, which is `{state}`", key.name) }),
                    () = tokio::time::sleep(CONTAINER_POLL) => {}
                }
            }
        }
        Ok(())
    }

    /// The Kubernetes API of a cluster, by its own credentials.
    pub(super) async fn cluster(&mut self, key: &ResourceKey) -> Result<&Cluster, StepError> {
        if !self.clusters.contains_key(key) {
            let id = ResourceId::in_group(&self.target.subscription, self.group, key);
            let kubeconfig = self.target.client.cluster_credentials(&id).await?;
            let cluster =
                Cluster::connect(&kubeconfig, self.target.name == TargetName::Local).await?;
            self.clusters.insert(key.clone(), cluster);
        }
        Ok(&self.clusters[key])
    }
}
