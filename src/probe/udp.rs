//! The UDP probe: a datagram, and an answer to it. bash opens the socket (`/dev/udp`), since the
//! agent's own `connect` does not show what came back, and an answer must be known to be this probe's.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::verdict::{Observed, Outcome};

use super::curl::is_unreachable;
use super::shell::{CUT_OFF, Execution};
use super::transcript::Transcript;
use super::{Reading, parse_seconds, seconds};

/// Sends each message and waits for an answer to it before the next, all from one port. `dd` writes a
/// message as one datagram and reads one datagram whole, where the shell itself works by line and byte.
const SCRIPT: &str = r#"t=$1 h=$2 p=$3 n=$4; shift 4
exec 3<>"/dev/udp/$h/$p" || exit 2
for m; do
printf %s "$m" | dd obs=65507 2>/dev/null >&3
timeout -s KILL "$t" dd bs=65507 count=1 <&3 || exit
printf '\n%s answer\n' "$n"
done"#;

/// The agent's command that answers with the caller's address.
const ASK_SOURCE: &str = "clientip";

/// A datagram that asks for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Udp {
    /// The called port.
    pub port: u16,
    /// What is sent; without it, `echo NONCE`, which the agent's server and any echo server answer with
    /// the nonce.
    pub payload: Option<String>,
    /// Whether the agent's server listens there, so that it can say whom it sees.
    pub asks_source: bool,
}

impl Udp {
    /// The datagrams of the probe, in order.
    #[must_use]
    pub fn messages(&self, nonce: &str) -> Vec<String> {
        let first = match &self.payload {
            Some(payload) => payload.clone(),
            None => format!("echo {nonce}"),
        };
        let second = self.asks_source.then(|| ASK_SOURCE.to_owned());
        std::iter::once(first).chain(second).collect()
    }

    pub(super) fn program(&self, address: Ipv4Addr, timeout: Duration, nonce: &str) -> Vec<String> {
        let (seconds, address, port) =
            (seconds(timeout), address.to_string(), self.port.to_string());
        let fixed = [
            "/bin/bash",
            "-c",
            SCRIPT,
            "udp",
            &seconds,
            &address,
            &port,
            nonce,
        ];
        fixed
            .into_iter()
            .map(str::to_owned)
            .chain(self.messages(nonce))
            .collect()
    }

    pub(super) fn from_program(words: &[String]) -> Option<(Ipv4Addr, Duration, Udp)> {
        let [_, _, _, _, seconds, address, port, nonce, first, rest @ ..] = words else {
            return None;
        };
        let udp = Udp {
            port: port.parse().ok()?,
            payload: (*first != format!("echo {nonce}")).then(|| first.clone()),
            asks_source: !rest.is_empty(),
        };
        Some((address.parse().ok()?, parse_seconds(seconds)?, udp))
    }

    pub(super) fn read(&self, nonce: &str, ran: &Execution) -> Reading {
        let end = format!("\n{nonce} answer\n");
        let mut parts = ran.stdout.split(&end).collect::<Vec<_>>();
        // Behind the last mark stands nothing, or what was never marked as an answer.
        parts.pop();
        let Some(first) = parts.first() else {
            return match ran.exit {
                _ if ran.was_cut_off() => Reading::of(Outcome::Timeout),
                _ if ran.stderr.contains("refused") => Reading::of(Outcome::Refused),
                _ if is_unreachable(&ran.stderr) => Reading::of(Outcome::Unreachable),
                _ => Reading::inconclusive(ran.complaint("bash")),
            };
        };
        if self.payload.is_none() && !first.contains(nonce) {
            return Reading::inconclusive(
                "an answer came, but it does not hold what was sent".to_owned(),
            );
        }
        let peer = parts.get(1).filter(|_| self.asks_source);
        let peer = peer.and_then(|text| text.trim().parse::<SocketAddrV4>().ok());
        Reading {
            outcome: Observed::Is(Outcome::Reachable),
            status: None,
            // An echoed nonce says nothing to a reader.
            body: self.payload.as_ref().map(|_| (*first).to_owned()),
            source: peer.map(|peer| *peer.ip()),
            caller: None,
        }
    }

    pub(super) fn print(&self, nonce: &str, transcript: &Transcript) -> Option<Execution> {
        let (exit, answers, stderr) = match transcript {
            Transcript::Echoed { answers } => {
                let complete = answers.len() == self.messages(nonce).len();
                (if complete { 0 } else { CUT_OFF }, answers.as_slice(), "")
            }
            Transcript::TimedOut => (CUT_OFF, [].as_slice(), ""),
            Transcript::Refused => (
                1,
                [].as_slice(),
                "dd: error reading 'standard input': Connection refused\n",
            ),
            Transcript::Unreachable => (
                1,
                [].as_slice(),
                "dd: error reading 'standard input': No route to host\n",
            ),
            _ => return None,
        };
        let answer =
            |body: &Vec<u8>| format!("{}\n{nonce} answer\n", String::from_utf8_lossy(body));
        Some(Execution {
            exit,
            stdout: answers.iter().map(answer).collect(),
            stderr: stderr.to_owned(),
        })
    }
}
