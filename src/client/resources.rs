//! Resource groups and single resources: put, get, delete, and what a container group, a cluster and
//! the local Azure have to say.

use std::collections::BTreeMap;

use azure_core::http::Method;
use serde_json::{Value, json};

use crate::arm::ResourceId;
use crate::verdict::Evidence;

use super::error::ClientError;
use super::kubeconfig::Kubeconfig;
use super::poll::Operation;
use super::watch::Watch;
use super::{Client, deployments};

pub(super) const CONTAINER_INSTANCE: &str = "2025-09-01";
const CONTAINER_SERVICE: &str = "2026-05-01";

impl Client {
    /// Makes a resource group, or updates its tags.
    ///
    /// # Errors
    /// When the target refuses, for example because the group exists in another location.
    pub async fn put_group(
        &self,
        name: &str,
        location: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), ClientError> {
        let operation = format!("put resource group `{name}`");
        let url = self
            .wire
            .in_group(&operation, name, &[], deployments::API_VERSION)?;
        let body = json!({ "location": location, "tags": tags });
        self.wire
            .call(&operation, Method::Put, &url, Some(&body))
            .await
            .map(drop)
    }

    /// Deletes a resource group and everything in it; a group that does not exist is a success.
    ///
    /// # Errors
    /// When the target refuses, at once or while it deletes: a blocked deletion is a refusal with
    /// status 409, and the group stays.
    pub async fn delete_group(&self, name: &str, watch: &Watch<'_>) -> Result<(), ClientError> {
        let operation = format!("delete resource group `{name}`");
        let url = self
            .wire
            .in_group(&operation, name, &[], deployments::API_VERSION)?;
        self.delete_at(&operation, &url, watch).await
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// When the target refuses; status 404 where the resource does not exist.
    pub async fn get(&self, id: &ResourceId, api_version: &str) -> Result<Value, ClientError> {
        let operation = format!("get `{id}`");
        let url = self.wire.of_resource(&operation, id, &[], api_version)?;
        self.wire
            .call(&operation, Method::Get, &url, None)
            .await?
            .expect_json(&operation)
    }

    /// Deletes a resource; one that does not exist is a success.
    ///
    /// # Errors
    /// When the target refuses, for example because the resource is in use, or fails to delete it.
    pub async fn delete(
        &self,
        id: &ResourceId,
        api_version: &str,
        watch: &Watch<'_>,
    ) -> Result<(), ClientError> {
        let operation = format!("delete `{id}`");
        let url = self.wire.of_resource(&operation, id, &[], api_version)?;
        self.delete_at(&operation, &url, watch).await
    }

    async fn delete_at(
        &self,
        name: &str,
        resource: &url::Url,
        watch: &Watch<'_>,
    ) -> Result<(), ClientError> {
        let operation = Operation {
            name,
            method: Method::Delete,
            resource,
        };
        match self.wire.run(operation, None, watch).await {
            Ok(_) | Err(ClientError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gets what a container of a container group has written so far; empty right after its start.
    ///
    /// # Errors
    /// When the target refuses, for example because the container has not started.
    pub async fn container_logs(
        &self,
        group: &ResourceId,
        container: &str,
    ) -> Result<String, ClientError> {
        let operation = format!("get the logs of `{container}` in `{group}`");
        let below = ["containers", container, "logs"];
        let url = self
            .wire
            .of_resource(&operation, group, &below, CONTAINER_INSTANCE)?;
        let answer = self.wire.call(&operation, Method::Get, &url, None).await?;
        // No member and `null` both mean that nothing was written.
        match answer.expect_json(&operation)?.get("content") {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(content)) => Ok(content.clone()),
            Some(_) => Err(ClientError::protocol(&operation, "`content` is not text")),
        }
    }

    /// Gets the user credentials of a managed cluster.
    ///
    /// # Errors
    /// When the target refuses, or its answer holds no kubeconfig.
    pub async fn cluster_credentials(
        &self,
        cluster: &ResourceId,
    ) -> Result<Kubeconfig, ClientError> {
        let operation = format!("get the credentials of `{cluster}`");
        let below = ["listClusterUserCredential"];
        let url = self
            .wire
            .of_resource(&operation, cluster, &below, CONTAINER_SERVICE)?;
        let answer = self.wire.call(&operation, Method::Post, &url, None).await?;
        Kubeconfig::from_answer(&answer.expect_json(&operation)?)
            .map_err(|reason| ClientError::protocol(&operation, reason))
    }

    /// Gets the network's own record of what ran under a nonce. Only the local Azure keeps one; `None`
    /// where it does not, or does not know the nonce.
    ///
    /// # Errors
    /// When the target refuses otherwise, or its answer is no such record.
    pub async fn evidence(&self, nonce: &str) -> Result<Option<Evidence>, ClientError> {
        let operation = format!("get the evidence of `{nonce}`");
        let segments = ["vnetlab", "evidence", nonce];
        let url = self.wire.url(&operation, &segments, None)?;
        let answer = self.wire.send(&operation, Method::Get, &url, None).await?;
        match answer.status {
            200 => serde_json::from_slice(&answer.body)
                .map(Some)
                .map_err(|error| {
                    ClientError::protocol(&operation, format!("it is no evidence: {error}"))
                }),
            404 => Ok(None),
            _ => Err(answer.refused(&operation)),
        }
    }
}

#[cfg(test)]
mod tests;
