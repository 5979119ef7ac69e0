//! What a run of a probe's command saw, for whoever runs it without the program.

use std::net::SocketAddrV4;

use super::{Probe, RecordType};

/// What an execution of a probe's command saw. The built-in command line of the local Azure prints
/// [`Transcript::output`], which reads as the output of the real command does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transcript {
    /// The connection stood and URLs were answered over it.
    Answered {
        /// The caller's own end of the connection.
        local: SocketAddrV4,
        /// Status and body for each URL that was answered, in order.
        answers: Vec<(u16, Vec<u8>)>,
    },
    /// A TCP connection stood, or a TLS handshake succeeded, and nothing more is known.
    Connected {
        /// The caller's own end of the connection.
        local: SocketAddrV4,
    },
    /// Datagrams were answered.
    Echoed {
        /// The answer to each datagram, in order.
        answers: Vec<Vec<u8>>,
    },
    /// A resolver knows the name.
    Resolved {
        /// Its records, aliases included.
        records: Vec<(RecordType, String)>,
    },
    /// A resolver says that the name does not exist.
    Nxdomain,
    /// A resolver answers that it cannot say.
    ResolverFailed {
        /// Its word, for example `SERVFAIL`.
        code: String,
    },
    /// An ICMP echo came back.
    EchoReply,
    /// Nothing answered in time.
    TimedOut,
    /// A reset, or an ICMP port unreachable.
    Refused,
    /// No route, or another ICMP error.
    Unreachable,
    /// The connection stood, but the answer broke off.
    BrokenOff,
    /// The held connection is closed, or was never open.
    Closed,
    /// The connection stood, but the TLS handshake failed.
    TlsFailed {
        /// Why.
        reason: String,
    },
}

impl Transcript {
    /// The output of the command that [`Probe::command`] makes: one line, tagged with `nonce`. Empty
    /// where no run of that command could have seen this, which then reads as a lost line.
    #[must_use]
    pub fn output(&self, probe: &Probe, nonce: &str) -> String {
        let ran = probe.print(nonce, self);
        ran.map_or_else(String::new, |ran| ran.line(nonce))
    }
}
