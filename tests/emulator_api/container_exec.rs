//! What can be asked of a container of a container group: a probe by exec, and its logs.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use vnetlab::arm::ResourceId;
use vnetlab::client::{Client, ContainerExecError, StaticToken, Target, TransportKind};
use vnetlab::probe::{
    CLIENT_ADDRESS_PATH, Dns, Held, Http, Kind, Probe, RecordType, Tcp, Tls, Udp, echo_path,
};
use vnetlab::verdict::{Observation, Outcome};

use crate::azure::{Answer, Azure, network, web};

const LIMIT: Duration = Duration::from_secs(20);

/// A network with two container groups, `caller` at .4 and `web` at .5.
async fn two_groups() -> Azure {
    with_groups(Azure::with_group().await).await
}

async fn with_groups(azure: Azure) -> Azure {
    let vnet = azure.provider("Microsoft.Network/virtualNetworks/vnet");
    azure.create(&vnet, network()).await;
    for name in ["caller", "web"] {
        azure
            .create(&group(&azure, name), web(&format!("{vnet}/subnets/aci")))
            .await;
    }
    azure
}

fn group(azure: &Azure, name: &str) -> String {
    azure.provider(&format!(
        "Microsoft.ContainerInstance/containerGroups/{name}"
    ))
}

fn client(azure: &Azure) -> Client {
    Client::new(Target {
        base_url: azure.emulator.base_url().parse().unwrap(),
        subscription: azure.emulator.subscription().to_owned(),
        scope: "local/.default".to_owned(),
        credential: Arc::new(StaticToken::new(azure.emulator.token())),
        transport: TransportKind::Loopback,
    })
    .unwrap()
}

const WEB: Ipv4Addr = Ipv4Addr::new(172, 16, 32, 5);

fn probe(kind: Kind) -> Probe {
    let address = (!matches!(kind, Kind::Dns(_))).then_some(WEB);
    Probe {
        address,
        timeout: Duration::from_millis(300),
        kind,
    }
}

fn http(port: u16) -> Http {
    let paths = vec![echo_path("It's up!"), CLIENT_ADDRESS_PATH.to_owned()];
    Http::get(port, paths)
}

/// Runs a probe in `caller` as the runner does.
async fn output(azure: &Azure, probe: &Probe) -> Result<String, ContainerExecError> {
    let id = ResourceId::parse(&group(azure, "caller")).unwrap();
    let argv = probe.command("n1").unwrap();
    client(azure)
        .exec_in_container_group(&id, &argv, LIMIT)
        .await
}

/// Calls `web` from `caller`.
async fn call(azure: &Azure) -> Observation {
    let probe = probe(Kind::Http(http(80)));
    probe.read("n1", &output(azure, &probe).await.unwrap())
}

async fn exec(azure: &Azure, container: &str, body: Value) -> Answer {
    let path = format!("{}/containers/{container}/exec", group(azure, "caller"));
    azure.post(&path, Some(body)).await
}

/// Connects to a session's URL as az does: no token, no subprotocol.
async fn connect(uri: &str) -> Result<WebSocketStream<TcpStream>, String> {
    let authority = uri
        .strip_prefix("ws://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let stream = TcpStream::connect(authority).await.unwrap();
    tokio_tungstenite::client_async(uri, stream)
        .await
        .map(|(socket, _)| socket)
        .map_err(|error| error.to_string())
}

/// Everything up to the close, and its reason.
async fn rest(socket: &mut WebSocketStream<TcpStream>) -> (String, String) {
    let mut shown = String::new();
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Close(frame) => {
                let reason = frame
                    .map(|frame| frame.reason.to_string())
                    .unwrap_or_default();
                return (shown, reason);
            }
            message => shown.push_str(message.to_text().unwrap()),
        }
    }
    panic!("no close after {shown:?}");
}

fn shell() -> Value {
    json!({ "command": "/bin/sh", "terminalSize": { "rows": 24, "cols": 80 } })
}

