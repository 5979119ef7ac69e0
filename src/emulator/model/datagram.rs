//! UDP without packets: a datagram is a message in a channel, sent if the analysis lets it pass.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::timeout_at;

use crate::emulator::fabric::{DatagramFlow, DatagramListener, DialError, EndpointId};
use crate::net::Protocol;

use super::{Inner, arrival, lock};

type Datagram = (Vec<u8>, SocketAddrV4);

/// The way to a port and, by the address that it sees, the ways back to its callers. A flow that ended
/// leaves its way behind closed; the next datagram of another clears it away.
pub(super) struct Flows {
    inward: mpsc::UnboundedSender<Datagram>,
    outward: Mutex<BTreeMap<SocketAddrV4, mpsc::UnboundedSender<Vec<u8>>>>,
}

/// A UDP port of the model.
pub(super) struct ModelDatagrams {
    /// The model alone keeps the way open, so that it ends with the endpoint.
    flows: Weak<Flows>,
    arrivals: tokio::sync::Mutex<mpsc::UnboundedReceiver<Datagram>>,
    inner: Weak<Mutex<Inner>>,
    key: (EndpointId, u16),
}

impl ModelDatagrams {
    pub(super) fn open(
        inner: Arc<Mutex<Inner>>,
        endpoint: &EndpointId,
        port: u16,
    ) -> (Arc<Flows>, ModelDatagrams) {
        let (inward, arrivals) = mpsc::unbounded_channel();
        let flows = Arc::new(Flows {
            inward,
            outward: Mutex::default(),
        });
        let listener = ModelDatagrams {
            flows: Arc::downgrade(&flows),
            arrivals: tokio::sync::Mutex::new(arrivals),
            inner: Arc::downgrade(&inner),
            key: (endpoint.clone(), port),
        };
        (flows, listener)
    }
}

impl Drop for ModelDatagrams {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            let mut inner = lock(&inner);
            let ours = inner.datagram_listeners.get(&self.key);
            if ours.is_some_and(|flows| Arc::as_ptr(flows) == self.flows.as_ptr()) {
                inner.datagram_listeners.remove(&self.key);
            }
        }
    }
}

#[async_trait]
impl DatagramListener for ModelDatagrams {
    async fn receive(&self) -> io::Result<Datagram> {
        let arrival = self.arrivals.lock().await.recv().await;
        arrival.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))
    }

    async fn send(&self, payload: &[u8], to: SocketAddrV4) -> io::Result<()> {
        // Nobody learns whether a datagram arrives.
        if let Some(flows) = self.flows.upgrade()
            && let Some(caller) = lock(&flows.outward).get(&to)
        {
            let _ = caller.send(payload.to_vec());
        }
        Ok(())
    }
}

/// A UDP flow of the model.
pub(super) struct ModelFlow {
    inner: Arc<Mutex<Inner>>,
    endpoint: EndpointId,
    to: SocketAddrV4,
    port: u16,
    back: mpsc::UnboundedSender<Vec<u8>>,
    answers: tokio::sync::Mutex<mpsc::UnboundedReceiver<Vec<u8>>>,
}

impl ModelFlow {
    pub(super) fn new(
        inner: Arc<Mutex<Inner>>,
        endpoint: EndpointId,
        to: SocketAddrV4,
        port: u16,
    ) -> ModelFlow {
        let (back, answers) = mpsc::unbounded_channel();
        ModelFlow {
            inner,
            endpoint,
            to,
            port,
            back,
            answers: tokio::sync::Mutex::new(answers),
        }
    }

    /// Leaves a datagram with the called port.
    fn deliver(&self, called: EndpointId, source: Ipv4Addr, payload: &[u8]) -> Option<()> {
        let key = (called, self.to.port());
        let flows = lock(&self.inner).datagram_listeners.get(&key).cloned()?;
        let source = SocketAddrV4::new(source, self.port);
        let mut outward = lock(&flows.outward);
        outward.retain(|_, caller| !caller.is_closed());
        outward.insert(source, self.back.clone());
        drop(outward);
        flows.inward.send((payload.to_vec(), source)).ok()
    }
}

#[async_trait]
impl DatagramFlow for ModelFlow {
    async fn exchange(&self, payload: &[u8], timeout: Duration) -> Result<Vec<u8>, DialError> {
        let deadline = tokio::time::Instant::now() + timeout;
        let (_, course) = lock(&self.inner).course(
            &self.endpoint,
            Protocol::Udp,
            *self.to.ip(),
            self.to.port(),
        )?;
        let (called, source) = arrival(course, timeout).await?;
        self.deliver(called, source, payload)
            .ok_or(DialError::Refused)?;
        let mut answers = self.answers.lock().await;
        match timeout_at(deadline, answers.recv()).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) | Err(_) => Err(DialError::TimedOut),
        }
    }
}
