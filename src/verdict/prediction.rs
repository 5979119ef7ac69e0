use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize, de};

use super::{Decider, Outcome, RuleRef};

/// The outcome that the analysis predicts, or that Microsoft's own sources leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicted {
    /// Every reading of the sources agrees.
    Is(Outcome),
    /// The sources disagree or are silent; see [`Prediction::readings`].
    Undetermined,
}

impl Predicted {
    /// The word used in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Predicted::Is(outcome) => outcome.word(),
            Predicted::Undetermined => "undetermined",
        }
    }
}

impl fmt::Display for Predicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Predicted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Predicted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Predicted, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.parse() {
            Ok(outcome) => Ok(Predicted::Is(outcome)),
            Err(()) if word == "undetermined" => Ok(Predicted::Undetermined),
            Err(()) => Err(de::Error::custom(format!("unknown outcome `{word}`"))),
        }
    }
}

/// One way to read sources that disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The outcome under this reading.
    pub outcome: Outcome,
    /// The source, as a rule number of the semantics document or a page's title.
    pub source: String,
}

/// What the compiled template implies for one probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The outcome.
    pub outcome: Predicted,
    /// For an undetermined outcome, each reading with its source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// Whether an address was assumed, because no deployment has told it yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
    /// The first thing that denies, or the last NSG rule that allows, else the route or cause.
    pub by: Option<Decider>,
    /// Every security rule that decided on the way, in travel order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<RuleRef>,
    /// The appliances that the flow passes, in travel order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Hop>,
    /// The address that the destination sees.
    pub source: Option<Ipv4Addr>,
    /// What the destination sees where its address is told only by a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_unknown: Option<String>,
    /// What the resources hold that the analysis does not know, by resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_considered: Vec<String>,
}

/// An appliance on the way of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// What it is, in words.
    pub name: String,
    /// The address that a route names.
    pub address: Ipv4Addr,
}
