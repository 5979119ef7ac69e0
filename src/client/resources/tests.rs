use tokio_util::sync::CancellationToken;

use super::super::scripted::{Scripted, chain, patient, reply, reply_with};
use super::*;
use crate::arm::ResourceKey;

fn group(name: &str) -> ResourceId {
    let key = ResourceKey::new("Microsoft.ContainerInstance/containerGroups", name);
    ResourceId::in_group("sub", "g", &key)
}

#[tokio::test]
async fn a_group_is_put_with_its_location_and_tags() {
    let script = Scripted::in_order([reply(201, "{}")]);
    let tags = BTreeMap::from([("run".to_owned(), "r1".to_owned())]);
    let put = script.client().put_group("g", "westeurope", &tags).await;
    put.expect("a group");
    let asked = &script.asked()[0];
    assert_eq!(
        asked.line,
        "PUT /subscriptions/sub/resourceGroups/g?api-version=2025-04-01"
    );
    assert_eq!(
        asked.body,
        json!({"location": "westeurope", "tags": {"run": "r1"}})
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_a_group_follows_each_new_location() {
    let script = Scripted::in_order([
        reply_with(
            202,
            &[
                ("location", "https://arm.test/op?s=1"),
                ("retry-after", "15"),
            ],
            "",
        ),
        reply_with(
            202,
            &[
                ("location", "https://arm.test/op?s=2"),
                ("retry-after", "15"),
            ],
            "",
        ),
        reply(200, ""),
    ]);
    let cancel = CancellationToken::new();
    let start = tokio::time::Instant::now();
    let deleted = script.client().delete_group("g", &patient(&cancel)).await;
    deleted.expect("a deletion");
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(
        script.lines(),
        [
            "DELETE /subscriptions/sub/resourceGroups/g?api-version=2025-04-01",
            "GET /op?s=1",
            "GET /op?s=2",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_blocked_deletion_is_a_refusal_of_the_poll() {
    let script = Scripted::in_order([
        reply_with(202, &[("location", "https://arm.test/op?s=sig")], ""),
        reply_with(
            409,
            &[("x-ms-request-id", "r-1")],
            r#"{"Error":{"Code":"ResourceGroupDeletionBlocked","Target":null,"Message":"blocked"}}"#,
        ),
    ]);
    let cancel = CancellationToken::new();
    let deleted = script.client().delete_group("g", &patient(&cancel)).await;
    insta::assert_snapshot!(chain(&deleted.expect_err("a refusal")), @"
    cannot delete resource group `g`: status 409 (request r-1)
    ResourceGroupDeletionBlocked: blocked
    ");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_deleted() {
    let cancel = CancellationToken::new();
    let watch = patient(&cancel);
    for (status, body) in [
        (404, r#"{"error":{"code":"ResourceGroupNotFound"}}"#),
        (204, ""),
    ] {
        let script = Scripted::in_order([reply(status, body)]);
        script
            .client()
            .delete(&group("c"), "1", &watch)
            .await
            .expect("a success");
    }
    let script = Scripted::in_order([
        reply_with(
            202,
            &[
                ("azure-asyncoperation", "https://arm.test/op"),
                ("location", "https://arm.test/l"),
            ],
            "",
        ),
        reply(200, r#"{"status":"InProgress"}"#),
        reply(200, r#"{"status":"Succeeded"}"#),
    ]);
    script
        .client()
        .delete(&group("c"), "1", &watch)
        .await
        .expect("a success");
    assert_eq!(script.lines()[1..], ["GET /op", "GET /op"]);
}

#[tokio::test]
async fn names_are_encoded_and_what_is_no_name_is_not_sent() {
    let script = Scripted::in_order([reply(200, "{}")]);
    let client = script.client();
    client.get(&group("a b?c#d"), "1").await.expect("an answer");
    assert_eq!(
        script.lines(),
        [
            "GET /subscriptions/sub/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/a%20b%3Fc%23d?api-version=1"
        ]
    );
    for name in ["", ".", ".."] {
        let error = client.put_group(name, "l", &BTreeMap::new()).await;
        let error = error.expect_err("no name").to_string();
        assert_eq!(
            error,
            format!("cannot put resource group `{name}`: `{name}` is not a name")
        );
    }
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn container_logs_are_text_and_may_be_empty() {
    for (body, expected) in [
        (r#"{"content":"hello\n"}"#, Some("hello\n")),
        (r#"{"content":""}"#, Some("")),
        (r#"{"content":null}"#, Some("")),
        (r#"{"content":7}"#, None),
        ("<html>", None),
    ] {
        let script = Scripted::in_order([reply(200, body)]);
        let logs = script.client().container_logs(&group("c"), "web").await;
        assert_eq!(logs.ok().as_deref(), expected, "{body}");
        let path = "/containerGroups/c/containers/web/logs?api-version=2025-09-01";
        assert!(script.lines()[0].ends_with(path), "{:?}", script.lines());
    }
}

#[tokio::test]
async fn cluster_credentials_are_decoded_and_never_quoted() {
    let script = Scripted::in_order([
        reply(
            200,
            r#"{"kubeconfigs":[{"name":"clusterUser","value":"c2VjcmV0"}]}"#,
        ),
        reply(
            200,
            r#"{"kubeconfigs":[{"name":"clusterUser","value":"c2VjcmV0!"}]}"#,
        ),
    ]);
    let client = script.client();
    let credentials = client.cluster_credentials(&group("k")).await;
    assert_eq!(credentials.expect("a kubeconfig").expose(), "secret");
    let error = client
        .cluster_credentials(&group("k"))
        .await
        .expect_err("no base64");
    assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
    assert!(script.lines()[0].starts_with("POST "));
}

#[tokio::test]
async fn evidence_is_absent_where_the_target_does_not_know_the_nonce() {
    let script = Scripted::in_order([
        reply(404, ""),
        reply(
            200,
            r#"{"by":{"cause":"existing-flow-record"},"packets":[]}"#,
        ),
        reply(200, "[]"),
        reply(403, "{}"),
    ]);
    let client = script.client();
    assert_eq!(client.evidence("n1").await.expect("an answer"), None);
    let evidence = client
        .evidence("n1")
        .await
        .expect("an answer")
        .expect("evidence");
    assert_eq!(evidence.packets, []);
    assert!(evidence.by.is_some());
    assert!(client.evidence("n1").await.is_err());
    assert_eq!(
        client.evidence("n1").await.expect_err("a refusal").status(),
        Some(403)
    );
    assert_eq!(script.lines()[0], "GET /vnetlab/evidence/n1");
}
