use tokio::time::Instant;

use super::super::scripted::{Reply, Scripted, reply, reply_with};
use super::*;
use crate::arm::ResourceId;

fn id() -> ResourceId {
    let id = "/subscriptions/sub/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
    ResourceId::parse(id).expect("an id")
}

#[test]
fn the_wait_doubles_and_what_the_server_asks_is_capped() {
    let retry = CappedRetry::new(TransportKind::Cloud);
    let seconds = |asked: u64| Some(Duration::from_secs(asked));
    for (repetition, asked, expected) in [
        (1, None, 500),
        (2, None, 1_000),
        (5, None, 8_000),
        (1, seconds(14), 14_000),
        (5, seconds(1), 8_000),
        (1, seconds(3_600), 60_000),
        (100, None, 60_000),
    ] {
        let pause = retry.pause(repetition, asked);
        assert_eq!(
            pause,
            Duration::from_millis(expected),
            "{repetition} {asked:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_an_hour_costs_a_minute() {
    let throttled = reply_with(429, &[("retry-after", "3600")], "");
    let script = Scripted::in_order([throttled, reply(200, "{}")]);
    let start = Instant::now();
    script.client().get(&id(), "1").await.expect("an answer");
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn broken_connections_and_gateway_faults_are_repeated() {
    let script = Scripted::in_order([Reply::Broken, reply(502, "<html>"), reply(200, "{}")]);
    script.client().get(&id(), "1").await.expect("an answer");
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn repetition_ends_and_the_last_answer_is_the_error() {
    let script = Scripted::by(|_| reply(503, "<html>busy</html>"));
    let error = script
        .client()
        .get(&id(), "1")
        .await
        .expect_err("a refusal");
    assert_eq!(error.status(), Some(503));
    assert_eq!(script.asked().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_not_repeated() {
    for status in [400, 401, 403, 404, 409, 412] {
        let script = Scripted::by(move |_| reply(status, "{}"));
        let error = script
            .client()
            .get(&id(), "1")
            .await
            .expect_err("a refusal");
        assert_eq!(error.status(), Some(status));
        // The bearer policy answers a 401 by asking for a new token, but does not send again.
        assert_eq!(script.asked().len(), 1, "{status}");
    }
}
