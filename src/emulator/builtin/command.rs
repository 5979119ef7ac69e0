//! The command lines that a container can run: exactly those that [`Probe::command`] makes.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::emulator::fabric::{Connection, DialError, EndpointId, Fabric, FabricError};
use crate::emulator::state::Shared;
use crate::probe::{CLIENT_ADDRESS_PATH, Dns, Held, Http, Kind, Probe, Tcp, Tls, Transcript, Udp};
use crate::verdict::event::FabricName;

use super::held::{Asked, Session};
use super::{dns_message, request, resolver, tls};

/// What a command line left behind.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::emulator) struct Finished {
    /// Standard output.
    pub(in crate::emulator) stdout: String,
    /// Standard error.
    pub(in crate::emulator) stderr: String,
    /// The exit status.
    pub(in crate::emulator) status: u8,
}

/// The shell's status for a command that cannot be executed.
const CANNOT_EXECUTE: u8 = 126;

/// The fabric waits a timeout out itself; this only bounds one that does not.
const MARGIN: Duration = Duration::from_secs(1);

/// Why a probe cannot be run.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The fabric cannot.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// The local Azure does not know how.
    #[error("{0}")]
    Unsupported(String),
}

/// Runs a command line at an endpoint.
pub(in crate::emulator) async fn run(
    shared: &Shared,
    endpoint: &EndpointId,
    argv: &[String],
) -> Finished {
    let Some((probe, nonce)) = Probe::from_command(argv) else {
        return Finished {
            stdout: String::new(),
            stderr: format!(
                "`{}` is not built into the local Azure, which runs the probes of vnetlab alone\n",
                argv.join(" ")
            ),
            status: CANNOT_EXECUTE,
        };
    };
    let caller = Caller {
        fabric: shared.fabric.as_ref(),
        endpoint,
        timeout: probe.timeout,
        nonce: &nonce,
    };
    match caller.call(shared, &probe).await {
        Ok(transcript) => Finished {
            stdout: transcript.output(&probe, &nonce),
            stderr: String::new(),
            status: 0,
        },
        Err(error) => Finished {
            stdout: String::new(),
            stderr: format!("{error}\n"),
            status: 1,
        },
    }
}

/// Who calls, and how long an answer may take.
struct Caller<'a> {
    fabric: &'a dyn Fabric,
    endpoint: &'a EndpointId,
    timeout: Duration,
    nonce: &'a str,
}

/// What an attempt that failed shows.
fn failed(error: DialError) -> Result<Transcript, CommandError> {
    match error {
        DialError::Refused => Ok(Transcript::Refused),
        DialError::TimedOut => Ok(Transcript::TimedOut),
        DialError::Unreachable => Ok(Transcript::Unreachable),
        DialError::Fabric(error) => Err(error.into()),
    }
}

