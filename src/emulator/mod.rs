//! The ARM API from inside: a local Azure on the loopback interface.
//!
//! Speaks the ARM REST API as recorded from Azure (resource groups, deployments, resources of the
//! network, container and identity providers) and the part of the Kubernetes API that probes need.
//! State machines, headers and bodies are Azure's; durations are not. What a deployed network *does*
//! is a [`fabric::Fabric`]'s to carry or to model. Nothing here knows a spec, a template compiler or a
//! client, and nothing but the model fabric consults the analysis.

mod actions;
mod body;
mod builtin;
mod containers;
mod deletion;
mod deployments;
pub mod fabric;
mod groups;
mod kubernetes;
mod model;
mod network;
mod operations;
mod path;
mod pending;
mod providers;
mod reply;
mod resources;
mod routes;
mod security;
mod state;
mod store;
mod websocket;

pub use model::ModelFabric;
pub use routes::router;
pub use state::Shared;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long connections and operations may take to end after the emulator is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A running local Azure. Dropping it stops it without waiting.
pub struct Emulator {
    shared: Arc<Shared>,
    base_url: String,
    server: JoinHandle<()>,
}

/// Why the local Azure cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// No loopback port could be bound.
    #[error("cannot listen on the loopback interface")]
    Listen(#[source] io::Error),
}

impl Emulator {
    /// Starts a local Azure over a fabric, on a free loopback port.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn start(fabric: Arc<dyn fabric::Fabric>) -> Result<Emulator, EmulatorError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(EmulatorError::Listen)?;
        let port = listener.local_addr().map_err(EmulatorError::Listen)?.port();
        let shared = Shared::new(fabric, port);
        let stopping = shared.stopping.clone();
        // An exec answers in several small frames; held back for an acknowledgement, they cost 40 ms.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "small answers on this connection may be held back");
            }
        });
        let serve = axum::serve(listener, router(shared.clone()))
            .with_graceful_shutdown(stopping.cancelled_owned());
        let server = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the local Azure stopped serving");
            }
        });
        Ok(Emulator {
            shared,
            base_url: format!("http://127.0.0.1:{port}"),
            server,
        })
    }

    /// The base URL: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The bearer token that requests must carry.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// The id of the one subscription.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.shared.subscription
    }

    /// The id of the tenant.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.shared.tenant
    }

    /// What is stored without being simulated, a sentence each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.shared.store().notes.iter().cloned().collect()
    }

    /// Stops serving, ends deployments and built-in servers, and waits for them.
    pub async fn shutdown(mut self) {
        self.stop();
        self.shared.tasks.close();
        let ended = async {
            self.shared.tasks.wait().await;
            (&mut self.server).await
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("the local Azure was stopped with requests under way");
            self.server.abort();
        }
    }

    fn stop(&self) {
        self.shared.stopping.cancel();
        self.shared.servers.stop_all();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}
