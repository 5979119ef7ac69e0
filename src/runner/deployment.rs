//! The deployment of one state: what is deleted, the template with its parameters, and what follows from it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::arm::{self, Parameters, ResourceId, ResourceKey, Scope, Template, views};
use crate::client::{ClientError, Deployment, Progress, Watch};
use crate::compile::{Compiled, Delta, using};
use crate::verdict::event::{DeploymentRecord, Event};

use super::error::StepError;
use super::parameters;
use super::steps::Context;

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
    /// Deploys what differs from the state before, and makes its pods. `name` is the deployment's.
    pub(super) async fn deploy(
        &mut self,
        name: &str,
        compiled: &Compiled,
    ) -> Result<Option<DeploymentRecord>, StepError> {
        let mut delta = match &self.deployed {
            Some(before) => Delta::between(&before.template, &compiled.template),
            None => Delta::first(&compiled.template),
        };
        self.tell_addresses(compiled).await?;
        let later = self.postpone(compiled, &mut delta)?;
        self.remove_pods(compiled).await?;
        let mut record = DeploymentRecord {
            name: name.to_owned(),
            resources: Vec::new(),
            deleted: Vec::new(),
        };
        self.delete(&delta.deleted_before, &mut record).await?;
        self.send(name, compiled, &delta.template, &mut record)
            .await?;
        self.delete(&delta.deleted_after, &mut record).await?;
        self.make_pods(compiled, &delta).await?;
        self.containers_run(compiled).await?;
        if let Some(before) = &self.deployed {
            self.held.change(before, compiled);
        }
        self.deployed = Some(compiled.clone());
        let sent = self.follow(name, compiled, later, &mut record).await?;
        Ok((!delta.is_empty() || sent).then_some(record))
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
        // The names of resources hold no address and no secret.
        template.parameters.retain(|name, _| name == "location");
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

    /// Asks the state before for the addresses that parameters of the state to come hold.
    async fn tell_addresses(&mut self, compiled: &Compiled) -> Result<(), StepError> {
        if let Some(before) = self.deployed.clone()
            && parameters::any_address(&compiled.manifest)
        {
            let told = self.addresses(&before).await?;
            self.told = parameters::addresses(&compiled.manifest, &before.manifest, &told);
        }
        Ok(())
    }

    /// Takes the resources out of the difference that need an address which only this deployment tells; they are
    /// there already, and are brought up to date after it. The value is the names of the parameters.
    fn postpone(
        &self,
        compiled: &Compiled,
        delta: &mut Delta,
    ) -> Result<BTreeSet<String>, StepError> {
        let unfilled = parameters::unfilled(&delta.template, &compiled.manifest, &self.told);
        if unfilled.is_empty() {
            return Ok(unfilled);
        }
        let waiting = using(&delta.template, &unfilled).resources;
        let before = self
            .deployed
            .as_ref()
            .map(|before| &before.template.resources);
        let before = before.into_iter().flatten().map(|resource| resource.key());
        let before = before.collect::<BTreeSet<_>>();
        if let Some(new) = waiting
            .iter()
            .find(|resource| !before.contains(&resource.key()))
        {
            return Err(StepError::AddressUnknown {
                resource: new.key(),
                parameters: unfilled.into_iter().collect::<Vec<_>>().join("`, `"),
            });
        }
        delta.leave_out(&waiting);
        Ok(unfilled)
    }

    /// Sends again what depends on addresses that the deployment has changed, or told for the first time.
    async fn follow(
        &mut self,
        name: &str,
        compiled: &Compiled,
        mut changed: BTreeSet<String>,
        record: &mut DeploymentRecord,
    ) -> Result<bool, StepError> {
        if !parameters::any_address(&compiled.manifest) {
            self.told = Parameters::new();
            return Ok(false);
        }
        let told = self.addresses(compiled).await?;
        let told = parameters::addresses(&compiled.manifest, &compiled.manifest, &told);
        let moved = told
            .iter()
            .filter(|(name, value)| self.told.get(*name) != Some(value));
        changed.extend(moved.map(|(name, _)| name.clone()));
        self.told = told;
        let again = using(&compiled.template, &changed);
        if again.resources.is_empty() {
            return Ok(false);
        }
        let name = format!("{name}-addresses");
        self.send(&name, compiled, &again, record).await?;
        Ok(true)
    }

    async fn send(
        &mut self,
        name: &str,
        compiled: &Compiled,
        template: &Template,
        record: &mut DeploymentRecord,
    ) -> Result<(), StepError> {
        if template.resources.is_empty() {
            return Ok(());
        }
        let emit = self.emit;
        let progress = |progress: Progress| {
            emit(Event::Progress {
                message: progress.to_string(),
            })
        };
        let watch = watch(self.limit(), self.cancel, &progress);
        let resources = template.resources.len();
        emit(Event::Progress {
            message: match resources {
                1 => format!("deployment `{name}`: 1 resource"),
                _ => format!("deployment `{name}`: {resources} resources"),
            },
        });
        let parameters =
            parameters::values(template, &compiled.manifest, &self.told, &self.secrets);
        let deployment = Deployment {
            name,
            template,
            parameters: &parameters,
        };
        let client = &self.target.client;
        client.validate(self.group, &deployment).await?;
        let deployed = client.deploy(self.group, &deployment, &watch).await;
        if matches!(
            deployed,
            Err(ClientError::Cancelled { .. } | ClientError::Deadline { .. })
        ) {
            // What was submitted goes on at the target unless it is told to stop; that it has ended
            // already is no reason to say more than why the wait ended.
            let _ = client.cancel(self.group, name).await;
        }
        for id in deployed?.resources {
            let id = id.to_string();
            if !record.resources.contains(&id) {
                record.resources.push(id);
            }
        }
        Ok(())
    }

    async fn delete(
        &mut self,
        keys: &[ResourceKey],
        record: &mut DeploymentRecord,
    ) -> Result<(), StepError> {
        let emit = self.emit;
        let progress = |progress: Progress| {
            emit(Event::Progress {
                message: progress.to_string(),
            })
        };
        let watch = watch(self.limit(), self.cancel, &progress);
        for key in keys {
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
        Ok(())
    }

    /// Waits until the containers of every container group run, or have run: `Succeeded` of a deployment says
    /// nothing of them.
    async fn containers_run(&self, compiled: &Compiled) -> Result<(), StepError> {
        let deadline = self.limit();
        let version = compiled
            .api_version(views::CONTAINER_GROUP)
            .unwrap_or_default();
        for key in compiled.manifest.container_groups() {
            let id = ResourceId::in_group(&self.target.subscription, self.group, key);
            loop {
                let group = self.target.client.get(&id, version).await?;
                let text = |path: &str| {
                    let value = group.pointer(path).and_then(Value::as_str);
                    value.unwrap_or_default().to_ascii_lowercase()
                };
                let state = text("/properties/instanceView/state");
                // A group that is not started again has done its work.
                if matches!(&*state, "running" | "succeeded") {
                    break;
                }
                if state == "failed" && text("/properties/restartPolicy") != "always" {
                    return Err(StepError::ContainerGroupFailed {
                        name: key.name.clone(),
                    });
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
}
