//! One probe kind a file, pure: the command to run in the caller's container, how to read its output,
//! and what an execution of it prints.
//!
//! A probe is text out and text in. Whoever runs the command (a pod on Azure, the built-in command
//! line of the local Azure) prints one line tagged with the probe's nonce; only that line counts, so
//! output that got lost is `inconclusive` and never a timeout.

mod http;
mod transcript;

pub use http::Probe;
pub use transcript::Transcript;

/// The image of workloads that name none: the field's standard connectivity image, with curl inside
/// and `netexec` as its server.
pub const AGENT_IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";

/// The path at which the agent's server says which address it sees.
pub const CLIENT_ADDRESS_PATH: &str = "/clientip";

/// The path at which the agent's server answers with `body` and status 200.
#[must_use]
pub fn echo_path(body: &str) -> String {
    format!("/echo?msg={}&code=200", percent_encode(body))
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    encoded
}
