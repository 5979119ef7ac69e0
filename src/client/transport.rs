//! The HTTP client under the pipeline, and the TLS provider under that.
//!
//! Always our own: the pipeline's default client panics without root certificates and sends requests for
//! 127.0.0.1, token included, to `HTTP_PROXY`. Redirects are never followed.

use std::time::Duration;

use url::{Host, Url};

use super::TransportKind;
use super::error::{Cause, ClientError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Makes ring the process's TLS provider, unless there is one already.
pub(super) fn install_tls_provider() {
    // An error only says that a provider is installed, by us or by the embedding program.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
}

/// The HTTP client for a transport.
pub(super) fn http_client(kind: TransportKind) -> Result<reqwest::Client, ClientError> {
    build(builder(kind))
}

/// The HTTP client for a transport, for connections that become another protocol's; only HTTP/1.1 has
/// such an upgrade.
pub(super) fn upgrading_client(kind: TransportKind) -> Result<reqwest::Client, ClientError> {
    build(builder(kind).http1_only())
}

fn builder(kind: TransportKind) -> reqwest::ClientBuilder {
    install_tls_provider();
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT);
    match kind {
        TransportKind::Cloud => builder,
        // Without roots no TLS connection can succeed, and none is wanted.
        TransportKind::Loopback => builder.no_proxy().tls_certs_only([]),
    }
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, ClientError> {
    builder.build().map_err(|error| ClientError::Setup {
        reason: "no HTTP client can be built".to_owned(),
        cause: Some(Cause::of(&error)),
    })
}

/// Whether a URL's host is this machine, by address or as `localhost`.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}
