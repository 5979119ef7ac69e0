//! What a probe of each scheme can see, and so what can be expected of it.

use super::Scheme;
use crate::spec::{Diagnostic, ProbeExpectation, Span, codes, list};
use crate::verdict::{Answer, Outcome};

/// The outcomes that a probe of a scheme has.
fn outcomes(scheme: Scheme) -> &'static [Outcome] {
    use Outcome::{Nxdomain, Reachable, Refused, Resolves, Timeout, TlsError, Unreachable};
    match scheme {
        Scheme::Http | Scheme::Tcp | Scheme::Udp => &[Reachable, Refused, Timeout, Unreachable],
        Scheme::Https | Scheme::Tls => &[Reachable, Refused, Timeout, Unreachable, TlsError],
        Scheme::Dns => &[Resolves, Nxdomain, Refused, Timeout, Unreachable],
        Scheme::Icmp => &[Reachable, Timeout, Unreachable],
    }
}

/// Reports what the scheme of a probe cannot show.
pub(super) fn check(scheme: Scheme, expected: &ProbeExpectation, found: &mut Vec<Diagnostic>) {
    let possible = outcomes(scheme);
    for answer in &expected.one_of {
        let refusal = match answer.value {
            Answer::Outcome(outcome) if !possible.contains(&outcome) => {
                format!("a probe by `{scheme}` is never `{outcome}`")
            }
            Answer::Status(_) if !speaks_http(scheme) => {
                format!("a probe by `{scheme}` sees no HTTP status")
            }
            _ => continue,
        };
        found.push(
            Diagnostic::error(codes::PROBE_EXPECTATION, answer.span, refusal).help(format!(
                "it is {}",
                list(possible.iter().map(|outcome| outcome.word()))
            )),
        );
    }
    for (key, span, seen) in facts(scheme, expected) {
        if let Some(span) = span
            && !seen
        {
            found.push(Diagnostic::error(
                codes::PROBE_EXPECTATION,
                span,
                format!("a probe by `{scheme}` sees no `{key}`"),
            ));
        }
    }
}

fn speaks_http(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::Http | Scheme::Https)
}

/// Each fact that is expected, with its place, and whether the scheme shows it.
fn facts(scheme: Scheme, expected: &ProbeExpectation) -> [(&'static str, Option<Span>, bool); 7] {
    let http = speaks_http(scheme);
    // The built-in server tells a caller whom it sees, over HTTP and over UDP.
    let source = matches!(scheme, Scheme::Http | Scheme::Tcp | Scheme::Udp);
    let header = expected.header.values().next();
    let set = |set: &Option<crate::spec::Set>| set.as_ref().map(|set| set.words.span);
    [
        ("status", expected.status.as_ref().map(|v| v.span), http),
        (
            "body",
            expected.body.as_ref().map(|v| v.span),
            http || scheme == Scheme::Udp,
        ),
        ("header", header.map(|v| v.span), http),
        ("source", expected.source.as_ref().map(|v| v.span), source),
        ("source-in", set(&expected.source_in), source),
        ("not-source", set(&expected.not_source), source),
        (
            "answers",
            expected.answers.first().map(|v| v.span),
            scheme == Scheme::Dns,
        ),
    ]
}
