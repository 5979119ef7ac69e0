//! HTTP requests over one connection, as curl makes them.

use std::net::SocketAddrV4;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use crate::emulator::fabric::Stream;
use crate::probe::{Http, Transcript};

use super::command::CommandError;

/// More than a probe reads.
const LARGEST_BODY: usize = 1 << 20;

/// The requests of a probe; the method and the headers belong to the first.
///
/// # Errors
/// When a method, a header or a path cannot be sent.
pub(super) fn of(
    http: &Http,
    to: SocketAddrV4,
    secure: bool,
) -> Result<Vec<Request<Body>>, CommandError> {
    // The port is told where it is not the scheme's own.
    let host = match (to.port(), secure) {
        (80, false) | (443, true) => to.ip().to_string(),
        _ => to.to_string(),
    };
    let paths = http.paths.iter().enumerate();
    paths
        .map(|(place, path)| request(http, &host, path, place == 0))
        .collect()
}

fn request(
    http: &Http,
    host: &str,
    path: &str,
    first: bool,
) -> Result<Request<Body>, CommandError> {
    let unsent = |what: &str| CommandError::Unsupported(format!("{what} cannot be sent"));
    let mut request = Request::get(path)
        .body(Body::empty())
        .map_err(|_| unsent(&format!("the path `{path}`")))?;
    let host = HeaderValue::from_str(host).map_err(|_| unsent("the host"))?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static("vnetlab"));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if first {
        for (name, value) in &http.headers {
            // A value may be a secret, so that only the name is told.
            let unsent = || unsent(&format!("the header `{name}`"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsent())?;
            let value = HeaderValue::from_str(value).map_err(|_| unsent())?;
            // The author's word stands in the place of curl's own.
            if [HOST, USER_AGENT, ACCEPT].contains(&name) {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
        *request.method_mut() = Method::from_bytes(http.method.as_bytes())
            .map_err(|_| unsent(&format!("the method `{}`", http.method)))?;
    }
    Ok(request)
}

/// Makes the requests one after the other. The first answer must come by a time, each further one
/// within `each`.
pub(super) async fn ask(
    stream: Box<dyn Stream>,
    local: SocketAddrV4,
    requests: Vec<Request<Body>>,
    first_by: Instant,
    each: Duration,
) -> Transcript {
    let Ok((mut sender, connection)) = handshake(TokioIo::new(stream)).await else {
        return Transcript::BrokenOff;
    };
    let asking = async {
        let mut answers = Vec::new();
        let mut by = first_by;
        for request in requests {
            match timeout_at(by, answer(&mut sender, request)).await {
                Ok(Ok(answer)) => answers.push(answer),
                Ok(Err(_)) => return (answers, Transcript::BrokenOff),
                Err(_) => return (answers, Transcript::TimedOut),
            }
            by = Instant::now() + each;
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
    if answers.is_empty() {
        failure
    } else {
        Transcript::Answered { local, answers }
    }
}

/// Makes one request over a connection: the answer's status and body.
pub(super) async fn answer(
    sender: &mut SendRequest<Body>,
    request: Request<Body>,
) -> Result<(u16, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = to_bytes(Body::new(response.into_body()), LARGEST_BODY).await?;
    Ok((status, body.to_vec()))
}
