//! The container groups' exec from the client's side, against a session server on loopback: with a real
//! shell on a real terminal behind it, and with sessions that go wrong.
#![cfg(all(feature = "local", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "support/terminal.rs"]
mod terminal;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use terminal::Terminal;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use vnetlab::arm::ResourceId;
use vnetlab::client::{Client, ContainerExecError, StaticToken, Target, TransportKind};

const PASSWORD: &str = "p4ss[[EOM]]";
const SESSION: &str = "/execstream/sessionId/5e55";
const LONG: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What the server does once it has let a client in.
#[derive(Clone)]
enum Behind {
    /// A shell on a terminal of so many columns.
    Shell(&'static [&'static str], u16),
    /// Azure's empty first message, then these frames, then a close frame with a reason.
    Says(Vec<Vec<u8>>, &'static str),
    /// A shell that answers so many lines and is then cut off without a close frame.
    CutAfter(usize),
    /// Nothing, for ever.
    Silence,
    /// No WebSocket.
    Status(StatusCode),
}

#[derive(Clone)]
struct Server {
    behind: Behind,
    group: Value,
    password: &'static str,
    base: String,
    /// Method, path and body of every request, and every password that was sent.
    asked: Arc<Mutex<Vec<String>>>,
}

fn running() -> Value {
    let view = |state: &str| json!({ "instanceView": { "currentState": { "state": state } } });
    json!({ "properties": { "containers": [
        { "name": "first", "properties": view("Running") },
        { "name": "second", "properties": view("Running") },
    ] } })
}

impl Server {
    fn with(behind: Behind) -> Server {
        Server {
            behind,
            group: running(),
            password: PASSWORD,
            base: String::new(),
            asked: Arc::default(),
        }
    }

    async fn run(mut self, argv: &[&str], timeout: Duration) -> Result<String, ContainerExecError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.base = listener.local_addr().unwrap().to_string();
        let client = Client::new(Target {
            base_url: format!("http://{}/", self.base).parse().unwrap(),
            subscription: "s".to_owned(),
            scope: "local/.default".to_owned(),
            credential: Arc::new(StaticToken::new("t0ken")),
            transport: TransportKind::Loopback,
        })
        .unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::new(self));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let group = ResourceId::parse(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/w",
        )
        .unwrap();
        let argv = argv
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>();
        let output = client.exec_in_container_group(&group, &argv, timeout).await;
        serving.abort();
        output
    }
}

async fn answer(State(server): State<Arc<Server>>, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    if path == SESSION {
        assert!(request.headers().get(header::AUTHORIZATION).is_none());
        if let Behind::Status(status) = server.behind {
            return status.into_response();
        }
        let key = request.headers()[header::SEC_WEBSOCKET_KEY]
            .as_bytes()
            .to_vec();
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let stream = TokioIo::new(upgraded.await.unwrap());
            let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
            session(&server, socket).await;
        });
        return Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(&key))
            .body(Body::empty())
            .unwrap();
    }
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    server
        .asked
        .lock()
        .unwrap()
        .push(format!("{method} {path} {body}"));
    if path.ends_with("/containers/first/exec") {
        let uri = format!(
            "ws://{}{SESSION}?api-version=1.0&rows=24&cols=80",
            server.base
        );
        return Json(json!({ "webSocketUri": uri, "password": server.password })).into_response();
    }
    Json(server.group.clone()).into_response()
}

async fn session(server: &Server, mut socket: Socket) {
    let Some(Ok(Message::Text(password))) = socket.next().await else {
        panic!("the password is the first message");
    };
    server
        .asked
        .lock()
        .unwrap()
        .push(format!("password {password}"));
    if password.as_str() != PASSWORD {
        return close(socket, "wrong password").await;
    }
    socket.send(Message::Text("".into())).await.unwrap();
    match &server.behind {
        Behind::Shell(shell, columns) => Terminal::start(shell, *columns).bridge(socket).await,
        Behind::Says(frames, reason) => {
            for frame in frames {
                socket
                    .send(Message::Binary(frame.clone().into()))
                    .await
                    .unwrap();
            }
            close(socket, reason).await;
        }
        Behind::CutAfter(lines) => {
            let mut answered = 0;
            while let Some(Ok(Message::Binary(line))) = socket.next().await {
                if answered == *lines {
                    return;
                }
                // What the shell would print: the tag is the word before the last.
                let line = String::from_utf8(line.to_vec()).unwrap();
                let tag = line.trim_end().rsplit(' ').nth(1).unwrap().to_owned();
                let length = 360 * answered;
                answered += 1;
                let echo = format!("{line}\r\n");
                let told = format!("{tag}/{length}\r\n");
                for bytes in [
                    echo.as_bytes(),
                    &told.as_bytes()[..7],
                    &told.as_bytes()[7..],
                ] {
                    socket
                        .send(Message::Binary(bytes.to_vec().into()))
                        .await
                        .unwrap();
                }
            }
        }
        Behind::Silence => while let Some(Ok(_)) = socket.next().await {},
        Behind::Status(_) => unreachable!("it has no socket"),
    }
}

