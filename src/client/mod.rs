//! The Azure Resource Manager API from outside: deploy, poll, cancel, delete; logs, cluster
//! credentials, and the Kubernetes API of a deployed cluster.
//!
//! The client sees a URL, a credential and a transport, and nothing else: Azure and the local Azure are
//! the same to it. The token goes to the target's own origin only, over TLS, or over plain HTTP where
//! the target was declared to be on this machine; no token and no URL query ever stands in an error.
//! What is specific to one target (durations, polling pace) is derived from [`TransportKind`] alone.
//!
//! Nothing here may use `emulator` or `lab`: the client does not know who answers.

mod auth;
mod container_exec;
mod credential;
mod deployments;
mod error;
mod kubeconfig;
pub mod kubernetes;
mod long_running;
mod poll;
mod resources;
mod retry;
mod transport;
mod watch;
mod wire;

#[cfg(test)]
mod scripted;

use std::fmt;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::HttpClient;
use url::Url;

pub use container_exec::ContainerExecError;
pub use credential::StaticToken;
#[cfg(feature = "azure")]
pub use credential::{AuthSource, AuthSourceError, Chain};
pub use deployments::{Deployed, Deployment, DeploymentOperation};
pub use error::{Cause, ClientError, Failure};
pub use kubeconfig::Kubeconfig;
pub use watch::{Interrupt, Progress, Watch};

use wire::Wire;

/// Where requests go, and with which credential.
#[derive(Clone)]
pub struct Target {
    /// The API's base URL, for example `https://management.azure.com/`.
    pub base_url: Url,
    /// The subscription's id.
    pub subscription: String,
    /// The scope that tokens are asked for, for example `https://management.azure.com/.default`.
    pub scope: String,
    /// Who gives out tokens.
    pub credential: Arc<dyn TokenCredential>,
    /// How the API is reached.
    pub transport: TransportKind,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("base_url", &self.base_url.as_str())
            .field("subscription", &self.subscription)
            .field("scope", &self.scope)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// How a target is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// TLS with the system's roots and proxies, and Azure's pace.
    Cloud,
    /// Plain HTTP to this machine, past every proxy, and a fast pace.
    Loopback,
}

/// A client of one subscription of one target.
#[derive(Clone)]
pub struct Client {
    wire: Arc<Wire>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.wire.base_url().as_str())
            .field("subscription", &self.wire.subscription())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client; sends nothing.
    ///
    /// # Errors
    /// When the base URL does not fit the transport (TLS for the cloud, plain HTTP to a loopback address
    /// otherwise), or when no HTTP client can be built, for example without root certificates.
    pub fn new(target: Target) -> Result<Client, ClientError> {
        let http = Arc::new(transport::http_client(target.transport)?);
        Client::over(target, http)
    }

    /// Makes a client over a given HTTP client.
    fn over(target: Target, http: Arc<dyn HttpClient>) -> Result<Client, ClientError> {
        Ok(Client {
            wire: Arc::new(Wire::new(target, http)?),
        })
    }
}
