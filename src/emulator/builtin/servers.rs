//! What runs at each endpoint: servers with what they have written, and connections that are held.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::emulator::fabric::{EndpointId, Fabric, FabricError};

use super::held::Session;
use super::{datagrams, server};

/// How long a server that cannot accept, because the process has no descriptor left, waits for others
/// to give theirs back: nothing tells when that happens.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// A container that serves, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::emulator) struct Served {
    /// The container's name.
    pub(in crate::emulator) container: String,
    /// The TCP port of its HTTP server.
    pub(in crate::emulator) http: u16,
    /// The port of its UDP server, if it has one.
    pub(in crate::emulator) udp: Option<u16>,
}

/// The servers of all endpoints.
#[derive(Default)]
pub(in crate::emulator) struct Servers(Mutex<BTreeMap<EndpointId, Host>>);

/// What runs at one endpoint.
struct Host {
    started: jiff::Timestamp,
    ended: CancellationToken,
    running: Vec<Running>,
    held: BTreeMap<String, Slot>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// The place of a held connection: empty until it is tried.
type Slot = Arc<tokio::sync::Mutex<Option<Session>>>;

struct Running {
    served: Served,
    log: Log,
    tasks: Vec<AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The lines that a container has written.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<String>>);

impl Log {
    pub(super) fn line(&self, line: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Whether a server can wait for the next caller after an error; if so, once that makes sense.
pub(super) async fn goes_on_after(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::NotConnected => false,
        // The caller gave up, or an earlier answer could not be delivered: nothing is short.
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::Interrupted => true,
        _ => {
            tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            true
        }
    }
}

impl Servers {
    fn hosts(&self) -> MutexGuard<'_, BTreeMap<EndpointId, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an endpoint serve exactly what is given; a server that stays is not disturbed.
    ///
    /// # Errors
    /// When the fabric cannot listen.
    pub(in crate::emulator) async fn serve(
        &self,
        fabric: &dyn Fabric,
        endpoint: &EndpointId,
        host_name: &str,
        wanted: &[Served],
    ) -> Result<(), FabricError> {
        let missing = {
            let mut hosts = self.hosts();
            let host = hosts.entry(endpoint.clone()).or_insert_with(|| Host {
                started: jiff::Timestamp::now(),
                ended: CancellationToken::new(),
                running: Vec::new(),
                held: BTreeMap::new(),
            });
            let stays = |running: &Running| wanted.contains(&running.served);
            host.running.retain(stays);
            let runs = |served: &&Served| !host.running.iter().any(|r| r.served == **served);
            wanted.iter().filter(runs).cloned().collect::<Vec<_>>()
        };
        for served in missing {
            let running = start(fabric, endpoint, host_name, served).await?;
            if let Some(host) = self.hosts().get_mut(endpoint) {
                host.running.push(running);
            }
        }
        Ok(())
    }

    /// The place of a held connection of an endpoint; `None` where nothing runs there.
    pub(super) fn held(&self, endpoint: &EndpointId, session: &str) -> Option<Slot> {
        let mut hosts = self.hosts();
        let held = &mut hosts.get_mut(endpoint)?.held;
        Some(Arc::clone(held.entry(session.to_owned()).or_default()))
    }

    /// Stops the servers of an endpoint, and closes the connections that it holds.
    pub(in crate::emulator) fn stop(&self, endpoint: &EndpointId) {
        self.hosts().remove(endpoint);
    }

    /// Stops every server, and closes every connection that is held.
    pub(in crate::emulator) fn stop_all(&self) {
        self.hosts().clear();
    }

    /// When the endpoint began to run.
    pub(in crate::emulator) fn started(&self, endpoint: &EndpointId) -> Option<String> {
        Some(self.hosts().get(endpoint)?.started.to_string())
    }

    /// Cancelled when the endpoint ends to run; `None` for one that does not run.
    pub(in crate::emulator) fn ended(&self, endpoint: &EndpointId) -> Option<CancellationToken> {
        Some(self.hosts().get(endpoint)?.ended.clone())
    }

    /// What a container of an endpoint has written; empty for one that only waits.
    pub(in crate::emulator) fn log(&self, endpoint: &EndpointId, container: &str) -> String {
        let hosts = self.hosts();
        let mut running = hosts
            .get(endpoint)
            .into_iter()
            .flat_map(|host| &host.running);
        let named = |running: &&Running| running.served.container.eq_ignore_ascii_case(container);
        running
            .find(named)
            .map_or_else(String::new, |r| r.log.text())
    }
}

async fn start(
    fabric: &dyn Fabric,
    endpoint: &EndpointId,
    host_name: &str,
    served: Served,
) -> Result<Running, FabricError> {
    let mut running = Running {
        served,
        log: Log::default(),
        tasks: Vec::new(),
    };
    let (log, name) = (&running.log, || host_name.to_owned());
    let http = running.served.http;
    let listener = fabric.listen(endpoint, http).await?;
    log.line(&format!("Started HTTP server on port {http}"));
    let task = tokio::spawn(server::accept(listener, name(), log.clone()));
    running.tasks.push(task.abort_handle());
    if let Some(udp) = running.served.udp {
        let listener = fabric.listen_datagrams(endpoint, udp).await?;
        log.line(&format!("Started UDP server on port  {udp}"));
        let task = tokio::spawn(datagrams::receive(listener, name(), log.clone()));
        running.tasks.push(task.abort_handle());
    }
    Ok(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_ends_with_its_listener_alone() {
        let error = |kind| io::Error::from(kind);
        assert!(!goes_on_after(&error(io::ErrorKind::NotConnected)).await);
        assert!(goes_on_after(&error(io::ErrorKind::ConnectionAborted)).await);
        let none_left = io::Error::from_raw_os_error(24);
        assert!(goes_on_after(&none_left).await);
    }
}
