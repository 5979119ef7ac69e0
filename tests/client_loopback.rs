//! The ARM client over real sockets: what a script without sockets cannot show.
#![cfg(feature = "run")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vnetlab::client::{Client, ClientError, StaticToken, Target, TransportKind};

/// A server that answers each request with the next of its raw answers, `None` for a closed connection.
struct Server {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: Vec<Option<String>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = read_request(&mut stream).await;
                seen.lock().unwrap().push(head);
                if let Some(answer) = answer {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        Server { url, heads }
    }

    fn client(&self) -> Client {
        client(&self.url)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn client(base_url: &str) -> Client {
    Client::new(Target {
        base_url: base_url.parse().unwrap(),
        subscription: "sub".to_owned(),
        scope: "local/.default".to_owned(),
        credential: Arc::new(StaticToken::new("t0ken")),
        transport: TransportKind::Loopback,
    })
    .unwrap()
}

/// Reads one request with its body; gives the head in lower case.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        assert_ne!(
            stream.read_buf(&mut bytes).await.unwrap(),
            0,
            "a whole request"
        );
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return head.to_owned();
            }
        }
    }
}

fn ok() -> Option<String> {
    Some("HTTP/1.1 201 Created\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned())
}

async fn put(client: &Client) -> Result<(), ClientError> {
    client.put_group("g", "l", &BTreeMap::new()).await
}

#[tokio::test]
async fn a_request_carries_token_content_type_and_the_programs_name() {
    let server = Server::start(vec![ok()]).await;
    put(&server.client()).await.unwrap();
    let head = &server.heads()[0];
    for line in [
        "put /subscriptions/sub/resourcegroups/g?api-version=2025-04-01 http/1.1",
        "authorization: bearer t0ken",
        "content-type: application/json",
        "user-agent: vnetlab ",
        "x-ms-client-request-id: ",
    ] {
        assert!(head.contains(line), "{line} in\n{head}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(vec![ok()]).await;
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url
    );
    let server = Server::start(vec![Some(redirect)]).await;
    let error = put(&server.client()).await.unwrap_err();
    assert_eq!(error.status(), Some(307));
    assert_eq!(elsewhere.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn a_request_whose_connection_closes_is_sent_again() {
    let server = Server::start(vec![None, ok()]).await;
    put(&server.client()).await.unwrap();
    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    let id = |head: &str| {
        let line = head
            .lines()
            .find(|line| line.starts_with("x-ms-client-request-id"));
        line.unwrap().to_owned()
    };
    assert_eq!(id(&heads[0]), id(&heads[1]));
}

#[tokio::test]
async fn a_refused_connection_is_an_error_without_the_query() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = put(&client(&url)).await.unwrap_err();
    let mut texts = vec![error.to_string()];
    let mut next = std::error::Error::source(&error);
    while let Some(source) = next {
        texts.push(source.to_string());
        next = source.source();
    }
    let chain = texts.join("\n");
    assert!(
        chain.starts_with("cannot put resource group `g`\n"),
        "{chain}"
    );
    assert!(
        chain.to_lowercase().contains("connection refused"),
        "{chain}"
    );
    assert!(!chain.contains("api-version"), "{chain}");
}

/// The environment belongs to the process, so the test runs itself again with one that has a proxy,
/// at a port where nothing listens.
#[tokio::test]
async fn a_proxy_in_the_environment_is_not_used_for_loopback() {
    if std::env::var_os("VNETLAB_TEST_INNER").is_none() {
        let status = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_proxy_in_the_environment_is_not_used_for_loopback",
            ])
            .env("VNETLAB_TEST_INNER", "1")
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("http_proxy", "http://127.0.0.1:1")
            .env("ALL_PROXY", "http://127.0.0.1:1")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let server = Server::start(vec![ok()]).await;
    put(&server.client()).await.unwrap();
}
