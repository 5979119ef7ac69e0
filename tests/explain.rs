//! The pages of the codes: what is shown as wrong gives the code of its page and no other error, and what is
//! shown as right has no error; the command prints them.

mod support;

use std::fs;

use vnetlab::spec::{self, Diagnostic, Severity, Source, codes};
use vnetlab::topology;

/// What a fragment may refer to. A fragment with a section of its own replaces it, and with it the sections
/// behind it that name its things.
const SECTIONS: [(&str, &str); 5] = [
    (
        "vnets",
        "vnets: { hub: { space: 10.10.0.0/16, subnets: { aks: 10.10.0.0/24, aci: 10.10.1.0/24 } } }\n",
    ),
    (
        "nsgs",
        "nsgs: { guard: { inbound: { web-in: 100 allow tcp any -> any:80, rest: 200 deny any any -> any } } }\n",
    ),
    (
        "clusters",
        "clusters: { c: { network: overlay, subnet: aks } }\n",
    ),
    (
        "workloads",
        "workloads: { caller: { pod: c }, web: { aci: aci, serve: http:80 } }\n",
    ),
    ("probes", "probes: { call: caller -> http://web/ }\n"),
];

/// Pages whose mistake is too large to be shown, or is not in the text of one spec.
const WITHOUT_EXAMPLE: [&str; 4] = [
    codes::LIMIT,
    codes::ROUTE_TABLE_SIZE,
    codes::PARAMETER_GIVEN,
    codes::INCLUDED_TWICE,
];

/// The blocks of a page that are marked with a word.
fn blocks<'p>(page: &'p str, word: &str) -> Vec<&'p str> {
    let fence = format!("```{word}\n");
    let behind = page.split(&fence[..]).skip(1);
    behind
        .map(|text| text.split("```").next().unwrap_or_default())
        .collect()
}

/// A fragment with what it does not show: the version, the name, and the sections that it may refer to.
fn completed(fragment: &str) -> String {
    let has = |key: &str| {
        let start = format!("{key}:");
        fragment.lines().any(|line| line.starts_with(&start))
    };
    let mut text = String::new();
    if !has("vnetlab") {
        text.push_str("vnetlab: 1\n");
    }
    if !has("name") {
        text.push_str("name: example\n");
    }
    text.push_str(fragment);
    // The networks of a fragment are all that it refers to, and its clusters and workloads all that it calls.
    let replaced = |key: &str| match key {
        "nsgs" | "clusters" => has("vnets"),
        "workloads" => has("vnets") || has("clusters"),
        "probes" => has("vnets") || has("clusters") || has("workloads"),
        _ => false,
    };
    for (key, section) in SECTIONS {
        if !has(key) && !replaced(key) {
            text.push_str(section);
        }
    }
    text
}

fn findings(fragment: &str) -> (Vec<Diagnostic>, Source) {
    let source = Source::new("example.yaml", completed(fragment));
    let found = match topology::load(&source) {
        Ok(resolution) => resolution.warnings,
        Err(found) => found,
    };
    (found, source)
}

/// Each code with its page.
fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let page = |code| spec::explain(code).unwrap_or_else(|| panic!("{code} has no page"));
    codes::ALL.iter().map(move |(code, _)| (*code, page(code)))
}

#[test]
fn what_a_page_shows_as_wrong_gives_its_code_and_no_other_error() {
    let mut shown = 0;
    let mut wrong = String::new();
    for (code, page) in pages() {
        let blocks = blocks(page, "text");
        assert!(
            !blocks.is_empty() || WITHOUT_EXAMPLE.contains(&code),
            "the page of {code} shows no mistake"
        );
        for block in blocks {
            let (found, source) = findings(block);
            let mut errors = found.iter().filter(|f| f.severity == Severity::Error);
            // A comma that splits a sentence breaks the sentence too.
            let split = [codes::NO_VALUE, codes::KEY_WITH_SPACE].contains(&code);
            let other =
                errors.any(|error| error.code != code && !(split && error.code == codes::SENTENCE));
            if other || found.iter().all(|finding| finding.code != code) {
                let rendered = spec::render(&found, &source, false);
                wrong.push_str(&format!(
                    "the page of {code} shows something else\n{rendered}\n"
                ));
            }
            shown += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(shown + WITHOUT_EXAMPLE.len() >= codes::ALL.len(), "{shown}");
}

#[test]
fn what_a_page_shows_as_right_has_no_error_and_not_its_warning() {
    let mut wrong = String::new();
    for (code, page) in pages() {
        for block in blocks(page, "yaml") {
            let (found, source) = findings(block);
            let unmended =
                |finding: &Diagnostic| finding.code == code || finding.severity == Severity::Error;
            if found.iter().any(unmended) {
                let rendered = spec::render(&found, &source, false);
                wrong.push_str(&format!("the page of {code} mends nothing\n{rendered}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_page_is_short_and_so_are_its_lines() {
    for (code, page) in pages() {
        let prose = page.split("```").step_by(2).flat_map(str::lines);
        let lines = prose.skip(1).filter(|line| !line.trim().is_empty()).count();
        assert!((2..=14).contains(&lines), "{code}: {lines} lines of prose");
    }
    let path = support::checkout().join("docs/diagnostics.md");
    let text = fs::read_to_string(path).expect("the pages");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.chars().count() <= 122, "too wide: {line}");
    }
}

#[cfg(feature = "cli")]
mod command {
    use std::process::Command;

    use vnetlab::spec;

    fn explain(code: &str) -> (Option<i32>, String, String) {
        let output = Command::new(assert_cmd::cargo::cargo_bin("vnetlab"))
            .args(["explain", code])
            .output()
            .expect("the command runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        (output.status.code(), out, err)
    }

    #[test]
    fn it_prints_the_page_of_a_code_and_of_an_exit_code() {
        for code in ["VNL0107", "vnl0303", "6", "143"] {
            let (status, out, err) = explain(code);
            let page = spec::explain(code).expect("a page");
            assert_eq!(
                (status, out, err),
                (Some(0), format!("{page}\n"), String::new())
            );
            assert!(page.starts_with(&format!("### {}: ", code.to_ascii_uppercase())));
        }
    }

    #[test]
    fn an_unknown_code_is_wrong_input_and_the_nearest_is_offered() {
        for (code, help) in [
            ("VNL017", "help: did you mean `VNL0017`?"),
            ("VNL0599", "help: did you mean `VNL0509`?"),
            ("9", "help: a finding's code stands in brackets"),
            ("", "help: a finding's code stands in brackets"),
        ] {
            let (status, out, err) = explain(code);
            assert_eq!((status, out.as_str()), (Some(2), ""), "{err}");
            assert!(
                err.starts_with(&format!("error: there is no code `{code}`\n")),
                "{err}"
            );
            assert!(err.contains(help), "{code}: {err}");
        }
    }
}
