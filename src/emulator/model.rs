//! A fabric without packets: what `predict::concrete` says of the applied state is what happens.
//!
//! No witness, and it does not claim to be one: it keeps no evidence, and every report over it says
//! that no packets were sent. The only file of the emulator that may consult the analysis.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::arm::{Addresses, Destination, NodeAddress, Party, PodAddress, Question};
use crate::net::Protocol;
use crate::predict::concrete::predict;
use crate::verdict::event::FabricName;
use crate::verdict::{Evidence, Outcome, Predicted};

use super::fabric::{
    Connection, DialError, Endpoint, EndpointId, Fabric, FabricError, Listener, NetworkState,
    Stream,
};

/// The bytes that a connection holds between its ends.
const BUFFER: usize = 64 << 10;

/// The first port that callers get.
const FIRST_EPHEMERAL_PORT: u16 = 32768;

/// A fabric that answers from the analysis.
#[derive(Default)]
pub struct ModelFabric {
    inner: Mutex<Inner>,
    ports: AtomicU16,
}

type Arrival = (Box<dyn Stream>, SocketAddrV4);

#[derive(Default)]
struct Inner {
    state: NetworkState,
    listeners: BTreeMap<(EndpointId, u16), mpsc::UnboundedSender<Arrival>>,
}

impl ModelFabric {
    /// A fabric with an empty network.
    #[must_use]
    pub fn new() -> ModelFabric {
        ModelFabric::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A port for the caller's end, in turn.
    fn ephemeral_port(&self) -> u16 {
        let turn = self.ports.fetch_add(1, Ordering::Relaxed);
        FIRST_EPHEMERAL_PORT | (turn & !FIRST_EPHEMERAL_PORT)
    }
}

/// How an attempt goes.
enum Course {
    Reaches {
        arrival: mpsc::UnboundedSender<Arrival>,
        source: Ipv4Addr,
    },
    Refused,
    Silence,
    Unreachable,
}

impl Inner {
    fn course(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
    ) -> Result<(Ipv4Addr, Course), FabricError> {
        let from = self
            .state
            .endpoints
            .get(endpoint)
            .ok_or_else(|| failed("dial", format!("there is no endpoint `{endpoint}`")))?;
        let listener = self.state.endpoints.iter().find_map(|(id, endpoint)| {
            let sender = self.listeners.get(&(id.clone(), to.port()))?;
            (endpoint.address() == *to.ip() && !sender.is_closed()).then_some(sender)
        });
        let mut endpoints = self.state.endpoints.values();
        let held = endpoints.any(|endpoint| endpoint.address() == *to.ip());
        let question = Question {
            from: party(from)
                .ok_or_else(|| failed("dial", format!("`{endpoint}` runs no commands")))?,
            to: Destination::Address(*to.ip()),
            protocol: Protocol::Tcp,
            port: Some(to.port()),
            listens: listener.is_some(),
        };
        let addresses = addresses(&self.state);
        let prediction = predict(&self.state.resources, &addresses, &question)
            .map_err(|error| failed("dial", error.to_string()))?;
        let course = match prediction.outcome {
            Predicted::Is(Outcome::Reachable) => {
                let arrival = listener.cloned().ok_or_else(|| {
                    failed("dial", format!("nothing in the model answers at {to}"))
                })?;
                Course::Reaches {
                    arrival,
                    source: prediction.source.unwrap_or_else(|| from.address()),
                }
            }
            // A reset needs somebody to send it.
            Predicted::Is(Outcome::Refused) if !held => Course::Silence,
            Predicted::Is(Outcome::Refused) => Course::Refused,
            Predicted::Is(Outcome::Timeout) => Course::Silence,
            Predicted::Is(Outcome::Unreachable) => Course::Unreachable,
            other => {
                return Err(failed(
                    "dial",
                    format!("the analysis says `{other}`, which the model cannot act out"),
                ));
            }
        };
        Ok((from.address(), course))
    }
}

fn failed(operation: &str, message: String) -> FabricError {
    FabricError {
        operation: operation.to_owned(),
        message,
    }
}

fn party(endpoint: &Endpoint) -> Option<Party> {
    match endpoint {
        Endpoint::ContainerGroup { group, .. } => Some(Party::ContainerGroup(group.key())),
        Endpoint::Pod {
            cluster,
            name,
            host_network,
            ..
        } => Some(Party::Pod {
            cluster: cluster.key(),
            name: name.clone(),
            host_network: *host_network,
        }),
        Endpoint::Node { .. } => None,
    }
}

fn addresses(state: &NetworkState) -> Addresses {
    let mut addresses = Addresses::default();
    for endpoint in state.endpoints.values() {
        match endpoint {
            Endpoint::ContainerGroup { group, address, .. } => {
                addresses.container_groups.insert(group.key(), *address);
            }
            Endpoint::Node {
                cluster,
                name,
                address,
                ..
            } => {
                let nodes = addresses.nodes.entry(cluster.key()).or_default();
                nodes.push(NodeAddress {
                    name: name.clone(),
                    address: *address,
                });
            }
            Endpoint::Pod {
                cluster,
                name,
                node,
                address,
                ..
            } => {
                if let Some(Endpoint::Node {
                    name: node,
                    address: node_address,
                    ..
                }) = state.endpoints.get(node)
                {
                    let pod = PodAddress {
                        address: *address,
                        node: node.clone(),
                        node_address: *node_address,
                    };
                    addresses.pods.insert((cluster.key(), name.clone()), pod);
                }
            }
        }
    }
    for nodes in addresses.nodes.values_mut() {
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
    }
    addresses
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
        inner.state = state.clone();
        Ok(())
    }

    async fn listen(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn Listener>, FabricError> {
        let mut inner = self.inner();
        if !inner.state.endpoints.contains_key(endpoint) {
            return Err(failed(
                "listen",
                format!("there is no endpoint `{endpoint}`"),
            ));
        }
        let key = (endpoint.clone(), port);
        if inner
            .listeners
            .get(&key)
            .is_some_and(|sender| !sender.is_closed())
        {
            return Err(failed(
                "listen",
                format!("port {port} of `{endpoint}` is taken"),
            ));
        }
        let (sender, arrivals) = mpsc::unbounded_channel();
        inner.listeners.insert(key, sender);
        Ok(Box::new(ModelListener(tokio::sync::Mutex::new(arrivals))))
    }

    async fn dial(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        timeout: Duration,
        _nonce: Option<&str>,
    ) -> Result<Connection, DialError> {
        let (own, course) = self.inner().course(endpoint, to)?;
        match course {
            Course::Reaches { arrival, source } => {
                let port = self.ephemeral_port();
                let (here, there) = tokio::io::duplex(BUFFER);
                arrival
                    .send((Box::new(there), SocketAddrV4::new(source, port)))
                    .map_err(|_| DialError::Refused)?;
                Ok(Connection {
                    stream: Box::new(here),
                    local: SocketAddrV4::new(own, port),
                })
            }
            Course::Refused => Err(DialError::Refused),
            Course::Unreachable => Err(DialError::Unreachable),
            Course::Silence => {
                tokio::time::sleep(timeout).await;
                Err(DialError::TimedOut)
            }
        }
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
