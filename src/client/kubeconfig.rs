//! The credentials of a cluster: a kubeconfig document, which holds a key or a token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A kubeconfig document. Secret: its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Kubeconfig(String);

impl Kubeconfig {
    /// Takes the text of a document.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Kubeconfig {
        Kubeconfig(text.into())
    }

    /// The text of the document.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first document of an answer to `listClusterUserCredential`:
    /// `{"kubeconfigs":[{"name","value"}]}`, the value in base64. The error never quotes the answer.
    pub(super) fn from_answer(answer: &Value) -> Result<Kubeconfig, String> {
        let encoded = answer
            .pointer("/kubeconfigs/0/value")
            .and_then(Value::as_str)
            .ok_or("the answer holds no kubeconfig")?;
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| "the kubeconfig is not base64")?;
        String::from_utf8(bytes)
            .map(Kubeconfig)
            .map_err(|_| "the kubeconfig is not text".to_owned())
    }
}

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kubeconfig")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kubeconfig_is_read_from_base64_and_not_shown() {
        let answer =
            json!({"kubeconfigs": [{"name": "clusterUser", "value": "YXBpVmVyc2lvbjogdjEK"}]});
        let kubeconfig = Kubeconfig::from_answer(&answer).expect("a kubeconfig");
        assert_eq!(kubeconfig.expose(), "apiVersion: v1\n");
        assert_eq!(format!("{kubeconfig:?}"), "Kubeconfig");
    }

    #[test]
    fn an_answer_without_a_kubeconfig_is_refused() {
        for answer in [
            json!({}),
            json!({"kubeconfigs": []}),
            json!({"kubeconfigs": [{"value": "???"}]}),
            json!({"kubeconfigs": [{"value": "/w=="}]}),
        ] {
            assert!(Kubeconfig::from_answer(&answer).is_err(), "{answer}");
        }
    }
}
