//! Who is answered.

use reqwest::Method;

use crate::azure::Azure;

fn groups(azure: &Azure) -> String {
    format!(
        "{}/subscriptions/{}/resourcegroups?api-version=2021-04-01",
        azure.emulator.base_url(),
        azure.emulator.subscription()
    )
}

#[tokio::test]
async fn without_the_token_nothing_is_answered() {
    let azure = Azure::start().await;
    let mut almost = azure.emulator.token().to_owned();
    almost.replace_range(0..1, if almost.starts_with('0') { "1" } else { "0" });
    for token in [None, Some("wrong"), Some(almost.as_str())] {
        for url in [
            groups(&azure),
            format!("{}/vnetlab/evidence/n", azure.emulator.base_url()),
            format!("{}/kubernetes/x/version", azure.emulator.base_url()),
        ] {
            let answer = azure.send(Method::GET, &url, token, None).await.expect(401);
            if !url.contains("/kubernetes/") {
                assert_eq!(answer.code(), "AuthenticationFailed");
                let challenge = answer.header("www-authenticate").expect("a challenge");
                assert!(challenge.starts_with("Bearer authorization_uri="));
            }
        }
    }
    let token = azure.emulator.token();
    azure
        .send(Method::GET, &groups(&azure), Some(token), None)
        .await
        .expect(200);
}

#[tokio::test]
async fn another_host_name_is_refused_even_with_the_token() {
    let azure = Azure::start().await;
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(groups(&azure))
        .bearer_auth(azure.emulator.token())
        .header("host", "rebound.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 421);
}

#[tokio::test]
async fn every_answer_has_request_ids_and_every_request_a_version() {
    let azure = Azure::start().await;
    let url = groups(&azure);
    let token = Some(azure.emulator.token());
    let good = azure.send(Method::GET, &url, token, None).await.expect(200);
    let (bare, _) = url.split_once('?').unwrap();
    let bad = azure.send(Method::GET, bare, token, None).await.expect(400);
    assert_eq!(bad.code(), "MissingApiVersionParameter");
    for answer in [good, bad] {
        for header in ["x-ms-request-id", "x-ms-correlation-request-id"] {
            assert!(answer.header(header).is_some(), "{header}");
        }
        assert_eq!(
            answer.header("content-type"),
            Some("application/json; charset=utf-8")
        );
    }
}

#[tokio::test]
async fn nothing_listens_after_the_shutdown() {
    let azure = Azure::start().await;
    let url = groups(&azure);
    azure.emulator.shutdown().await;
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(url)
        .send()
        .await;
    assert!(answer.is_err_and(|error| error.is_connect()));
}
