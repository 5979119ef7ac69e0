use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The name of a thing in a spec: kebab case, 1 to 40 characters, starting with a lower-case letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// Text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: {reason}")]
pub struct NameError {
    /// What was read.
    pub text: String,
    /// Which part of the rule it breaks.
    pub reason: &'static str,
}

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        let reason = if text.is_empty() || text.len() > 40 {
            "a name has 1 to 40 characters"
        } else if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            "a name starts with a lower-case letter"
        } else if !text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            "a name has lower-case letters, digits and single hyphens"
        } else if text.ends_with('-') || text.contains("--") {
            "a hyphen in a name stands between letters or digits"
        } else {
            return Ok(Name(text.to_owned()));
        };
        Err(NameError {
            text: text.to_owned(),
            reason,
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
