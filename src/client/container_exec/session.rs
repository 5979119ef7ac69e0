//! The WebSocket of one exec: opened over the target's own transport, then a terminal.

use std::fmt;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};
use url::Url;

use crate::client::TransportKind;
use crate::client::error::{Cause, ClientError};
use crate::client::transport::{is_loopback, upgrading_client};

use super::error::ContainerExecError;
use super::typing::{Line, answered, said};

/// More than any probe writes; what goes beyond is refused rather than cut.
const OUTPUT_LIMIT: usize = 1 << 20;

/// How long the goodbye may take; the output is already here.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where a session is, and what opens it. Secret: its `Debug` shows the host alone.
pub(super) struct Invitation {
    /// `http` or `https`: what the upgrade is asked over.
    url: Url,
    password: String,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("host", &host(&self.url))
            .finish_non_exhaustive()
    }
}

fn host(url: &Url) -> String {
    url.origin().ascii_serialization()
}

impl Invitation {
    /// Reads the answer to an exec: `{"webSocketUri", "password"}`. The errors never quote it.
    pub(super) fn read(
        operation: &str,
        transport: TransportKind,
        answer: &Value,
    ) -> Result<Invitation, ClientError> {
        let refuse = |reason: String| ClientError::protocol(operation, reason);
        let text = |name: &str| answer[name].as_str().filter(|text| !text.is_empty());
        let (Some(uri), Some(password)) = (text("webSocketUri"), text("password")) else {
            return Err(refuse("the answer holds no session".to_owned()));
        };
        let mut url: Url = uri
            .parse()
            .map_err(|_| refuse("the session's URL is not a URL".to_owned()))?;
        let scheme = match (transport, url.scheme()) {
            (TransportKind::Cloud, "wss") => "https",
            (TransportKind::Loopback, "ws") if is_loopback(&url) => "http",
            (TransportKind::Cloud, _) => {
                return Err(refuse("the session's URL is not `wss`".to_owned()));
            }
            (TransportKind::Loopback, _) => {
                return Err(refuse(
                    "the session's URL is not `ws` at a loopback address".to_owned(),
                ));
            }
        };
        url.set_scheme(scheme)
            .map_err(|()| refuse("the session's URL is not a URL".to_owned()))?;
        Ok(Invitation {
            url,
            password: password.to_owned(),
        })
    }
}

/// How a session ended, in words.
#[derive(Debug)]
pub(super) struct Ended(pub(super) String);

/// An open session.
pub(super) struct Session {
    socket: WebSocketStream<Upgraded>,
    /// Everything that the terminal has shown.
    shown: Vec<u8>,
}

impl Session {
    /// Opens the session: the upgrade, then the password.
    pub(super) async fn open(
        operation: &str,
        transport: TransportKind,
        invitation: Invitation,
    ) -> Result<Session, ContainerExecError> {
        let host = host(&invitation.url);
        let lost = |cause: Cause| ContainerExecError::Connect {
            operation: operation.to_owned(),
            host: host.clone(),
            cause,
        };
        let refuse = |reason: String| ContainerExecError::Handshake {
            operation: operation.to_owned(),
            host: host.clone(),
            reason,
        };
        let key = generate_key();
        let response = upgrading_client(transport)?
            .get(invitation.url)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .send()
            .await
            // The path is the session's id.
            .map_err(|error| lost(Cause::of(&error.without_url())))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status().as_u16();
            return Err(refuse(format!("answered the upgrade with status {status}")));
        }
        let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accept.map(|value| value.as_bytes())
            != Some(derive_accept_key(key.as_bytes()).as_bytes())
        {
            return Err(refuse("does not speak WebSocket".to_owned()));
        }
        let mut stream = response
            .upgrade()
            .await
            .map_err(|error| lost(Cause::of(&error.without_url())))?;
        // By hand, because the WebSocket library logs the frames that it writes.
        stream
            .write_all(&text_frame(&invitation.password))
            .await
            .map_err(|error| lost(Cause::of(&error)))?;
        let config = WebSocketConfig::default().max_message_size(Some(OUTPUT_LIMIT));
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Ok(Session {
            socket,
            shown: Vec::new(),
        })
    }

    /// Types a line and waits until the shell has answered it.
    pub(super) async fn type_line(&mut self, line: &Line) -> Result<(), Ended> {
        // A line feed ends a line on a terminal in any mode, and where there is no terminal.
        let typed = format!("{}\n", line.text).into_bytes();
        self.socket
            .send(Message::Binary(typed.into()))
            .await
            .map_err(|error| Ended(error.to_string()))?;
        while !answered(&self.shown, &line.answer) {
            match self.socket.next().await {
                // Azure's first message is empty (azure-cli pull request 16000): no end.
                Some(Ok(Message::Binary(bytes))) => self.shown.extend_from_slice(&bytes),
                Some(Ok(Message::Text(text))) => self.shown.extend_from_slice(text.as_bytes()),
                Some(Ok(Message::Close(Some(frame)))) if !frame.reason.is_empty() => {
                    return Err(Ended(frame.reason.to_string()));
                }
                Some(Ok(Message::Close(_))) | None => return Err(Ended(String::new())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Err(Ended(error.to_string())),
            }
            if self.shown.len() > OUTPUT_LIMIT {
                return Err(Ended("the output is longer than 1 MiB".to_owned()));
            }
        }
        Ok(())
    }

    /// Everything that the terminal has shown.
    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// The last that the terminal has shown and how the session ended, for a message.
    pub(super) fn said(&self, ended: &str) -> String {
        [said(&self.shown), said(ended.as_bytes())]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Says goodbye. The shell has been told to exit, so nothing hangs on the answer.
    pub(super) async fn close(mut self) {
        let closed = tokio::time::timeout(GOODBYE, self.socket.close(None)).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::debug!("an exec session was not closed in order");
        }
    }
}

