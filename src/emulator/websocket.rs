//! The server's half of a WebSocket's opening, over hyper's upgrade.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::reply::{empty, with_header};

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The answer to a request's key, if it asks for a WebSocket and offers the protocol, where one is
/// wanted.
pub(super) fn accept_key(headers: &HeaderMap, protocol: Option<&str>) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let websocket = text(header::UPGRADE)?.eq_ignore_ascii_case("websocket");
    let offered = protocol.is_none_or(|wanted| {
        let offers = text(header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
        offers.split(',').any(|offer| offer.trim() == wanted)
    });
    let key = text(header::SEC_WEBSOCKET_KEY)?;
    (websocket && offered).then(|| derive_accept_key(key.as_bytes()))
}

/// The 101 for an accepted key.
pub(super) fn switching(accept: &str, protocol: Option<&str>) -> Response {
    let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
    for (name, value) in [
        ("connection", Some("Upgrade")),
        ("upgrade", Some("websocket")),
        ("sec-websocket-accept", Some(accept)),
        ("sec-websocket-protocol", protocol),
    ] {
        if let Some(value) = value {
            response = with_header(response, name, value);
        }
    }
    response
}

/// The socket once the connection is handed over; `None` when the client gave up before.
pub(super) async fn socket(upgraded: OnUpgrade, config: Option<WebSocketConfig>) -> Option<Socket> {
    match upgraded.await {
        Ok(upgraded) => {
            let stream = TokioIo::new(upgraded);
            Some(WebSocketStream::from_raw_socket(stream, Role::Server, config).await)
        }
        Err(error) => {
            tracing::debug!(%error, "a WebSocket was given up before it began");
            None
        }
    }
}
