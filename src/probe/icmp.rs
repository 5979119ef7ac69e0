//! The ICMP probe: one echo request, sent by `ping`. An echo has no port, and nobody at the far end to
//! say whom it saw: the source is not observed.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::verdict::Outcome;

use super::curl::is_unreachable;
use super::shell::{CUT_OFF, Execution, cut_off};
use super::transcript::Transcript;
use super::{Reading, parse_seconds};

pub(super) fn program(address: Ipv4Addr, timeout: Duration) -> Vec<String> {
    let ping = ["ping", "-c", "1", &address.to_string()].map(str::to_owned);
    cut_off(timeout).into_iter().chain(ping).collect()
}

pub(super) fn from_program(words: &[String]) -> Option<(Ipv4Addr, Duration)> {
    let [_, _, _, seconds, _, _, _, address] = words else {
        return None;
    };
    Some((address.parse().ok()?, parse_seconds(seconds)?))
}

/// An error that a router on the way sends is shown by some versions of `ping` and passed over by
/// others, which then wait their time out: `unreachable` is certain, `timeout` is not the opposite.
pub(super) fn read(address: Ipv4Addr, ran: &Execution) -> Reading {
    let answered = ran.stdout.contains(&format!("bytes from {address}:"));
    let said = |words: &str| ran.stdout.contains(words) || ran.stderr.contains(words);
    if answered && ran.exit == 0 {
        Reading::of(Outcome::Reachable)
    } else if is_unreachable(&ran.stdout) || is_unreachable(&ran.stderr) {
        Reading::of(Outcome::Unreachable)
    } else if ran.was_cut_off() || said("100% packet loss") {
        Reading::of(Outcome::Timeout)
    } else {
        Reading::inconclusive(ran.complaint("ping"))
    }
}

pub(super) fn print(address: Ipv4Addr, transcript: &Transcript) -> Option<Execution> {
    let head = format!("PING {address} ({address}): 56 data bytes\n");
    let (exit, stdout, stderr) = match transcript {
        Transcript::EchoReply => (
            0,
            format!("{head}64 bytes from {address}: seq=0 ttl=64 time=0.100 ms\n"),
            "",
        ),
        Transcript::TimedOut => (CUT_OFF, head, ""),
        Transcript::Unreachable => (1, head, "ping: sendto: Host is unreachable\n"),
        _ => return None,
    };
    Some(Execution {
        exit,
        stdout,
        stderr: stderr.to_owned(),
    })
}