/// A client's text message in one frame (RFC 6455, 5.2).
fn text_frame(text: &str) -> Vec<u8> {
    const FINAL_TEXT: u8 = 0x81;
    const MASKED: u8 = 0x80;
    let mask = *uuid::Uuid::new_v4()
        .as_bytes()
        .first_chunk::<4>()
        .unwrap_or(&[0; 4]);
    let mut frame = vec![FINAL_TEXT];
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length @ 0..=125), _) => frame.push(MASKED | length),
        (_, Ok(length)) => {
            frame.push(MASKED | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        (_, Err(_)) => {
            frame.push(MASKED | 127);
            frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    let masked = text
        .bytes()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    frame.extend(masked);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(transport: TransportKind, uri: &str) -> Result<Invitation, ClientError> {
        let answer = json!({ "webSocketUri": uri, "password": "s3cret[[EOM]]" });
        Invitation::read("o", transport, &answer)
    }

    #[test]
    fn a_password_goes_over_tls_or_to_this_machine() {
        use TransportKind::{Cloud, Loopback};
        let recorded =
            "wss://h.westus.atlas.cloudapp.azure.com:19390/execstream/sessionId/a?rows=24";
        let invitation = read(Cloud, recorded).expect("as recorded");
        assert_eq!(invitation.url.scheme(), "https");
        assert_eq!(invitation.url.port(), Some(19390));
        assert!(read(Loopback, "ws://127.0.0.1:1/s").is_ok());
        for (transport, uri) in [
            (Cloud, "ws://h:19390/s"),
            (Cloud, "https://h/s"),
            (Loopback, "ws://203.0.113.1:1/s"),
            (Loopback, "wss://127.0.0.1:1/s"),
            (Loopback, "no url"),
        ] {
            assert!(read(transport, uri).is_err(), "{uri}");
        }
        for answer in [
            json!({}),
            json!({ "webSocketUri": "ws://127.0.0.1:1/", "password": "" }),
        ] {
            assert!(Invitation::read("o", Loopback, &answer).is_err());
        }
    }

    #[test]
    fn neither_debug_nor_an_error_shows_password_or_session() {
        let invitation = read(TransportKind::Cloud, "wss://h:19390/session/id?x=y").expect("sound");
        assert_eq!(
            format!("{invitation:?}"),
            "Invitation { host: \"https://h:19390\", .. }"
        );
        let error = read(TransportKind::Cloud, "ws://h/session").expect_err("no TLS");
        assert!(!format!("{error:?}").contains("s3cret"));
        assert!(!format!("{error:?}").contains("session/"));
    }

    #[test]
    fn a_frame_is_read_back_whatever_its_length() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            let frame = text_frame(&text);
            let head = frame.len() - length - 4;
            assert_eq!(
                head,
                match length {
                    0..=125 => 2,
                    126..=65_535 => 4,
                    _ => 10,
                }
            );
            let mask = &frame[head..head + 4];
            let plain = frame[head + 4..]
                .iter()
                .zip(mask.iter().cycle())
                .map(|(a, b)| a ^ b);
            assert!(plain.eq(text.bytes()), "{length}");
        }
    }
}
