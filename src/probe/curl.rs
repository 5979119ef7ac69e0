//! curl's command line and what it prints, for the probes that run it.
//!
//! Each URL is a transfer with options of its own; all go over one connection where the server keeps
//! it. A line of figures follows each body. Why a connection failed stands on standard error (`-v`):
//! the exit status alone does not tell a reset from a missing route.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::verdict::Outcome;

use super::shell::Execution;
use super::transcript::Transcript;
use super::{Reading, parse_seconds, seconds};

/// One URL and the options that concern it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) options: Vec<String>,
    pub(super) url: String,
}

const PROGRAM: [&str; 3] = ["curl", "-sSv", "--fail-early"];

/// What stands before a transfer's own options.
fn fixed(nonce: &str, timeout: Duration) -> [String; 8] {
    let seconds = seconds(timeout);
    let figures = format!(
        "\\n{nonce} %{{http_code}} %{{num_connects}} %{{time_connect}} %{{time_appconnect}} %{{local_ip}} %{{local_port}}\\n"
    );
    [
        "--noproxy".to_owned(),
        "*".to_owned(),
        "--connect-timeout".to_owned(),
        seconds.clone(),
        "--max-time".to_owned(),
        seconds,
        "-w".to_owned(),
        figures,
    ]
}

/// The program that makes the transfers one after the other; each may take `timeout`.
pub(super) fn program(nonce: &str, timeout: Duration, transfers: Vec<Transfer>) -> Vec<String> {
    let mut words = PROGRAM.map(str::to_owned).to_vec();
    for (place, transfer) in transfers.into_iter().enumerate() {
        if place > 0 {
            words.push("--next".to_owned());
        }
        words.extend(fixed(nonce, timeout));
        words.extend(transfer.options);
        words.push(transfer.url);
    }
    words
}

/// The timeout and the transfers of a program that [`program`] made.
pub(super) fn read_program(words: &[String]) -> Option<(Duration, Vec<Transfer>)> {
    let transfers = words.strip_prefix(&PROGRAM.map(str::to_owned))?;
    let mut timeout = None;
    let mut read = Vec::new();
    for transfer in transfers.split(|word| word == "--next") {
        let (fixed, rest) = transfer.split_at_checked(8)?;
        timeout = Some(parse_seconds(&fixed[3])?);
        let (url, options) = rest.split_last()?;
        read.push(Transfer {
            options: options.to_vec(),
            url: url.clone(),
        });
    }
    Some((timeout?, read))
}

/// What curl says of one transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) body: String,
    /// 0 where no status line came.
    pub(super) status: u16,
    /// The connections that it opened; 0 where it used the one that was there.
    pub(super) connects: u32,
    /// Whether a TCP connection stood.
    pub(super) connected: bool,
    /// Whether a TLS handshake succeeded.
    pub(super) shaken: bool,
    pub(super) local: Option<SocketAddrV4>,
}

/// The figures of every transfer that was tried, in order.
pub(super) fn figures(nonce: &str, ran: &Execution) -> Option<Vec<Figures>> {
    let mut done = Vec::new();
    let mut body = String::new();
    for line in ran.stdout.split_inclusive('\n') {
        let figures = line.trim_end().strip_prefix(nonce);
        let Some(figures) = figures.and_then(|rest| rest.strip_prefix(' ')) else {
            body.push_str(line);
            continue;
        };
        let mut figures = figures.split(' ');
        let status = figures.next()?.parse().ok()?;
        let connects = figures.next()?.parse().ok()?;
        let mut spent = || Some(figures.next()?.parse::<f64>().ok()? > 0.0);
        let (connected, shaken) = (spent()?, spent()?);
        let local = match (figures.next(), figures.next()) {
            (Some(address), Some(port)) => format!("{address}:{port}").parse().ok(),
            _ => None,
        };
        // The figures' line begins with a line break of its own.
        body.pop();
        done.push(Figures {
            body: std::mem::take(&mut body),
            status,
            connects,
            connected,
            shaken,
            local,
        });
    }
    Some(done)
}

/// What a run without an answer means. The handshake's own status counts only where one was asked for.
pub(super) fn failure(ran: &Execution, tls: bool) -> Reading {
    match ran.exit {
        28 => Reading::of(Outcome::Timeout),
        7 if ran.stderr.contains("refused") => Reading::of(Outcome::Refused),
        7 if is_unreachable(&ran.stderr) => Reading::of(Outcome::Unreachable),
        35 if tls => Reading::of(Outcome::TlsError),
        _ => Reading::inconclusive(ran.complaint("curl")),
    }
}

/// Whether a program complains, in the C library's words, that there is no way.
pub(super) fn is_unreachable(stderr: &str) -> bool {
    stderr.contains("No route to host") || stderr.contains("nreachable")
}

/// The figures that curl prints for a transfer.
pub(super) fn print_figures(nonce: &str, figures: &Figures) -> String {
    let spent = |happened: bool| if happened { "0.000100" } else { "0.000000" };
    let local = figures.local.map_or_else(
        || " ".to_owned(),
        |local| format!("{} {}", local.ip(), local.port()),
    );
    format!(
        "{}\n{nonce} {:03} {} {} {} {local}\n",
        figures.body,
        figures.status,
        figures.connects,
        spent(figures.connected),
        spent(figures.shaken),
    )
}

/// What curl leaves behind where there is no answer.
pub(super) fn print_failure(
    nonce: &str,
    to: SocketAddrV4,
    timeout: Duration,
    transcript: &Transcript,
) -> Option<Execution> {
    let (address, port) = (to.ip(), to.port());
    let refused = |words: &str| {
        format!(
            "* connect to {address} port {port} failed: {words}\ncurl: (7) Failed to connect to {address} port {port}\n"
        )
    };
    let (exit, connected, stderr) = match transcript {
        Transcript::TimedOut => (
            28,
            false,
            format!(
                "curl: (28) Connection timed out after {} milliseconds\n",
                timeout.as_millis()
            ),
        ),
        Transcript::Refused => (7, false, refused("Connection refused")),
        Transcript::Unreachable => (7, false, refused("No route to host")),
        Transcript::BrokenOff => (52, true, "curl: (52) Empty reply from server\n".to_owned()),
        Transcript::TlsFailed { reason } => (
            35,
            true,
            format!("curl: (35) TLS connect error: {reason}\n"),
        ),
        _ => return None,
    };
    let figures = Figures {
        body: String::new(),
        status: 0,
        connects: u32::from(connected),
        connected,
        shaken: false,
        local: None,
    };
    Some(Execution {
        exit,
        stdout: print_figures(nonce, &figures),
        stderr,
    })
}
