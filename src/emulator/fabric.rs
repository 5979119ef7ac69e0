//! What a deployed network *does*: the seam between the emulator and what carries its packets.
//!
//! The emulator keeps resources and gives out addresses; a [`Fabric`] makes the network that they
//! describe, opens listeners and connections inside it, and keeps the record of what its rules did.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::arm::{Resource, ResourceId};
use crate::net::Prefix;
use crate::verdict::Evidence;
use crate::verdict::event::FabricName;

/// Something that carries, or models, the network that the resources describe.
#[async_trait]
pub trait Fabric: Send + Sync {
    /// What the network is made of.
    fn name(&self) -> FabricName;

    /// Makes the network what `state` says, from whatever it was. Listeners and connections of
    /// endpoints that stay are not disturbed; flows that exist survive a change of rules, unless
    /// their network security group flushes connections (R12).
    ///
    /// # Errors
    /// When the state cannot be realised; the network is then what it was before, or partly so.
    async fn apply(&self, state: &NetworkState) -> Result<(), FabricError>;

    /// Listens on a TCP port of an endpoint.
    ///
    /// # Errors
    /// When the endpoint does not exist or the port is taken.
    async fn listen(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn Listener>, FabricError>;

    /// Opens a TCP connection from an endpoint. What the packets of the attempt met is kept under
    /// `nonce` for [`Fabric::evidence`].
    ///
    /// # Errors
    /// [`DialError`] says how it failed, as a socket would.
    async fn dial(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        timeout: Duration,
        nonce: Option<&str>,
    ) -> Result<Connection, DialError>;

    /// Receives the datagrams that reach a UDP port of an endpoint.
    ///
    /// # Errors
    /// When the endpoint does not exist or the port is taken.
    async fn listen_datagrams(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn DatagramListener>, FabricError>;

    /// Opens a UDP flow from an endpoint; nothing is sent yet. What its packets meet is kept under
    /// `nonce` for [`Fabric::evidence`].
    ///
    /// # Errors
    /// When the endpoint does not exist or has no port left.
    async fn dial_datagrams(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        nonce: Option<&str>,
    ) -> Result<Box<dyn DatagramFlow>, DialError>;

    /// Sends one ICMP echo request from an endpoint and waits for its reply. What the packets meet is
    /// kept under `nonce` for [`Fabric::evidence`].
    ///
    /// # Errors
    /// [`DialError`] says how it failed; nothing refuses an echo.
    async fn echo(
        &self,
        endpoint: &EndpointId,
        to: Ipv4Addr,
        timeout: Duration,
        nonce: Option<&str>,
    ) -> Result<(), DialError>;

    /// The record of what was opened or sent under `nonce`; `None` where the fabric keeps
    /// no such record (the model) or has never heard of the nonce.
    async fn evidence(&self, nonce: &str) -> Option<Evidence>;
}

/// The name of an endpoint, unique within an emulator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub String);

impl EndpointId {
    /// The endpoint that answers for every address outside of the virtual networks. Every fabric of
    /// packets has it; no state names it.
    #[must_use]
    pub fn internet() -> EndpointId {
        EndpointId("internet".to_owned())
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One state of the whole emulated network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkState {
    /// Every resource as it is stored, of all resource groups: the fabric reads virtual networks,
    /// peerings, network interfaces, network security groups (with their default rules), route
    /// tables, NAT gateways, public addresses and managed clusters.
    pub resources: Vec<Resource>,
    /// Every endpoint with its address.
    pub endpoints: BTreeMap<EndpointId, Endpoint>,
}

/// An endpoint of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A container group.
    ContainerGroup {
        /// The group.
        group: ResourceId,
        /// Its subnet.
        subnet: ResourceId,
        /// Its private address.
        address: Ipv4Addr,
    },
    /// A network interface of a virtual machine.
    NetworkInterface {
        /// The interface, whose security group and IP forwarding apply.
        interface: ResourceId,
        /// Its subnet.
        subnet: ResourceId,
        /// Its primary private address.
        address: Ipv4Addr,
    },
    /// A node of a managed cluster.
    Node {
        /// The cluster.
        cluster: ResourceId,
        /// The node's name.
        name: String,
        /// Its subnet.
        subnet: ResourceId,
        /// Its primary private address.
        address: Ipv4Addr,
        /// The range of the pods behind it, for kubenet and overlay (a /24, R51).
        pod_prefix: Option<Prefix>,
    },
    /// A pod.
    Pod {
        /// The cluster.
        cluster: ResourceId,
        /// The pod's name.
        name: String,
        /// The node that it runs on.
        node: EndpointId,
        /// Its address: of the node's pod range (kubenet, overlay) or of the virtual network (Azure
        /// CNI); the node's own for a pod on the host network.
        address: Ipv4Addr,
        /// Whether it uses its node's network.
        host_network: bool,
    },
}

impl Endpoint {
    /// The endpoint's address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        match self {
            Endpoint::ContainerGroup { address, .. }
            | Endpoint::NetworkInterface { address, .. }
            | Endpoint::Node { address, .. }
            | Endpoint::Pod { address, .. } => *address,
        }
    }
}

/// A listening port of an endpoint.
#[async_trait]
pub trait Listener: Send + Sync {
    /// Waits for the next connection: the stream, and the caller's address as this end sees it.
    ///
    /// # Errors
    /// `NotConnected` when the listener is closed for good; with any other error the next connection
    /// can still be waited for.
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddrV4)>;
}

/// A UDP port of an endpoint.
#[async_trait]
pub trait DatagramListener: Send + Sync {
    /// Waits for the next datagram: its payload, and the sender's address as this end sees it.
    ///
    /// # Errors
    /// `NotConnected` when the port is closed for good; with any other error the next datagram can
    /// still be waited for.
    async fn receive(&self) -> io::Result<(Vec<u8>, SocketAddrV4)>;

    /// Sends a datagram from the port.
    ///
    /// # Errors
    /// When it cannot be sent; whether one arrives is never known.
    async fn send(&self, payload: &[u8], to: SocketAddrV4) -> io::Result<()>;
}

/// A UDP flow: one port of the caller, one port of the called.
#[async_trait]
pub trait DatagramFlow: Send + Sync {
    /// Sends a datagram and waits for the next one that comes back.
    ///
    /// # Errors
    /// [`DialError`] says how it failed: `Refused` is an ICMP port unreachable.
    async fn exchange(&self, payload: &[u8], timeout: Duration) -> Result<Vec<u8>, DialError>;
}

/// A byte stream of a connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub struct Connection {
    /// The stream.
    pub stream: Box<dyn Stream>,
    /// The caller's own end, before any translation.
    pub local: SocketAddrV4,
    /// Where the fabric keeps records: what moves the connection's to another nonce.
    pub recorder: Option<Box<dyn Recorder>>,
}

/// The record of a connection that goes on.
pub trait Recorder: Send + Sync {
    /// Keeps what the connection's packets meet under another nonce from now on.
    fn record(&self, nonce: &str);
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

/// How a connection attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// A reset, or an ICMP port unreachable: nothing listens.
    #[error("connection refused")]
    Refused,
    /// Silence until the timeout.
    #[error("connection timed out")]
    TimedOut,
    /// No route, or an ICMP error.
    #[error("no route to host")]
    Unreachable,
    /// The attempt could not be made.
    #[error(transparent)]
    Fabric(#[from] FabricError),
}

/// Why a fabric cannot do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct FabricError {
    /// What was being done.
    pub operation: String,
    /// What went wrong.
    pub message: String,
}
