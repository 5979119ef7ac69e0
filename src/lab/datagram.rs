//! UDP ports and flows of endpoints, and ICMP echoes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket as StdSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use crate::emulator::fabric::{DatagramFlow, DatagramListener, DialError, FabricError};

use super::error::fabric_error;
use super::helper::Helper;
use super::journal::{Journal, Lease};
use super::network::Seat;
use super::socket::{self, Kind, dial_error};

/// The largest payload of a datagram.
const LARGEST: usize = 65507;

fn in_tokio(socket: OwnedFd) -> Result<UdpSocket, FabricError> {
    UdpSocket::from_std(StdSocket::from(socket))
        .map_err(|error| fabric_error("watch a socket", error))
}

/// Receives on a port in the namespace of a seat.
pub(super) async fn listen(
    helper: &Arc<Helper>,
    seat: Seat,
    port: u16,
) -> Result<LabDatagrams, FabricError> {
    let socket = socket::open(helper, seat, Kind::Udp).await?;
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    socket::bind(&socket, any)
        .map_err(|error| fabric_error(format!("listen on UDP port {port}"), error))?;
    Ok(LabDatagrams(in_tokio(socket)?))
}

/// A UDP port in a namespace.
pub(super) struct LabDatagrams(UdpSocket);

#[async_trait]
impl DatagramListener for LabDatagrams {
    async fn receive(&self) -> io::Result<(Vec<u8>, SocketAddrV4)> {
        let mut buffer = vec![0; LARGEST];
        let (len, peer) = self.0.recv_from(&mut buffer).await?;
        buffer.truncate(len);
        match peer {
            SocketAddr::V4(peer) => Ok((buffer, peer)),
            SocketAddr::V6(peer) => Err(io::Error::other(format!("`{peer}` is no IPv4 peer"))),
        }
    }

    async fn send(&self, payload: &[u8], to: SocketAddrV4) -> io::Result<()> {
        self.0.send_to(payload, to).await.map(drop)
    }
}

/// A bound socket that belongs to one far end, with its source port.
async fn connected(
    helper: &Arc<Helper>,
    journal: &Arc<Journal>,
    seat: Seat,
    kind: Kind,
    to: SocketAddrV4,
    nonce: Option<&str>,
) -> Result<(UdpSocket, Lease), DialError> {
    let (socket, lease) = socket::open_bound(helper, journal, seat, kind).await?;
    socket::show_errors(&socket).map_err(|error| fabric_error("set up a socket", error))?;
    // A raw socket is sent to and received from as one of UDP is; tokio does not look at the difference.
    let socket = in_tokio(socket)?;
    if let Some(nonce) = nonce {
        lease.record(nonce, to);
    }
    let operation = format!("connect to {to}");
    let connected = socket.connect(SocketAddr::V4(to)).await;
    connected.map_err(|error| dial_error(&operation, error))?;
    Ok((socket, lease))
}

/// Opens a flow from a seat, and keeps the record under `nonce`.
pub(super) async fn dial(
    helper: &Arc<Helper>,
    journal: &Arc<Journal>,
    seat: Seat,
    to: SocketAddrV4,
    nonce: Option<&str>,
) -> Result<LabFlow, DialError> {
    let (socket, lease) = connected(helper, journal, seat, Kind::Udp, to, nonce).await?;
    Ok(LabFlow {
        socket,
        to,
        _lease: lease,
    })
}

/// A UDP flow; the source port is given back after the socket is closed.
pub(super) struct LabFlow {
    socket: UdpSocket,
    to: SocketAddrV4,
    _lease: Lease,
}

#[async_trait]
impl DatagramFlow for LabFlow {
    async fn exchange(&self, payload: &[u8], timeout: Duration) -> Result<Vec<u8>, DialError> {
        let failed = |error| dial_error(&format!("send a datagram to {}", self.to), error);
        let mut buffer = vec![0; LARGEST];
        // An answer that came too late for the last exchange is none to this one.
        while self.socket.try_recv(&mut buffer).is_ok() {}
        let exchange = async {
            self.socket.send(payload).await?;
            self.socket.recv(&mut buffer).await
        };
        match tokio::time::timeout(timeout, exchange).await {
            Err(_) => Err(DialError::TimedOut),
            Ok(Err(error)) => Err(failed(error)),
            Ok(Ok(len)) => {
                buffer.truncate(len);
                Ok(buffer)
            }
        }
    }
}

const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;

/// Sends an echo request from a seat and waits for its reply; the record is kept under `nonce`.
pub(super) async fn echo(
    helper: &Arc<Helper>,
    journal: &Arc<Journal>,
    seat: Seat,
    to: Ipv4Addr,
    timeout: Duration,
    nonce: Option<&str>,
) -> Result<(), DialError> {
    let deadline = Instant::now() + timeout;
    let far_end = SocketAddrV4::new(to, 0);
    let (socket, lease) = connected(helper, journal, seat, Kind::Icmp, far_end, nonce).await?;
    let request = echo_request(lease.port(), uuid::Uuid::new_v4().as_bytes());
    let mut buffer = [0; 1500];
    let exchange = async {
        socket.send(&request).await?;
        loop {
            // A raw socket hears every ICMP message of the far end, with its IP header.
            let len = socket.recv(&mut buffer).await?;
            if answers(&request, &buffer[..len]) {
                return Ok(());
            }
        }
    };
    match timeout_at(deadline, exchange).await {
        Err(_) => Err(DialError::TimedOut),
        Ok(Err(error)) => Err(dial_error(&format!("send an echo to {to}"), error)),
        Ok(Ok(())) => Ok(()),
    }
}

/// An echo request: type, code, checksum, identifier, sequence number, data.
fn echo_request(identifier: u16, data: &[u8]) -> Vec<u8> {
    let mut message = vec![ECHO_REQUEST, 0, 0, 0];
    message.extend(identifier.to_be_bytes());
    message.extend(1u16.to_be_bytes());
    message.extend(data);
    let checksum = checksum(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// The Internet checksum (RFC 1071).
fn checksum(message: &[u8]) -> u16 {
    let words = message.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    let mut sum = words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Whether an IP packet is the reply to a request: the same identifier, number and data.
fn answers(request: &[u8], packet: &[u8]) -> bool {
    let header = packet
        .first()
        .map_or(0, |first| usize::from(first & 0xf) * 4);
    packet.get(header..).is_some_and(|message| {
        message.starts_with(&[ECHO_REPLY, 0]) && message.get(4..) == request.get(4..)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_by_its_own_reply_alone() {
        let request = echo_request(40_000, b"sixteen bytes ok");
        // Over a message with its checksum in place the sum is 0.
        assert_eq!(checksum(&request), 0);
        let mut reply = vec![0x45; 20];
        reply.extend(&request);
        assert!(!answers(&request, &reply), "a request is no reply");
        reply[20] = ECHO_REPLY;
        assert!(answers(&request, &reply));
        let other = echo_request(40_001, b"sixteen bytes ok");
        assert!(!answers(&other, &reply));
        assert!(!answers(&request, &reply[..30]));
        assert!(!answers(&request, &[]));
    }

    #[test]
    fn an_odd_byte_counts_as_the_high_one() {
        assert_eq!(checksum(&[0x01]), !0x0100);
        assert_eq!(checksum(&[0xff, 0xff, 0x00, 0x01]), !0x0001);
    }
}
