//! The Kubernetes client against a small API server on loopback, under a path prefix and with a token, as
//! the local Azure serves it.
#![cfg(feature = "local")]
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::{SinkExt, StreamExt, stream};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;
use vnetlab::client::kubernetes::{Cluster, KubernetesError};
use vnetlab::client::{Kubeconfig, Watch};

const PREFIX: &str = "/kubernetes/c1";
const PODS: &str = "/kubernetes/c1/api/v1/namespaces/default/pods";

/// What the server does, call by call.
#[derive(Default)]
struct Script {
    /// The pod in each list, in order; the last stays.
    lists: VecDeque<Option<Value>>,
    /// The events of each watch, in order. A watch ends after them if its flag says so.
    watches: VecDeque<(Vec<Value>, bool)>,
    /// The frames that a command's connection brings before it is closed; `None` never answers.
    frames: Option<Vec<Vec<u8>>>,
    /// Method and URI of every request.
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Script>>;

async fn serve(script: Script) -> (Shared, String) {
    let shared = Arc::new(Mutex::new(script));
    let router = Router::new().fallback(answer).with_state(shared.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (shared, url)
}

async fn answer(State(script): State<Shared>, request: Request) -> Response {
    let uri = request.uri().to_string();
    let asked = format!("{} {uri}", request.method());
    script.lock().unwrap().asked.push(asked);
    if request
        .headers()
        .get(header::AUTHORIZATION)
        .is_none_or(|value| value != "Bearer t0ken")
    {
        return status(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let Some(below) = path.strip_prefix(PODS) else {
        return match path.strip_prefix(PREFIX) {
            Some("/api/v1/nodes") => Json(nodes()).into_response(),
            _ => status(StatusCode::NOT_FOUND, "NotFound"),
        };
    };
    match (request.method(), below) {
        (&Method::GET, "") if query.contains("watch=true") => watch(&script),
        (&Method::GET, "") => {
            let mut script = script.lock().unwrap();
            let pod = match script.lists.len() {
                0 => None,
                1 => script.lists[0].clone(),
                _ => script.lists.pop_front().flatten(),
            };
            let items = pod.into_iter().collect::<Vec<_>>();
            Json(json!({
                "kind": "PodList", "apiVersion": "v1",
                "metadata": {"resourceVersion": "7"}, "items": items,
            }))
            .into_response()
        }
        (&Method::POST, "") => (StatusCode::CREATED, Json(pending())).into_response(),
        (&Method::GET, "/p/log") => "hello\n".into_response(),
        (&Method::GET, "/p/exec") => exec(&script, request),
        (&Method::DELETE, "/p") => Json(pending()).into_response(),
        _ => status(StatusCode::NOT_FOUND, "NotFound"),
    }
}

fn watch(script: &Shared) -> Response {
    let (events, ends) = script
        .lock()
        .unwrap()
        .watches
        .pop_front()
        .unwrap_or_default();
    let lines = events
        .into_iter()
        .map(|event| Ok::<_, std::io::Error>(format!("{event}\n")));
    let lines = stream::iter(lines);
    if ends {
        Body::from_stream(lines).into_response()
    } else {
        Body::from_stream(lines.chain(stream::pending())).into_response()
    }
}

fn exec(script: &Shared, mut request: Request) -> Response {
    let Some(frames) = script.lock().unwrap().frames.clone() else {
        return status(StatusCode::BAD_REQUEST, "BadRequest");
    };
    let headers: &HeaderMap = request.headers();
    let protocols = headers[header::SEC_WEBSOCKET_PROTOCOL].to_str().unwrap();
    assert!(protocols.starts_with("v5.channel.k8s.io"), "{protocols}");
    let accept = derive_accept_key(headers[header::SEC_WEBSOCKET_KEY].as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        if frames.is_empty() {
            // Silence until the client gives up.
            while socket.next().await.is_some() {}
            return;
        }
        for frame in frames.into_iter().filter(|frame| !frame.is_empty()) {
            socket.send(Message::binary(frame)).await.unwrap();
        }
        socket.close(None).await.unwrap();
    });
    let headers = [
        (header::CONNECTION, "Upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
        (
            header::SEC_WEBSOCKET_PROTOCOL,
            "v5.channel.k8s.io".to_owned(),
        ),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

fn status(code: StatusCode, reason: &str) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": "said the server", "reason": reason, "code": code.as_u16(),
    });
    (code, Json(body)).into_response()
}

fn nodes() -> Value {
    let node = |name: &str, addresses: Value| json!({"metadata": {"name": name}, "status": {"addresses": addresses}});
    json!({
        "kind": "NodeList", "apiVersion": "v1", "metadata": {},
        "items": [
            node("aks-2", json!([
                {"type": "InternalIP", "address": "fd00::5"},
                {"type": "Hostname", "address": "10.9.9.9"},
                {"type": "InternalIP", "address": "10.1.0.5"},
            ])),
            node("aks-1", json!([{"type": "InternalIP", "address": "10.1.0.4"}])),
        ],
    })
}

fn pod(status: Value) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"nodeName": "aks-1", "containers": [{"name": "c", "image": "i"}]},
        "status": status,
    })
}

