//! One probe kind a file, pure: the command to run in the caller's container, how to read its output,
//! and what an execution of it prints.
//!
//! A probe is text out and text in. Whoever runs the command (a pod on Azure, the built-in command
//! line of the local Azure) prints one line tagged with the probe's nonce; only that line counts, so
//! output that got lost is `inconclusive` and never a timeout. The programs are those of the agent
//! image: curl, bash, dig, and busybox's `timeout`, `dd` and `ping`.

mod curl;
mod dns;
mod held;
mod http;
mod icmp;
mod shell;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod transcript;
mod udp;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::verdict::{Observation, Observed, Outcome};

use shell::Execution;

pub use dns::{Dns, RecordType};
pub use held::Held;
pub use http::Http;
pub use tcp::Tcp;
pub use tls::Tls;
pub use transcript::Transcript;
pub use udp::Udp;

/// The image of workloads that name none: the field's standard connectivity image, with curl inside
/// and `netexec` as its server.
pub const AGENT_IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";

/// The path at which the agent's server says which address it sees.
pub const CLIENT_ADDRESS_PATH: &str = "/clientip";

/// The path at which the agent's server answers with `body` and status 200.
#[must_use]
pub fn echo_path(body: &str) -> String {
    format!("/echo?msg={}&code=200", percent_encode(body))
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    encoded
}

/// A probe: one try, one new connection, from a caller to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The called address; `None` until a deployment has told it, and for a name lookup, whose resolver
    /// is part of its kind.
    pub address: Option<Ipv4Addr>,
    /// How long each wait for an answer may take, in whole milliseconds, at least one.
    pub timeout: Duration,
    /// What is called, and how.
    pub kind: Kind,
}

/// The kinds of probes, one for each scheme of the spec language.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An HTTP request.
    Http(Http),
    /// An HTTP request inside TLS; the certificate is not verified.
    Https(Http),
    /// A TLS handshake; the certificate is not verified.
    Tls(Tls),
    /// A TCP handshake.
    Tcp(Tcp),
    /// A question over a connection that is kept.
    Held(Held),
    /// A datagram and its answer.
    Udp(Udp),
    /// A name lookup.
    Dns(Dns),
    /// An ICMP echo.
    Icmp,
}

impl Kind {
    fn word(&self) -> &'static str {
        match self {
            Kind::Http(_) => "http",
            Kind::Https(_) => "https",
            Kind::Tls(_) => "tls",
            Kind::Tcp(_) => "tcp",
            Kind::Held(_) => "held",
            Kind::Udp(_) => "udp",
            Kind::Dns(_) => "dns",
            Kind::Icmp => "icmp",
        }
    }
}

