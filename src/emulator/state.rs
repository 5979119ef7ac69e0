//! What every request shares: the store, the fabric, the built-in servers and the tasks under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::builtin::servers::Servers;
use super::containers::Sessions;
use super::fabric::Fabric;
use super::security::random_token;
use super::store::Store;

/// The state behind [`super::router`].
pub struct Shared {
    store: Mutex<Store>,
    pub(super) fabric: Arc<dyn Fabric>,
    pub(super) servers: Servers,
    pub(super) sessions: Sessions,
    /// Held while a network state travels to the fabric.
    pub(super) carrying: tokio::sync::Mutex<()>,
    /// Deployments and operations under way.
    pub(super) tasks: TaskTracker,
    /// Cancelled when the emulator stops: ends streams and deployments.
    pub(super) stopping: CancellationToken,
    pub(super) port: u16,
    pub(super) token: String,
    pub(super) subscription: String,
    pub(super) tenant: String,
}

impl Shared {
    /// An empty subscription over a fabric, to be served on a loopback port.
    #[must_use]
    pub fn new(fabric: Arc<dyn Fabric>, port: u16) -> Arc<Shared> {
        Arc::new(Shared {
            store: Mutex::default(),
            servers: Servers::default(),
            sessions: Sessions::default(),
            fabric,
            carrying: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            port,
            token: random_token(),
            subscription: uuid::Uuid::new_v4().to_string(),
            tenant: uuid::Uuid::new_v4().to_string(),
        })
    }

    /// The bearer token that requests must carry.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The id of the one subscription.
    #[must_use]
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The store. Every change leaves it whole, so a lock that a panic poisoned is still good.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The base URL of a loopback authority.
pub(super) fn base_of(authority: &str) -> String {
    format!("http://{authority}")
}
