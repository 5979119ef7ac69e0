//! The one table that sets expected, predicted and observed side by side.
//!
//! | what is known | verdict |
//! |---|---|
//! | the probe did not run | inconclusive |
//! | an expected fact does not hold | fail |
//! | an expected fact was neither observed nor predicted, or none was observed at all | inconclusive |
//! | an expected silence was observed, and nothing shows that the machinery can reach anything | inconclusive |
//! | all holds, but prediction and observation differ | diverged |
//! | all holds | pass |
//!
//! The first row that applies decides. A prediction that is undetermined or rests on assumed addresses
//! proves nothing and contradicts nothing; a simulated observation is no second witness.

use std::fmt::Display;
use std::net::Ipv4Addr;

use super::{
    Action, Answer, BodyMatch, ByPattern, Decider, Evidence, Expectation, ExpectedSourceSet, Leg,
    Observation, Outcome, Predicted, Prediction, RouteRef, RuleRef, Verdict,
};

/// What is known of the run around one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the same probe machinery reached something in this step or an earlier one.
    pub positive_control: bool,
    /// Whether the target keeps a record of deciding rules (the lab does; Azure and the model do not).
    pub decider_observable: bool,
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Each fact that differs, or is missing, in words a person reads.
    pub differs: Vec<String>,
    /// Facts that the target could not observe, judged by the prediction alone.
    pub not_observed: Vec<String>,
}

/// Judges one probe.
#[must_use]
pub fn judge(
    expected: &Expectation,
    predicted: Option<&Prediction>,
    observed: &Observation,
    standing: Standing,
) -> Judgement {
    let outcome = match &observed.outcome {
        super::Observed::Is(outcome) => *outcome,
        super::Observed::Inconclusive { reason } => {
            return Judgement {
                verdict: Verdict::Inconclusive,
                differs: vec![format!("the probe could not be judged: {reason}")],
                not_observed: Vec::new(),
            };
        }
    };
    let sure = predicted
        .filter(|prediction| !prediction.assumed && prediction.outcome != Predicted::Undetermined);
    let mut facts = Facts::default();
    facts.answer(expected, outcome, observed.status);
    // Nothing of an answer can be compared where none was expected to be, or none came.
    if outcome == Outcome::Reachable {
        facts.body(expected, observed);
        facts.source(expected, sure, observed.source);
    }
    if outcome == Outcome::Resolves {
        facts.answers(expected, observed);
    }
    facts.by(
        expected,
        sure,
        outcome,
        observed.evidence.as_ref(),
        standing,
    );

    let Facts {
        observed: any_observed,
        not_observed,
        failed,
        unknown,
    } = facts;
    let (verdict, differs) = if !failed.is_empty() {
        (Verdict::Fail, failed)
    } else if !unknown.is_empty() {
        (Verdict::Inconclusive, unknown)
    } else if !not_observed.is_empty() && !any_observed {
        let words = format!(
            "nothing that was expected could be observed ({} is judged by the prediction alone): expect an outcome too",
            not_observed.join(", ")
        );
        (Verdict::Inconclusive, vec![words])
    } else if expected.is_negative() && !standing.positive_control {
        let words = format!(
            "a {outcome} counts only beside a positive control, and nothing was reached in this step or an earlier one: add a probe that reaches something, such as the same call before the rule that blocks it"
        );
        (Verdict::Inconclusive, vec![words])
    } else {
        let differs = match sure {
            Some(prediction) if !observed.simulated => divergence(prediction, outcome, observed),
            _ => Vec::new(),
        };
        if differs.is_empty() {
            (Verdict::Pass, differs)
        } else {
            (Verdict::Diverged, differs)
        }
    };
    Judgement {
        verdict,
        differs,
        not_observed,
    }
}

/// The verdict over several; the worst wins, inconclusive before fail before diverged. Over none it is
/// a pass: a step that only deploys.
pub fn combine(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let severity = |verdict: &Verdict| match verdict {
        Verdict::Skipped => 0,
        Verdict::Pass => 1,
        Verdict::Flaky => 2,
        Verdict::Diverged => 3,
        Verdict::Fail => 4,
        Verdict::Inconclusive => 5,
    };
    verdicts.max_by_key(severity).unwrap_or(Verdict::Pass)
}

