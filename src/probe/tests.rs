//! The kinds held to what they print themselves; in `programs`, to what the real programs print.

mod programs;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::verdict::{Observation, Observed, Outcome};

use super::echo_path;
use super::{
    CLIENT_ADDRESS_PATH, Dns, Held, Http, Kind, Probe, RecordType, Tcp, Tls, Transcript, Udp,
};

const WEB: Ipv4Addr = Ipv4Addr::new(172, 16, 32, 4);
const LOCAL: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 16, 0, 2), 40_000);
const NODE: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 4);

fn probe(address: Ipv4Addr, kind: Kind) -> Probe {
    Probe {
        address: Some(address),
        timeout: Duration::from_millis(400),
        kind,
    }
}

fn agent(port: u16) -> Http {
    let paths = vec![echo_path("Hello World!"), CLIENT_ADDRESS_PATH.to_owned()];
    Http::get(port, paths)
}

fn tls(port: u16, server_name: Option<&str>) -> Kind {
    let server_name = server_name.map(str::to_owned);
    Kind::Tls(Tls { port, server_name })
}

fn tcp(port: u16, asks_source: bool) -> Kind {
    Kind::Tcp(Tcp { port, asks_source })
}

fn udp(port: u16, payload: Option<&str>, asks_source: bool) -> Kind {
    let payload = payload.map(str::to_owned);
    Kind::Udp(Udp {
        port,
        payload,
        asks_source,
    })
}

fn dns(resolver: Option<Ipv4Addr>, port: u16, record_type: RecordType) -> Probe {
    let kind = Kind::Dns(Dns {
        name: "kv.vault.example".to_owned(),
        record_type,
        resolver,
        port,
    });
    Probe {
        address: None,
        timeout: Duration::from_millis(400),
        kind,
    }
}

fn held(port: u16, session: &str) -> Kind {
    Kind::Held(Held {
        port,
        session: session.to_owned(),
        paths: vec![echo_path("hi"), CLIENT_ADDRESS_PATH.to_owned()],
        asks_source: true,
    })
}

fn every_kind() -> Vec<Probe> {
    let posted = Http {
        method: "POST".to_owned(),
        headers: vec![
            ("X-One".to_owned(), "a: b".to_owned()),
            ("X-Empty".to_owned(), String::new()),
        ],
        ..agent(8080)
    };
    let head = Http {
        method: "HEAD".to_owned(),
        ..Http::get(80, vec!["/a?b='$(c)'".to_owned()])
    };
    vec![
        probe(WEB, Kind::Http(agent(80))),
        probe(WEB, Kind::Http(posted.clone())),
        probe(WEB, Kind::Http(head)),
        probe(WEB, Kind::Https(posted)),
        probe(WEB, tls(443, None)),
        probe(WEB, tls(8443, Some("www.example.com"))),
        probe(WEB, tcp(22, false)),
        probe(WEB, tcp(80, true)),
        probe(WEB, held(80, "run-1")),
        probe(WEB, udp(53, None, true)),
        probe(WEB, udp(53, Some("--next 'x' $y"), false)),
        dns(None, 53, RecordType::A),
        dns(Some(WEB), 5353, RecordType::Txt),
        probe(WEB, Kind::Icmp),
    ]
}

#[test]
fn a_command_line_tells_its_probe_and_nonce() {
    for probe in every_kind() {
        let argv = probe.command("n1").expect("the address is known");
        assert_eq!(
            Probe::from_command(&argv),
            Some((probe, "n1".to_owned())),
            "{argv:?}"
        );
    }
}

