//! The agent's HTTP server (`netexec`): answers what it is told, says whom it sees, and keeps a log.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use crate::emulator::fabric::{EndpointId, Fabric, FabricError, Listener, Stream};

/// The servers that run, by endpoint.
#[derive(Default)]
pub(in crate::emulator) struct Servers(Mutex<BTreeMap<EndpointId, Host>>);

/// The servers of one endpoint.
struct Host {
    started: jiff::Timestamp,
    ended: CancellationToken,
    by_port: BTreeMap<u16, Running>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

struct Running {
    container: String,
    log: Log,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The lines that a container has written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn line(&self, line: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
    }
}

impl Servers {
    fn hosts(&self) -> std::sync::MutexGuard<'_, BTreeMap<EndpointId, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an endpoint serve exactly the given ports, each for a container; a server that stays is
    /// not disturbed.
    ///
    /// # Errors
    /// When the fabric cannot listen.
    pub(in crate::emulator) async fn serve(
        &self,
        fabric: &dyn Fabric,
        endpoint: &EndpointId,
        host_name: &str,
        wanted: &[(String, u16)],
    ) -> Result<(), FabricError> {
        let missing = {
            let mut hosts = self.hosts();
            let host = hosts.entry(endpoint.clone()).or_insert_with(|| Host {
                started: jiff::Timestamp::now(),
                ended: CancellationToken::new(),
                by_port: BTreeMap::new(),
            });
            host.by_port.retain(|port, running| {
                wanted
                    .iter()
                    .any(|(container, at)| at == port && *container == running.container)
            });
            wanted
                .iter()
                .filter(|(_, port)| !host.by_port.contains_key(port))
                .cloned()
                .collect::<Vec<_>>()
        };
        for (container, port) in missing {
            let listener = fabric.listen(endpoint, port).await?;
            let log = Log::default();
            log.line(&format!("Started HTTP server on port {port}"));
            let task = tokio::spawn(accept(listener, host_name.to_owned(), log.clone()));
            let running = Running {
                container,
                log,
                task: task.abort_handle(),
            };
            if let Some(host) = self.hosts().get_mut(endpoint) {
                host.by_port.insert(port, running);
            }
        }
        Ok(())
    }

    /// Stops the servers of an endpoint.
    pub(in crate::emulator) fn stop(&self, endpoint: &EndpointId) {
        self.hosts().remove(endpoint);
    }

    /// Stops every server.
    pub(in crate::emulator) fn stop_all(&self) {
        self.hosts().clear();
    }

    /// When the endpoint began to run.
    pub(in crate::emulator) fn started(&self, endpoint: &EndpointId) -> Option<String> {
        Some(self.hosts().get(endpoint)?.started.to_string())
    }

    /// Cancelled when the endpoint ends to run; `None` for one that does not run.
    pub(in crate::emulator) fn ended(&self, endpoint: &EndpointId) -> Option<CancellationToken> {
        Some(self.hosts().get(endpoint)?.ended.clone())
    }

    /// What a container of an endpoint has written; empty for one that only waits.
    pub(in crate::emulator) fn log(&self, endpoint: &EndpointId, container: &str) -> String {
        let hosts = self.hosts();
        let running = hosts
            .get(endpoint)
            .into_iter()
            .flat_map(|host| host.by_port.values())
            .find(|running| running.container.eq_ignore_ascii_case(container));
        running.map_or_else(String::new, |running| {
            let text = running.log.0.lock().unwrap_or_else(PoisonError::into_inner);
            text.clone()
        })
    }
}

/// Serves until the listener is closed or the task aborted, which ends every connection with it.
async fn accept(listener: Box<dyn Listener>, host_name: String, log: Log) {
    let mut connections = JoinSet::new();
    while let Ok((stream, peer)) = listener.accept().await {
        while connections.join_next().now_or_never().flatten().is_some() {}
        connections.spawn(connection(stream, peer, host_name.clone(), log.clone()));
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