#[tokio::test]
async fn a_container_group_calls_another_by_exec() {
    let azure = two_groups().await;
    let seen = call(&azure).await;
    assert_eq!(seen.outcome.outcome(), Some(Outcome::Reachable), "{seen:?}");
    assert_eq!(seen.status, Some(200));
    assert_eq!(seen.body.as_deref(), Some("It's up!"));
    assert_eq!(seen.source, Some("172.16.32.4".parse().unwrap()));
    assert_eq!(seen.caller.map(|own| *own.ip()), seen.source);

    let logs = format!("{}/containers/web-80/logs", group(&azure, "web"));
    let log = azure.get(&logs).await.expect(200).body;
    let lines = log["content"].as_str().unwrap().lines().count();
    assert_eq!(lines, 4, "two servers started, two requests: {log}");
    let url = |query: &str| {
        format!(
            "{}{logs}?api-version=2025-09-01&{query}",
            azure.emulator.base_url()
        )
    };
    let last = azure.get(&url("tail=1")).await.expect(200).body;
    let last = last["content"].as_str().unwrap();
    assert!(
        last.ends_with('\n') && last.lines().count() == 1 && last.contains("/clientip"),
        "{last}"
    );
    azure.get(&url("tail=x")).await.expect(400);
    azure.get(&url("timestamps=true")).await.expect(501);
    azure.emulator.shutdown().await;
}

#[tokio::test]
async fn a_session_is_opened_once_and_by_its_password_alone() {
    let azure = two_groups().await;
    let invited = exec(&azure, "web-80", shell()).await.expect(200).body;
    let uri = invited["webSocketUri"].as_str().unwrap();
    let password = invited["password"].as_str().unwrap();
    assert!(password.ends_with("[[EOM]]"));
    assert!(
        uri.contains("/execstream/sessionId/") && uri.ends_with("&rows=24&cols=80"),
        "{uri}"
    );

    let mut socket = connect(uri).await.unwrap();
    let wrong = password.replace("[[EOM]]", "[[EOF]]");
    socket.send(Message::Text(wrong.into())).await.unwrap();
    assert_eq!(
        rest(&mut socket).await,
        (String::new(), "the password is wrong".to_owned())
    );
    let again = connect(uri).await.expect_err("the invitation is used up");
    assert!(again.contains("404"), "{again}");

    // The password as az sends it, then keys.
    let invited = exec(&azure, "web-80", shell()).await.expect(200).body;
    let mut socket = connect(invited["webSocketUri"].as_str().unwrap())
        .await
        .unwrap();
    let password = invited["password"].as_str().unwrap();
    socket.send(Message::Text(password.into())).await.unwrap();
    for keys in ["l", "x\u{7f}s -l\r", "ex", "it\r"] {
        socket
            .send(Message::Binary(keys.as_bytes().to_vec().into()))
            .await
            .unwrap();
    }
    let (shown, reason) = rest(&mut socket).await;
    assert_eq!(reason, "");
    assert_eq!(
        shown,
        "/ # lx\u{8} \u{8}s -l\r\n/bin/sh: ls: not built into the local Azure, which runs the probes of \
         vnetlab alone\r\n/ # exit\r\n"
    );

    let invited = exec(&azure, "web-80", json!({ "command": "ls" }))
        .await
        .expect(200)
        .body;
    let mut socket = connect(invited["webSocketUri"].as_str().unwrap())
        .await
        .unwrap();
    let password = invited["password"].as_str().unwrap();
    socket.send(Message::Text(password.into())).await.unwrap();
    let (shown, _) = rest(&mut socket).await;
    assert!(
        shown.starts_with("exec failed: `ls` is not built into"),
        "{shown}"
    );
    azure.emulator.shutdown().await;
}

#[tokio::test]
async fn exec_refuses_as_azure_does() {
    let azure = two_groups().await;
    let refused = exec(&azure, "other", shell()).await.expect(404);
    assert_eq!(refused.code(), "ContainerNotFound");
    assert_eq!(
        refused.body["error"]["message"],
        "The container 'other' does not exist in container group 'caller'."
    );
    let nobody = format!("{}/containers/c/exec", group(&azure, "nobody"));
    let refused = azure.post(&nobody, Some(shell())).await.expect(404);
    assert_eq!(refused.code(), "ResourceNotFound");
    let elsewhere = nobody.replace("/resourceGroups/g/", "/resourceGroups/h/");
    let refused = azure.post(&elsewhere, Some(shell())).await.expect(404);
    assert_eq!(refused.code(), "ResourceGroupNotFound");
    for body in [
        json!({}),
        json!({ "command": "" }),
        json!({ "command": "/bin/sh", "terminalSize": { "rows": "24" } }),
    ] {
        let refused = exec(&azure, "web-80", body).await.expect(400);
        assert_eq!(refused.code(), "InvalidRequestContent");
    }
    azure.emulator.shutdown().await;
}

