//! `pods/exec` over WebSocket (`v5.channel.k8s.io`): the first byte of a message is its channel.
//!
//! The end is one `Status` on the error channel and then a close frame: without the first a failing
//! command looks like success to kubectl, without the second a good one like a failure.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use crate::emulator::builtin::command::{self, Finished};
use crate::emulator::fabric::EndpointId;
use crate::emulator::network::pod_endpoint;
use crate::emulator::state::Shared;
use crate::emulator::websocket::{self, Socket};

use super::Asked;
use super::pods;
use super::status::{Failure, bad_request};

const PROTOCOL: &str = "v5.channel.k8s.io";
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;

/// Answers 101 and runs the command once the connection is handed over.
pub(super) fn upgrade(
    shared: &Arc<Shared>,
    asked: &Asked,
    namespace: &str,
    name: &str,
    mut request: Request<Body>,
) -> Result<Response, Failure> {
    let pod = pods::find(shared, asked, namespace, name)?;
    pods::container(asked, &pod)?;
    if pod["status"]["phase"] != json!("Running") {
        return Err(bad_request(&format!("pod {name} is not running")));
    }
    for unsupported in ["tty", "stdin"] {
        if asked.is(unsupported) {
            return Err(bad_request(&format!(
                "`{unsupported}` of exec is not built into the local Azure"
            )));
        }
    }
    let argv = asked.all("command").map(str::to_owned).collect::<Vec<_>>();
    if argv.is_empty() {
        return Err(bad_request(
            "you must specify at least one command for the container",
        ));
    }
    let accept = websocket::accept_key(request.headers(), Some(PROTOCOL)).ok_or_else(|| {
        bad_request(&format!(
            "exec is served over WebSocket with the protocol {PROTOCOL} alone"
        ))
    })?;
    let upgraded = hyper::upgrade::on(&mut request);
    let endpoint = pod_endpoint(&asked.cluster, namespace, name);
    let wanted = Wanted {
        stdout: asked.is("stdout"),
        stderr: asked.is("stderr"),
    };
    let session = session(shared.clone(), upgraded, endpoint, argv, wanted);
    shared.tasks.spawn(session);
    Ok(websocket::switching(&accept, Some(PROTOCOL)))
}

/// Which streams the client wants.
#[derive(Clone, Copy)]
struct Wanted {
    stdout: bool,
    stderr: bool,
}

async fn session(
    shared: Arc<Shared>,
    upgraded: OnUpgrade,
    endpoint: EndpointId,
    argv: Vec<String>,
    wanted: Wanted,
) {
    let Some(mut socket) = websocket::socket(upgraded, None).await else {
        return;
    };
    let work = async {
        let command = command::run(&shared, &endpoint, &argv);
        tokio::pin!(command);
        // Reading answers the client's pings while the command runs, and ends it with the client.
        let finished = loop {
            tokio::select! {
                finished = &mut command => break finished,
                message = socket.next() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                    Some(Ok(_)) => {}
                },
            }
        };
        report(&mut socket, &finished, wanted).await
    };
    let ended = tokio::select! {
        ended = work => ended,
        () = shared.stopping.cancelled() => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an exec's client went away");
    }
}

async fn report(
    socket: &mut Socket,
    finished: &Finished,
    wanted: Wanted,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for (channel, text, wanted) in [
        (STDOUT, &finished.stdout, wanted.stdout),
        (STDERR, &finished.stderr, wanted.stderr),
    ] {
        if wanted && !text.is_empty() {
            socket.send(message(channel, text)).await?;
        }
    }
    let status = exit_status(finished.status).to_string();
    socket.send(message(ERROR, &status)).await?;
    socket
        .send(Message::Close(Some(CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        })))
        .await?;
    // The client answers the close; until then the connection is not to be dropped.
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

fn message(channel: u8, text: &str) -> Message {
    let mut bytes = vec![channel];
    bytes.extend_from_slice(text.as_bytes());
    Message::Binary(bytes.into())
}

fn exit_status(code: u8) -> Value {
    if code == 0 {
        return json!({ "metadata": {}, "status": "Success" });
    }
    json!({
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
    })
}
