//! The TCP probe: a handshake. Where the agent's HTTP server listens on the port, curl asks it over
//! that connection whom it sees; anything else is called with the agent's `connect`, which sends
//! nothing.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::verdict::{Observed, Outcome};

use super::curl::{self, Figures, Transfer};
use super::shell::Execution;
use super::transcript::Transcript;
use super::{CLIENT_ADDRESS_PATH, Reading};

/// A TCP handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// The called port.
    pub port: u16,
    /// Whether the agent's server listens there, so that it can say whom it sees.
    pub asks_source: bool,
}

impl Tcp {
    pub(super) fn program(&self, address: Ipv4Addr, timeout: Duration, nonce: &str) -> Vec<String> {
        let port = self.port;
        if self.asks_source {
            let url = format!("http://{address}:{port}{CLIENT_ADDRESS_PATH}");
            let options = Vec::new();
            return curl::program(nonce, timeout, vec![Transfer { options, url }]);
        }
        vec![
            "/agnhost".to_owned(),
            "connect".to_owned(),
            format!("--timeout={}ms", timeout.as_millis()),
            "--protocol=tcp".to_owned(),
            format!("{address}:{port}"),
        ]
    }

    pub(super) fn from_program(words: &[String]) -> Option<(Ipv4Addr, Duration, Tcp)> {
        let (to, timeout, asks_source) = match words {
            [_, _, timeout, _, to] => {
                let millis = timeout.strip_prefix("--timeout=")?.strip_suffix("ms")?;
                let timeout = Duration::from_millis(millis.parse().ok()?);
                (to.parse::<SocketAddrV4>().ok()?, timeout, false)
            }
            _ => {
                let (timeout, transfers) = curl::read_program(words)?;
                let url = transfers.first()?.url.strip_prefix("http://")?;
                let to = url.strip_suffix(CLIENT_ADDRESS_PATH)?;
                (to.parse().ok()?, timeout, true)
            }
        };
        let port = to.port();
        Some((*to.ip(), timeout, Tcp { port, asks_source }))
    }

    pub(super) fn read(&self, nonce: &str, ran: &Execution) -> Reading {
        if !self.asks_source {
            return read_connect(ran);
        }
        let transfers = curl::figures(nonce, ran).unwrap_or_default();
        let Some(figures) = transfers.first().filter(|figures| figures.connected) else {
            return curl::failure(ran, false);
        };
        let peer = figures.body.trim().parse::<SocketAddrV4>().ok();
        Reading {
            outcome: Observed::Is(Outcome::Reachable),
            status: None,
            body: None,
            source: peer
                .filter(|_| figures.status == 200)
                .map(|peer| *peer.ip()),
            caller: figures.local,
        }
    }

    pub(super) fn print(
        &self,
        nonce: &str,
        to: SocketAddrV4,
        timeout: Duration,
        transcript: &Transcript,
    ) -> Option<Execution> {
        if !self.asks_source {
            return print_connect(to, transcript);
        }
        let (local, answer) = match transcript {
            Transcript::Answered { local, answers } => (local, answers.first()),
            Transcript::Connected { local } => (local, None),
            other => return curl::print_failure(nonce, to, timeout, other),
        };
        let figures = Figures {
            body: answer.map_or_else(String::new, |(_, body)| {
                String::from_utf8_lossy(body).into_owned()
            }),
            status: answer.map_or(0, |(status, _)| *status),
            connects: 1,
            connected: true,
            shaken: false,
            local: Some(*local),
        };
        Some(Execution {
            exit: if answer.is_some() { 0 } else { 52 },
            stdout: curl::print_figures(nonce, &figures),
            stderr: String::new(),
        })
    }
}

/// The agent's words: TIMEOUT, REFUSED, or OTHER with the system's own.
fn read_connect(ran: &Execution) -> Reading {
    let said = |word: &str| ran.stderr.lines().any(|line| line.starts_with(word));
    match ran.exit {
        0 => Reading::of(Outcome::Reachable),
        1 if said("TIMEOUT") => Reading::of(Outcome::Timeout),
        1 if said("REFUSED") => Reading::of(Outcome::Refused),
        // The system's words as Go spells them, in lower case.
        1 if ran.stderr.contains("no route to host") || curl::is_unreachable(&ran.stderr) => {
            Reading::of(Outcome::Unreachable)
        }
        _ => Reading::inconclusive(ran.complaint("connect")),
    }
}

fn print_connect(to: SocketAddrV4, transcript: &Transcript) -> Option<Execution> {
    let (exit, stderr) = match transcript {
        Transcript::Connected { .. } | Transcript::Answered { .. } => (0, String::new()),
        Transcript::TimedOut => (1, "TIMEOUT\n".to_owned()),
        Transcript::Refused => (1, "REFUSED\n".to_owned()),
        Transcript::Unreachable => (
            1,
            format!("OTHER: dial tcp {to}: connect: no route to host\n"),
        ),
        _ => return None,
    };
    Some(Execution {
        exit,
        stdout: String::new(),
        stderr,
    })
}
