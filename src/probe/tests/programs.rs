//! The kinds held to the real programs, where the host has them, over the loopback interface.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::probe::shell::{host_has, on_this_host};
use crate::probe::{Http, Kind, Probe, RecordType};
use crate::verdict::{Observation, Observed, Outcome};

use super::{agent, dns, held, probe, tcp, tls, udp};

fn run(probe: &Probe) -> Observation {
    let argv = probe.command("n1").expect("the address is known");
    probe.read("n1", &on_this_host(&argv))
}

/// Answers requests on one connection with the given bodies.
fn serve_once(bodies: Vec<String>) -> (u16, std::thread::JoinHandle<(TcpListener, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let port = listener.local_addr().expect("it is bound").port();
    let server = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().expect("the probe connects");
        let mut asked = String::new();
        for body in bodies {
            let body = body.replace("PEER", &peer.to_string());
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).expect("the request arrives");
                head.push(byte[0]);
            }
            asked.push_str(&String::from_utf8_lossy(&head));
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream
                .write_all(answer.as_bytes())
                .expect("the answer leaves");
        }
        (listener, asked)
    });
    (port, server)
}

#[test]
fn requests_read_the_same_with_a_real_curl() {
    if !host_has("curl") {
        return;
    }
    let (port, server) = serve_once(vec!["Hello\nWorld!".to_owned(), "PEER".to_owned()]);
    let http = Http {
        method: "PUT".to_owned(),
        headers: vec![("X-One".to_owned(), "1".to_owned())],
        ..agent(port)
    };
    let probe = probe(Ipv4Addr::LOCALHOST, Kind::Http(http));
    let seen = run(&probe);
    assert_eq!(seen.outcome, Observed::Is(Outcome::Reachable));
    assert_eq!(
        (seen.status, seen.body.as_deref()),
        (Some(200), Some("Hello\nWorld!"))
    );
    assert_eq!(seen.source, Some(Ipv4Addr::LOCALHOST));
    assert_eq!(seen.caller.map(|own| *own.ip()), Some(Ipv4Addr::LOCALHOST));

    // Only the first request has the method and the headers.
    let (held, asked) = server.join().expect("the server ends");
    assert_eq!(asked.matches("PUT /echo?").count(), 1, "{asked}");
    assert_eq!(asked.matches("GET /clientip ").count(), 1, "{asked}");
    assert_eq!(asked.matches("X-One: 1").count(), 1, "{asked}");

    // The listener still listens but nobody answers: silence until the limit.
    assert_eq!(run(&probe).outcome, Observed::Is(Outcome::Timeout));
    drop(held);
    assert_eq!(run(&probe).outcome, Observed::Is(Outcome::Refused));
}

#[test]
fn tcp_and_tls_read_the_same_with_a_real_curl() {
    if !host_has("curl") {
        return;
    }
    let (port, server) = serve_once(vec!["PEER".to_owned()]);
    let connect = probe(Ipv4Addr::LOCALHOST, tcp(port, true));
    let told = run(&connect);
    assert_eq!(told.outcome, Observed::Is(Outcome::Reachable));
    assert_eq!(told.source, Some(Ipv4Addr::LOCALHOST));
    // A handshake is all that is asked for: the server never accepts now, and says nothing.
    let (held, _) = server.join().expect("the server ends");
    let silent = run(&connect);
    assert_eq!(silent.outcome, Observed::Is(Outcome::Reachable));
    assert_eq!(silent.source, None);
    let shake = probe(Ipv4Addr::LOCALHOST, tls(port, Some("a.example")));
    assert_eq!(run(&shake).outcome, Observed::Is(Outcome::Timeout));
    drop(held);
    assert_eq!(run(&connect).outcome, Observed::Is(Outcome::Refused));
    assert_eq!(run(&shake).outcome, Observed::Is(Outcome::Refused));

    // A server that speaks no TLS: the handshake fails.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let port = listener.local_addr().expect("it is bound").port();
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.expect("the probe connects");
            let _ = stream.read(&mut [0; 1024]).expect("the greeting arrives");
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .expect("the answer leaves");
        }
    });
    for kind in [tls(port, None), Kind::Https(agent(port))] {
        let failed = run(&probe(Ipv4Addr::LOCALHOST, kind));
        assert_eq!(failed.outcome, Observed::Is(Outcome::TlsError));
    }
    server.join().expect("the server ends");
}

