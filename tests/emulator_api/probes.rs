//! Every kind of probe from inside a pod, over the model and over the lab: the command line goes in by
//! `exec`, and what comes back is read as it would be from Azure.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use kube::api::Api;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use vnetlab::emulator::ModelFabric;
use vnetlab::emulator::fabric::{EndpointId, Fabric, Listener};
use vnetlab::probe::{CLIENT_ADDRESS_PATH, Http, Kind, Probe, Tcp, Tls, Udp, echo_path};
use vnetlab::verdict::{Observation, Observed, Outcome};

use crate::azure::Azure;
use crate::founding::{cluster_client, deploy, exec, pod, run_pod, template};

pub(crate) const WEB: Ipv4Addr = Ipv4Addr::new(172, 16, 32, 4);
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 4);

/// The founding experiment's network with a pod `observer` in it.
pub(crate) struct Scene {
    pub(crate) azure: Azure,
    pub(crate) pods: Api<k8s_openapi::api::core::v1::Pod>,
}

impl Scene {
    pub(crate) async fn over(fabric: Arc<dyn Fabric>) -> Scene {
        let azure = Azure::over(fabric).await.and_group().await;
        deploy(&azure, "first", template(100)).await;
        let pods = Api::default_namespaced(cluster_client(&azure).await);
        run_pod(&pods, &pod("observer", &["pause"])).await;
        Scene { azure, pods }
    }

    pub(crate) async fn output(&self, probe: &Probe) -> (String, String) {
        let argv = probe.command("n1").unwrap();
        let (out, err, _) = exec(&self.pods, "observer", &argv).await;
        (out, err)
    }

    pub(crate) async fn sees(&self, kind: Kind) -> Observation {
        let probe = Probe {
            address: Some(WEB),
            timeout: Duration::from_millis(500),
            kind,
        };
        let (out, err) = self.output(&probe).await;
        assert_eq!(err, "", "{probe:?}");
        probe.read("n1", &out)
    }
}

pub(crate) fn tcp(port: u16, asks_source: bool) -> Kind {
    Kind::Tcp(Tcp { port, asks_source })
}

fn udp(port: u16, payload: Option<&str>) -> Kind {
    Kind::Udp(Udp {
        port,
        payload: payload.map(str::to_owned),
        asks_source: true,
    })
}

fn tls(port: u16, name: Option<&str>) -> Kind {
    Kind::Tls(Tls {
        port,
        server_name: name.map(str::to_owned),
    })
}

fn agent(port: u16) -> Http {
    Http::get(port, vec![echo_path("hi"), CLIENT_ADDRESS_PATH.to_owned()])
}

async fn every_kind(scene: &Scene) {
    let reachable = Observed::Is(Outcome::Reachable);
    let seen = scene.sees(Kind::Http(agent(80))).await;
    assert_eq!((&seen.outcome, seen.status), (&reachable, Some(200)));
    assert_eq!(
        (seen.body.as_deref(), seen.source),
        (Some("hi"), Some(NODE))
    );
    let posted = Http {
        method: "POST".to_owned(),
        headers: vec![("X-One".to_owned(), "1".to_owned())],
        ..agent(80)
    };
    let seen = scene.sees(Kind::Http(posted)).await;
    assert_eq!((seen.outcome, seen.source), (reachable.clone(), Some(NODE)));

    for (kind, source) in [
        (tcp(80, true), Some(NODE)),
        (tcp(80, false), None),
        (udp(8081, None), Some(NODE)),
        (udp(8081, Some("hostname")), Some(NODE)),
        (Kind::Icmp, None),
    ] {
        let seen = scene.sees(kind.clone()).await;
        assert_eq!(
            (seen.outcome, seen.source),
            (reachable.clone(), source),
            "{kind:?}"
        );
    }
    let named = scene.sees(udp(8081, Some("hostname"))).await;
    assert_eq!(named.body.as_deref(), Some("web"));

    // Where nothing listens; and where something does, that speaks no TLS.
    for (kind, outcome) in [
        (tcp(81, false), Outcome::Refused),
        (tcp(81, true), Outcome::Refused),
        (udp(81, None), Outcome::Refused),
        (tls(81, None), Outcome::Refused),
        (Kind::Https(agent(81)), Outcome::Refused),
        (tls(80, Some("www.example.com")), Outcome::TlsError),
        (Kind::Https(agent(80)), Outcome::TlsError),
        // The agent's server does not answer what it does not know.
        (udp(8081, Some("whatever")), Outcome::Timeout),
    ] {
        let seen = scene.sees(kind.clone()).await;
        assert_eq!(seen.outcome, Observed::Is(outcome), "{kind:?}");
    }

    let log = scene
        .azure
        .provider("Microsoft.ContainerInstance/containerGroups/web/containers/web-80/logs");
    let log = scene.azure.get(&log).await.expect(200);
    let log = log.body["content"].to_string();
    assert!(log.contains("UDP echo from 172.16.0.4:"), "{log}");

    // The deny rule above the allow rule: whatever it is, it vanishes.
    deploy(&scene.azure, "second", template(400)).await;
    for kind in [tcp(80, true), udp(8081, None), tls(443, None), Kind::Icmp] {
        let seen = scene.sees(kind.clone()).await;
        assert_eq!(seen.outcome, Observed::Is(Outcome::Timeout), "{kind:?}");
    }
}

