//! A fabric without packets: what `predict::concrete` says of the applied state is what happens.
//!
//! No witness, and it does not claim to be one: it keeps no evidence, and every report over it says
//! that no packets were sent. The only file of the emulator that may consult the analysis.

mod datagram;
mod parties;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::arm::{Destination, FlowState, Listening, Question};
use crate::net::Protocol;
use crate::predict::concrete::predict;
use crate::verdict::event::FabricName;
use crate::verdict::{Evidence, Outcome, Predicted};

use super::fabric::{
    Connection, DatagramFlow, DatagramListener, DialError, EndpointId, Fabric, FabricError,
    Listener, NetworkState, Stream,
};
use datagram::{Flows, ModelDatagrams, ModelFlow};
use parties::{addresses, party};

/// The bytes that a connection holds between its ends.
const BUFFER: usize = 64 << 10;

/// The first port that callers get.
const FIRST_EPHEMERAL_PORT: u16 = 32768;

/// A fabric that answers from the analysis.
#[derive(Default)]
pub struct ModelFabric {
    inner: Arc<Mutex<Inner>>,
    ports: AtomicU16,
}

type Arrival = (Box<dyn Stream>, SocketAddrV4);

#[derive(Default)]
struct Inner {
    state: NetworkState,
    listeners: BTreeMap<(EndpointId, u16), mpsc::UnboundedSender<Arrival>>,
    datagram_listeners: BTreeMap<(EndpointId, u16), Arc<Flows>>,
}

impl ModelFabric {
    /// A fabric with an empty network.
    #[must_use]
    pub fn new() -> ModelFabric {
        ModelFabric::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// A port for the caller's end, in turn.
    fn ephemeral_port(&self) -> u16 {
        let turn = self.ports.fetch_add(1, Ordering::Relaxed);
        FIRST_EPHEMERAL_PORT | (turn & !FIRST_EPHEMERAL_PORT)
    }
}

/// How an attempt goes.
enum Course {
    /// It arrives at an endpoint, where the sender is seen under this address.
    Reaches(EndpointId, Ipv4Addr),
    Refused,
    Silence,
    Unreachable,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is reached and under which address the caller is seen there; an attempt that vanishes takes the
/// caller's whole timeout.
async fn arrival(course: Course, timeout: Duration) -> Result<(EndpointId, Ipv4Addr), DialError> {
    match course {
        Course::Reaches(called, source) => Ok((called, source)),
        Course::Refused => Err(DialError::Refused),
        Course::Unreachable => Err(DialError::Unreachable),
        Course::Silence => {
            tokio::time::sleep(timeout).await;
            Err(DialError::TimedOut)
        }
    }
}

impl Inner {
    fn may_listen(
        &self,
        protocol: Protocol,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<(), FabricError> {
        if !self.state.endpoints.contains_key(endpoint) {
            let missing = format!("there is no endpoint `{endpoint}`");
            return Err(failed("listen", missing));
        }
        if self.listens(protocol, endpoint, port) {
            let taken = format!("{protocol} port {port} of `{endpoint}` is taken");
            return Err(failed("listen", taken));
        }
        Ok(())
    }

    fn listens(&self, protocol: Protocol, endpoint: &EndpointId, port: u16) -> bool {
        let key = (endpoint.clone(), port);
        match protocol {
            Protocol::Tcp => self
                .listeners
                .get(&key)
                .is_some_and(|sender| !sender.is_closed()),
            Protocol::Udp => self.datagram_listeners.contains_key(&key),
            // Every host answers an echo.
            _ => true,
        }
    }

    /// The caller's own address, and how an attempt of it goes.
    fn course(
        &self,
        endpoint: &EndpointId,
        protocol: Protocol,
        to: Ipv4Addr,
        port: u16,
    ) -> Result<(Ipv4Addr, Course), FabricError> {
        let from = self
            .state
            .endpoints
            .get(endpoint)
            .ok_or_else(|| failed("dial", format!("there is no endpoint `{endpoint}`")))?;
        let mut holders = self
            .state
            .endpoints
            .iter()
            .filter(|(_, endpoint)| endpoint.address() == to)
            .map(|(id, _)| id)
            .peekable();
        let held = holders.peek().is_some();
        let listener = holders.find(|id| self.listens(protocol, id, port));
        let question = Question {
            from: party(from)
                .ok_or_else(|| failed("dial", format!("`{endpoint}` runs no commands")))?,
            to: Destination::Address(to),
            protocol,
            port: protocol.has_ports().then_some(port),
            // The analysis leaves open what a host does with a datagram that nobody waits for (R82).
            // The model's hosts do what the lab's kernel does, so only the way there is asked for.
            listens: match protocol {
                Protocol::Tcp => said(listener.is_some()),
                _ => said(held),
            },
            flow: FlowState::New,
            forwarders: Vec::new(),
        };
        let addresses = addresses(&self.state);
        let prediction = predict(&self.state.resources, &addresses, &question)
            .map_err(|error| failed("dial", error.to_string()))?;
        let course = match (prediction.outcome, listener) {
            (Predicted::Is(Outcome::Reachable), Some(listener)) => Course::Reaches(
                listener.clone(),
                prediction.source.unwrap_or_else(|| from.address()),
            ),
            (Predicted::Is(Outcome::Reachable), None) if held => Course::Refused,
            (Predicted::Is(Outcome::Reachable), None) => {
                let message = format!("nothing in the model answers at {to}");
                return Err(failed("dial", message));
            }
            // A reset needs somebody to send it.
            (Predicted::Is(Outcome::Refused), _) if !held => Course::Silence,
            (Predicted::Is(Outcome::Refused), _) => Course::Refused,
            (Predicted::Is(Outcome::Timeout), _) => Course::Silence,
            (Predicted::Is(Outcome::Unreachable), _) => Course::Unreachable,
            (other, _) => {
                return Err(failed(
                    "dial",
                    format!("the analysis says `{other}`, which the model cannot act out"),
                ));
            }
        };
        Ok((from.address(), course))
    }
}

/// What is known here: whether something listens.
fn said(listens: bool) -> Listening {
    if listens {
        Listening::Yes
    } else {
        Listening::No
    }
}

fn failed(operation: &str, message: String) -> FabricError {
    FabricError {
        operation: operation.to_owned(),
        message,
    }
}

#[async_trait]
impl Fabric for ModelFabric {
    fn name(&self) -> FabricName {
        FabricName::Model
    }

