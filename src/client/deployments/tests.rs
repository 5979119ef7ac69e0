use std::sync::Mutex;

use super::super::scripted::{Asked, Reply, Scripted, TOKEN, chain, patient, reply, reply_with};
use super::*;

const DEPLOYMENT: &str =
    "/subscriptions/sub/resourceGroups/g/providers/Microsoft.Resources/deployments/d";
const VNET: &str =
    "/subscriptions/sub/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";

fn template() -> Template {
    Template {
        schema: "s".to_owned(),
        content_version: "1.0.0.0".to_owned(),
        parameters: Map::new(),
        variables: Map::new(),
        functions: Vec::new(),
        resources: Vec::new(),
        outputs: Map::new(),
        metadata: None,
    }
}

/// Deploys an empty template as `d` into `g`.
async fn deploy(
    script: &std::sync::Arc<Scripted>,
    watch: &Watch<'_>,
) -> Result<Deployed, ClientError> {
    let template = template();
    let parameters = Parameters::from([("adminIp".to_owned(), json!("10.0.0.4"))]);
    let deployment = Deployment {
        name: "d",
        template: &template,
        parameters: &parameters,
    };
    script.client().deploy("g", &deployment, watch).await
}

fn accepted() -> Reply {
    let headers = [("azure-asyncoperation", "https://arm.test/op?t=1&s=sig")];
    reply_with(
        201,
        &headers,
        r#"{"properties":{"provisioningState":"Accepted"}}"#,
    )
}

fn status(word: &str) -> Reply {
    reply(200, &json!({ "status": word }).to_string())
}

