//! `containers/{c}/exec`: an invitation to a session, and the session (recorded traffic, section 9;
//! real clients, section 7).
//!
//! The invitation names a URL of this server and a password that opens it once. The URL needs no bearer
//! token, as on Azure: the password is the first message. Then the socket is a terminal with a shell
//! ([`super::shell`]) in front of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use crate::emulator::body;
use crate::emulator::builtin::command;
use crate::emulator::fabric::EndpointId;
use crate::emulator::reply::{Refusal, json_reply};
use crate::emulator::security::{equal, random_token};
use crate::emulator::state::Shared;
use crate::emulator::websocket::{self, Socket};

use super::shell::{Act, Shell};
use super::terminal::{Gone, Terminal};
use super::{Asked, group_of, running};

/// How long an invitation holds.
const INVITED_FOR: Duration = Duration::from_secs(60);

/// How long a client may take to send the password, and to answer the close.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every password ends in (recorded traffic, 06/aci-exec).
const END_OF_PASSWORD: &str = "[[EOM]]";

/// What a shell of the agent's image shows before each line.
const PROMPT: &str = "/ # ";

/// The largest message that a client may send.
const LARGEST_MESSAGE: usize = 1 << 16;

/// The invitations that nobody has come to yet, by session.
#[derive(Default)]
pub(in crate::emulator) struct Sessions(Mutex<BTreeMap<String, Invitation>>);

struct Invitation {
    password: String,
    command: String,
    endpoint: EndpointId,
    /// Cancelled when the container group ends to run.
    ended: CancellationToken,
    until: Instant,
}

impl Sessions {
    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Invitation>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        sessions.retain(|_, invitation| now < invitation.until);
        sessions
    }
}

/// Answers an exec: 200 for any command, as recorded; what cannot be run is told in the session.
pub(super) fn invite(shared: &Shared, asked: &Asked<'_>) -> Result<Response, Refusal> {
    let group = group_of(shared, asked.container)?;
    let invalid = |member: &str| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContent",
            format!("The request content was invalid: `{member}` is missing or of another type."),
        )
    };
    let command = body::text(asked.body, "command")
        .filter(|command| !command.is_empty())
        .ok_or_else(|| invalid("command"))?;
    let (mut rows, mut columns) = (24, 80);
    if let Some(size) = body::get(asked.body, "terminalSize") {
        let size = size.as_object().ok_or_else(|| invalid("terminalSize"))?;
        for (name, number) in [("rows", &mut rows), ("cols", &mut columns)] {
            if let Some(given) = body::get(size, name) {
                *number = given.as_u64().ok_or_else(|| invalid(name))?;
            }
        }
    }
    let (endpoint, ended) = running(shared, &group)?;
    let session = uuid::Uuid::new_v4().to_string();
    let password = format!("{}{END_OF_PASSWORD}", random_token());
    let uri = format!(
        "{}/execstream/sessionId/{session}?api-version=1.0&rows={rows}&cols={columns}",
        // `http` becomes `ws`, and `https` `wss`.
        asked.base.replacen("http", "ws", 1)
    );
    let invitation = Invitation {
        password: password.clone(),
        command: command.to_owned(),
        endpoint,
        ended,
        until: Instant::now() + INVITED_FOR,
    };
    shared.sessions.open().insert(session, invitation);
    let answer: Value = json!({ "webSocketUri": uri, "password": password });
    Ok(json_reply(StatusCode::OK, &answer))
}

/// Answers the upgrade at a session's URL. Whoever comes first has used the invitation up.
pub(in crate::emulator) fn open(
    shared: &Arc<Shared>,
    session: &str,
    mut request: Request<Body>,
) -> Response {
    let Some(accept) = websocket::accept_key(request.headers(), None) else {
        return Refusal::new(
            StatusCode::BAD_REQUEST,
            "WebSocketExpected",
            "A session of exec is served over WebSocket alone.",
        )
        .into_response();
    };
    let Some(invitation) = shared.sessions.open().remove(session) else {
        return Refusal::new(
            StatusCode::NOT_FOUND,
            "SessionNotFound",
            "There is no such session, or it was opened before, or it has expired.",
        )
        .into_response();
    };
    let upgraded = hyper::upgrade::on(&mut request);
    shared
        .tasks
        .spawn(run(shared.clone(), upgraded, invitation));
    websocket::switching(&accept, None)
}

async fn run(shared: Arc<Shared>, upgraded: OnUpgrade, invitation: Invitation) {
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST_MESSAGE));
    let Some(mut socket) = websocket::socket(upgraded, Some(config)).await else {
        return;
    };
    let (code, reason) = tokio::select! {
        ended = converse(&shared, &mut socket, &invitation) => ended,
        () = invitation.ended.cancelled() => (CloseCode::Away, "the container group has stopped"),
        () = shared.stopping.cancelled() => (CloseCode::Away, "the local Azure stops"),
    };
    let goodbye = async {
        let reason = reason.into();
        socket
            .send(Message::Close(Some(CloseFrame { code, reason })))
            .await?;
        // The client answers the close; until then the connection is not to be dropped.
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
    };
    let closed = tokio::select! {
        closed = tokio::time::timeout(PATIENCE, goodbye) => closed,
        () = shared.stopping.cancelled() => return,
    };
    if !matches!(closed, Ok(Ok(()))) {
        tracing::debug!("an exec's client went away without a close");
    }
}

/// The session, from the password to how it ends.
async fn converse(
    shared: &Shared,
    socket: &mut Socket,
    invitation: &Invitation,
) -> (CloseCode, &'static str) {
    let Ok(first) = tokio::time::timeout(PATIENCE, socket.next()).await else {
        return (CloseCode::Policy, "no password was sent");
    };
    let given = match first {
        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message.into_data(),
        _ => return (CloseCode::Policy, "no password was sent"),
    };
    if !equal(&given, invitation.password.as_bytes()) {
        return (CloseCode::Policy, "the password is wrong");
    }
    match serve(shared, socket, invitation).await {
        Ok(()) => (CloseCode::Normal, ""),
        Err(Gone) => (CloseCode::Normal, "the client went away"),
    }
}

async fn serve(shared: &Shared, socket: &mut Socket, invitation: &Invitation) -> Result<(), Gone> {
    let mut terminal = Terminal::new(socket);
    // Azure's first message is empty (azure-cli pull request 16000).
    terminal.show("").await?;
    if !["/bin/sh", "sh"].contains(&invitation.command.as_str()) {
        let command = &invitation.command;
        let refused = format!(
            "exec failed: `{command}` is not built into the local Azure, which has `/bin/sh` alone\n"
        );
        return terminal.show(&refused).await;
    }
    let mut shell = Shell::default();
    loop {
        terminal.show(PROMPT).await?;
        let Some(line) = terminal.line().await? else {
            return Ok(());
        };
        for act in shell.line(&line) {
            match act {
                Act::Print(text) => terminal.show(&text).await?,
                Act::Exit => return Ok(()),
                Act::Run(argv) => {
                    let command = command::run(shared, &invitation.endpoint, &argv);
                    let finished = terminal.during(command).await?;
                    terminal.show(&finished.stdout).await?;
                    terminal.show(&finished.stderr).await?;
                }
            }
        }
    }
}