#[test]
fn any_other_command_line_is_not_a_probe() {
    for probe in every_kind() {
        let argv = probe.command("n1").expect("the address is known");
        for place in 0..argv.len() {
            let mut other = argv.clone();
            other[place].push('x');
            // Another name, header or text makes another probe, which then is told as that one.
            if let Some((read, nonce)) = Probe::from_command(&other) {
                assert_eq!(read.command(&nonce), Some(other));
            }
            let mut shorter = argv.clone();
            shorter.remove(place);
            if let Some((read, nonce)) = Probe::from_command(&shorter) {
                assert_eq!(read.command(&nonce), Some(shorter));
            }
        }
        let mut more = argv;
        more.insert(5, "-o".to_owned());
        assert_eq!(Probe::from_command(&more), None);
    }
    let argv = ["curl", "http://172.16.32.4"].map(str::to_owned);
    assert_eq!(Probe::from_command(&argv), None);
    assert_eq!(Probe::from_command(&[]), None);
}

#[test]
fn two_servers_are_no_probe() {
    let mut argv = probe(WEB, Kind::Http(agent(80)))
        .command("n")
        .expect("an address");
    let last = argv.last_mut().expect("a URL");
    *last = last.replace("32.4", "32.5");
    assert_eq!(Probe::from_command(&argv), None);
}

#[test]
fn without_an_address_there_is_no_command() {
    let mut unknown = probe(WEB, Kind::Icmp);
    unknown.address = None;
    assert_eq!(unknown.command("n1"), None);
    assert!(unknown.urls().is_empty());
    assert!(dns(None, 53, RecordType::A).command("n1").is_some());
}

#[test]
fn a_kind_tells_its_url() {
    let urls = every_kind()
        .iter()
        .flat_map(Probe::urls)
        .collect::<Vec<_>>();
    for url in [
        "http://172.16.32.4:80/clientip",
        "https://172.16.32.4:8080/clientip",
        "tls://172.16.32.4:8443",
        "tcp://172.16.32.4:22",
        "udp://172.16.32.4:53",
        "dns:///kv.vault.example?type=A",
        "dns://172.16.32.4:5353/kv.vault.example?type=TXT",
        "icmp://172.16.32.4",
    ] {
        assert!(urls.iter().any(|other| other == url), "{url}: {urls:?}");
    }
}

fn seen(probe: &Probe, transcript: &Transcript) -> Observation {
    probe.read("n1", &transcript.output(probe, "n1"))
}

fn answered() -> Transcript {
    Transcript::Answered {
        local: LOCAL,
        answers: vec![
            (200, b"Hello\nWorld!".to_vec()),
            (200, b"172.16.0.4:40000".to_vec()),
        ],
    }
}

#[test]
fn requests_read_back_status_body_source_and_caller() {
    for kind in [Kind::Http(agent(80)), Kind::Https(agent(443))] {
        let seen = seen(&probe(WEB, kind), &answered());
        assert_eq!(seen.outcome, Observed::Is(Outcome::Reachable));
        assert_eq!(seen.status, Some(200));
        assert_eq!(seen.body.as_deref(), Some("Hello\nWorld!"));
        assert_eq!(seen.source, Some(NODE));
        assert_eq!(seen.caller, Some(LOCAL));
    }
}

#[test]
fn a_held_connection_reads_back_and_tells_when_it_is_closed() {
    let probe = probe(WEB, held(80, "run-1"));
    let told = seen(&probe, &answered());
    assert_eq!(told.outcome, Observed::Is(Outcome::Reachable));
    assert_eq!((told.status, told.source), (Some(200), Some(NODE)));
    assert_eq!(told.body.as_deref(), Some("Hello\nWorld!"));
    let closed = seen(&probe, &Transcript::Closed).outcome;
    let reason = "the held connection is closed".to_owned();
    assert_eq!(closed, Observed::Inconclusive { reason });
}

#[test]
fn a_held_connection_has_a_plain_session_and_plain_paths() {
    for (session, path) in [("", "/"), ("a/b", "/"), ("a b", "/"), ("a", "/x y")] {
        let kind = Kind::Held(Held {
            port: 80,
            session: session.to_owned(),
            paths: vec![path.to_owned()],
            asks_source: false,
        });
        assert_eq!(probe(WEB, kind).command("n1"), None, "{session:?} {path:?}");
    }
}

