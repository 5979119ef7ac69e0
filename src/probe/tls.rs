//! The TLS probe: a handshake, whatever is spoken inside. No certificate is verified: what is asked
//! is whether the far end is reached and answers in TLS, not who it is.
//!
//! curl cannot stop after a handshake: a request for `/` follows it, whose fate is not judged. A server
//! that neither answers nor closes keeps the command until its timeout.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::verdict::Outcome;

use super::Reading;
use super::curl::{self, Figures, Transfer};
use super::shell::Execution;
use super::transcript::Transcript;

/// A TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The called port.
    pub port: u16,
    /// The name that the caller asks for (SNI); none is sent without it.
    pub server_name: Option<String>,
}

impl Tls {
    pub(super) fn program(&self, address: Ipv4Addr, timeout: Duration, nonce: &str) -> Vec<String> {
        let mut options = ["-k", "--http1.1"].map(str::to_owned).to_vec();
        let url = match &self.server_name {
            None => format!("https://{address}:{}/", self.port),
            Some(name) => {
                options.extend([
                    "--connect-to".to_owned(),
                    format!("::{address}:{}", self.port),
                ]);
                format!("https://{name}:{}/", self.port)
            }
        };
        curl::program(nonce, timeout, vec![Transfer { options, url }])
    }

    pub(super) fn from_program(words: &[String]) -> Option<(Ipv4Addr, Duration, Tls)> {
        let (timeout, transfers) = curl::read_program(words)?;
        let [transfer] = transfers.as_slice() else {
            return None;
        };
        let called = transfer.url.strip_prefix("https://")?.strip_suffix('/')?;
        let (name, _) = called.rsplit_once(':')?;
        let (to, server_name) = match transfer.options.as_slice() {
            [_, _] => (called.parse::<SocketAddrV4>().ok()?, None),
            [_, _, _, to] => (
                to.strip_prefix("::")?.parse::<SocketAddrV4>().ok()?,
                Some(name.to_owned()),
            ),
            _ => return None,
        };
        let tls = Tls {
            port: to.port(),
            server_name,
        };
        Some((*to.ip(), timeout, tls))
    }

    pub(super) fn read(&self, nonce: &str, ran: &Execution) -> Reading {
        let transfers = curl::figures(nonce, ran).unwrap_or_default();
        match transfers.first() {
            Some(figures) if figures.shaken => Reading {
                caller: figures.local,
                ..Reading::of(Outcome::Reachable)
            },
            _ => curl::failure(ran, true),
        }
    }

    pub(super) fn print(
        &self,
        nonce: &str,
        to: SocketAddrV4,
        timeout: Duration,
        transcript: &Transcript,
    ) -> Option<Execution> {
        let Transcript::Connected { local } = transcript else {
            return curl::print_failure(nonce, to, timeout, transcript);
        };
        let figures = Figures {
            body: String::new(),
            status: 0,
            connects: 1,
            connected: true,
            shaken: true,
            local: Some(*local),
        };
        Some(Execution {
            exit: 52,
            stdout: curl::print_figures(nonce, &figures),
            stderr: "curl: (52) Empty reply from server\n".to_owned(),
        })
    }
}
