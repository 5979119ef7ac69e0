//! The Kubernetes API of a deployed cluster: nodes, pods, and commands inside them.
//!
//! This module and its children are the only users of the `kube` crate, and none of its types stands in
//! their signatures. Plain HTTP is accepted for a loopback address only, and only where the caller says
//! that the target is local; the environment's proxy is then set aside, which `kube` would take even for
//! loopback. A kubeconfig is secret: what is wrong with one is said without quoting it.

mod error;
mod exec;
mod pods;
mod secrets;

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig as Document};
use kube::{Client, Config};
use url::Url;

use crate::arm::NodeAddress;

use super::kubeconfig::Kubeconfig;
use super::transport::{install_tls_provider, is_loopback};

pub use error::KubernetesError;
pub use exec::ExecOutput;

/// How long one request may take. Watches and commands have bounds of their own.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The API of one cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    url: String,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Makes a client from a kubeconfig's current context; sends nothing.
    ///
    /// `insecure_loopback` is for the local Azure: the server must then be `http` at a loopback address,
    /// and otherwise `https`.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used, or names a server that does not fit.
    pub async fn connect(
        kubeconfig: &Kubeconfig,
        insecure_loopback: bool,
    ) -> Result<Cluster, KubernetesError> {
        let setup = |reason: &str| KubernetesError::Setup {
            reason: reason.to_owned(),
        };
        install_tls_provider();
        let document = Document::from_yaml(kubeconfig.expose())
            .map_err(|_| setup("the kubeconfig is not a kubeconfig document"))?;
        let mut config = Config::from_custom_kubeconfig(document, &KubeConfigOptions::default())
            .await
            .map_err(|_| setup("the kubeconfig's current context cannot be used"))?;
        let url = config
            .cluster_url
            .to_string()
            .parse::<Url>()
            .map_err(|_| setup("the kubeconfig's server is not a URL"))?;
        let shown = url.origin().ascii_serialization();
        match (insecure_loopback, url.scheme()) {
            (true, "http") if is_loopback(&url) => config.proxy_url = None,
            (false, "https") => {}
            (true, _) => {
                return Err(setup(&format!(
                    "the server `{shown}` is not `http` at a loopback address"
                )));
            }
            (false, _) => {
                return Err(setup(&format!(
                    "the token is not sent to `{shown}` without TLS"
                )));
            }
        }
        let client = Client::try_from(config)
            .map_err(|error| KubernetesError::of(&format!("connect to `{shown}`"), error))?;
        Ok(Cluster { client, url: shown })
    }

    /// Lists the nodes with their primary private addresses, sorted by name.
    ///
    /// # Errors
    /// When the API refuses, or a node has no IPv4 address of type `InternalIP`.
    pub async fn nodes(&self) -> Result<Vec<NodeAddress>, KubernetesError> {
        let operation = "list the nodes";
        let nodes: Api<Node> = Api::all(self.client.clone());
        let list = answered(operation, nodes.list(&ListParams::default())).await?;
        let mut nodes = list
            .items
            .iter()
            .map(|node| {
                node_address(node).ok_or_else(|| KubernetesError::Protocol {
                    operation: operation.to_owned(),
                    reason: format!(
                        "node `{}` has no IPv4 address of type InternalIP",
                        node.metadata.name.as_deref().unwrap_or_default()
                    ),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }

    fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

fn node_address(node: &Node) -> Option<NodeAddress> {
    // A dual-stack node has an IPv6 address of the same type.
    let address = node
        .status
        .as_ref()?
        .addresses
        .iter()
        .flatten()
        .filter(|address| address.type_ == "InternalIP")
        .find_map(|address| address.address.parse::<Ipv4Addr>().ok())?;
    Some(NodeAddress {
        name: node.metadata.name.clone()?,
        address,
    })
}

/// Waits for the answer to one request.
async fn answered<T>(
    operation: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubernetesError> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(|error| KubernetesError::of(operation, error)),
        Err(_) => Err(KubernetesError::TimedOut {
            operation: operation.to_owned(),
            after: REQUEST_TIMEOUT,
        }),
    }
}