/// The exit code of a run with this verdict, `residue` being whether cleanup left something behind.
#[must_use]
pub fn exit_code(verdict: Verdict, residue: bool) -> i32 {
    match verdict {
        Verdict::Inconclusive => 3,
        Verdict::Fail => 1,
        Verdict::Diverged => 6,
        Verdict::Pass | Verdict::Flaky | Verdict::Skipped if residue => 8,
        Verdict::Pass | Verdict::Flaky => 0,
        Verdict::Skipped => 5,
    }
}

/// What became of each expected fact.
#[derive(Default)]
struct Facts {
    /// Whether any expected fact was observed.
    observed: bool,
    /// Facts that only the prediction speaks of.
    not_observed: Vec<String>,
    /// Facts that do not hold.
    failed: Vec<String>,
    /// Facts of which nobody speaks.
    unknown: Vec<String>,
}

impl Facts {
    fn answer(&mut self, expected: &Expectation, outcome: Outcome, status: Option<u16>) {
        // A fact about an answer expects that there is one.
        let implied = expected.one_of.is_empty()
            && (expected.body.is_some()
                || expected.source.is_some()
                || expected.source_in.is_some()
                || expected.not_source.is_some());
        let wanted = if implied {
            vec![Answer::Outcome(Outcome::Reachable)]
        } else {
            expected.one_of.clone()
        };
        if wanted.is_empty() {
            return;
        }
        self.observed = true;
        let met = wanted.iter().any(|answer| match answer {
            Answer::Outcome(word) => *word == outcome,
            Answer::Status(code) => outcome == Outcome::Reachable && status == Some(*code),
        });
        if met {
            return;
        }
        let statuses = wanted
            .iter()
            .all(|answer| matches!(answer, Answer::Status(_)));
        let words = alternatives(&wanted);
        self.failed.push(match (outcome, status) {
            (Outcome::Reachable, Some(status)) if statuses => {
                format!("status: expected {words}, the server answered {status}")
            }
            (Outcome::Reachable, None) if statuses => {
                format!("status: expected {words}, the answer had none")
            }
            (Outcome::Reachable, Some(status)) => {
                format!("outcome: expected {words}, observed reachable ({status})")
            }
            _ => format!("outcome: expected {words}, observed {outcome}"),
        });
    }

    fn body(&mut self, expected: &Expectation, observed: &Observation) {
        let Some(wanted) = &expected.body else {
            return;
        };
        let Some(body) = &observed.body else {
            self.unknown
                .push(format!("body: expected {wanted}, none was read"));
            return;
        };
        self.observed = true;
        let holds = match wanted {
            BodyMatch::Contains(text) => body.contains(text),
            BodyMatch::Matches(source) => match regex_lite::Regex::new(source) {
                Ok(regex) => regex.is_match(body),
                Err(error) => {
                    self.unknown.push(format!(
                        "body: {wanted} is not a regular expression: {error}"
                    ));
                    return;
                }
            },
        };
        if !holds {
            self.failed.push(format!(
                "body: expected {wanted}, the server answered {body:?}"
            ));
        }
    }

    fn source(
        &mut self,
        expected: &Expectation,
        sure: Option<&Prediction>,
        seen: Option<Ipv4Addr>,
    ) {
        if let Some(wanted) = &expected.source {
            match wanted.address {
                None => self.unknown.push(format!(
                    "source: which address `{}` stands for is not known",
                    wanted.word
                )),
                Some(address) => {
                    let words = if wanted.word == address.to_string() {
                        format!("`{}`", wanted.word)
                    } else {
                        format!("`{}` ({address})", wanted.word)
                    };
                    self.address("source", &words, sure, seen, |source| source == address);
                }
            }
        }
        let sets = [
            ("source-in", &expected.source_in, true),
            ("not-source", &expected.not_source, false),
        ];
        for (fact, set, inside) in sets {
            if let Some(wanted) = set {
                let words = words_of(wanted, inside);
                self.address(fact, &words, sure, seen, |source| {
                    wanted.prefixes.iter().any(|p| p.contains(&source)) == inside
                });
            }
        }
    }

