//! TCP listeners and connections of endpoints: tokio sockets over descriptors from the helper.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream as StdStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::emulator::fabric::{Connection, DialError, FabricError, Listener, Recorder, Stream};

use super::error::fabric_error;
use super::helper::Helper;
use super::journal::{Journal, Lease};
use super::network::Seat;
use super::socket::{self, Kind, dial_error};

const BACKLOG: u32 = 1024;

/// Listens in the namespace of a seat.
pub(super) async fn listen(
    helper: &Arc<Helper>,
    seat: Seat,
    port: u16,
) -> Result<LabListener, FabricError> {
    let failed = |error: io::Error| fabric_error(format!("listen on port {port}"), error);
    let socket = socket::open(helper, seat, Kind::Tcp).await?;
    let socket = TcpSocket::from_std_stream(StdStream::from(socket));
    socket.set_reuseaddr(true).map_err(failed)?;
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    socket.bind(SocketAddr::V4(any)).map_err(failed)?;
    Ok(LabListener(socket.listen(BACKLOG).map_err(failed)?))
}

/// Connects from a seat, and keeps the record under `nonce`.
pub(super) async fn dial(
    helper: &Arc<Helper>,
    journal: &Arc<Journal>,
    seat: Seat,
    to: SocketAddrV4,
    timeout: Duration,
    nonce: Option<&str>,
) -> Result<Connection, DialError> {
    let (socket, lease) = socket::open_bound(helper, journal, seat, Kind::Tcp).await?;
    let socket = TcpSocket::from_std_stream(StdStream::from(socket));
    if let Some(nonce) = nonce {
        lease.record(nonce, to);
    }
    let local = SocketAddrV4::new(seat.address, lease.port());
    let connected = tokio::time::timeout(timeout, socket.connect(SocketAddr::V4(to))).await;
    match connected {
        Err(_) => Err(DialError::TimedOut),
        Ok(Ok(stream)) => {
            let lease = Arc::new(lease);
            Ok(Connection {
                stream: Box::new(LeasedStream {
                    stream,
                    _lease: Arc::clone(&lease),
                }),
                local,
                recorder: Some(Box::new(LeaseRecorder { lease, to })),
            })
        }
        Ok(Err(error)) => Err(dial_error(&format!("connect to {to}"), error)),
    }
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

/// Begins a new record of the flow of a leased port.
struct LeaseRecorder {
    lease: Arc<Lease>,
    to: SocketAddrV4,
}

impl Recorder for LeaseRecorder {
    fn record(&self, nonce: &str) {
        self.lease.resume(nonce, self.to);
    }
}

/// A stream whose source port is given back when it and its recorder are dropped, after the socket is
/// closed.
struct LeasedStream {
    stream: TcpStream,
    _lease: Arc<Lease>,
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
