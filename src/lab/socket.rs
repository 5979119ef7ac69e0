//! Sockets in the namespaces of endpoints: descriptors from the helper, bound to a source port of
//! their own where they call.

use std::io;
use std::mem;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use crate::emulator::fabric::{DialError, FabricError};

use super::error::fabric_error;
use super::helper::Helper;
use super::journal::{Journal, Lease};
use super::network::Seat;

/// How many source ports are tried that listeners of the endpoint may hold.
const ATTEMPTS: usize = 64;

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    Udp,
    /// Raw ICMP, which the namespace's owner may open: no setting of the host has to allow it.
    Icmp,
}

impl Kind {
    fn open(self, helper: &Helper, seat: Seat) -> Result<OwnedFd, FabricError> {
        let (kind, protocol) = match self {
            Kind::Tcp => (libc::SOCK_STREAM, 0),
            Kind::Udp => (libc::SOCK_DGRAM, 0),
            Kind::Icmp => (libc::SOCK_RAW, libc::IPPROTO_ICMP),
        };
        let kind = kind | libc::SOCK_NONBLOCK;
        Ok(helper.socket(seat.slot, libc::AF_INET, kind, protocol)?)
    }
}

/// Runs what waits for the helper, which is busy for a while when a large network is made, where no
/// other task waits for it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FabricError> + Send + 'static,
) -> Result<T, FabricError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| fabric_error("open a socket", error))?
}

/// A socket in the namespace of a seat.
pub(super) async fn open(
    helper: &Arc<Helper>,
    seat: Seat,
    kind: Kind,
) -> Result<OwnedFd, FabricError> {
    let helper = Arc::clone(helper);
    aside(move || kind.open(&helper, seat)).await
}

/// A socket bound to the seat's address and a source port (for an echo: an identifier) that nothing
/// else in the lab uses.
pub(super) async fn open_bound(
    helper: &Arc<Helper>,
    journal: &Arc<Journal>,
    seat: Seat,
    kind: Kind,
) -> Result<(OwnedFd, Lease), FabricError> {
    let (helper, journal) = (Arc::clone(helper), Arc::clone(journal));
    let work = move || {
        let socket = kind.open(&helper, seat)?;
        for _ in 0..ATTEMPTS {
            let Some(lease) = journal.lease() else {
                break;
            };
            let port = if kind == Kind::Icmp { 0 } else { lease.port() };
            let local = SocketAddrV4::new(seat.address, port);
            match bind(&socket, local) {
                Ok(()) => return Ok((socket, lease)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(fabric_error(format!("bind to {local}"), error)),
            }
        }
        Err(fabric_error("bind a source port", "all are in use"))
    };
    aside(work).await
}

/// Binds a socket.
pub(super) fn bind(socket: &OwnedFd, local: SocketAddrV4) -> io::Result<()> {
    // SAFETY: the address is plain data, initialised here and read by the kernel within the call.
    let bound = unsafe {
        let mut address: libc::sockaddr_in = mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = local.port().to_be();
        address.sin_addr.s_addr = u32::from(*local.ip()).to_be();
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            mem::size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    };
    if bound < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Lets ICMP errors that come back for what was sent show as errors of the socket; the kernel shows
/// only a port unreachable without.
pub(super) fn show_errors(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the value is an initialised int that the kernel reads within the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_IP,
            libc::IP_RECVERR,
            (&raw const on).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if set < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What a socket's error says of an attempt: a reset or a port unreachable is `Refused`, any other
/// ICMP error `Unreachable`.
pub(super) fn dial_error(operation: &str, error: io::Error) -> DialError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused,
        io::ErrorKind::TimedOut => DialError::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            DialError::Unreachable
        }
        _ => DialError::Fabric(fabric_error(operation, error)),
    }
}