fn succeeded() -> Reply {
    let properties = json!({
        "provisioningState": "Succeeded",
        "outputs": {"newName": {"type": "String", "value": "x"}},
        "outputResources": [{"id": VNET}],
    });
    reply(200, &json!({ "properties": properties }).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_submitted_polled_and_read() {
    let script = Scripted::in_order([
        accepted(),
        status("Accepted"),
        status("Running"),
        status("Succeeded"),
        succeeded(),
    ]);
    let cancel = CancellationToken::new();
    let told = Mutex::new(Vec::new());
    let progress = |progress: Progress| told.lock().expect("unlocked").push(progress.to_string());
    let watch = Watch {
        progress: &progress,
        ..patient(&cancel)
    };
    let start = Instant::now();
    let deployed = deploy(&script, &watch).await.expect("a deployment");
    assert_eq!(deployed.output("NewName"), Some(&json!("x")));
    assert_eq!(deployed.output("other"), None);
    assert_eq!(
        deployed.resources,
        [ResourceId::parse(VNET).expect("an id")]
    );
    // Nothing asks for a pace: three polls at the usual 5 s.
    assert_eq!(start.elapsed().as_secs(), 15);
    assert_eq!(
        *told.lock().expect("unlocked"),
        [
            "deploy `d`: Accepted",
            "deploy `d`: Accepted",
            "deploy `d`: Running"
        ]
    );
    let url = format!("{DEPLOYMENT}?api-version=2025-04-01");
    let poll = "GET /op?t=1&s=sig".to_owned();
    assert_eq!(
        script.lines(),
        [
            format!("PUT {url}"),
            poll.clone(),
            poll.clone(),
            poll,
            format!("GET {url}")
        ]
    );
    let asked = script.asked();
    let bearer = format!("Bearer {TOKEN}");
    assert!(
        asked
            .iter()
            .all(|asked| asked.authorization.as_ref() == Some(&bearer))
    );
    let properties = &asked[0].body["properties"];
    assert_eq!(properties["mode"], "Incremental");
    assert_eq!(properties["template"], template().to_value());
    assert_eq!(
        properties["parameters"],
        json!({"adminIp": {"value": "10.0.0.4"}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_deployment_carries_each_failed_resource() {
    let failed = json!({"status": "Failed", "error": {
        "code": "DeploymentFailed", "message": "see details",
        "details": [{"code": "Conflict", "message": "less useful"}],
    }});
    let first = json!({
        "value": [
            {"properties": {"provisioningOperation": "Create", "provisioningState": "Succeeded", "statusCode": "OK", "targetResource": {"id": format!("{VNET}-good")}}},
            {"properties": {"provisioningOperation": "Create", "provisioningState": "Failed", "statusCode": "BadRequest",
                "statusMessage": {"error": {"code": "NetcfgInvalidSubnet", "message": "Subnet 'web' is not valid", "details": []}},
                "targetResource": {"id": VNET}}},
        ],
        "nextLink": "https://arm.test/page2?s=sig",
    });
    let second = json!({"value": [
        {"properties": {"provisioningOperation": "EvaluateDeploymentOutput", "provisioningState": "Failed", "statusCode": "NotFound", "statusMessage": null}},
    ]});
    let script = Scripted::in_order([
        accepted(),
        reply_with(200, &[("x-ms-request-id", "r-7")], &failed.to_string()),
        reply(200, &first.to_string()),
        reply(200, &second.to_string()),
    ]);
    let cancel = CancellationToken::new();
    let error = deploy(&script, &patient(&cancel))
        .await
        .expect_err("a failure");
    insta::assert_snapshot!(chain(&error), @"
    deployment `d` ended as `Failed` (request r-7); `Microsoft.Network/virtualNetworks/v`: NetcfgInvalidSubnet: Subnet 'web' is not valid; NotFound: the operation failed and says no more
    DeploymentFailed: see details
    ");
    let ClientError::DeploymentFailed { failures, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(failures[0].resource, ResourceId::parse(VNET).ok());
    assert_eq!(failures[1].resource, None);
    assert_eq!(
        script.lines()[2..],
        [
            format!("GET {DEPLOYMENT}/operations?api-version=2025-04-01"),
            "GET /page2?s=sig".to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn without_an_operations_list_the_errors_details_name_the_resources() {
    let failed = json!({"status": "Failed", "error": {
        "code": "DeploymentFailed", "message": "see details",
        "details": [{"code": "ResourceDeploymentFailure", "message": "m", "target": VNET}],
    }});
    let script = Scripted::in_order([
        accepted(),
        reply(200, &failed.to_string()),
        reply(
            403,
            r#"{"error":{"code":"AuthorizationFailed","message":"m"}}"#,
        ),
    ]);
    let cancel = CancellationToken::new();
    let error = deploy(&script, &patient(&cancel))
        .await
        .expect_err("a failure");
    let ClientError::DeploymentFailed {
        failures, state, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(state, "Failed");
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].resource, ResourceId::parse(VNET).ok());
}

/// A target whose first answer is lost: the deployment runs, and shows the tags that `shown` makes of
/// those that were submitted.
fn losing(shown: fn(&Value) -> Value) -> std::sync::Arc<Scripted> {
    let mut tags = Value::Null;
    let mut puts = 0;
    let mut gets = 0;
    Scripted::by(move |asked: &Asked| {
        if asked.line.starts_with("PUT") {
            puts += 1;
            tags = asked.body["tags"].clone();
            return match puts {
                1 => Reply::Broken,
                _ => reply(
                    409,
                    r#"{"error":{"code":"DeploymentActive","message":"still active"}}"#,
                ),
            };
        }
        gets += 1;
        match gets {
            1 | 2 => {
                let running =
                    json!({"tags": shown(&tags), "properties": {"provisioningState": "Running"}});
                reply_with(200, &[("retry-after", "5")], &running.to_string())
            }
            _ => succeeded(),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_the_own_deployment_is_followed() {
    let script = losing(Value::clone);
    let cancel = CancellationToken::new();
    let told = Mutex::new(Vec::new());
    let progress = |progress: Progress| told.lock().expect("unlocked").push(progress.to_string());
    let watch = Watch {
        progress: &progress,
        ..patient(&cancel)
    };
    let deployed = deploy(&script, &watch).await.expect("a deployment");
    assert_eq!(deployed.output("newName"), Some(&json!("x")));
    assert_eq!(
        told.lock().expect("unlocked")[0],
        "deployment `d` was submitted before; following it"
    );
    let methods = script
        .lines()
        .iter()
        .map(|line| line[..3].to_owned())
        .collect::<Vec<_>>();
    assert_eq!(methods, ["PUT", "PUT", "GET", "GET", "GET"]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_of_the_same_name_by_another_is_not_adopted() {
    let cancel = CancellationToken::new();
    for shown in [
        (|_: &Value| Value::Null) as fn(&Value) -> Value,
        |_| json!({ SUBMISSION_TAG: "another" }),
    ] {
        let error = deploy(&losing(shown), &patient(&cancel))
            .await
            .expect_err("a refusal");
        assert_eq!(error.status(), Some(409));
        assert_eq!(
            error.azure().map(|error| error.code.as_str()),
            Some("DeploymentActive")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn failed_polls_are_repeated_and_the_put_is_not() {
    let mut replies = vec![accepted()];
    // More than the pipeline repeats within one poll.
    replies.extend(vec![reply(502, "<html>Bad gateway</html>"); 7]);
    replies.extend(vec![Reply::Broken; 7]);
    replies.extend([
        reply(200, "<html>oops</html>"),
        status("Succeeded"),
        succeeded(),
    ]);
    let script = Scripted::in_order(replies);
    let cancel = CancellationToken::new();
    deploy(&script, &patient(&cancel))
        .await
        .expect("a deployment");
    let puts = script
        .lines()
        .iter()
        .filter(|line| line.starts_with("PUT"))
        .count();
    assert_eq!(puts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_template_is_a_refusal_with_azures_words() {
    let body = r#"{"error":{"code":"InvalidTemplate","message":"line \"1\"","details":null}}"#;
    let script = Scripted::in_order([reply_with(400, &[("x-ms-request-id", "r-9")], body)]);
    let cancel = CancellationToken::new();
    let error = deploy(&script, &patient(&cancel))
        .await
        .expect_err("a refusal");
    insta::assert_snapshot!(chain(&error), @r#"
    cannot deploy `d`: status 400 (request r-9)
    InvalidTemplate: line "1"
    "#);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_wait_at_once() {
    let script = Scripted::in_order([accepted(), status("Running")]);
    let cancel = CancellationToken::new();
    let progress = |progress: Progress| {
        if progress.to_string().ends_with("Running") {
            cancel.cancel();
        }
    };
    let watch = Watch {
        progress: &progress,
        ..patient(&cancel)
    };
    let start = Instant::now();
    let error = deploy(&script, &watch).await.expect_err("cancelled");
    assert!(matches!(error, ClientError::Cancelled { .. }), "{error:?}");
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_wait_and_tells_the_last_state() {
    let cancel = CancellationToken::new();
    let mut first = true;
    let running = Scripted::by(move |_| {
        if std::mem::take(&mut first) {
            accepted()
        } else {
            status("Running")
        }
    });
    let silent = Scripted::by(|_| Reply::Silence);
    for (script, expected) in [
        (
            running,
            "the deadline passed while waiting to deploy `d`, last seen as `Running`",
        ),
        (silent, "the deadline passed while waiting to deploy `d`"),
    ] {
        let start = Instant::now();
        let watch = Watch {
            deadline: start + Duration::from_secs(62),
            ..patient(&cancel)
        };
        let error = deploy(&script, &watch).await.expect_err("a deadline");
        assert_eq!(error.to_string(), expected);
        assert_eq!(start.elapsed().as_secs(), 62);
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_url_at_another_origin_is_not_asked() {
    let headers = [("azure-asyncoperation", "https://evil.test/op?s=sig")];
    let accepted = reply_with(
        201,
        &headers,
        r#"{"properties":{"provisioningState":"Accepted"}}"#,
    );
    let mut first = Some(accepted);
    let script = Scripted::by(move |_| first.take().unwrap_or_else(|| status("Succeeded")));
    let cancel = CancellationToken::new();
    let error = deploy(&script, &patient(&cancel))
        .await
        .expect_err("a refusal");
    assert!(
        chain(&error).contains("is not sent to `https://evil.test`"),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("sig"), "{error:?}");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn validation_is_a_call_or_an_operation() {
    let template = template();
    let parameters = Parameters::new();
    let deployment = Deployment {
        name: "d",
        template: &template,
        parameters: &parameters,
    };
    let located = reply_with(202, &[("location", "https://arm.test/op")], "");
    let invalid = r#"{"error":{"code":"InvalidTemplate","message":"m"}}"#;
    let valid = r#"{"properties":{"provisioningState":"Succeeded"}}"#;
    for (replies, code) in [
        (vec![reply(200, valid)], None),
        (
            vec![located.clone(), reply(202, ""), reply(200, valid)],
            None,
        ),
        (vec![reply(400, invalid)], Some("InvalidTemplate")),
        (vec![reply(200, invalid)], Some("InvalidTemplate")),
        (vec![located, reply(400, invalid)], Some("InvalidTemplate")),
    ] {
        let script = Scripted::in_order(replies);
        let result = script.client().validate("g", &deployment).await;
        let found = result
            .err()
            .map(|error| error.azure().expect("words").code.clone());
        assert_eq!(found.as_deref(), code, "{:?}", script.lines());
        assert_eq!(
            script.lines()[0],
            format!("POST {DEPLOYMENT}/validate?api-version=2025-04-01")
        );
    }
}

#[tokio::test]
async fn cancelling_a_deployment_that_has_ended_is_a_success() {
    for (status, succeeds) in [(204, true), (404, true), (409, true), (403, false)] {
        let script = Scripted::in_order([reply(status, "{}")]);
        let cancelled = script.client().cancel("g", "d").await;
        assert_eq!(cancelled.is_ok(), succeeds, "{status}");
        let line = format!("POST {DEPLOYMENT}/cancel?api-version=2025-04-01");
        assert_eq!(script.lines(), [line]);
    }
}
