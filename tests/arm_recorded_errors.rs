//! Every error body of the recorded traffic is read down to its innermost code.
//!
//! Needs the recordings (`VNETLAB_RECORDINGS`); without them the test says that it was skipped.

use std::fs;
use std::path::Path;

use serde_json::Value;
use vnetlab::arm::AzureError;

/// Bodies whose innermost error lies deep, by the recording's name.
const DEEP: &[(&str, &str)] = &[
    ("aks-get-404-flat-deleting", "NotFound"),
    ("fail-badrequest-nested-json-string", "BadRequest"),
    ("fail-quota-resourcecount", "ResourceCountExceededQuota"),
    (
        "fail-resourcedeploymentfailure-404",
        "ExtensionOperationFailed",
    ),
    ("put-marketplace-eligibility", "AccountSetupError"),
    (
        "rg-delete-blocked-subnet-in-use",
        "InUseSubnetCannotBeDeleted",
    ),
    (
        "subnet-put-cancels-vnet-put",
        "CanceledAndSupersededDueToAnotherOperation",
    ),
    ("validate-nested-preflight", "AccountNameInvalid"),
];

#[test]
#[allow(clippy::print_stderr)]
fn the_innermost_code_of_every_recorded_error_is_found() {
    let Some(directory) = std::env::var_os("VNETLAB_RECORDINGS") else {
        eprintln!("skipped: VNETLAB_RECORDINGS is not set");
        return;
    };
    let mut bodies = Vec::new();
    for topic in sorted(Path::new(&directory)) {
        if topic.is_dir() {
            for file in sorted(&topic) {
                collect(&file, &mut bodies);
            }
        }
    }
    assert!(
        bodies.len() > 150,
        "only {} error bodies found",
        bodies.len()
    );
    for (name, status, body) in &bodies {
        let error = AzureError::parse(*status, body);
        let innermost = error.innermost();
        let codes = codes(body);
        assert!(
            !innermost.message.is_empty() || !codes.is_empty(),
            "{name}: {body}"
        );
        if codes.is_empty() {
            // A body without a code: the status gives one.
            assert!(!innermost.code.is_empty(), "{name}: {body}");
        } else {
            assert!(
                codes.contains(&innermost.code),
                "{name}: `{}` of {codes:?}",
                innermost.code
            );
        }
    }
    for (recording, expected) in DEEP {
        let found = bodies.iter().any(|(name, status, body)| {
            name == recording && AzureError::parse(*status, body).innermost().code == *expected
        });
        assert!(found, "{recording}: {expected}");
    }
}

fn sorted(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory of the recordings is readable");
    let mut paths = entries
        .map(|entry| entry.expect("a directory entry").path())
        .collect::<Vec<_>>();
    paths.sort();
    paths
}

/// The error bodies of a recording: of failed requests and of operations that failed.
fn collect(file: &Path, bodies: &mut Vec<(String, u16, String)>) {
    let text = fs::read_to_string(file).expect("a recording is text");
    let recording: Value = serde_json::from_str(&text).expect("a recording is JSON");
    let name = file
        .file_stem()
        .expect("a file has a name")
        .to_string_lossy();
    let exchanges = ["interactions", "samples"]
        .iter()
        .filter_map(|list| recording[*list].as_array())
        .flatten();
    for exchange in exchanges {
        let response = exchange.get("response").unwrap_or(exchange);
        let Some(status) = response["status"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
        else {
            continue;
        };
        let body = &response["body"];
        let failed = body["status"]
            .as_str()
            .is_some_and(|status| ["Failed", "Canceled"].contains(&status))
            && body["error"].is_object();
        if status >= 400 || failed {
            let text = match body {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            bodies.push((name.clone().into_owned(), status, text));
        }
    }
}

/// Every value of a `code` member in a body, also within JSON strings; found by looking at the text, so
/// that the test does not share the reader's idea of the shapes.
fn codes(body: &str) -> Vec<String> {
    let mut plain = body.to_owned();
    for _ in 0..4 {
        plain = plain.replace("\\\"", "\"").replace("\\\\", "\\");
    }
    let lower = plain.to_ascii_lowercase();
    let mut codes = Vec::new();
    for key in ["\"code\"", "\"errorcode\""] {
        for (place, _) in lower.match_indices(key) {
            let rest = plain[place + key.len()..].trim_start_matches([':', ' ']);
            let code = rest
                .trim_start_matches('"')
                .split(['"', ',', '}'])
                .next()
                .unwrap_or_default();
            if !code.is_empty() && code != "null" {
                codes.push(code.to_owned());
            }
        }
    }
    codes
}
