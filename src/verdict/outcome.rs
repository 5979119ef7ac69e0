use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a probe saw, in the words of the spec language. Never a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// An HTTP status line, a TLS or TCP handshake, or an echoed datagram.
    Reachable,
    /// A reset: the path is open and nothing listens.
    Refused,
    /// Silence until the probe's own timeout.
    Timeout,
    /// An ICMP error, or no route on the caller.
    Unreachable,
    /// A name that resolves.
    Resolves,
    /// A name that does not exist.
    Nxdomain,
    /// A connection whose TLS handshake failed.
    TlsError,
}

impl Outcome {
    /// Every outcome word, in the order of the language reference.
    pub const ALL: [Outcome; 7] = [
        Outcome::Reachable,
        Outcome::Refused,
        Outcome::Timeout,
        Outcome::Unreachable,
        Outcome::Resolves,
        Outcome::Nxdomain,
        Outcome::TlsError,
    ];

    /// The word of the spec language.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Reachable => "reachable",
            Outcome::Refused => "refused",
            Outcome::Timeout => "timeout",
            Outcome::Unreachable => "unreachable",
            Outcome::Resolves => "resolves",
            Outcome::Nxdomain => "nxdomain",
            Outcome::TlsError => "tls-error",
        }
    }

    /// Whether the outcome shows that the far end was reached (a positive control for negatives).
    #[must_use]
    pub fn is_positive(self) -> bool {
        matches!(self, Outcome::Reachable | Outcome::Resolves)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Outcome {
    type Err = ();

    fn from_str(word: &str) -> Result<Outcome, ()> {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.word() == word)
            .ok_or(())
    }
}
