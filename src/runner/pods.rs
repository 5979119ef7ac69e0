//! The pods of a state: what is removed before its deployment, what is made after it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::arm::{ResourceId, ResourceKey};
use crate::client::Progress;
use crate::client::kubernetes::Cluster;
use crate::compile::{Compiled, Delta, Pod, PodSecret, SecretData};
use crate::topology::Registry;
use crate::verdict::event::{Event, TargetName};

use super::deployment::watch;
use super::error::StepError;
use super::secrets::Secrets;
use super::steps::Context;

/// The namespace of the workload pods.
pub(super) const NAMESPACE: &str = "default";

/// A pod or a Secret by its cluster and its name.
type At = (ResourceKey, String);

fn by_name<'c>(pods: impl Iterator<Item = &'c Pod>) -> BTreeMap<At, &'c Pod> {
    pods.map(|pod| ((pod.cluster.clone(), pod.name.clone()), pod))
        .collect()
}

fn secrets_of<'c>(pods: impl Iterator<Item = &'c Pod>) -> BTreeMap<At, &'c PodSecret> {
    pods.flat_map(|pod| {
        let secrets = pod.secrets.iter();
        secrets.map(|secret| ((pod.cluster.clone(), secret.name.clone()), secret))
    })
    .collect()
}

impl Context<'_> {
    /// Removes the pods that the state to come does not have, or has otherwise, while their cluster is still
    /// there to be asked; and the Secrets that nobody needs any more.
    pub(super) async fn remove_pods(&mut self, compiled: &Compiled) -> Result<(), StepError> {
        let Some(before) = self.deployed.clone() else {
            return Ok(());
        };
        let emit = self.emit;
        let progress = |progress: Progress| {
            emit(Event::Progress {
                message: progress.to_string(),
            });
        };
        let watch = watch(self.limit(), self.cancel, &progress);
        let after = by_name(compiled.manifest.pods());
        for (at, pod) in by_name(before.manifest.pods()) {
            if after.get(&at) != Some(&pod) {
                let cluster = self.cluster(&at.0).await?;
                cluster.delete_pod(NAMESPACE, &pod.name, &watch).await?;
            }
        }
        let after = secrets_of(compiled.manifest.pods());
        for (at, secret) in secrets_of(before.manifest.pods()) {
            if after.get(&at) != Some(&secret) {
                let cluster = self.cluster(&at.0).await?;
                cluster.delete_secret(NAMESPACE, &secret.name).await?;
            }
        }
        Ok(())
    }

    /// Makes the pods that the state has and the one before had not, or had otherwise, or that went with a node.
    pub(super) async fn make_pods(
        &mut self,
        compiled: &Compiled,
        delta: &Delta,
    ) -> Result<(), StepError> {
        let before = self.deployed.clone();
        let had = before.iter().flat_map(|before| before.manifest.pods());
        let had = by_name(had);
        let lost = self.lost_pods(compiled, delta, &had).await?;
        let made = by_name(compiled.manifest.pods())
            .into_iter()
            .filter(|(at, pod)| had.get(at) != Some(pod) || lost.contains(at))
            .map(|(_, pod)| pod)
            .collect::<Vec<_>>();
        let had_secrets = before.iter().flat_map(|before| before.manifest.pods());
        let had_secrets = secrets_of(had_secrets);
        for (at, secret) in secrets_of(made.iter().copied()) {
            let fresh = delta
                .template
                .resources
                .iter()
                .any(|sent| sent.key() == at.0);
            if fresh || had_secrets.get(&at) != Some(&secret) {
                let (kind, data) = content(secret, &self.secrets);
                let cluster = self.cluster(&at.0).await?;
                let put = cluster.put_secret(NAMESPACE, &secret.name, kind, data);
                put.await?;
            }
        }
        let emit = self.emit;
        let progress = |progress: Progress| {
            emit(Event::Progress {
                message: progress.to_string(),
            });
        };
        let watch = watch(self.limit(), self.cancel, &progress);
        for pod in &made {
            let message = format!("pod `{}` on cluster `{}`", pod.name, pod.cluster.name);
            emit(Event::Progress { message });
            let cluster = self.cluster(&pod.cluster).await?;
            if lost.contains(&(pod.cluster.clone(), pod.name.clone())) {
                cluster.delete_pod(NAMESPACE, &pod.name, &watch).await?;
            }
            cluster.create_pod(NAMESPACE, &pod.manifest).await?;
        }
        for pod in made {
            let cluster = self.cluster(&pod.cluster).await?;
            cluster.wait_running(NAMESPACE, &pod.name, &watch).await?;
        }
        Ok(())
    }

    /// The pods that should be as they were and are not: a cluster that was written may have lost nodes, and a
    /// pod that nobody controls goes with its node.
    async fn lost_pods(
        &mut self,
        compiled: &Compiled,
        delta: &Delta,
        had: &BTreeMap<At, &Pod>,
    ) -> Result<BTreeSet<At>, StepError> {
        let sent = delta.template.resources.iter();
        let sent = sent.map(|resource| resource.key()).collect::<BTreeSet<_>>();
        let mut lost = BTreeSet::new();
        for (at, pod) in by_name(compiled.manifest.pods()) {
            if !sent.contains(&at.0) || had.get(&at) != Some(&pod) {
                continue;
            }
            let cluster = self.cluster(&at.0).await?;
            let node = cluster.pod_node(NAMESPACE, &pod.name).await?;
            let nodes = cluster.nodes().await?;
            if !nodes.iter().any(|other| Some(&other.name) == node.as_ref()) {
                lost.insert(at);
            }
        }
        Ok(lost)
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

/// The type of a Secret, and what is in it.
fn content(secret: &PodSecret, secrets: &Secrets) -> (&'static str, BTreeMap<String, String>) {
    match &secret.data {
        SecretData::Environment(variables) => {
            let data = variables.iter();
            let data = data.map(|(name, value)| (name.clone(), secrets.text(value)));
            ("Opaque", data.collect())
        }
        SecretData::Registry(registry) => {
            let data = docker_config(registry, secrets);
            let data = BTreeMap::from([(".dockerconfigjson".to_owned(), data)]);
            ("kubernetes.io/dockerconfigjson", data)
        }
    }
}

fn docker_config(registry: &Registry, secrets: &Secrets) -> String {
    // Docker's own registry goes by the name of its first API.
    let server = match &*registry.server {
        "docker.io" => "https://index.docker.io/v1/",
        server => server,
    };
    let (user, password) = (
        secrets.text(&registry.user),
        secrets.text(&registry.password),
    );
    json!({ "auths": { server: { "username": user, "password": password } } }).to_string()
}