fn pending() -> Value {
    pod(json!({"phase": "Pending"}))
}

fn running() -> Value {
    pod(json!({"phase": "Running", "podIP": "10.244.0.5", "hostIP": "10.1.0.4"}))
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

fn kubeconfig(server: &str, token: &str) -> Kubeconfig {
    let document = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    });
    Kubeconfig::new(document.to_string())
}

async fn connect(script: Script) -> (Shared, Cluster) {
    let (shared, url) = serve(script).await;
    let cluster = Cluster::connect(&kubeconfig(&url, "t0ken"), true)
        .await
        .unwrap();
    (shared, cluster)
}

/// A watch that waits for ten seconds: far beyond what a loopback server needs.
fn patient(cancel: &CancellationToken) -> Watch<'_> {
    Watch {
        deadline: Instant::now() + Duration::from_secs(10),
        cancel,
        progress: &|_| {},
    }
}

#[tokio::test]
async fn nodes_come_sorted_with_their_ipv4_addresses() {
    let (_, cluster) = connect(Script::default()).await;
    let nodes = cluster.nodes().await.unwrap();
    let nodes = nodes.iter().map(|node| (node.name.as_str(), node.address));
    assert_eq!(
        nodes.collect::<Vec<_>>(),
        [
            ("aks-1", Ipv4Addr::new(10, 1, 0, 4)),
            ("aks-2", Ipv4Addr::new(10, 1, 0, 5))
        ]
    );
}

#[tokio::test]
async fn a_pod_is_created_and_seen_running_by_a_watch() {
    let waiting = pod(json!({"phase": "Pending", "containerStatuses": [{
        "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ContainerCreating"}},
    }]}));
    let (shared, cluster) = connect(Script {
        lists: [Some(pending())].into(),
        watches: [(
            vec![event("MODIFIED", waiting), event("MODIFIED", running())],
            false,
        )]
        .into(),
        ..Script::default()
    })
    .await;
    cluster.create_pod("default", &pending()).await.unwrap();
    let cancel = CancellationToken::new();
    let states = Mutex::new(Vec::new());
    let progress =
        |progress: vnetlab::client::Progress| states.lock().unwrap().push(progress.to_string());
    let watch = Watch {
        progress: &progress,
        ..patient(&cancel)
    };
    let address = cluster.wait_running("default", "p", &watch).await.unwrap();
    assert_eq!(address.address, Ipv4Addr::new(10, 244, 0, 5));
    assert_eq!(address.node, "aks-1");
    assert_eq!(address.node_address, Ipv4Addr::new(10, 1, 0, 4));
    assert_eq!(
        *states.lock().unwrap(),
        [
            "see pod `p` run: Pending",
            "see pod `p` run: ContainerCreating"
        ]
    );
    let asked = shared.lock().unwrap().asked.clone();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked[1].contains("fieldSelector=metadata.name%3Dp"),
        "{asked:?}"
    );
    assert!(asked[2].contains("resourceVersion=7"), "{asked:?}");
}