    async fn apply(&self, state: &NetworkState) -> Result<(), FabricError> {
        let mut inner = self.inner();
        inner
            .listeners
            .retain(|(endpoint, _), _| state.endpoints.contains_key(endpoint));
        inner
            .datagram_listeners
            .retain(|(endpoint, _), _| state.endpoints.contains_key(endpoint));
        inner.state = state.clone();
        Ok(())
    }

    async fn listen(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn Listener>, FabricError> {
        let mut inner = self.inner();
        inner.may_listen(Protocol::Tcp, endpoint, port)?;
        let (sender, arrivals) = mpsc::unbounded_channel();
        inner.listeners.insert((endpoint.clone(), port), sender);
        Ok(Box::new(ModelListener(tokio::sync::Mutex::new(arrivals))))
    }

    async fn dial(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        timeout: Duration,
        _nonce: Option<&str>,
    ) -> Result<Connection, DialError> {
        let (own, course) = self
            .inner()
            .course(endpoint, Protocol::Tcp, *to.ip(), to.port())?;
        let (called, source) = arrival(course, timeout).await?;
        let port = self.ephemeral_port();
        let (here, there) = tokio::io::duplex(BUFFER);
        let listener = self.inner().listeners.get(&(called, to.port())).cloned();
        listener
            .and_then(|listener| {
                let caller = SocketAddrV4::new(source, port);
                listener.send((Box::new(there), caller)).ok()
            })
            .ok_or(DialError::Refused)?;
        Ok(Connection {
            stream: Box::new(here),
            local: SocketAddrV4::new(own, port),
            recorder: None,
        })
    }

    async fn listen_datagrams(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn DatagramListener>, FabricError> {
        let mut inner = self.inner();
        inner.may_listen(Protocol::Udp, endpoint, port)?;
        let (flows, listener) = ModelDatagrams::open(Arc::clone(&self.inner), endpoint, port);
        inner
            .datagram_listeners
            .insert((endpoint.clone(), port), flows);
        Ok(Box::new(listener))
    }

    async fn dial_datagrams(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        _nonce: Option<&str>,
    ) -> Result<Box<dyn DatagramFlow>, DialError> {
        if !self.inner().state.endpoints.contains_key(endpoint) {
            let missing = format!("there is no endpoint `{endpoint}`");
            return Err(failed("dial", missing).into());
        }
        Ok(Box::new(ModelFlow::new(
            Arc::clone(&self.inner),
            endpoint.clone(),
            to,
            self.ephemeral_port(),
        )))
    }

    async fn echo(
        &self,
        endpoint: &EndpointId,
        to: Ipv4Addr,
        timeout: Duration,
        _nonce: Option<&str>,
    ) -> Result<(), DialError> {
        let (_, course) = self.inner().course(endpoint, Protocol::Icmp, to, 0)?;
        arrival(course, timeout).await.map(drop)
    }

    async fn evidence(&self, _nonce: &str) -> Option<Evidence> {
        None
    }
}

struct ModelListener(tokio::sync::Mutex<mpsc::UnboundedReceiver<Arrival>>);

#[async_trait]
impl Listener for ModelListener {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddrV4)> {
        let arrival = self.0.lock().await.recv().await;
        arrival.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))
    }
}
