//! The agent's HTTP server (`netexec`): answers what it is told, and says whom it sees.

use std::convert::Infallible;
use std::net::SocketAddrV4;

use bytes::Bytes;
use futures::FutureExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use url::form_urlencoded;

use crate::emulator::fabric::{Listener, Stream};

use super::servers::{Log, goes_on_after};

/// Serves until the listener is closed or the task aborted, which ends every connection with it.
pub(super) async fn accept(listener: Box<dyn Listener>, host_name: String, log: Log) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                while connections.join_next().now_or_never().flatten().is_some() {}
                connections.spawn(connection(stream, peer, host_name.clone(), log.clone()));
            }
            Err(error) => {
                log.line(&format!("the HTTP server could not accept: {error}"));
                if !goes_on_after(&error).await {
                    return;
                }
            }
        }
    }
}

async fn connection(stream: Box<dyn Stream>, peer: SocketAddrV4, host_name: String, log: Log) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(&request, peer, &host_name, &log);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        log.line(&format!("connection from {peer}: {error}"));
    }
}

type Body = axum::body::Body;

fn answer(
    request: &Request<Incoming>,
    peer: SocketAddrV4,
    host_name: &str,
    log: &Log,
) -> Response<Body> {
    log.line(&format!(
        "{} {} {} from {peer}",
        jiff::Timestamp::now(),
        request.method(),
        request.uri()
    ));
    let (status, text) = match request.uri().path() {
        "/clientip" => (StatusCode::OK, peer.to_string()),
        "/hostname" | "/hostName" => (StatusCode::OK, host_name.to_owned()),
        "/healthz" => (StatusCode::OK, String::new()),
        "/echo" => echo(request.uri().query().unwrap_or_default()),
        _ => (StatusCode::OK, format!("NOW: {}", jiff::Timestamp::now())),
    };
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    response
}

/// `/echo?msg=TEXT&code=STATUS`: answers with the text, and the status where one is given.
fn echo(query: &str) -> (StatusCode, String) {
    let member = |name: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .filter(|value| !value.is_empty())
    };
    let text = member("msg").unwrap_or_default();
    match member("code") {
        None => (StatusCode::OK, text),
        Some(code) => match code.parse::<u16>().ok().map(StatusCode::from_u16) {
            // An informational status would announce another answer.
            Some(Ok(status)) if !status.is_informational() => (status, text),
            _ => (
                StatusCode::BAD_REQUEST,
                format!("argument 'code' must be an HTTP status or empty, got '{code}'\n"),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_says_what_it_is_told() {
        for (query, status, text) in [
            ("msg=Hello%20World%21&code=200", 200, "Hello World!"),
            ("msg=a+b", 200, "a b"),
            ("code=503", 503, ""),
            ("", 200, ""),
        ] {
            let said = echo(query);
            assert_eq!(
                (said.0.as_u16(), said.1.as_str()),
                (status, text),
                "{query}"
            );
        }
        for code in ["x", "100", "99", "70000"] {
            assert_eq!(
                echo(&format!("code={code}")).0,
                StatusCode::BAD_REQUEST,
                "{code}"
            );
        }
    }
}
