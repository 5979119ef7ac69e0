//! Secrets: what pods take credentials and variables from.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};

use super::{Cluster, KubernetesError, answered};

impl Cluster {
    /// Creates a Secret of a type, or puts `data` in the place of what is in it.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn put_secret(
        &self,
        namespace: &str,
        name: &str,
        kind: &str,
        data: BTreeMap<String, String>,
    ) -> Result<(), KubernetesError> {
        let operation = format!("put secret `{name}`");
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some(kind.to_owned()),
            string_data: Some(data),
            ..Secret::default()
        };
        let secrets = self.secrets(namespace);
        let parameters = PostParams::default();
        match answered(&operation, secrets.create(&parameters, &secret)).await {
            Err(KubernetesError::Refused { status: 409, .. }) => {
                let replaced = secrets.replace(name, &parameters, &secret);
                answered(&operation, replaced).await.map(drop)
            }
            created => created.map(drop),
        }
    }

    /// Deletes a Secret; one that does not exist is a success.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn delete_secret(&self, namespace: &str, name: &str) -> Result<(), KubernetesError> {
        let operation = format!("delete secret `{name}`");
        let secrets = self.secrets(namespace);
        let parameters = DeleteParams::default();
        let deleted = secrets.delete(name, &parameters);
        match answered(&operation, deleted).await {
            Ok(_) | Err(KubernetesError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }
}
