//! Who may ask: loopback by construction, the Host header checked (a web page that rebinds its name to
//! 127.0.0.1 is refused), and a bearer token compared in constant time.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::reply::{Refusal, with_header};

/// A new random token: 244 random bits.
pub(super) fn random_token() -> String {
    format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    )
}

/// The authority that the client used, if it is one of this server's.
///
/// # Errors
/// 421 for any other, and for none.
pub(super) fn authority(headers: &HeaderMap, port: u16) -> Result<String, Refusal> {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    if own.iter().any(|own| own.eq_ignore_ascii_case(host)) {
        Ok(host.to_owned())
    } else {
        Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "InvalidHost",
            format!("The host `{host}` is not served here."),
        ))
    }
}

/// Whether the request carries the bearer token.
pub(super) fn bears(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer")
                && equal(given.trim().as_bytes(), token.as_bytes())
        })
}

/// Compares without a branch on the content; the length of a token is no secret.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && std::hint::black_box(a.iter().zip(b).fold(0u8, |all, (a, b)| all | (a ^ b))) == 0
}

/// Azure's answer to a request without a valid token.
pub(super) fn unauthenticated(base: &str, tenant: &str) -> Response {
    let refusal = Refusal::new(
        StatusCode::UNAUTHORIZED,
        "AuthenticationFailed",
        "Authentication failed. The 'Authorization' header is missing or its token is not valid.",
    );
    with_header(
        refusal.into_response(),
        "www-authenticate",
        &format!(
            "Bearer authorization_uri=\"{base}/{tenant}\", error=\"invalid_token\", error_description=\"The access token is missing or invalid.\""
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_equal_to_itself_alone() {
        assert!(equal(b"secret", b"secret"));
        for other in [&b"secreT"[..], b"secre", b"", b"secrets"] {
            assert!(!equal(b"secret", other));
        }
    }
}