#[tokio::test]
async fn every_kind_of_probe_runs_over_the_model() {
    let scene = Scene::over(Arc::new(ModelFabric::new())).await;
    every_kind(&scene).await;
    scene.azure.emulator.shutdown().await;
}

#[cfg(target_os = "linux")]
pub(crate) fn lab() -> Option<Arc<dyn Fabric>> {
    match vnetlab::lab::Lab::start() {
        Ok(lab) => Some(Arc::new(lab)),
        Err(error) => {
            let required = std::env::var_os("VNETLAB_REQUIRE_LAB").is_some();
            assert!(!required, "the lab is required: {error}");
            None
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_kind_of_probe_runs_over_the_lab() {
    let Some(lab) = lab() else { return };
    let scene = Scene::over(lab).await;
    every_kind(&scene).await;
    scene.azure.emulator.shutdown().await;
}

/// A certificate that nobody can read, with a key that everybody knows (the private key 1 of P-256).
#[derive(Debug)]
struct Unreadable(Arc<CertifiedKey>);

impl Unreadable {
    fn new() -> Unreadable {
        const HEAD: &str =
            "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420";
        const POINT: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        let text = format!("{HEAD}{:064x}a14403420004{POINT}", 1);
        let bytes = (0..text.len()).step_by(2);
        let bytes = bytes.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
        let key = PrivatePkcs8KeyDer::from(bytes.collect::<Vec<_>>());
        let key = rustls::crypto::ring::sign::any_ecdsa_type(&key.into()).unwrap();
        let certificate = CertificateDer::from(b"nobody reads this".to_vec());
        Unreadable(Arc::new(CertifiedKey::new(vec![certificate], key)))
    }
}

impl ResolvesServerCert for Unreadable {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // With a name, it must be the one that is asked for; an address is not sent.
        let wanted = hello
            .server_name()
            .is_none_or(|name| name == "www.example.com");
        wanted.then(|| Arc::clone(&self.0))
    }
}

/// Answers each handshake, and one request after it.
async fn serve_tls(listener: Box<dyn Listener>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Unreadable::new()));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
                    .await;
                let _ = stream.shutdown().await;
            }
        });
    }
}

#[tokio::test]
async fn a_tls_server_is_reached_whatever_its_certificate_says() {
    let fabric = Arc::new(ModelFabric::new());
    let scene = Scene::over(fabric.clone()).await;
    let web = EndpointId("container-group/g/web".to_owned());
    let listener = fabric.listen(&web, 443).await.unwrap();
    tokio::spawn(serve_tls(listener));
    let silent = fabric.listen(&web, 444).await.unwrap();

    let reachable = Observed::Is(Outcome::Reachable);
    for name in [None, Some("www.example.com")] {
        let seen = scene.sees(tls(443, name)).await;
        assert_eq!(seen.outcome, reachable, "{name:?}");
        assert_eq!(
            seen.caller.map(|own| own.ip().octets()),
            Some([10, 16, 0, 2])
        );
    }
    let seen = scene.sees(tls(443, Some("other.example.com"))).await;
    assert_eq!(seen.outcome, Observed::Is(Outcome::TlsError));
    let https = Http::get(443, vec!["/".to_owned()]);
    let seen = scene.sees(Kind::Https(https)).await;
    assert_eq!((seen.outcome, seen.status), (reachable, Some(200)));
    assert_eq!((seen.body.as_deref(), seen.source), (Some("hi"), None));
    // A connection without a handshake is silence, not a broken handshake.
    let seen = scene.sees(tls(444, None)).await;
    assert_eq!(seen.outcome, Observed::Is(Outcome::Timeout));
    drop(silent);
}
