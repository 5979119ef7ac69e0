//! A scripted HTTP client for tests: answers in order, and remembers what it was asked. No sockets, so
//! that tests can run on a paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_core::Bytes;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode};
use serde_json::Value;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Client, StaticToken, Target, TransportKind, Watch};

/// The token of every scripted client.
pub(super) const TOKEN: &str = "s3cret-token";

/// One thing that happens to a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// It is answered.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Its connection breaks.
    Broken,
    /// It is never answered.
    Silence,
}

/// An answer with a body.
pub(super) fn reply(status: u16, body: &str) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_owned())
}

/// An answer with headers and a body.
pub(super) fn reply_with(status: u16, headers: &[(&'static str, &str)], body: &str) -> Reply {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Reply::Answer(status, headers.collect(), body.to_owned())
}

/// A request as it left the pipeline.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Value,
}

type Script = Box<dyn FnMut(&Asked) -> Reply + Send>;

/// The script and the record of one test.
pub(super) struct Scripted {
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    /// Answers with `replies` in order; a request beyond them fails the test by its error.
    pub(super) fn in_order(replies: impl IntoIterator<Item = Reply>) -> Arc<Scripted> {
        let mut replies = replies.into_iter().collect::<VecDeque<_>>();
        Scripted::by(move |asked| {
            let beyond = format!("unexpected {}", asked.line);
            replies.pop_front().unwrap_or_else(|| reply(418, &beyond))
        })
    }

    /// Answers as `script` says.
    pub(super) fn by(script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Arc<Scripted> {
        Arc::new(Scripted {
            script: Mutex::new(Box::new(script)),
            asked: Mutex::new(Vec::new()),
        })
    }

    /// A client of the cloud kind that talks to this script.
    pub(super) fn client(self: &Arc<Self>) -> Client {
        Client::over(
            target("https://arm.test/", TransportKind::Cloud),
            self.clone(),
        )
        .expect("a valid target")
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic while locked").clone()
    }

    /// Method, path and query of each request.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

/// A watch that waits for an hour and tells nobody.
pub(super) fn patient(cancel: &CancellationToken) -> Watch<'_> {
    Watch {
        deadline: Instant::now() + Duration::from_secs(3600),
        cancel,
        progress: &|_| {},
    }
}

/// An error and its sources, one a line, as a reader sees them.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.join("\n")
}

/// A target with the scripted token.
pub(super) fn target(base_url: &str, transport: TransportKind) -> Target {
    Target {
        base_url: base_url.parse::<Url>().expect("a URL"),
        subscription: "sub".to_owned(),
        scope: "https://arm.test/.default".to_owned(),
        credential: Arc::new(StaticToken::new(TOKEN)),
        transport,
    }
}

#[async_trait]
impl HttpClient for Scripted {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = Bytes::from(request.body());
        let authorization = request
            .headers()
            .get_optional_str(&azure_core::http::headers::AUTHORIZATION);
        let asked = Asked {
            line: format!("{} {}", request.method().as_str(), request.path_and_query()),
            authorization: authorization.map(str::to_owned),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        self.asked
            .lock()
            .expect("no panic while locked")
            .push(asked.clone());
        let reply = (self.script.lock().expect("no panic while locked"))(&asked);
        match reply {
            Reply::Answer(status, headers, body) => {
                let mut all = Headers::new();
                for (name, value) in headers {
                    all.insert(name, value);
                }
                Ok(AsyncRawResponse::from_bytes(
                    StatusCode::from(status),
                    all,
                    body,
                ))
            }
            Reply::Broken => Err(Error::with_message(
                ErrorKind::Io,
                "connection reset by peer",
            )),
            Reply::Silence => std::future::pending().await,
        }
    }
}