    /// A DNS answer is read as its records, one a line.
    fn answers(&mut self, expected: &Expectation, observed: &Observation) {
        for wanted in &expected.answers {
            let (Some(value), Some(body)) = (&wanted.value, &observed.body) else {
                self.unknown.push(match wanted.value {
                    None => format!("answers: what `{}` stands for is not known", wanted.word),
                    Some(_) => format!("answers: expected `{}`, none was read", wanted.word),
                });
                continue;
            };
            self.observed = true;
            let same = |record: &str| record.trim_end_matches('.').eq_ignore_ascii_case(value);
            if !body.lines().any(same) {
                let records = body.lines().collect::<Vec<_>>().join(", ");
                self.failed.push(format!(
                    "answers: expected `{}` ({value}), the answer holds {records}",
                    wanted.word
                ));
            }
        }
    }

    fn address(
        &mut self,
        fact: &str,
        words: &str,
        sure: Option<&Prediction>,
        seen: Option<Ipv4Addr>,
        holds: impl Fn(Ipv4Addr) -> bool,
    ) {
        let predicted = sure.and_then(|prediction| prediction.source);
        match (seen, predicted) {
            (Some(seen), _) => {
                self.observed = true;
                if !holds(seen) {
                    let words = format!("source: expected {words}, the server saw {seen}");
                    self.failed.push(words);
                }
            }
            (None, Some(predicted)) => {
                self.not_observed.push(fact.to_owned());
                if !holds(predicted) {
                    self.failed.push(format!(
                        "source: expected {words}, the prediction is {predicted} (not observed)"
                    ));
                }
            }
            (None, None) => self.unknown.push(format!(
                "source: expected {words}, but it was neither observed nor predicted"
            )),
        }
    }

    fn by(
        &mut self,
        expected: &Expectation,
        sure: Option<&Prediction>,
        outcome: Outcome,
        evidence: Option<&Evidence>,
        standing: Standing,
    ) {
        let Some(wanted) = &expected.by else {
            return;
        };
        if *wanted == ByPattern::Listener {
            // Only a host refuses or answers, whether or not the target keeps a record (R80, R81).
            self.observed = true;
            if matches!(outcome, Outcome::Timeout | Outcome::Unreachable) {
                let words = format!("by: expected `{wanted}`, nobody answered or refused");
                self.failed.push(words);
            }
            return;
        }
        if let Some(evidence) = evidence.filter(|_| standing.decider_observable) {
            self.observed = true;
            let stopped = matches!(outcome, Outcome::Timeout | Outcome::Unreachable);
            if stopped
                && !evidence
                    .packets
                    .iter()
                    .any(|packet| packet.action == Action::Deny)
            {
                // The last rule that let it pass did not stop it.
                self.failed.push(format!(
                    "by: expected `{wanted}`, nothing on record stopped it"
                ));
                return;
            }
            let rules = evidence.rules().collect::<Vec<_>>();
            if let Some(words) = contradiction(wanted, outcome, evidence.by.as_ref(), &rules) {
                self.failed.push(words);
            }
            return;
        }
        match sure.map(|prediction| (prediction, prediction.outcome)) {
            // Where it is not certain what decided in the prediction, the prediction says nothing.
            Some((prediction, Predicted::Is(outcome))) if prediction.by.is_some() => {
                self.not_observed.push("by".to_owned());
                let rules = prediction.path.iter().collect::<Vec<_>>();
                let by = prediction.by.as_ref();
                if let Some(words) = contradiction(wanted, outcome, by, &rules) {
                    self.failed
                        .push(format!("{words} in the prediction (not observed)"));
                }
            }
            _ => self.unknown.push(format!(
                "by: expected `{wanted}`, but what decided was neither observed nor predicted"
            )),
        }
    }
}

/// Why `wanted` did not decide: for a flow that passed, any rule on its way satisfies; for one that
/// was stopped, only the first thing that stopped it.
fn contradiction(
    wanted: &ByPattern,
    outcome: Outcome,
    by: Option<&Decider>,
    rules: &[&RuleRef],
) -> Option<String> {
    let stopped = matches!(outcome, Outcome::Timeout | Outcome::Unreachable);
    if by.is_some_and(|by| wanted.names(by)) {
        return None;
    }
    if !stopped
        && let ByPattern::Rule(wanted) = wanted
        && rules.iter().any(|rule| wanted.matches(rule))
    {
        return None;
    }
    let what = match by {
        Some(by) if stopped || rules.is_empty() => format!("decided by {by}"),
        Some(_) | None if !rules.is_empty() && !stopped => {
            format!("let through by {}", list(rules, ", "))
        }
        _ => "no rule decided".to_owned(),
    };
    Some(format!("by: expected `{wanted}`, {what}"))
}

