//! A [`Fabric`] made of Linux namespaces and nftables: real packets, no privilege, no uplink.
//!
//! A helper process owns the namespaces and hands out sockets ([`Lab::start`]); everything else
//! happens in this process, over those sockets. Data flows one way: resources and endpoints become a
//! plan (`plan`, over `peering`, `egress`, `effective`, `security`, `space`: pure), the plan becomes
//! kernel state (`network`, `filter`, `masquerade`, over `route`, `rule`, `nft`, `netlink`), and what
//! the rules log becomes evidence (`journal`, over `nflog`).
//!
//! Invariants: the lab's network has no way out, since no device of the host ever enters it; when
//! this process ends, however it ends, the namespaces do too. Nothing of `predict` may be used here:
//! the kernel is the second witness of what a network does.

mod connection;
mod datagram;
mod effective;
mod egress;
mod error;
mod filter;
mod helper;
mod journal;
mod masquerade;
mod netlink;
mod network;
mod nflog;
mod nft;
mod peering;
mod plan;
mod route;
mod rule;
mod security;
mod socket;
mod space;
mod support;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::emulator::fabric::{
    Connection, DatagramFlow, DatagramListener, DialError, EndpointId, Fabric, FabricError,
    Listener, NetworkState,
};
use crate::verdict::Evidence;
use crate::verdict::event::FabricName;

use error::{StartError, fabric_error};
use helper::{FABRIC, Helper};
use journal::{Journal, Reader};
use network::{Network, Seat, Seats};
use nflog::Log;

pub use error::LabError;
pub use support::{Check, Mode, Support, support};

/// A fabric of Linux namespaces.
pub struct Lab {
    mode: Mode,
    _reader: Reader,
    network: Arc<Mutex<Network>>,
    journal: Arc<Journal>,
    seats: Arc<Seats>,
    helper: Arc<Helper>,
}

impl Lab {
    /// Starts an empty lab: in a user namespace, or else with the capabilities of the process. The
    /// soft limit on open files is raised to the hard one.
    ///
    /// The start copies this process's page tables, so it is cheaper early in a program's life.
    ///
    /// # Errors
    /// When the host allows neither; the error says why, and what would help.
    pub fn start() -> Result<Lab, LabError> {
        support::raise_file_limit();
        let unprivileged = match Lab::start_in(Mode::UserNamespace) {
            Ok(lab) => return Ok(lab),
            Err(error) => error,
        };
        if support::missing_capabilities().is_some() {
            return Err(support::explain(unprivileged));
        }
        Lab::start_in(Mode::Root).map_err(support::explain)
    }

    fn start_in(mode: Mode) -> Result<Lab, StartError> {
        let helper = Arc::new(Helper::start(mode)?);
        prepare_fabric(&helper)?;
        let log = helper.socket(
            FABRIC,
            libc::AF_NETLINK,
            libc::SOCK_RAW,
            libc::NETLINK_NETFILTER,
        )?;
        let journal = Arc::new(Journal::new(Log::bind(log, journal::GROUP)?));
        let reader = Reader::start(&journal)
            .map_err(|error| StartError::Host("start of the log reader", error))?;
        let seats = Arc::new(Seats::default());
        let network = Network::start(
            Arc::clone(&helper),
            Arc::clone(&journal),
            Arc::clone(&seats),
        )?;
        Ok(Lab {
            mode,
            _reader: reader,
            network: Arc::new(Mutex::new(network)),
            journal,
            seats,
            helper,
        })
    }

    /// By what right the lab made its namespaces.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    fn seat(&self, endpoint: &EndpointId) -> Result<Seat, FabricError> {
        let seats = self.seats.read().unwrap_or_else(PoisonError::into_inner);
        seats
            .get(endpoint)
            .copied()
            .ok_or_else(|| fabric_error("use an endpoint", format!("no endpoint `{endpoint}`")))
    }
}

/// Sets what netlink cannot set.
fn prepare_fabric(helper: &Helper) -> Result<(), StartError> {
    const VALUES: [(&str, &str); 5] = [
        ("/proc/sys/net/ipv4/conf/all/rp_filter", "0"),
        ("/proc/sys/net/ipv4/conf/default/rp_filter", "0"),
        ("/proc/sys/net/ipv4/conf/all/send_redirects", "0"),
        ("/proc/sys/net/ipv4/conf/default/send_redirects", "0"),
        ("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"),
    ];
    for ((path, _), outcome) in VALUES.iter().zip(helper.sysctls(FABRIC, &VALUES)?) {
        // Marked packets would fail a check of their source, which looks without the mark. The value
        // comes from the host; where /proc/sys cannot be written, the host's own must do. The other
        // values spare the lab noise; it works without them.
        if path.ends_with("rp_filter")
            && let Err(error) = outcome
        {
            let inherited = std::fs::read_to_string(path).unwrap_or_default();
            if inherited.trim() != "0" {
                return Err(error.into());
            }
        }
    }
    Ok(())
}

#[async_trait]
impl Fabric for Lab {
    fn name(&self) -> FabricName {
        FabricName::Lab
    }

    async fn apply(&self, state: &NetworkState) -> Result<(), FabricError> {
        let network = Arc::clone(&self.network);
        let state = state.clone();
        let change = tokio::task::spawn_blocking(move || {
            let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
            network.apply(&state)
        });
        change
            .await
            .map_err(|error| fabric_error("change the network", io::Error::other(error)))?
    }

    async fn listen(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn Listener>, FabricError> {
        let listener = connection::listen(&self.helper, self.seat(endpoint)?, port);
        Ok(Box::new(listener.await?))
    }

    async fn dial(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        timeout: Duration,
        nonce: Option<&str>,
    ) -> Result<Connection, DialError> {
        let seat = self.seat(endpoint)?;
        connection::dial(&self.helper, &self.journal, seat, to, timeout, nonce).await
    }

    async fn listen_datagrams(
        &self,
        endpoint: &EndpointId,
        port: u16,
    ) -> Result<Box<dyn DatagramListener>, FabricError> {
        let listener = datagram::listen(&self.helper, self.seat(endpoint)?, port);
        Ok(Box::new(listener.await?))
    }

    async fn dial_datagrams(
        &self,
        endpoint: &EndpointId,
        to: SocketAddrV4,
        nonce: Option<&str>,
    ) -> Result<Box<dyn DatagramFlow>, DialError> {
        let seat = self.seat(endpoint)?;
        let flow = datagram::dial(&self.helper, &self.journal, seat, to, nonce);
        Ok(Box::new(flow.await?))
    }

    async fn echo(
        &self,
        endpoint: &EndpointId,
        to: Ipv4Addr,
        timeout: Duration,
        nonce: Option<&str>,
    ) -> Result<(), DialError> {
        let seat = self.seat(endpoint)?;
        datagram::echo(&self.helper, &self.journal, seat, to, timeout, nonce).await
    }

    async fn evidence(&self, nonce: &str) -> Option<Evidence> {
        self.journal.evidence(nonce)
    }
}