async fn close(mut socket: Socket, reason: &'static str) {
    let code = CloseCode::Policy;
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    socket.close(Some(frame)).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

/// Every kind of word that a shell, a line editor or a terminal could take for its own.
const WORDS: [&str; 8] = [
    "plain",
    "two words",
    "it's \"quoted\" `here` $(and) $there \\ here",
    "!history ~ * ? [a] {b,c} # & | ; < >",
    "a\ttab and\nlines\nof its own",
    "\u{3}\u{4}\u{15}\u{1b}[A\u{7f}",
    "Grüße 日本語",
    "",
];

#[tokio::test]
async fn every_word_arrives_in_every_shell_and_at_every_width() {
    let mut tried = 0;
    let shells: [&[&str]; 5] = [
        &["dash", "-i"],
        &["bash", "--norc", "-i"],
        &["bash", "--norc", "--posix", "-i"],
        &["busybox", "ash", "-i"],
        // Without -i: reads its lines like a script, and prompts for none.
        &["dash", "-s"],
    ];
    // In one line it would be more than the 4095 bytes of a terminal and the 1023 of busybox.
    let long = "0123456789".repeat(350);
    let script = r#"printf '<%s>\n' "$@"; printf err >&2"#;
    let argv = ["/bin/sh", "-c", script, "name", &long];
    let argv = argv.into_iter().chain(WORDS).collect::<Vec<_>>();
    let expected = std::iter::once(&long.as_str())
        .chain(&WORDS)
        .map(|word| format!("<{word}>\n"))
        .collect::<String>()
        + "err";
    for shell in shells {
        if terminal::missing(shell[0]) {
            println!("skipped: no {} on this host", shell[0]);
            continue;
        }
        tried += 1;
        for columns in [512, 20] {
            let output = Server::with(Behind::Shell(shell, columns))
                .run(&argv, LONG)
                .await;
            assert_eq!(output.unwrap(), expected, "{shell:?} at {columns}");
        }
    }
    assert!(tried > 0, "a host has a shell");
}

#[tokio::test]
async fn the_first_container_is_asked_for_a_shell_and_gets_the_password_first() {
    let server = Server::with(Behind::Shell(&["dash", "-i"], 80));
    let asked = server.asked.clone();
    server.run(&["true"], LONG).await.unwrap();
    let asked = asked.lock().unwrap().clone();
    let group =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/w";
    assert_eq!(asked[0].trim_end(), format!("GET {group}"));
    assert!(
        asked[1].starts_with(&format!("POST {group}/containers/first/exec ")),
        "{asked:?}"
    );
    let body: Value = serde_json::from_str(asked[1].rsplit(' ').next().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({ "command": "/bin/sh", "terminalSize": { "rows": 24, "cols": 512 } })
    );
    assert_eq!(asked[2], format!("password {PASSWORD}"));
}

#[tokio::test]
async fn a_wrong_password_is_told_without_showing_it() {
    let mut server = Server::with(Behind::Silence);
    server.password = "guessed";
    let error = server.run(&["true"], LONG).await.unwrap_err();
    assert!(
        matches!(error, ContainerExecError::NoShell { .. }),
        "{error:?}"
    );
    assert!(error.to_string().ends_with(": wrong password"), "{error}");
    assert!(!format!("{error:?}").contains("guessed"));
}

#[tokio::test]
async fn an_image_without_a_shell_is_told_in_the_runtimes_words() {
    // Split inside an escape sequence and inside a character.
    let said = "\u{1b}[31mOCI runtime exec failed: “/bin/sh”: no such file\u{1b}[0m\r\n".as_bytes();
    let frames = said.chunks(3).map(<[u8]>::to_vec).collect();
    let error = Server::with(Behind::Says(frames, ""))
        .run(&["true"], LONG)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ContainerExecError::NoShell { .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "cannot run `true` in container group `w`: no shell answered before the session ended: \
         OCI runtime exec failed: “/bin/sh”: no such file"
    );
}

#[tokio::test]
async fn a_session_that_is_cut_off_has_lost_its_output() {
    let long = "x".repeat(2000);
    for lines in [1, 3] {
        let server = Server::with(Behind::CutAfter(lines));
        let error = server.run(&["printf", &long], LONG).await.unwrap_err();
        assert!(
            matches!(error, ContainerExecError::OutputLost { .. }),
            "{lines}: {error:?}"
        );
    }
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_says_what_was_awaited() {
    let short = Duration::from_millis(200);
    let error = Server::with(Behind::Silence)
        .run(&["true"], short)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("waiting for the shell to answer"),
        "{error}"
    );
    // It has to outlast the start of a shell on a busy machine.
    let server = Server::with(Behind::Shell(&["dash", "-i"], 80));
    let error = server
        .run(&["sleep", "60"], Duration::from_secs(3))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("waiting for the command to end"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_websockets_and_a_container_that_ended_are_named() {
    let server = Server::with(Behind::Status(StatusCode::NOT_FOUND));
    let error = server.run(&["true"], LONG).await.unwrap_err();
    assert!(error.to_string().contains("with status 404"), "{error}");
    assert!(!error.to_string().contains("sessionId"), "{error}");

    let mut server = Server::with(Behind::Silence);
    let ended = json!({ "state": "Terminated", "exitCode": 2 });
    server.group["properties"]["containers"][0]["properties"]["instanceView"]["currentState"] =
        ended;
    let asked = server.asked.clone();
    let error = server.run(&["true"], LONG).await.unwrap_err();
    assert!(
        matches!(error, ContainerExecError::NotRunning { .. }),
        "{error:?}"
    );
    assert_eq!(asked.lock().unwrap().len(), 1, "no session is opened");
}