#[tokio::test]
async fn a_probe_of_every_kind_is_typed_and_read_by_the_shell() {
    let azure = two_groups().await;
    let posted = Http {
        method: "POST".to_owned(),
        headers: vec![("X-One".to_owned(), "it's \"$(a)\": `b`\t!".to_owned())],
        ..http(80)
    };
    let dns = |resolver| {
        Kind::Dns(Dns {
            name: "a.example".to_owned(),
            record_type: RecordType::A,
            resolver,
            port: 53,
        })
    };
    for (kind, outcome) in [
        (Kind::Http(http(80)), Outcome::Reachable),
        (Kind::Http(posted), Outcome::Reachable),
        (Kind::Https(http(443)), Outcome::Refused),
        (
            Kind::Tls(Tls {
                port: 80,
                server_name: Some("a.example".to_owned()),
            }),
            Outcome::TlsError,
        ),
        (
            Kind::Tcp(Tcp {
                port: 80,
                asks_source: true,
            }),
            Outcome::Reachable,
        ),
        (
            Kind::Udp(Udp {
                port: 53,
                payload: Some("--next 'x' $y".to_owned()),
                asks_source: false,
            }),
            Outcome::Refused,
        ),
        (dns(Some(WEB)), Outcome::Refused),
        (dns("168.63.129.16".parse().ok()), Outcome::Nxdomain),
        (Kind::Icmp, Outcome::Reachable),
    ] {
        let probe = probe(kind);
        let seen = probe.read("n1", &output(&azure, &probe).await.unwrap());
        assert_eq!(seen.outcome.outcome(), Some(outcome), "{probe:?}: {seen:?}");
    }
    // The model says why it cannot: it knows the command.
    let held = probe(Kind::Held(Held {
        port: 80,
        session: "run-1".to_owned(),
        paths: http(80).paths,
        asks_source: true,
    }));
    let said = output(&azure, &held).await.unwrap();
    assert!(said.contains("it holds no connection"), "{said}");
    azure.emulator.shutdown().await;
}

#[tokio::test]
async fn a_session_ends_with_its_group_and_a_stopped_one_has_neither_exec_nor_logs() {
    let azure = two_groups().await;
    let (caller, web) = (group(&azure, "caller"), group(&azure, "web"));
    let invited = exec(&azure, "web-80", shell()).await.expect(200).body;
    let mut open = connect(invited["webSocketUri"].as_str().unwrap())
        .await
        .unwrap();
    let password = invited["password"].as_str().unwrap();
    open.send(Message::Text(password.into())).await.unwrap();

    azure.post(&format!("{web}/stop"), None).await.expect(204);
    // Nobody at an address sends no reset.
    assert_eq!(call(&azure).await.outcome.outcome(), Some(Outcome::Timeout));
    let logs = format!("{web}/containers/web-80/logs");
    let logs = azure.get(&logs).await.expect(404);
    assert_eq!(logs.code(), "ContainerLogNotAvailable");
    let started = azure.post(&format!("{web}/start"), None).await.expect(202);
    assert_eq!(azure.settled(&started).await["status"], "Succeeded");
    assert_eq!(call(&azure).await.status, Some(200));

    azure
        .post(&format!("{caller}/stop"), None)
        .await
        .expect(204);
    let (_, reason) = rest(&mut open).await;
    assert_eq!(reason, "the container group has stopped");
    let refused = exec(&azure, "web-80", shell()).await.expect(409);
    assert_eq!(refused.code(), "ContainerGroupStopped");
    let error = output(&azure, &probe(Kind::Icmp)).await.unwrap_err();
    assert!(
        matches!(&error, ContainerExecError::NotRunning { state, .. } if state == "Terminated"),
        "{error:?}"
    );
    azure.emulator.shutdown().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nobody_answers_for_a_stopped_group_with_real_packets_either() {
    let lab = match vnetlab::lab::Lab::start() {
        Ok(lab) => lab,
        Err(error) => {
            let required = std::env::var_os("VNETLAB_REQUIRE_LAB").is_some();
            assert!(!required, "the lab must run here and does not: {error}");
            println!("skipped: this host carries no lab: {error}");
            return;
        }
    };
    let azure = with_groups(Azure::over(Arc::new(lab)).await.and_group().await).await;
    let web = group(&azure, "web");
    assert_eq!(call(&azure).await.status, Some(200));
    azure.post(&format!("{web}/stop"), None).await.expect(204);
    assert_eq!(call(&azure).await.outcome.outcome(), Some(Outcome::Timeout));
    let started = azure.post(&format!("{web}/start"), None).await.expect(202);
    assert_eq!(azure.settled(&started).await["status"], "Succeeded");
    let seen = call(&azure).await;
    assert_eq!(seen.status, Some(200));
    assert_eq!(seen.source, Some("172.16.32.4".parse().unwrap()));
    azure.emulator.shutdown().await;
}