impl Caller<'_> {
    async fn call(&self, shared: &Shared, probe: &Probe) -> Result<Transcript, CommandError> {
        let address = || {
            let missing = "it has no address to call".to_owned();
            probe.address.ok_or(CommandError::Unsupported(missing))
        };
        match &probe.kind {
            Kind::Http(http) => self.request(address()?, http, false).await,
            Kind::Https(http) => self.request(address()?, http, true).await,
            Kind::Tls(tls) => self.shake(address()?, tls).await,
            Kind::Tcp(tcp) => self.connect(address()?, tcp).await,
            Kind::Held(held) => self.ask_again(shared, address()?, held).await,
            Kind::Udp(udp) => self.exchange(address()?, udp).await,
            Kind::Dns(dns) => self.look_up(shared, dns).await,
            Kind::Icmp => self.echo(address()?).await,
        }
    }

    async fn dial(&self, to: SocketAddrV4) -> Result<Connection, DialError> {
        let nonce = Some(self.nonce);
        let dialled = self.fabric.dial(self.endpoint, to, self.timeout, nonce);
        match timeout(self.timeout + MARGIN, dialled).await {
            Ok(dialled) => dialled,
            Err(_) => Err(DialError::TimedOut),
        }
    }

    /// Dials once and asks each path over that one connection. The first answer must come within the
    /// probe's timeout, the connection included; each further one has as long again, as curl has it.
    async fn request(
        &self,
        address: Ipv4Addr,
        http: &Http,
        secure: bool,
    ) -> Result<Transcript, CommandError> {
        let first_by = Instant::now() + self.timeout;
        let to = SocketAddrV4::new(address, http.port);
        let requests = request::of(http, to, secure)?;
        let Connection {
            mut stream, local, ..
        } = match self.dial(to).await {
            Ok(connection) => connection,
            Err(error) => return failed(error),
        };
        if secure {
            match timeout_at(first_by, tls::shake(stream, to, None)).await {
                Ok(Ok(shaken)) => stream = shaken,
                Ok(Err(error)) => return Ok(tls::failure(&error)),
                Err(_) => return Ok(Transcript::TimedOut),
            }
        }
        Ok(request::ask(stream, local, requests, first_by, self.timeout).await)
    }

    async fn shake(&self, address: Ipv4Addr, asked: &Tls) -> Result<Transcript, CommandError> {
        let by = Instant::now() + self.timeout;
        let to = SocketAddrV4::new(address, asked.port);
        if let Some(name) = &asked.server_name {
            tls::check_name(name)?;
        }
        let Connection { stream, local, .. } = match self.dial(to).await {
            Ok(connection) => connection,
            Err(error) => return failed(error),
        };
        let shaken = tls::shake(stream, to, asked.server_name.as_deref());
        Ok(match timeout_at(by, shaken).await {
            Ok(Ok(_)) => Transcript::Connected { local },
            Ok(Err(error)) => tls::failure(&error),
            Err(_) => Transcript::TimedOut,
        })
    }

    /// A handshake, and the agent's word for the caller where the agent listens. An answer that does
    /// not come takes nothing from the handshake.
    async fn connect(&self, address: Ipv4Addr, tcp: &Tcp) -> Result<Transcript, CommandError> {
        let by = Instant::now() + self.timeout;
        let to = SocketAddrV4::new(address, tcp.port);
        let Connection { stream, local, .. } = match self.dial(to).await {
            Ok(connection) => connection,
            Err(error) => return failed(error),
        };
        if !tcp.asks_source {
            return Ok(Transcript::Connected { local });
        }
        let asked = Http::get(tcp.port, vec![CLIENT_ADDRESS_PATH.to_owned()]);
        let requests = request::of(&asked, to, false)?;
        let answered = request::ask(stream, local, requests, by, self.timeout).await;
        Ok(match answered {
            Transcript::Answered { .. } => answered,
            _ => Transcript::Connected { local },
        })
    }

    /// Asks over the session's connection, which the first run opens.
    async fn ask_again(
        &self,
        shared: &Shared,
        address: Ipv4Addr,
        held: &Held,
    ) -> Result<Transcript, CommandError> {
        if self.fabric.name() == FabricName::Model {
            // Whether rules that change stop a flow that exists (R12) is for packets to show.
            return Err(CommandError::Unsupported(
                "the model carries no packets, so it holds no connection: that needs the lab"
                    .to_owned(),
            ));
        }
        let to = SocketAddrV4::new(address, held.port);
        let requests = request::of(&Http::get(held.port, held.paths.clone()), to, false)?;
        let slot = shared.servers.held(self.endpoint, &held.session);
        let slot = slot.ok_or_else(|| {
            CommandError::Unsupported(format!("nothing runs at `{}`", self.endpoint))
        })?;
        // One run at a time: the first may still be opening.
        let mut slot = slot.lock().await;
        let session = match &mut *slot {
            Some(session) => {
                session.record(self.nonce);
                session
            }
            None => match self.dial(to).await {
                Ok(connection) => slot.insert(Session::open(connection)),
                Err(error) => {
                    *slot = Some(Session::never_opened());
                    return failed(error);
                }
            },
        };
        Ok(match session.ask(requests, self.timeout).await {
            Asked::Answered(local, answers) => Transcript::Answered { local, answers },
            Asked::TimedOut => Transcript::TimedOut,
            Asked::Closed => Transcript::Closed,
        })
    }

    async fn exchange(&self, address: Ipv4Addr, udp: &Udp) -> Result<Transcript, CommandError> {
        let to = SocketAddrV4::new(address, udp.port);
        let nonce = Some(self.nonce);
        let flow = match self.fabric.dial_datagrams(self.endpoint, to, nonce).await {
            Ok(flow) => flow,
            Err(error) => return failed(error),
        };
        let mut answers = Vec::new();
        for message in udp.messages(self.nonce) {
            match flow.exchange(message.as_bytes(), self.timeout).await {
                Ok(answer) => answers.push(answer),
                Err(error) if answers.is_empty() => return failed(error),
                Err(_) => break,
            }
        }
        Ok(Transcript::Echoed { answers })
    }

    async fn echo(&self, to: Ipv4Addr) -> Result<Transcript, CommandError> {
        let nonce = Some(self.nonce);
        let echoed = self.fabric.echo(self.endpoint, to, self.timeout, nonce);
        match echoed.await {
            Ok(()) => Ok(Transcript::EchoReply),
            Err(error) => failed(error),
        }
    }

    /// The platform's resolver answers from what is stored: its packets take no way that a rule of
    /// ours could stop (R22). Any other is asked over the network.
    async fn look_up(&self, shared: &Shared, dns: &Dns) -> Result<Transcript, CommandError> {
        let Some(address) = dns.resolver else {
            return Err(CommandError::Unsupported(format!(
                "containers of the local Azure have no resolver of their own: name one, for example {}",
                resolver::PLATFORM
            )));
        };
        if (address, dns.port) == (resolver::PLATFORM, resolver::PORT) {
            return resolver::answer(&shared.store(), self.endpoint, dns);
        }
        let query = dns_message::Query::new(dns)?;
        let to = SocketAddrV4::new(address, dns.port);
        let nonce = Some(self.nonce);
        let flow = match self.fabric.dial_datagrams(self.endpoint, to, nonce).await {
            Ok(flow) => flow,
            Err(error) => return failed(error),
        };
        match flow.exchange(&query.message, self.timeout).await {
            Ok(answer) => Ok(query.read(&answer)),
            Err(error) => failed(error),
        }
    }
}
