//! The command lines that a pod can run: exactly those that [`Probe::command`] makes.

use std::net::SocketAddrV4;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::Request;
use hyper::header::{HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use crate::emulator::fabric::{Connection, DialError, EndpointId, Fabric};
use crate::probe::{Probe, Transcript};

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

/// More than a probe reads.
const LARGEST_BODY: usize = 1 << 20;

/// The shell's status for a command that cannot be executed.
const CANNOT_EXECUTE: u8 = 126;

/// Runs a command line at an endpoint.
pub(in crate::emulator) async fn run(
    fabric: &dyn Fabric,
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
    match call(fabric, endpoint, &probe, &nonce).await {
        Ok(transcript) => Finished {
            stdout: transcript.output(&probe, &nonce),
            stderr: String::new(),
            status: 0,
        },
        Err(error) => Finished {
            stdout: String::new(),
            stderr: format!("the probe could not run: {error}\n"),
            status: 1,
        },
    }
}

/// Dials once and asks each path over that one connection. The first answer must come within the
/// probe's timeout, the connection included; each further one has as long again, as curl has it.
async fn call(
    fabric: &dyn Fabric,
    endpoint: &EndpointId,
    probe: &Probe,
    nonce: &str,
) -> Result<Transcript, crate::emulator::fabric::FabricError> {
    let first_by = Instant::now() + probe.timeout;
    let to = SocketAddrV4::new(probe.address, probe.port);
    let dialled = timeout(
        // The fabric waits the timeout out itself; this only bounds one that does not.
        probe.timeout + Duration::from_secs(1),
        fabric.dial(endpoint, to, probe.timeout, Some(nonce)),
    );
    let Connection { stream, local } = match dialled.await {
        Ok(Ok(connection)) => connection,
        Ok(Err(DialError::Refused)) => return Ok(Transcript::Refused),
        Ok(Err(DialError::TimedOut)) | Err(_) => return Ok(Transcript::TimedOut),
        Ok(Err(DialError::Unreachable)) => return Ok(Transcript::Unreachable),
        Ok(Err(DialError::Fabric(error))) => return Err(error),
    };
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let Ok((mut sender, connection)) = shaken else {
        return Ok(Transcript::BrokenOff);
    };
    let asking = async {
        let mut answers = Vec::new();
        for (index, path) in probe.paths.iter().enumerate() {
            let by = if index == 0 {
                first_by
            } else {
                Instant::now() + probe.timeout
            };
            match timeout_at(by, ask(&mut sender, to, path)).await {
                Ok(Ok(answer)) => answers.push(answer),
                Ok(Err(_)) => return (answers, Transcript::BrokenOff),
                Err(_) => return (answers, Transcript::TimedOut),
            }
        }
        (answers, Transcript::BrokenOff)
    };
    tokio::pin!(asking);
    // The connection is driven here, not in a task, so that it ends with the command.
    let (answers, failure) = tokio::select! {
        biased;
        asked = &mut asking => asked,
        _ = connection => asking.await,
    };
    Ok(if answers.is_empty() {
        failure
    } else {
        Transcript::Answered { local, answers }
    })
}

async fn ask(
    sender: &mut hyper::client::conn::http1::SendRequest<Body>,
    to: SocketAddrV4,
    path: &str,
) -> Result<(u16, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
    sender.ready().await?;
    let host = if to.port() == 80 {
        to.ip().to_string()
    } else {
        to.to_string()
    };
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, "vnetlab")
        .body(Body::empty())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = to_bytes(Body::new(response.into_body()), LARGEST_BODY).await?;
    Ok((status, body.to_vec()))
}
