//! Replays recorded traffic: every recorded operation must end here as it ended there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use azure_core::http::Method;
use serde_json::Value;
use url::Url;

use super::{Answer, Step, begin, next};

/// One request and its answer.
struct Interaction {
    method: String,
    path: String,
    answer: Answer,
}

impl Interaction {
    fn read(value: &Value) -> Interaction {
        let request = &value["request"];
        let response = &value["response"];
        let headers = response["headers"].as_object().into_iter().flatten();
        let body = match &response["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        Interaction {
            method: request["method"].as_str().expect("a method").to_owned(),
            path: request["path"].as_str().expect("a path").to_owned(),
            answer: Answer {
                status: response["status"].as_u64().expect("a status") as u16,
                headers: headers
                    .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                    .collect::<BTreeMap<_, _>>(),
                body: body.into_bytes().into(),
            },
        }
    }

    /// The word that the last recorded poll ends with, read from the recording alone.
    fn recorded_end(&self) -> String {
        let body = self.answer.json().unwrap_or_default();
        let said = body["status"]
            .as_str()
            .or_else(|| body["properties"]["provisioningState"].as_str());
        match (self.answer.status, said) {
            (200, Some(said)) => said.to_owned(),
            (200 | 204, None) => "Succeeded".to_owned(),
            (status, _) => status.to_string(),
        }
    }
}

/// The end that the state machine reached, in the words of [`Interaction::recorded_end`].
fn reached_end(step: &Step, last: &Answer) -> String {
    match step {
        Step::Done | Step::Fetch => "Succeeded".to_owned(),
        Step::Ended { state, .. } => state.clone(),
        Step::Refused => last.status.to_string(),
        Step::Poll(_) | Step::Malformed(_) => format!("{step:?}"),
    }
}

fn recordings(directory: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).expect("a readable directory");
    let mut paths = entries
        .map(|entry| entry.expect("a readable entry").path())
        .collect::<Vec<_>>();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            recordings(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
}

/// Follows the operation that `interactions[first]` began through the polls on record. Gives the end
/// that was reached and the one that was recorded; `None` where it is no operation, or where the
/// recording stops before its end or follows it another way.
fn follow(interactions: &[Interaction], first: usize) -> Option<(String, String)> {
    let begun = &interactions[first];
    let method = match begun.method.as_str() {
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        _ => return None,
    };
    let resource = format!("https://management.azure.com{}", begun.path);
    let resource = resource.parse::<Url>().expect("a URL");
    let mut step = begin(method, &resource, &begun.answer);
    let mut last = begun;
    let mut polls = interactions[first + 1..].iter();
    while let Step::Poll(poll) = &step {
        let same = |candidate: &&Interaction| {
            candidate.method == "GET" && candidate.path.eq_ignore_ascii_case(poll.url.path())
        };
        last = polls.find(same)?;
        step = next(method, &resource, poll, &last.answer);
    }
    (!std::ptr::eq(last, begun)).then(|| (reached_end(&step, &last.answer), last.recorded_end()))
}

#[test]
#[allow(clippy::print_stderr)]
fn every_recorded_operation_ends_as_it_ended_on_azure() {
    let Some(root) = std::env::var_os("VNETLAB_RECORDINGS") else {
        eprintln!("skipped: VNETLAB_RECORDINGS names no directory of recordings");
        return;
    };
    let mut files = Vec::new();
    recordings(Path::new(&root), &mut files);
    let mut ends = BTreeMap::<String, usize>::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a readable file");
        let recording = serde_json::from_str::<Value>(&text).expect("JSON");
        let interactions = recording["interactions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Interaction::read)
            .collect::<Vec<_>>();
        for first in 0..interactions.len() {
            if let Some((reached, recorded)) = follow(&interactions, first) {
                assert_eq!(reached, recorded, "{} #{first}", file.display());
                *ends.entry(reached).or_default() += 1;
            }
        }
    }
    // The recordings hold all of these ends; without one of them the test would prove too little.
    eprintln!("{ends:?}");
    for end in ["Succeeded", "Failed", "Canceled", "409"] {
        assert!(
            ends.contains_key(end),
            "no operation ended as {end}: {ends:?}"
        );
    }
}
