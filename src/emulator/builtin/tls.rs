//! TLS handshakes of the caller's side. No certificate is verified, as the probes have it: what is
//! asked is whether the far end answers in TLS, not who it is.

use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::emulator::fabric::Stream;
use crate::probe::Transcript;

use super::command::CommandError;

/// Takes every certificate.
#[derive(Debug)]
struct Anyone(CryptoProvider);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

static CONFIG: LazyLock<Result<Arc<ClientConfig>, rustls::Error>> = LazyLock::new(|| {
    let provider = ring::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config))
});

fn server_name(name: &str) -> Result<ServerName<'static>, CommandError> {
    let owned = ServerName::try_from(name.to_owned());
    owned.map_err(|_| CommandError::Unsupported(format!("`{name}` is no name of a TLS server")))
}

/// Says whether a handshake can ask for a name.
///
/// # Errors
/// When it is no name.
pub(super) fn check_name(name: &str) -> Result<(), CommandError> {
    server_name(name).map(drop)
}

/// Makes a handshake over a connection; without a name, for the address, which TLS does not send.
pub(super) async fn shake(
    stream: Box<dyn Stream>,
    to: SocketAddrV4,
    name: Option<&str>,
) -> io::Result<Box<dyn Stream>> {
    let name = match name {
        Some(name) => server_name(name).map_err(io::Error::other)?,
        None => ServerName::from(std::net::IpAddr::V4(*to.ip())),
    };
    let config = CONFIG.clone().map_err(io::Error::other)?;
    let shaken = TlsConnector::from(config).connect(name, stream).await?;
    Ok(Box::new(shaken))
}

/// What a handshake that failed shows.
pub(super) fn failure(error: &io::Error) -> Transcript {
    Transcript::TlsFailed {
        reason: error.to_string(),
    }
}
