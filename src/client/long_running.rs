//! What an answer says about a long-running operation: the state machine, without I/O and clock.
//!
//! As in recorded traffic (sections 2, 3 and 12): `Azure-AsyncOperation` first, else a 202 with
//! `Location`, else `properties.provisioningState`. Only `Succeeded`, `Failed` and `Canceled` end an
//! operation, every other word runs on; an `error` beside a running or succeeded status means nothing.
//! Each answer leads to exactly one [`Step`]; taking it is the business of `poll`.

use std::time::Duration;

use azure_core::http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::arm::AzureError;

use super::wire::Answer;

#[cfg(test)]
mod replay;

/// How many polls in a row may fail. The pipeline has repeated each several times before it counts.
const POLL_FAILURES: u32 = 10;

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// The operation runs: ask again.
    Poll(Poll),
    /// The operation succeeded: the result is the resource, to be fetched.
    Fetch,
    /// The operation succeeded, and the answer is its result.
    Done,
    /// The operation ended without success.
    Ended {
        /// `Failed` or `Canceled`, as the target spells it.
        state: String,
        /// What it says.
        error: Option<AzureError>,
    },
    /// The answer is a refusal.
    Refused,
    /// The answer breaks the protocol.
    Malformed(String),
}

/// The next question about an operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Poll {
    /// Whom to ask, verbatim as the target gave it: such URLs are signed.
    pub(super) url: Url,
    /// How to read the answer.
    pub(super) via: Via,
    /// The last state seen.
    pub(super) state: String,
    /// The wait that the target asks for.
    pub(super) after: Option<Duration>,
    /// How many polls in a row have failed.
    pub(super) failures: u32,
}

/// How an operation tells its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// `status` in the body behind `Azure-AsyncOperation`.
    Operation,
    /// The status code behind `Location`: 202 runs on.
    Location,
    /// `properties.provisioningState` of the resource itself.
    Resource,
}

impl Poll {
    /// The same question once more after it went unanswered; `None` when that happened too often.
    pub(super) fn unanswered(&self, after: Option<Duration>) -> Option<Poll> {
        (self.failures < POLL_FAILURES).then(|| Poll {
            after,
            failures: self.failures + 1,
            ..self.clone()
        })
    }
}

/// Reads the answer to the request that began an operation on `resource`.
pub(super) fn begin(method: Method, resource: &Url, answer: &Answer) -> Step {
    if !answer.is_success() {
        return Step::Refused;
    }
    let body = answer.json().unwrap_or_default();
    let provisioning = provisioning_state(&body);
    if let Some(url) = answer.header("azure-asyncoperation") {
        // A 200 that shows `Succeeded` is finished in spite of the header (recorded on tag updates).
        let finished = answer.status == 200 && provisioning.is_some_and(is_success);
        return match resource.join(url) {
            Ok(_) if finished => Step::Done,
            Ok(url) => Step::Poll(poll(url, Via::Operation, provisioning, answer)),
            Err(error) => malformed_url("Azure-AsyncOperation", &error),
        };
    }
    match (answer.status, answer.header("location")) {
        // Elsewhere `Location` names the resource, as on the 201 of an identity.
        (202, Some(url)) => match resource.join(url) {
            Ok(url) => Step::Poll(poll(url, Via::Location, provisioning, answer)),
            Err(error) => malformed_url("Location", &error),
        },
        (202, None) if provisioning.is_none() => {
            Step::Malformed("a 202 names no URL to ask about the operation".to_owned())
        }
        // The body of a POST or DELETE shows the resource as it was.
        _ if matches!(method, Method::Put | Method::Patch) => by_resource(resource, &body, answer),
        _ => Step::Done,
    }
}

/// Reads the answer to a poll of an operation on `resource` that `method` began.
pub(super) fn next(method: Method, resource: &Url, asked: &Poll, answer: &Answer) -> Step {
    // After a 401 the bearer policy has dropped its token, so a second question carries a new one.
    let expired = answer.status == 401 && asked.failures == 0;
    if expired || is_transient(answer.status) {
        return match asked.unanswered(retry_after(answer)) {
            Some(again) => Step::Poll(again),
            None => Step::Refused,
        };
    }
    if !answer.is_success() {
        return Step::Refused;
    }
    match asked.via {
        Via::Location => by_location(resource, asked, answer),
        Via::Operation | Via::Resource => {
            let Some(body) = answer.json() else {
                // A gateway's page, or a body cut short.
                return match asked.unanswered(retry_after(answer)) {
                    Some(again) => Step::Poll(again),
                    None => Step::Malformed("the state of the operation is not JSON".to_owned()),
                };
            };
            if asked.via == Via::Operation {
                by_operation(method, resource, asked, &body, answer)
            } else {
                by_resource(&asked.url, &body, answer)
            }
        }
    }
}