#[tokio::test]
async fn a_watch_that_ends_is_begun_again_after_a_new_list() {
    let (_, cluster) = connect(Script {
        lists: [Some(pending()), Some(running())].into(),
        watches: [(
            vec![event(
                "ERROR",
                json!({"kind": "Status", "code": 410, "message": "too old"}),
            )],
            true,
        )]
        .into(),
        ..Script::default()
    })
    .await;
    let cancel = CancellationToken::new();
    cluster
        .wait_running("default", "p", &patient(&cancel))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_pod_that_cannot_run_fails_at_once_with_the_reason() {
    let backing_off = pod(json!({"phase": "Pending", "containerStatuses": [{
        "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
    }]}));
    for (lists, events, expected) in [
        (
            Some(pending()),
            vec![event("MODIFIED", backing_off)],
            "pod `p` will not run: ImagePullBackOff: Back-off pulling image",
        ),
        (
            Some(pending()),
            vec![event("DELETED", pending())],
            "pod `p` will not run: it does not exist",
        ),
        (None, vec![], "pod `p` will not run: it does not exist"),
        (
            Some(pod(json!({"phase": "Failed"}))),
            vec![],
            "pod `p` will not run: its phase is Failed",
        ),
    ] {
        let (_, cluster) = connect(Script {
            lists: [lists].into(),
            watches: [(events, false)].into(),
            ..Script::default()
        })
        .await;
        let cancel = CancellationToken::new();
        let error = cluster
            .wait_running("default", "p", &patient(&cancel))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn cancellation_and_deadline_end_the_wait() {
    let (_, cluster) = connect(Script {
        lists: [Some(pending())].into(),
        ..Script::default()
    })
    .await;
    let cancel = CancellationToken::new();
    let progress = |_| cancel.cancel();
    let watch = Watch {
        progress: &progress,
        ..patient(&cancel)
    };
    let error = cluster
        .wait_running("default", "p", &watch)
        .await
        .unwrap_err();
    assert!(
        matches!(error, KubernetesError::Cancelled { .. }),
        "{error}"
    );

    let cancel = CancellationToken::new();
    let watch = Watch {
        deadline: Instant::now() + Duration::from_millis(300),
        ..patient(&cancel)
    };
    let error = cluster
        .wait_running("default", "p", &watch)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the deadline passed while waiting to see pod `p` run, last seen as `Pending`"
    );
}

#[tokio::test]
async fn deleting_waits_until_the_pod_is_gone() {
    let (shared, cluster) = connect(Script {
        lists: [Some(running())].into(),
        watches: [(
            vec![event("MODIFIED", running()), event("DELETED", running())],
            false,
        )]
        .into(),
        ..Script::default()
    })
    .await;
    let cancel = CancellationToken::new();
    cluster
        .delete_pod("default", "p", &patient(&cancel))
        .await
        .unwrap();
    assert_eq!(shared.lock().unwrap().asked.len(), 3);
    // The server knows no pod `q`.
    cluster
        .delete_pod("default", "q", &patient(&cancel))
        .await
        .unwrap();
    assert_eq!(shared.lock().unwrap().asked.len(), 4);
}

#[tokio::test]
async fn logs_are_text() {
    let (_, cluster) = connect(Script::default()).await;
    assert_eq!(cluster.logs("default", "p").await.unwrap(), "hello\n");
    let error = cluster.logs("default", "q").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot get the logs of pod `q`: NotFound (404): said the server"
    );
}

fn frame(channel: u8, text: &str) -> Vec<u8> {
    let mut frame = vec![channel];
    frame.extend(text.as_bytes());
    frame
}

async fn run(frames: Option<Vec<Vec<u8>>>) -> (Shared, Result<(String, String), String>) {
    let (shared, cluster) = connect(Script {
        frames,
        ..Script::default()
    })
    .await;
    let argv = ["sh".to_owned(), "-c".to_owned(), "echo 'a b'".to_owned()];
    let timeout = Duration::from_secs(2);
    let output = cluster.exec("default", "p", &argv, timeout).await;
    let output = output.map(|output| (output.stdout, output.stderr));
    (shared, output.map_err(|error| error.to_string()))
}

#[tokio::test]
async fn a_commands_output_is_read_to_its_end() {
    let long = "x".repeat(100_000);
    let success = frame(3, r#"{"metadata":{},"status":"Success"}"#);
    let frames = vec![
        frame(1, &long),
        frame(2, "warning"),
        frame(1, "end"),
        success,
    ];
    let (shared, output) = run(Some(frames)).await;
    assert_eq!(output, Ok((long + "end", "warning".to_owned())));
    let asked = shared.lock().unwrap().asked[0].clone();
    assert!(asked.starts_with(&format!("GET {PODS}/p/exec?")), "{asked}");
    for part in [
        "stdout=true",
        "stderr=true",
        "command=sh&command=-c&command=echo+%27a+b%27",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

#[tokio::test]
async fn an_exit_status_is_no_error_and_a_lost_one_neither() {
    let failed = frame(
        3,
        r#"{"status":"Failure","reason":"NonZeroExitCode","message":"exit status 28"}"#,
    );
    let (_, output) = run(Some(vec![frame(1, "line"), failed])).await;
    assert_eq!(output, Ok(("line".to_owned(), String::new())));
    let (_, output) = run(Some(vec![frame(1, "line")])).await;
    assert_eq!(output, Ok(("line".to_owned(), String::new())));
}

#[tokio::test]
async fn a_command_without_output_and_status_is_lost_not_silent() {
    let (_, output) = run(Some(vec![Vec::new()])).await;
    assert_eq!(
        output.unwrap_err(),
        "the output was lost when trying to run `sh` in pod `p`: \
         the connection was closed without a status"
    );
}

#[tokio::test]
async fn a_command_that_cannot_be_run_says_why() {
    let refused = frame(
        3,
        r#"{"status":"Failure","reason":"InternalError","message":"no such file","code":500}"#,
    );
    let (_, output) = run(Some(vec![refused])).await;
    assert_eq!(
        output.unwrap_err(),
        "cannot run `sh` in pod `p`: InternalError (500): no such file"
    );
    let (_, output) = run(None).await;
    assert!(
        output
            .unwrap_err()
            .starts_with("cannot run `sh` in pod `p`")
    );
}

#[tokio::test]
async fn a_command_that_does_not_end_is_given_up() {
    let (_, output) = run(Some(Vec::new())).await;
    assert_eq!(
        output.unwrap_err(),
        "cannot run `sh` in pod `p`: no end within 2s"
    );
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_the_kubeconfig_is_never_quoted() {
    let (_, url) = serve(Script::default()).await;
    let cluster = Cluster::connect(&kubeconfig(&url, "wr0ng"), true)
        .await
        .unwrap();
    let error = cluster.nodes().await.unwrap_err();
    assert!(
        matches!(error, KubernetesError::Refused { status: 401, .. }),
        "{error}"
    );
    assert!(!format!("{error:?} {cluster:?}").contains("wr0ng"));

    for document in ["token: s3cret: [", "{}"] {
        let error = Cluster::connect(&Kubeconfig::new(document), true)
            .await
            .unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn the_token_goes_over_tls_or_to_opted_in_loopback_only() {
    for (server, loopback, expected) in [
        (
            "http://127.0.0.1:1/",
            false,
            "cannot use the cluster: the token is not sent to `http://127.0.0.1:1` without TLS",
        ),
        (
            "http://10.0.0.4/",
            true,
            "cannot use the cluster: the server `http://10.0.0.4` is not `http` at a loopback address",
        ),
    ] {
        let error = Cluster::connect(&kubeconfig(server, "t"), loopback)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
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
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let (_, cluster) = connect(Script::default()).await;
    cluster.nodes().await.unwrap();
}
