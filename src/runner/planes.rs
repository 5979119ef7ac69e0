//! Where things are judged: what a spec asks only of another target is skipped here, and never passes.

use crate::arm::Addresses;
use crate::compile::Compiled;
use crate::topology::{Plane, ProbeExpectation};
use crate::verdict::Verdict;
use crate::verdict::event::{ObservedRecord, ProbeRecord, TargetName};

use super::expectation;

/// Whether planes (none is all) include the one of a target.
pub(super) fn include(planes: &[Plane], target: TargetName) -> bool {
    planes.is_empty() || planes.contains(&plane(target))
}

/// Why something with these planes is not judged on a target, if it is not.
pub(super) fn not_here(planes: &[Plane], target: TargetName) -> Option<String> {
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

fn plane(target: TargetName) -> Plane {
    match target {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_judged_elsewhere_alone_is_not_judged_here() {
        use Plane::{Azure, Local, Predict};
        for (planes, target, here) in [
            (&[][..], TargetName::Local, true),
            (&[Local], TargetName::Local, true),
            (&[Predict, Azure], TargetName::Local, false),
            (&[Predict, Azure], TargetName::Azure, true),
            (&[Local], TargetName::Azure, false),
        ] {
            assert_eq!(include(planes, target), here, "{planes:?} {target:?}");
            assert_eq!(not_here(planes, target).is_none(), here);
        }
        let why = not_here(&[Predict, Azure], TargetName::Local);
        assert_eq!(
            why.as_deref(),
            Some("it is judged on `predict` and `azure` alone, and this is `local`")
        );
    }
}