fn by_operation(
    method: Method,
    resource: &Url,
    asked: &Poll,
    body: &Value,
    answer: &Answer,
) -> Step {
    let Some(state) = text(body, "status").or_else(|| provisioning_state(body)) else {
        return Step::Malformed("the state of the operation has no `status`".to_owned());
    };
    if is_success(state) {
        return match method {
            Method::Put | Method::Patch => Step::Fetch,
            _ => Step::Done,
        };
    }
    if is_failure(state) {
        return ended(state, body, answer);
    }
    match answer
        .header("azure-asyncoperation")
        .map(|url| resource.join(url))
    {
        None => Step::Poll(poll(asked.url.clone(), Via::Operation, Some(state), answer)),
        Some(Ok(url)) => Step::Poll(poll(url, Via::Operation, Some(state), answer)),
        Some(Err(error)) => malformed_url("Azure-AsyncOperation", &error),
    }
}

fn by_location(resource: &Url, asked: &Poll, answer: &Answer) -> Step {
    if answer.status == 202 {
        // The signature of the URL changes from answer to answer.
        return match answer.header("location").map(|url| resource.join(url)) {
            None => Step::Poll(poll(asked.url.clone(), Via::Location, None, answer)),
            Some(Ok(url)) => Step::Poll(poll(url, Via::Location, None, answer)),
            Some(Err(error)) => malformed_url("Location", &error),
        };
    }
    let body = answer.json().unwrap_or_default();
    match text(&body, "status") {
        Some(state) if is_failure(state) => ended(state, &body, answer),
        _ => Step::Done,
    }
}

fn by_resource(url: &Url, body: &Value, answer: &Answer) -> Step {
    match provisioning_state(body) {
        None => Step::Done,
        Some(state) if is_success(state) => Step::Done,
        Some(state) if is_failure(state) => ended(state, body, answer),
        state => Step::Poll(poll(url.clone(), Via::Resource, state, answer)),
    }
}

fn poll(url: Url, via: Via, state: Option<&str>, answer: &Answer) -> Poll {
    Poll {
        url,
        via,
        state: state.unwrap_or("InProgress").to_owned(),
        after: retry_after(answer),
        failures: 0,
    }
}

fn ended(state: &str, body: &Value, answer: &Answer) -> Step {
    let error = [body.get("error"), body.pointer("/properties/error")]
        .into_iter()
        .flatten()
        .find(|error| error.is_object());
    Step::Ended {
        state: state.to_owned(),
        error: error
            .map(|error| AzureError::parse(answer.status, &json!({ "error": error }).to_string())),
    }
}

fn malformed_url(header: &str, error: &url::ParseError) -> Step {
    Step::Malformed(format!("`{header}` is not a URL: {error}"))
}

fn text<'a>(body: &'a Value, member: &str) -> Option<&'a str> {
    body.get(member).and_then(Value::as_str)
}

fn provisioning_state(body: &Value) -> Option<&str> {
    body.pointer("/properties/provisioningState")
        .and_then(Value::as_str)
}

fn is_success(state: &str) -> bool {
    state.eq_ignore_ascii_case("Succeeded")
}

fn is_failure(state: &str) -> bool {
    ["Failed", "Canceled", "Cancelled"]
        .iter()
        .any(|word| state.eq_ignore_ascii_case(word))
}

