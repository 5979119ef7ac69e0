//! Where things are judged: what a spec asks only of another target is skipped here, and never passes.

use crate::arm::Addresses;
use crate::compile::Compiled;
use crate::topology::{Plane, ProbeExpectation};
use crate::verdict::Verdict;
use crate::verdict::event::{ObservedRecord, ProbeRecord, TargetName};

use super::{Target, expectation};

/// Whether planes (none is all) include the one of a target.
pub(super) fn include(planes: &[Plane], target: &Target) -> bool {
    planes.is_empty() || planes.contains(&plane(target))
}

/// Why something with these planes is not judged on a target, if it is not.
pub(super) fn not_here(planes: &[Plane], target: &Target) -> Option<String> {
    if include(planes, target) {
        return None;
    }
    let words: Vec<String> = planes
        .iter()
        .map(|plane| format!("`{}`", word(*plane)))
        .collect();
    Some(format!(
        "it is judged on {} alone, and this is `{}`",
        words.join(" and "),
        word(plane(target))
    ))
}

/// The record of a probe that is not judged here.
pub(super) fn skipped(wanted: &ProbeExpectation, compiled: &Compiled, why: &str) -> ProbeRecord {
    let plan = &compiled.manifest.probes[&wanted.probe];
    let caller = &compiled.manifest.workloads[&plan.from];
    let addresses = Addresses::default();
    let expected =
        expectation::resolve(&wanted.expectation, caller, &compiled.manifest, &addresses);
    ProbeRecord {
        name: wanted.probe.to_string(),
        from: plan.from.to_string(),
        to: plan.to.clone(),
        expected: expectation::record(&expected),
        predicted: None,
        observed: ObservedRecord {
            outcome: "skipped".to_owned(),
            reason: Some(why.to_owned()),
            status: None,
            body: None,
            source: None,
            urls: Vec::new(),
            simulated: false,
            duration_ms: 0,
            evidence: None,
        },
        differs: vec![why.to_owned()],
        verdict: Verdict::Skipped,
    }
}

fn plane(target: &Target) -> Plane {
    match target.name {
        TargetName::Local => Plane::Local,
        TargetName::Azure => Plane::Azure,
    }
}

fn word(plane: Plane) -> &'static str {
    match plane {
        Plane::Predict => "predict",
        Plane::Local => "local",
        Plane::Azure => "azure",
    }
}