#[test]
fn datagrams_read_the_same_with_a_real_bash() {
    if !["bash", "timeout", "dd"].into_iter().all(host_has) {
        return;
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free loopback port");
    let port = socket.local_addr().expect("it is bound").port();
    let server = std::thread::spawn(move || {
        let mut heard = Vec::new();
        let mut buffer = [0; 2048];
        for _ in 0..3 {
            let (len, peer) = socket.recv_from(&mut buffer).expect("a datagram arrives");
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            let answer = match text.strip_prefix("echo ") {
                Some(rest) => rest.to_owned(),
                None if text == "clientip" => peer.to_string(),
                None => format!("<{text}>"),
            };
            socket
                .send_to(answer.as_bytes(), peer)
                .expect("the answer leaves");
            heard.push(text);
        }
        (socket, heard)
    });
    let asking = probe(Ipv4Addr::LOCALHOST, udp(port, None, true));
    let told = run(&asking);
    assert_eq!(told.outcome, Observed::Is(Outcome::Reachable));
    assert_eq!((told.source, told.body), (Some(Ipv4Addr::LOCALHOST), None));
    let own = run(&probe(
        Ipv4Addr::LOCALHOST,
        udp(port, Some("two\nlines"), false),
    ));
    assert_eq!(own.body.as_deref(), Some("<two\nlines>"));
    let (socket, heard) = server.join().expect("the server ends");
    assert_eq!(heard, ["echo n1", "clientip", "two\nlines"]);

    assert_eq!(run(&asking).outcome, Observed::Is(Outcome::Timeout));
    drop(socket);
    assert_eq!(run(&asking).outcome, Observed::Is(Outcome::Refused));
}

#[test]
fn an_echo_reads_the_same_with_a_real_ping() {
    if !["ping", "timeout"].into_iter().all(host_has) {
        return;
    }
    let seen = run(&probe(Ipv4Addr::LOCALHOST, Kind::Icmp));
    assert_eq!(seen.outcome, Observed::Is(Outcome::Reachable));
}

#[test]
fn a_lookup_reads_the_same_with_a_real_dig() {
    if !["dig", "timeout"].into_iter().all(host_has) {
        return;
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free loopback port");
    let port = socket.local_addr().expect("it is bound").port();
    let lookup = dns(Some(Ipv4Addr::LOCALHOST), port, RecordType::A);
    assert_eq!(run(&lookup).outcome, Observed::Is(Outcome::Timeout));
    drop(socket);
    assert_eq!(run(&lookup).outcome, Observed::Is(Outcome::Refused));
}

/// Reads one request.
fn heard(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("the request arrives");
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn say(stream: &mut TcpStream, body: &str) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(answer.as_bytes())
        .expect("the answer leaves");
}

#[test]
fn a_held_connection_is_asked_again_by_a_real_bash() {
    if !["bash", "timeout", "setsid", "mkfifo"]
        .into_iter()
        .all(host_has)
    {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let port = listener.local_addr().expect("it is bound").port();
    let session = uuid::Uuid::new_v4().simple().to_string();
    let directory = format!("/tmp/vnetlab-held-{session}");
    let (told, next) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().expect("the probe connects");
        // The listener goes: whoever opened a second connection would be refused.
        drop(listener);
        for _ in 0..2 {
            heard(&mut stream);
            say(&mut stream, "Hello\nWorld!");
            heard(&mut stream);
            say(&mut stream, &peer.to_string());
        }
        // Two questions whose answers come only after the run has given up, before those to the next.
        heard(&mut stream);
        heard(&mut stream);
        next.recv().expect("the run has given up");
        say(&mut stream, "late");
        say(&mut stream, "late");
        heard(&mut stream);
        say(&mut stream, "third");
        heard(&mut stream);
        say(&mut stream, &peer.to_string());
    });
    let mut held = probe(Ipv4Addr::LOCALHOST, held(port, &session));
    held.timeout = Duration::from_millis(700);
    let ask = |nonce: &str| {
        let argv = held.command(nonce).expect("the address is known");
        held.read(nonce, &on_this_host(&argv))
    };
    for nonce in ["n1", "n2"] {
        let seen = ask(nonce);
        assert_eq!(seen.outcome, Observed::Is(Outcome::Reachable));
        assert_eq!(
            (seen.status, seen.body.as_deref()),
            (Some(200), Some("Hello\nWorld!"))
        );
        assert_eq!(seen.source, Some(Ipv4Addr::LOCALHOST));
    }
    assert_eq!(ask("n3").outcome, Observed::Is(Outcome::Timeout));
    told.send(()).expect("the server waits");
    let seen = ask("n4");
    assert_eq!(
        (seen.body.as_deref(), seen.source),
        (Some("third"), Some(Ipv4Addr::LOCALHOST))
    );
    server.join().expect("the server ends");
    // The server is gone: the connection is closed, and is not opened again.
    for nonce in ["n5", "n6"] {
        assert_eq!(ask(nonce).outcome.outcome(), None);
    }
    std::fs::remove_dir_all(&directory).expect("the session can be removed");

    // A first run that is refused never opened anything.
    assert_eq!(ask("n7").outcome, Observed::Is(Outcome::Refused));
    assert_eq!(ask("n8").outcome.outcome(), None);
    std::fs::remove_dir_all(&directory).expect("the session can be removed");
}