#[test]
fn what_a_kind_cannot_observe_is_not_observed() {
    let connected = Transcript::Connected { local: LOCAL };
    let echoed = |answers: &[&str]| Transcript::Echoed {
        answers: answers
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect(),
    };
    let told = Transcript::Answered {
        local: LOCAL,
        answers: vec![(200, b"172.16.0.4:40000".to_vec())],
    };
    for (kind, transcript, source, body) in [
        (tls(443, None), &connected, None, None),
        (tcp(22, false), &connected, None, None),
        (tcp(80, true), &connected, None, None),
        (tcp(80, true), &told, Some(NODE), None),
        (
            udp(53, None, true),
            &echoed(&["n1", "172.16.0.4:4"]),
            Some(NODE),
            None,
        ),
        (udp(53, None, true), &echoed(&["n1"]), None, None),
        (
            udp(53, Some("hi"), false),
            &echoed(&["ho"]),
            None,
            Some("ho"),
        ),
        (Kind::Icmp, &Transcript::EchoReply, None, None),
    ] {
        let seen = seen(&probe(WEB, kind.clone()), transcript);
        assert_eq!(seen.outcome, Observed::Is(Outcome::Reachable), "{kind:?}");
        assert_eq!(
            (seen.source, seen.body.as_deref()),
            (source, body),
            "{kind:?}"
        );
        assert_eq!(seen.status, None, "{kind:?}");
    }
    // An answer to something else is none to this probe.
    let foreign = seen(&probe(WEB, udp(53, None, false)), &echoed(&["n2"]));
    assert_eq!(foreign.outcome.outcome(), None);
}

#[test]
fn a_failure_reads_back_in_every_kind() {
    for probe in every_kind() {
        for (transcript, outcome) in [
            (Transcript::TimedOut, Outcome::Timeout),
            (Transcript::Refused, Outcome::Refused),
            (Transcript::Unreachable, Outcome::Unreachable),
        ] {
            // Nothing refuses an echo.
            if probe.kind == Kind::Icmp && transcript == Transcript::Refused {
                continue;
            }
            let seen = seen(&probe, &transcript);
            assert_eq!(seen.outcome, Observed::Is(outcome), "{probe:?}");
        }
        assert_eq!(probe.read("n1", "").outcome.outcome(), None);
        let other = Transcript::TimedOut.output(&probe, "n2");
        assert_eq!(probe.read("n1", &other).outcome.outcome(), None);
    }
    let reason = "wrong version number".to_owned();
    let failed = Transcript::TlsFailed { reason };
    for kind in [Kind::Https(agent(443)), tls(443, Some("a.example"))] {
        let seen = seen(&probe(WEB, kind), &failed);
        assert_eq!(seen.outcome, Observed::Is(Outcome::TlsError));
    }
    let broken = seen(&probe(WEB, Kind::Http(agent(80))), &Transcript::BrokenOff);
    assert_eq!(broken.outcome.outcome(), None);
}

#[test]
fn a_lookup_reads_back_its_records() {
    let probe = dns(Some(WEB), 53, RecordType::A);
    let records = vec![
        (RecordType::Cname, "store.example".to_owned()),
        (RecordType::A, "10.50.1.5".to_owned()),
        (RecordType::A, "10.50.1.4".to_owned()),
    ];
    let resolved = seen(&probe, &Transcript::Resolved { records });
    assert_eq!(resolved.outcome, Observed::Is(Outcome::Resolves));
    assert_eq!(resolved.body.as_deref(), Some("10.50.1.4\n10.50.1.5"));
    let unknown = seen(&probe, &Transcript::Nxdomain);
    assert_eq!(unknown.outcome, Observed::Is(Outcome::Nxdomain));
    for transcript in [
        Transcript::Resolved {
            records: Vec::new(),
        },
        Transcript::ResolverFailed {
            code: "SERVFAIL".to_owned(),
        },
    ] {
        assert_eq!(seen(&probe, &transcript).outcome.outcome(), None);
    }
}
