//! What a run of the HTTP probe's command prints, for whoever runs it without curl.

use std::fmt::Write;
use std::net::SocketAddrV4;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Probe;
use super::http::VERDICT_TAG;

/// What an execution of a probe's command saw. The built-in command line of the local Azure prints
/// [`Transcript::output`], which reads as the output of the real command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transcript {
    /// The connection stood and URLs were answered over it.
    Answered {
        /// The caller's own end of the connection.
        local: SocketAddrV4,
        /// Status and body for each URL that was answered, in order.
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
    /// The output of the command that [`Probe::command`] makes: one line, tagged with `nonce`.
    #[must_use]
    pub fn output(&self, probe: &Probe, nonce: &str) -> String {
        let (address, port) = (probe.address, probe.port);
        let failed = |words: &str, code: i32, last: String| {
            (
                format!("* {words}\n{last}\n"),
                code,
                format!("\n{nonce} 000 0  \n"),
            )
        };
        let (errors, exit, mut bodies) = match self {
            Transcript::Answered { local, answers } => {
                let mut bodies = String::new();
                for (index, (status, body)) in answers.iter().enumerate() {
                    bodies.push_str(&String::from_utf8_lossy(body));
                    let connects = u8::from(index == 0);
                    writeln!(
                        bodies,
                        "\n{nonce} {status:03} {connects} {} {}",
                        local.ip(),
                        local.port()
                    )
                    .expect("writing to a string cannot fail");
                }
                let exit = if answers.len() == probe.paths.len() {
                    0
                } else {
                    28
                };
                (
                    format!("* Connected to {address} ({address}) port {port}\n"),
                    exit,
                    bodies,
                )
            }
            Transcript::TimedOut => {
                let after = probe.timeout.as_millis();
                failed(
                    "Connection timed out",
                    28,
                    format!("curl: (28) Connection timed out after {after} milliseconds"),
                )
            }
            Transcript::Refused => failed(
                &format!("connect to {address} port {port} failed: Connection refused"),
                7,
                format!("curl: (7) Failed to connect to {address} port {port}: Connection refused"),
            ),
            Transcript::Unreachable => failed(
                &format!("connect to {address} port {port} failed: No route to host"),
                7,
                format!("curl: (7) Failed to connect to {address} port {port}: No route to host"),
            ),
            Transcript::BrokenOff => failed(
                "Empty reply from server",
                52,
                "curl: (52) Empty reply from server".to_owned(),
            ),
        };
        writeln!(bodies, "{nonce} exit {exit}").expect("writing to a string cannot fail");
        let both = format!("{errors}{}", STANDARD.encode(bodies));
        format!("{VERDICT_TAG} {nonce} {}\n", STANDARD.encode(both))
    }
}
