//! A judged probe as rows: each fact as it was expected, predicted and observed.

use crate::verdict::event::{ExpectedRecord, ObservedRecord, ProbeRecord};
use crate::verdict::{Action, Decider, Evidence, Packet, Prediction};

/// Bodies are shown up to this many characters.
const BODY_SHOWN: usize = 60;

const NOTHING: &str = "-";
const NOT_OBSERVED: &str = "not observed";

/// One fact of a probe, from each witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) expected: String,
    pub(super) predicted: String,
    pub(super) observed: String,
    /// Whether the witnesses differ on it.
    pub(super) differs: bool,
}

/// The facts of a probe that any witness speaks of.
pub(super) fn facts(probe: &ProbeRecord) -> Vec<Fact> {
    let rows = [outcome(probe), body(probe), source(probe), by(probe)];
    rows.into_iter().flatten().collect()
}

fn fact(
    probe: &ProbeRecord,
    name: &'static str,
    expected: Option<String>,
    predicted: Option<String>,
    observed: String,
) -> Fact {
    // Differences begin with the fact's name; a status is a part of the outcome.
    let named = |line: &String| {
        let (fact, _) = line.split_once(':').unwrap_or_default();
        fact == name || (name == "outcome" && fact == "status")
    };
    Fact {
        name,
        expected: expected.unwrap_or_else(|| NOTHING.to_owned()),
        predicted: predicted.unwrap_or_else(|| NOTHING.to_owned()),
        observed,
        differs: probe.differs.iter().any(named),
    }
}

fn outcome(probe: &ProbeRecord) -> Option<Fact> {
    let ExpectedRecord {
        outcome, status, ..
    } = &probe.expected;
    let expected = match (outcome, status) {
        (Some(outcome), Some(status)) => Some(format!("{outcome}, {status}")),
        (Some(outcome), None) => Some(outcome.clone()),
        (None, Some(status)) => Some(status.to_string()),
        (None, None) => None,
    };
    let predicted = probe.predicted.as_ref().map(|prediction| {
        let assumed = if prediction.assumed { " (assumed)" } else { "" };
        format!("{}{assumed}", prediction.outcome)
    });
    let ObservedRecord {
        outcome, status, ..
    } = &probe.observed;
    let observed = match status {
        Some(status) => format!("{outcome}, {status}"),
        None => outcome.clone(),
    };
    Some(fact(probe, "outcome", expected, predicted, observed))
}

fn body(probe: &ProbeRecord) -> Option<Fact> {
    let expected = probe.expected.body.clone()?;
    let observed = match &probe.observed.body {
        Some(body) if body.chars().count() > BODY_SHOWN => {
            let start = body.chars().take(BODY_SHOWN).collect::<String>();
            format!("{start:?}...")
        }
        Some(body) => format!("{body:?}"),
        None => NOT_OBSERVED.to_owned(),
    };
    Some(fact(probe, "body", Some(expected), None, observed))
}

fn source(probe: &ProbeRecord) -> Option<Fact> {
    let ExpectedRecord {
        source,
        source_in,
        not_source,
        ..
    } = &probe.expected;
    let words = [
        source.clone(),
        source_in.as_ref().map(|set| format!("in {set}")),
        not_source.as_ref().map(|set| format!("not in {set}")),
    ];
    let words = words.into_iter().flatten().collect::<Vec<_>>();
    let expected = (!words.is_empty()).then(|| words.join(", "));
    let predicted = probe.predicted.as_ref().and_then(|p| p.source);
    let observed = probe.observed.source;
    if expected.is_none() && predicted.is_none() && observed.is_none() {
        return None;
    }
    let observed = observed.map_or_else(|| NOT_OBSERVED.to_owned(), |source| source.to_string());
    let predicted = predicted.map(|source| source.to_string());
    Some(fact(probe, "source", expected, predicted, observed))
}

fn by(probe: &ProbeRecord) -> Option<Fact> {
    let expected = probe.expected.by.clone();
    let predicted = probe.predicted.as_ref().and_then(|p| p.by.as_ref());
    let observed = probe.observed.evidence.as_ref();
    if expected.is_none() && predicted.is_none() && observed.is_none() {
        return None;
    }
    let observed = match observed.map(|evidence| &evidence.by) {
        Some(Some(by)) => decider(by),
        Some(None) => "no rule".to_owned(),
        None => NOT_OBSERVED.to_owned(),
    };
    Some(fact(
        probe,
        "by",
        expected,
        predicted.map(decider),
        observed,
    ))
}

fn decider(by: &Decider) -> String {
    match by {
        Decider::Rule(rule) => format!("{} ({} of {})", rule.rule, rule.direction, rule.nsg),
        Decider::Route { .. } | Decider::Cause { .. } => by.to_string(),
    }
}

/// Each reading of sources that disagree, in a line.
pub(super) fn readings(prediction: &Prediction) -> impl Iterator<Item = String> {
    let readings = prediction.readings.iter();
    readings.map(|reading| format!("{} if {}", reading.outcome, reading.source))
}

/// The packet that says most, in a line: the one that was stopped, else the last that a rule decided.
pub(super) fn evidence(evidence: &Evidence) -> String {
    let packets = &evidence.packets;
    let stopped = packets.iter().find(|packet| packet.action == Action::Deny);
    let telling = stopped.or_else(|| packets.iter().rfind(|packet| packet.rule.is_some()));
    match telling {
        Some(packet) => {
            let more = match packets.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more on record"),
            };
            format!("{}{more}", sentence(packet))
        }
        None if packets.is_empty() => "no packet is on record".to_owned(),
        None => format!("{} on record, none met a rule", packets.len()),
    }
}

fn sentence(packet: &Packet) -> String {
    let action = match packet.action {
        Action::Allow => "allowed",
        Action::Deny => "dropped",
    };
    let what = packet.flags.as_ref().unwrap_or(&packet.protocol);
    let by = match &packet.rule {
        Some(rule) => format!(" by {rule}"),
        None => String::new(),
    };
    format!(
        "{what} {}:{} -> {}:{} {action}{by} {} us after the start, {}",
        packet.source,
        packet.source_port,
        packet.destination,
        packet.destination_port,
        packet.time_us,
        packet.at
    )
}