impl Probe {
    /// The URLs as they are sent; for what is no request, the call in the same form. Empty while the
    /// called address is not known.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        match (&self.kind, self.address) {
            (Kind::Dns(dns), _) => vec![dns.url()],
            (Kind::Http(http), Some(address)) => http.urls(address, false),
            (Kind::Https(http), Some(address)) => http.urls(address, true),
            (Kind::Held(held), Some(address)) => held.urls(address),
            (Kind::Tls(Tls { port, .. }), Some(address)) => vec![format!("tls://{address}:{port}")],
            (Kind::Tcp(Tcp { port, .. }), Some(address)) => vec![format!("tcp://{address}:{port}")],
            (Kind::Udp(Udp { port, .. }), Some(address)) => vec![format!("udp://{address}:{port}")],
            (Kind::Icmp, Some(address)) => vec![format!("icmp://{address}")],
            (_, None) => Vec::new(),
        }
    }

    /// How long a run may take at most, beside what its program needs to start.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let waits = match &self.kind {
            Kind::Http(http) | Kind::Https(http) => http.paths.len(),
            // The first run opens the connection.
            Kind::Held(held) => 1 + held.paths.len(),
            Kind::Udp(udp) => 1 + usize::from(udp.asks_source),
            Kind::Tls(_) | Kind::Tcp(_) | Kind::Dns(_) | Kind::Icmp => 1,
        };
        self.timeout * u32::try_from(waits).unwrap_or(u32::MAX)
    }

    /// The command line to run in the caller's container. The one line of its output that counts is
    /// tagged with `nonce`, which must be in lower case (the agent's server echoes in lower case).
    /// `None` while the called address is not known, and for a held connection whose session or path is
    /// no word.
    #[must_use]
    pub fn command(&self, nonce: &str) -> Option<Vec<String>> {
        let timeout = self.timeout;
        let program = match &self.kind {
            Kind::Http(http) => http.program(self.address?, false, timeout, nonce),
            Kind::Https(http) => http.program(self.address?, true, timeout, nonce),
            Kind::Tls(tls) => tls.program(self.address?, timeout, nonce),
            Kind::Tcp(tcp) => tcp.program(self.address?, timeout, nonce),
            Kind::Held(held) => held.program(self.address?, timeout, nonce)?,
            Kind::Udp(udp) => udp.program(self.address?, timeout, nonce),
            Kind::Dns(dns) => dns.program(timeout),
            Kind::Icmp => icmp::program(self.address?, timeout),
        };
        Some(shell::wrap(self.kind.word(), nonce, program))
    }

    /// The probe and the nonce of a command line that [`Probe::command`] made; `None` for any other.
    #[must_use]
    pub fn from_command(argv: &[String]) -> Option<(Probe, String)> {
        let (kind, nonce, words) = shell::unwrap(argv)?;
        let (address, timeout, kind) = match kind {
            "http" | "https" => {
                let tls = kind == "https";
                let (address, timeout, http) = Http::from_program(words, tls)?;
                let kind = if tls { Kind::Https } else { Kind::Http };
                (Some(address), timeout, kind(http))
            }
            "tls" => {
                let (address, timeout, tls) = Tls::from_program(words)?;
                (Some(address), timeout, Kind::Tls(tls))
            }
            "tcp" => {
                let (address, timeout, tcp) = Tcp::from_program(words)?;
                (Some(address), timeout, Kind::Tcp(tcp))
            }
            "held" => {
                let (address, timeout, held) = Held::from_program(words)?;
                (Some(address), timeout, Kind::Held(held))
            }
            "udp" => {
                let (address, timeout, udp) = Udp::from_program(words)?;
                (Some(address), timeout, Kind::Udp(udp))
            }
            "dns" => {
                let (timeout, dns) = Dns::from_program(words)?;
                (None, timeout, Kind::Dns(dns))
            }
            "icmp" => {
                let (address, timeout) = icmp::from_program(words)?;
                (Some(address), timeout, Kind::Icmp)
            }
            _ => return None,
        };
        let probe = Probe {
            address,
            timeout,
            kind,
        };
        // Whatever differs in a word from what the probe would make is another command.
        (probe.command(nonce)? == argv).then(|| (probe, nonce.to_owned()))
    }

    /// Reads the output of the command. A lost line is inconclusive, never a timeout.
    #[must_use]
    pub fn read(&self, nonce: &str, output: &str) -> Observation {
        let reading = match Execution::find(nonce, output) {
            Ok(ran) => self.read_run(nonce, &ran),
            Err(reason) => Reading::inconclusive(reason),
        };
        Observation {
            outcome: reading.outcome,
            status: reading.status,
            body: reading.body,
            source: reading.source,
            caller: reading.caller,
            urls: self.urls(),
            simulated: false,
            evidence: None,
        }
    }

    fn read_run(&self, nonce: &str, ran: &Execution) -> Reading {
        match (&self.kind, self.address) {
            (Kind::Http(http), _) => http.read(nonce, ran, false),
            (Kind::Https(http), _) => http.read(nonce, ran, true),
            (Kind::Tls(tls), _) => tls.read(nonce, ran),
            (Kind::Tcp(tcp), _) => tcp.read(nonce, ran),
            (Kind::Held(held), _) => held.read(nonce, ran),
            (Kind::Udp(udp), _) => udp.read(nonce, ran),
            (Kind::Dns(dns), _) => dns.read(ran),
            (Kind::Icmp, Some(address)) => icmp::read(address, ran),
            (Kind::Icmp, None) => Reading::inconclusive("no address was called".to_owned()),
        }
    }

    /// What the command's program leaves behind when it sees `transcript`.
    fn print(&self, nonce: &str, transcript: &Transcript) -> Option<Execution> {
        let to = |port| Some(SocketAddrV4::new(self.address?, port));
        let timeout = self.timeout;
        match &self.kind {
            Kind::Http(http) => http.print(nonce, to(http.port)?, timeout, false, transcript),
            Kind::Https(http) => http.print(nonce, to(http.port)?, timeout, true, transcript),
            Kind::Tls(tls) => tls.print(nonce, to(tls.port)?, timeout, transcript),
            Kind::Tcp(tcp) => tcp.print(nonce, to(tcp.port)?, timeout, transcript),
            Kind::Held(held) => held.print(nonce, transcript),
            Kind::Udp(udp) => udp.print(nonce, transcript),
            Kind::Dns(dns) => dns.print(transcript),
            Kind::Icmp => icmp::print(self.address?, transcript),
        }
    }
}

/// What a kind makes of a run.
struct Reading {
    outcome: Observed,
    status: Option<u16>,
    body: Option<String>,
    source: Option<Ipv4Addr>,
    caller: Option<SocketAddrV4>,
}

impl Reading {
    fn new(outcome: Observed) -> Reading {
        Reading {
            outcome,
            status: None,
            body: None,
            source: None,
            caller: None,
        }
    }

    fn of(outcome: Outcome) -> Reading {
        Reading::new(Observed::Is(outcome))
    }

    fn inconclusive(reason: String) -> Reading {
        Reading::new(Observed::Inconclusive { reason })
    }
}

/// A time as curl and `timeout` read it; never 0, which both take for no limit.
fn seconds(time: Duration) -> String {
    let time = time.max(Duration::from_millis(1));
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

fn parse_seconds(text: &str) -> Option<Duration> {
    let (whole, millis) = text.split_once('.')?;
    Some(Duration::from_secs(whole.parse().ok()?) + Duration::from_millis(millis.parse().ok()?))
}