/// Whether a status is the gateway's or a passing fault, and says nothing about the operation.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The wait that an answer asks for. A date is not read: nothing here knows the time.
pub(super) fn retry_after(answer: &Answer) -> Option<Duration> {
    let number = |name| {
        answer
            .header(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    number("retry-after-ms")
        .or_else(|| number("x-ms-retry-after-ms"))
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const RESOURCE: &str = "https://arm/subscriptions/s/r?api-version=1";

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Answer {
            status,
            headers: headers.collect::<BTreeMap<_, _>>(),
            body: body.as_bytes().to_vec().into(),
        }
    }

    fn resource() -> Url {
        RESOURCE.parse().expect("a URL")
    }

    /// One line for a step, so that a table reads at a glance.
    fn line(step: &Step) -> String {
        match step {
            Step::Poll(poll) => {
                let after = poll.after.map(|after| format!(" after {after:?}"));
                let failures = (poll.failures > 0).then(|| format!(" failed {}", poll.failures));
                format!(
                    "{:?} {} {}{}{}",
                    poll.via,
                    poll.url.path(),
                    poll.state,
                    after.unwrap_or_default(),
                    failures.unwrap_or_default()
                )
            }
            Step::Ended { state, error } => match error {
                Some(error) => format!("ended {state} {}", error.code),
                None => format!("ended {state}"),
            },
            Step::Malformed(reason) => format!("malformed: {reason}"),
            Step::Fetch => "fetch".to_owned(),
            Step::Done => "done".to_owned(),
            Step::Refused => "refused".to_owned(),
        }
    }

    #[test]
    fn the_first_answer_says_how_to_follow_the_operation() {
        const ASYNC: (&str, &str) = ("azure-asyncoperation", "https://arm/op?s=1");
        const LOCATION: (&str, &str) = ("location", "https://arm/loc");
        const UPDATING: &str = r#"{"properties":{"provisioningState":"Updating"}}"#;
        const SUCCEEDED: &str = r#"{"properties":{"provisioningState":"Succeeded"}}"#;
        type Case<'a> = (Method, u16, &'a [(&'a str, &'a str)], &'a str, &'a str);
        let cases: &[Case<'_>] = &[
            (
                Method::Put,
                201,
                &[ASYNC, ("retry-after", "3")],
                UPDATING,
                "Operation /op Updating after 3s",
            ),
            (
                Method::Put,
                201,
                &[ASYNC, LOCATION],
                "",
                "Operation /op InProgress",
            ),
            (Method::Put, 200, &[ASYNC], SUCCEEDED, "done"),
            (
                Method::Put,
                201,
                &[ASYNC],
                SUCCEEDED,
                "Operation /op Succeeded",
            ),
            (
                Method::Put,
                201,
                &[("location", "/identity")],
                r#"{"properties":{}}"#,
                "done",
            ),
            (Method::Put, 201, &[], SUCCEEDED, "done"),
            (
                Method::Put,
                200,
                &[],
                UPDATING,
                "Resource /subscriptions/s/r Updating",
            ),
            (
                Method::Put,
                200,
                &[],
                r#"{"properties":{"provisioningState":"Failed","error":{"code":"C","message":"m"}}}"#,
                "ended Failed C",
            ),
            (
                Method::Put,
                202,
                &[],
                UPDATING,
                "Resource /subscriptions/s/r Updating",
            ),
            (
                Method::Delete,
                202,
                &[
                    ASYNC,
                    LOCATION,
                    ("retry-after-ms", "5"),
                    ("retry-after", "9"),
                ],
                "",
                "Operation /op InProgress after 5ms",
            ),
            (
                Method::Delete,
                202,
                &[LOCATION, ("retry-after", "15")],
                "",
                "Location /loc InProgress after 15s",
            ),
            (
                Method::Delete,
                202,
                &[("location", "relative")],
                "",
                "Location /subscriptions/s/relative InProgress",
            ),
            (
                Method::Delete,
                202,
                &[],
                "",
                "malformed: a 202 names no URL to ask about the operation",
            ),
            (Method::Delete, 200, &[], UPDATING, "done"),
            (Method::Delete, 204, &[], "", "done"),
            (Method::Post, 200, &[], SUCCEEDED, "done"),
            (Method::Put, 409, &[ASYNC], "", "refused"),
            (Method::Put, 503, &[], "", "refused"),
            (
                Method::Put,
                201,
                &[("azure-asyncoperation", "https://[")],
                "",
                "malformed: `Azure-AsyncOperation` is not a URL: invalid IPv6 address",
            ),
        ];
        for (method, status, headers, body, expected) in cases {
            let step = begin(*method, &resource(), &answer(*status, headers, body));
            assert_eq!(
                line(&step),
                *expected,
                "{method:?} {status} {headers:?} {body}"
            );
        }
    }

    #[test]
    fn a_poll_answer_runs_on_until_a_terminal_word() {
        type Case<'a> = (Method, Via, u16, &'a [(&'a str, &'a str)], &'a str, &'a str);
        let cases: &[Case<'_>] = &[
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                r#"{"status":"Running"}"#,
                "Operation /old Running",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                r#"{"status":"CreatingAgentPools: 0/1 nodes completed"}"#,
                "Operation /old CreatingAgentPools: 0/1 nodes completed",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[("azure-asyncoperation", "/new")],
                r#"{"status":"InProgress","error":{"code":"NotLatestOperation","message":"m"}}"#,
                "Operation /new InProgress",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                r#"{"status":"Succeeded","error":{"code":"X","message":"m"}}"#,
                "fetch",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                r#"{"status":"succeeded"}"#,
                "fetch",
            ),
            (
                Method::Post,
                Via::Operation,
                200,
                &[],
                r#"{"status":"Succeeded"}"#,
                "done",
            ),
            (
                Method::Delete,
                Via::Operation,
                200,
                &[],
                r#"{"status":"Succeeded"}"#,
                "done",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                r#"{"status":"Failed","error":{"code":"DeploymentFailed","message":"m"}}"#,
                "ended Failed DeploymentFailed",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                r#"{"status":"Canceled"}"#,
                "ended Canceled",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                "{}",
                "malformed: the state of the operation has no `status`",
            ),
            (
                Method::Put,
                Via::Operation,
                200,
                &[],
                "<html>",
                "Operation /old Was failed 1",
            ),
            (
                Method::Put,
                Via::Operation,
                502,
                &[],
                "<html>",
                "Operation /old Was failed 1",
            ),
            (
                Method::Put,
                Via::Operation,
                429,
                &[("retry-after", "11")],
                "",
                "Operation /old Was after 11s failed 1",
            ),
            (Method::Put, Via::Operation, 404, &[], "", "refused"),
            (
                Method::Delete,
                Via::Location,
                202,
                &[("location", "https://arm/new"), ("retry-after", "15")],
                "",
                "Location /new InProgress after 15s",
            ),
            (
                Method::Delete,
                Via::Location,
                202,
                &[],
                "",
                "Location /old InProgress",
            ),
            (Method::Delete, Via::Location, 200, &[], "", "done"),
            (Method::Delete, Via::Location, 204, &[], "", "done"),
            (
                Method::Delete,
                Via::Location,
                409,
                &[],
                r#"{"Error":{"Code":"ResourceGroupDeletionBlocked"}}"#,
                "refused",
            ),
            (
                Method::Post,
                Via::Location,
                200,
                &[],
                r#"{"status":"Failed","error":{"code":"C","message":"m"}}"#,
                "ended Failed C",
            ),
            (
                Method::Put,
                Via::Resource,
                200,
                &[],
                r#"{"properties":{"provisioningState":"Creating"}}"#,
                "Resource /old Creating",
            ),
            (
                Method::Put,
                Via::Resource,
                200,
                &[],
                r#"{"properties":{"provisioningState":"Succeeded"}}"#,
                "done",
            ),
            (
                Method::Put,
                Via::Resource,
                200,
                &[],
                r#"{"properties":{"provisioningState":"Canceled"}}"#,
                "ended Canceled",
            ),
        ];
        for (method, via, status, headers, body, expected) in cases {
            let asked = Poll {
                url: "https://arm/old".parse().expect("a URL"),
                via: *via,
                state: "Was".to_owned(),
                after: None,
                failures: 0,
            };
            let step = next(
                *method,
                &resource(),
                &asked,
                &answer(*status, headers, body),
            );
            assert_eq!(
                line(&step),
                *expected,
                "{via:?} {status} {headers:?} {body}"
            );
        }
    }

    #[test]
    fn an_expired_token_costs_one_poll() {
        let asked = Poll {
            url: resource(),
            via: Via::Location,
            state: "Running".to_owned(),
            after: None,
            failures: 0,
        };
        let expired = answer(401, &[], "");
        let Step::Poll(again) = next(Method::Delete, &resource(), &asked, &expired) else {
            panic!("the first 401 is asked again");
        };
        let step = next(Method::Delete, &resource(), &again, &expired);
        assert_eq!(step, Step::Refused);
    }

    #[test]
    fn a_poll_may_fail_ten_times_in_a_row() {
        let mut asked = Poll {
            url: resource(),
            via: Via::Operation,
            state: "Running".to_owned(),
            after: None,
            failures: 0,
        };
        let fault = answer(503, &[], "");
        for _ in 0..POLL_FAILURES {
            match next(Method::Put, &resource(), &asked, &fault) {
                Step::Poll(again) => asked = again,
                step => panic!("gave up early: {step:?}"),
            }
        }
        assert_eq!(
            next(Method::Put, &resource(), &asked, &fault),
            Step::Refused
        );
        let running = answer(200, &[], r#"{"status":"Running"}"#);
        match next(Method::Put, &resource(), &asked, &running) {
            Step::Poll(poll) => assert_eq!(poll.failures, 0),
            step => panic!("{step:?}"),
        }
    }
}