/// Where a sure prediction and an observation of packets differ.
fn divergence(prediction: &Prediction, outcome: Outcome, observed: &Observation) -> Vec<String> {
    let mut differs = Vec::new();
    if prediction.outcome != Predicted::Is(outcome) {
        differs.push(format!(
            "outcome: predicted {}, observed {outcome}",
            prediction.outcome
        ));
    }
    if let (Some(predicted), Some(seen)) = (prediction.source, observed.source)
        && predicted != seen
    {
        differs.push(format!(
            "source: predicted {predicted}, the server saw {seen}"
        ));
    }
    let recorded = observed.evidence.as_ref().and_then(|e| e.by.as_ref());
    if let (Some(predicted), Some(recorded)) = (&prediction.by, recorded)
        && !is_same_decider(predicted, recorded)
    {
        differs.push(format!("by: predicted {predicted}, recorded {recorded}"));
    }
    differs
}

/// Whether two witnesses name the same decider. Of what is no rule each tells what it can know: the lab's
/// record is of packets that are dropped and of rules, so it does not see why an appliance does not
/// forward, that a pod has no route of its own, or which route carried a packet. Only such pairs of words
/// say the same.
fn is_same_decider(predicted: &Decider, recorded: &Decider) -> bool {
    match (predicted, recorded) {
        (Decider::Rule(a), Decider::Rule(b)) => a == b,
        (Decider::Rule(_), _) | (_, Decider::Rule(_)) => false,
        (Decider::Route { route: a }, Decider::Route { route: b }) => {
            (a.prefix, a.leg) == (b.prefix, b.leg) && leads(a, &b.next_hop_type)
        }
        (Decider::Cause { cause }, Decider::Route { route }) => match cause.as_str() {
            // R38: the packet is lost on the way that the route gives it.
            "ip-forwarding-off" | "routing-loop" => leads(route, "VirtualAppliance"),
            "asymmetric-reply" => leads(route, "VirtualAppliance") && route.leg == Leg::Return,
            // R53: no route of the virtual network knows the pods, and the system's drops their range.
            "pod-not-addressable" => {
                leads(route, "None") && route.table.eq_ignore_ascii_case("system")
            }
            _ => false,
        },
        // The record has no entry for a route that carries.
        (Decider::Route { route }, Decider::Cause { cause }) => {
            !leads(route, "None")
                && ["no-nsg-and-system-route", "existing-flow-record"].contains(&cause.as_str())
        }
        (Decider::Cause { cause: a }, Decider::Cause { cause: b }) => {
            a == b
                || match a.as_str() {
                    // R68: the packet log sees a pass without a rule, or a flow that it knows.
                    "same-node" => {
                        ["no-nsg-and-system-route", "existing-flow-record"].contains(&b.as_str())
                    }
                    // R11: the record of a flow exists also where no group would judge it.
                    "no-nsg-and-system-route" => b == "existing-flow-record",
                    "no-egress" | "no-nat-gateway" => b == "no-explicit-outbound",
                    "nat-gateway-protocol" => b == "nat-gateway-carries-only-tcp-and-udp",
                    _ => false,
                }
        }
    }
}

fn words_of(set: &ExpectedSourceSet, inside: bool) -> String {
    let prefixes = set.prefixes.iter().map(ToString::to_string);
    let prefixes = prefixes.collect::<Vec<_>>().join(", ");
    let which = if inside { "in" } else { "not in" };
    if set.words == prefixes {
        format!("{which} `{prefixes}`")
    } else {
        format!("{which} `{}` ({prefixes})", set.words)
    }
}

fn leads(route: &RouteRef, next_hop_type: &str) -> bool {
    route.next_hop_type.eq_ignore_ascii_case(next_hop_type)
}

fn alternatives(answers: &[Answer]) -> String {
    list(answers, " or ")
}

fn list(items: &[impl Display], separator: &str) -> String {
    let items = items.iter().map(ToString::to_string).collect::<Vec<_>>();
    items.join(separator)
}

#[cfg(test)]
mod tests;
