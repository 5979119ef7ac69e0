//! The HTTP probe: curl in the caller's container, one new connection, and the server's own view.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::verdict::{Observation, Observed, Outcome};

/// The shell script that every HTTP probe runs, with the nonce, the limit in seconds and the URLs as
/// its arguments.
///
/// curl writes the bodies to standard output, each followed by a line of figures, and says on standard
/// error why a connection failed (its exit code alone does not tell a reset from a missing route).
/// Both travel inside one line: the error text, then the base64 of standard output, all as base64. No
/// file is written, so a read-only container will do.
const SCRIPT: &str = r#"n=$1 t=$2; shift 2
o=$({ { curl -sSv --noproxy '*' --fail-early --connect-timeout "$t" --max-time "$t" -w "\n$n %{http_code} %{num_connects} %{local_ip} %{local_port}\n" "$@"; printf '%s exit %s\n' "$n" "$?"; } | base64 | tr -d '\n'; } 2>&1 | base64 | tr -d '\n')
printf 'vnetlab-verdict %s %s\n' "$n" "$o""#;

/// The words before the nonce on the line that counts.
pub(super) const VERDICT_TAG: &str = "vnetlab-verdict";

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
    /// How long each URL may take, the connection included.
    pub timeout: Duration,
}

impl Probe {
    /// The URLs as they are sent.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.paths
            .iter()
            .map(|path| format!("http://{}:{}{path}", self.address, self.port))
            .collect()
    }

    /// The command line to run in the caller's container. The one line of its output that counts is
    /// tagged with `nonce`.
    #[must_use]
    pub fn command(&self, nonce: &str) -> Vec<String> {
        let seconds = format!(
            "{}.{:03}",
            self.timeout.as_secs(),
            self.timeout.subsec_millis()
        );
        let fixed = ["/bin/sh", "-c", SCRIPT, "vnetlab-probe", nonce, &seconds];
        fixed
            .into_iter()
            .map(str::to_owned)
            .chain(self.urls())
            .collect()
    }

    /// The probe and the nonce of a command line that [`Probe::command`] made; `None` for any other.
    #[must_use]
    pub fn from_command(argv: &[String]) -> Option<(Probe, String)> {
        let [shell, flag, script, name, nonce, seconds, urls @ ..] = argv else {
            return None;
        };
        if (
            shell.as_str(),
            flag.as_str(),
            script.as_str(),
            name.as_str(),
        ) != ("/bin/sh", "-c", SCRIPT, "vnetlab-probe")
        {
            return None;
        }
        let (whole, millis) = seconds.split_once('.')?;
        let timeout =
            Duration::from_secs(whole.parse().ok()?) + Duration::from_millis(millis.parse().ok()?);
        let mut paths = Vec::new();
        let mut end = None;
        for url in urls {
            let rest = url.strip_prefix("http://")?;
            let slash = rest.find('/')?;
            let this: SocketAddrV4 = rest[..slash].parse().ok()?;
            if *end.get_or_insert(this) != this {
                return None;
            }
            paths.push(rest[slash..].to_owned());
        }
        let end = end?;
        let asks_source = paths.len() > 1
            && paths
                .last()
                .is_some_and(|path| path == super::CLIENT_ADDRESS_PATH);
        let probe = Probe {
            address: *end.ip(),
            port: end.port(),
            paths,
            asks_source,
            timeout,
        };
        Some((probe, nonce.clone()))
    }

    /// Reads the output of the command. A lost line is inconclusive, never a timeout.
    #[must_use]
    pub fn read(&self, nonce: &str, output: &str) -> Observation {
        let reading = match Transfers::find(nonce, output) {
            Ok(transfers) => self.judge(&transfers),
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

    fn judge(&self, transfers: &Transfers) -> Reading {
        let Some(first) = transfers
            .done
            .first()
            .filter(|transfer| transfer.status != 0)
        else {
            return match (transfers.exit, transfers.errors.as_str()) {
                (28, _) => Reading::of(Outcome::Timeout),
                (7, errors) if errors.contains("refused") => Reading::of(Outcome::Refused),
                (7, errors)
                    if errors.contains("No route to host") || errors.contains("nreachable") =>
                {
                    Reading::of(Outcome::Unreachable)
                }
                (code, errors) => {
                    let last = errors
                        .lines()
                        .rev()
                        .find(|line| line.starts_with("curl: "))
                        .unwrap_or("no message");
                    Reading::inconclusive(format!("curl ended with {code}: {last}"))
                }
            };
        };
        let source = transfers
            .done
            .get(1)
            // A second connection could show another source than the first one had.
            .filter(|second| self.asks_source && second.status == 200 && second.connects == 0)
            .and_then(|second| second.body.trim().parse::<SocketAddrV4>().ok())
            .map(|peer| *peer.ip());
        Reading {
            outcome: Observed::Is(Outcome::Reachable),
            status: Some(first.status),
            body: Some(first.body.clone()),
            source,
            caller: first.local,
        }
    }
}

struct Reading {
    outcome: Observed,
    status: Option<u16>,
    body: Option<String>,
    source: Option<Ipv4Addr>,
    caller: Option<SocketAddrV4>,
}

impl Reading {
    fn of(outcome: Outcome) -> Reading {
        Reading {
            outcome: Observed::Is(outcome),
            status: None,
            body: None,
            source: None,
            caller: None,
        }
    }

    fn inconclusive(reason: String) -> Reading {
        Reading {
            outcome: Observed::Inconclusive { reason },
            status: None,
            body: None,
            source: None,
            caller: None,
        }
    }
}

/// What the tagged line says of curl's run.
struct Transfers {
    errors: String,
    exit: i32,
    done: Vec<Transfer>,
}

struct Transfer {
    body: String,
    status: u16,
    connects: u32,
    local: Option<SocketAddrV4>,
}

impl Transfers {
    fn find(nonce: &str, output: &str) -> Result<Transfers, String> {
        let line = output
            .lines()
            .find_map(|line| {
                line.trim()
                    .strip_prefix(VERDICT_TAG)?
                    .trim_start()
                    .strip_prefix(nonce)
            })
            .ok_or("the probe's verdict line is missing from its output")?;
        Transfers::decode(nonce, line.trim())
            .ok_or_else(|| "the probe's verdict line cannot be read".to_owned())
    }

    fn decode(nonce: &str, encoded: &str) -> Option<Transfers> {
        let both = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (errors, bodies) = both.rsplit_once('\n').unwrap_or(("", &both));
        let bodies = STANDARD.decode(bodies).ok()?;
        let bodies = String::from_utf8_lossy(&bodies);
        let mut done = Vec::new();
        let mut body = String::new();
        let mut exit = None;
        for line in bodies.split_inclusive('\n') {
            let Some(figures) = line
                .trim_end()
                .strip_prefix(nonce)
                .and_then(|rest| rest.strip_prefix(' '))
            else {
                body.push_str(line);
                continue;
            };
            if let Some(code) = figures.strip_prefix("exit ") {
                exit = Some(code.parse().ok()?);
                continue;
            }
            let mut figures = figures.split(' ');
            let status = figures.next()?.parse().ok()?;
            let connects = figures.next()?.parse().ok()?;
            let local = match (figures.next(), figures.next()) {
                (Some(address), Some(port)) => format!("{address}:{port}").parse().ok(),
                _ => None,
            };
            // The figures' line begins with a line break of its own.
            body.pop();
            done.push(Transfer {
                body: std::mem::take(&mut body),
                status,
                connects,
                local,
            });
        }
        Some(Transfers {
            errors: errors.to_owned(),
            exit: exit?,
            done,
        })
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a skip is told where tests tell")]
mod tests {
    use super::*;
    use crate::probe::{Transcript, echo_path};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::process::Command;

    fn probe(address: Ipv4Addr, port: u16) -> Probe {
        Probe {
            address,
            port,
            paths: vec![echo_path("Hello World!"), "/clientip".to_owned()],
            asks_source: true,
            timeout: Duration::from_millis(400),
        }
    }

    fn founding() -> Probe {
        probe(Ipv4Addr::new(172, 16, 32, 4), 80)
    }

    #[test]
    fn a_command_line_tells_its_probe_and_nonce() {
        let probe = founding();
        assert_eq!(
            Probe::from_command(&probe.command("n1")),
            Some((probe, "n1".to_owned()))
        );
    }

    #[test]
    fn any_other_command_line_is_not_a_probe() {
        for argv in [
            vec!["curl", "http://172.16.32.4"],
            vec!["/bin/sh", "-c", "true", "vnetlab-probe", "n", "1.000"],
            vec![],
        ] {
            let argv = argv.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(Probe::from_command(&argv), None, "{argv:?}");
        }
        let mut two_servers = founding().command("n");
        two_servers.push("http://172.16.32.5:80/".to_owned());
        assert_eq!(Probe::from_command(&two_servers), None);
    }

    #[test]
    fn what_an_execution_prints_is_read_back() {
        let local = SocketAddrV4::new(Ipv4Addr::new(10, 16, 0, 2), 40_000);
        let answered = Transcript::Answered {
            local,
            answers: vec![
                (200, b"Hello\nWorld!".to_vec()),
                (200, b"172.16.0.4:40000".to_vec()),
            ],
        };
        let probe = founding();
        let seen = probe.read("n1", &answered.output(&probe, "n1"));
        assert_eq!(seen.outcome, Observed::Is(Outcome::Reachable));
        assert_eq!(seen.status, Some(200));
        assert_eq!(seen.body.as_deref(), Some("Hello\nWorld!"));
        assert_eq!(seen.source, Some(Ipv4Addr::new(172, 16, 0, 4)));
        assert_eq!(seen.caller, Some(local));

        for (transcript, outcome) in [
            (Transcript::TimedOut, Outcome::Timeout),
            (Transcript::Refused, Outcome::Refused),
            (Transcript::Unreachable, Outcome::Unreachable),
        ] {
            let seen = probe.read("n1", &transcript.output(&probe, "n1"));
            assert_eq!(seen.outcome, Observed::Is(outcome), "{transcript:?}");
        }
        let broken = probe.read("n1", &Transcript::BrokenOff.output(&probe, "n1"));
        assert_eq!(broken.outcome.outcome(), None);
    }

    #[test]
    fn a_lost_or_foreign_line_is_inconclusive() {
        let probe = founding();
        let other = Transcript::TimedOut.output(&probe, "n2");
        for output in [
            "",
            "vnetlab-verdict n1 !!",
            "vnetlab-verdict n1",
            other.as_str(),
        ] {
            assert_eq!(probe.read("n1", output).outcome.outcome(), None, "{output}");
        }
    }

    /// Runs the script itself with the host's shell and curl against a loopback server, so that what
    /// [`Transcript::output`] imitates is held to what curl prints.
    #[test]
    fn the_script_reads_the_same_with_a_real_curl() {
        if Command::new("curl").arg("--version").output().is_err() {
            println!("skipped: no curl on this host");
            return;
        }
        let run = |probe: &Probe| {
            let argv = probe.command("n1");
            let output = Command::new(&argv[0])
                .args(&argv[1..])
                .output()
                .expect("a shell runs");
            probe.read("n1", &String::from_utf8_lossy(&output.stdout))
        };

        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let server = std::thread::spawn(move || {
            let (mut stream, peer) = listener.accept().expect("the probe connects");
            let mut buffer = [0; 4096];
            for body in ["Hello\nWorld!".to_owned(), peer.to_string()] {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut buffer).expect("the request arrives");
                    head.extend_from_slice(&buffer[..read]);
                }
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .expect("the answer leaves");
            }
            (listener, stream)
        });
        let probe = probe(Ipv4Addr::LOCALHOST, port);
        let seen = run(&probe);
        assert_eq!(seen.outcome, Observed::Is(Outcome::Reachable));
        assert_eq!(
            (seen.status, seen.body.as_deref()),
            (Some(200), Some("Hello\nWorld!"))
        );
        assert_eq!(seen.source, Some(Ipv4Addr::LOCALHOST));
        assert_eq!(
            seen.caller.map(|caller| *caller.ip()),
            Some(Ipv4Addr::LOCALHOST)
        );

        // The listener still listens but nobody answers: silence until the limit.
        let held = server.join().expect("the server ends");
        assert_eq!(run(&probe).outcome, Observed::Is(Outcome::Timeout));
        drop(held);
        assert_eq!(run(&probe).outcome, Observed::Is(Outcome::Refused));
    }
}
