use std::net::Ipv4Addr;
use std::time::Duration;

use crate::verdict::Observation;

/// An HTTP probe: one new connection to an address, read to its status, body and the server's view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The called address; unspecified until a deployment has told it.
    pub address: Ipv4Addr,
    /// The called port.
    pub port: u16,
    /// The path and query of each URL, all asked over one connection.
    pub paths: Vec<String>,
    /// Whether the last path is the agent's `/clientip`, whose body is the source that the server saw.
    pub asks_source: bool,
    /// How long the whole probe may take.
    pub timeout: Duration,
}

impl Probe {
    /// The command line to run in the caller's container. The one line of its output that counts is
    /// tagged with `nonce`.
    #[must_use]
    pub fn command(&self, _nonce: &str) -> Vec<String> {
        unimplemented!("seam")
    }

    /// The probe and the nonce of a command line that [`Probe::command`] made; `None` for any other.
    #[must_use]
    pub fn from_command(_argv: &[String]) -> Option<(Probe, String)> {
        unimplemented!("seam")
    }

    /// Reads the output of the command. A lost line is inconclusive, never a timeout.
    #[must_use]
    pub fn read(&self, _nonce: &str, _output: &str) -> Observation {
        unimplemented!("seam")
    }
}

/// What an execution of the command saw, from which its output is written: the built-in command line
/// of the local Azure answers with [`Transcript::output`], word for word what curl would print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transcript {
    /// The connection stood and each URL was answered.
    Answered {
        /// The caller's own end of the connection.
        local: std::net::SocketAddrV4,
        /// Status and body for each URL.
        answers: Vec<(u16, Vec<u8>)>,
    },
    /// Nothing answered in time.
    TimedOut,
    /// A reset.
    Refused,
    /// No route, or an ICMP error.
    Unreachable,
    /// The connection stood, but the answer broke off.
    BrokenOff,
}

impl Transcript {
    /// The output of the command that [`Probe::command`] makes.
    #[must_use]
    pub fn output(&self, _probe: &Probe, _nonce: &str) -> String {
        unimplemented!("seam")
    }
}
