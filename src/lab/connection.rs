//! Listeners and connections of endpoints: tokio sockets over descriptors from the helper.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream as StdStream};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::emulator::fabric::{Connection, DialError, FabricError, Listener, Stream};

use super::error::fabric_error;
use super::helper::Helper;
use super::journal::{Journal, Lease};
use super::network::Seat;

const BACKLOG: u32 = 1024;
/// How many source ports are tried that listeners of the endpoint may hold.
const ATTEMPTS: usize = 64;

fn tcp_socket(helper: &Helper, seat: Seat) -> Result<TcpSocket, FabricError> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
    let socket: OwnedFd = helper.socket(seat.slot, libc::AF_INET, kind, 0)?;
    Ok(TcpSocket::from_std_stream(StdStream::from(socket)))
}

/// Listens in the namespace of a seat.
pub(super) fn listen(helper: &Helper, seat: Seat, port: u16) -> Result<LabListener, FabricError> {
    let failed = |error: io::Error| fabric_error(format!("listen on port {port}"), error);
    let socket = tcp_socket(helper, seat)?;
    socket.set_reuseaddr(true).map_err(failed)?;
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    socket.bind(SocketAddr::V4(any)).map_err(failed)?;
    Ok(LabListener(socket.listen(BACKLOG).map_err(failed)?))
}

/// Connects from a seat, and keeps the record under `nonce`.
pub(super) async fn dial(
    helper: &Helper,
    journal: &Arc<Journal>,
    seat: Seat,
    to: SocketAddrV4,
    timeout: Duration,
    nonce: Option<&str>,
) -> Result<Connection, DialError> {
    let (socket, lease) = bound(helper, journal, seat)?;
    if let Some(nonce) = nonce {
        lease.record(nonce, to);
    }
    let local = SocketAddrV4::new(seat.address, lease.port());
    let connected = tokio::time::timeout(timeout, socket.connect(SocketAddr::V4(to))).await;
    match connected {
        Err(_) => Err(DialError::TimedOut),
        Ok(Ok(stream)) => Ok(Connection {
            stream: Box::new(LeasedStream {
                stream,
                _lease: lease,
            }),
            local,
        }),
        Ok(Err(error)) => Err(match error.kind() {
            io::ErrorKind::ConnectionRefused => DialError::Refused,
            io::ErrorKind::TimedOut => DialError::TimedOut,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                DialError::Unreachable
            }
            _ => DialError::Fabric(fabric_error(format!("connect to {to}"), error)),
        }),
    }
}

/// A socket bound to the seat's address and a source port that nothing else in the lab uses.
fn bound(
    helper: &Helper,
    journal: &Arc<Journal>,
    seat: Seat,
) -> Result<(TcpSocket, Lease), FabricError> {
    let socket = tcp_socket(helper, seat)?;
    for _ in 0..ATTEMPTS {
        let Some(lease) = journal.lease() else {
            break;
        };
        let local = SocketAddrV4::new(seat.address, lease.port());
        match socket.bind(SocketAddr::V4(local)) {
            Ok(()) => return Ok((socket, lease)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(fabric_error(format!("bind to {local}"), error)),
        }
    }
    Err(fabric_error("bind a source port", "all are in use"))
}

/// A listener in a namespace.
pub(super) struct LabListener(TcpListener);

#[async_trait]
impl Listener for LabListener {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, SocketAddrV4)> {
        match self.0.accept().await? {
            (stream, SocketAddr::V4(peer)) => Ok((Box::new(stream), peer)),
            (_, SocketAddr::V6(peer)) => Err(io::Error::other(format!("`{peer}` is no IPv4 peer"))),
        }
    }
}

/// A stream that gives its source port back when it is dropped, after the socket is closed.
struct LeasedStream {
    stream: TcpStream,
    _lease: Lease,
}

impl AsyncRead for LeasedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for LeasedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
