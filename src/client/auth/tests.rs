use super::super::Client;
use super::super::scripted::{Scripted, TOKEN, chain, reply, target};
use super::*;
use crate::arm::ResourceId;

#[test]
fn the_base_url_must_fit_the_transport() {
    for (base, transport, reason) in [
        ("https://arm.test/", TransportKind::Cloud, None),
        ("http://127.0.0.1:80/", TransportKind::Loopback, None),
        ("http://localhost:80/", TransportKind::Loopback, None),
        ("http://[::1]:80/", TransportKind::Loopback, None),
        (
            "http://arm.test/",
            TransportKind::Cloud,
            Some("the base URL `http://arm.test` must be `https`"),
        ),
        (
            "http://127.0.0.1/",
            TransportKind::Cloud,
            Some("the base URL `http://127.0.0.1` must be `https`"),
        ),
        (
            "http://10.0.0.4/",
            TransportKind::Loopback,
            Some("the base URL `http://10.0.0.4` must be `http` to a loopback address"),
        ),
        (
            "http://localhost.test/",
            TransportKind::Loopback,
            Some("the base URL `http://localhost.test` must be `http` to a loopback address"),
        ),
        (
            "https://127.0.0.1/",
            TransportKind::Loopback,
            Some("the base URL `https://127.0.0.1` must be `http` to a loopback address"),
        ),
        (
            "https://user:pass@arm.test/",
            TransportKind::Cloud,
            Some("the base URL `https://arm.test` must name no user"),
        ),
        (
            "https://arm.test/?sig=secret",
            TransportKind::Cloud,
            Some("the base URL `https://arm.test` must have no query"),
        ),
    ] {
        let made = Client::over(target(base, transport), Scripted::in_order([]));
        let error = made.err().map(|error| error.to_string());
        let expected = reason.map(|reason| format!("cannot set up the client: {reason}"));
        assert_eq!(error, expected, "{base}");
    }
}

/// Asks for the operations of a deployment, whose second page the server puts at `link`.
async fn follow_link(base: &str, transport: TransportKind, link: &str) -> (Vec<bool>, String) {
    let mut first = Some(format!(r#"{{"value":[],"nextLink":"{link}"}}"#));
    let script = Scripted::by(move |_| {
        reply(
            200,
            &first.take().unwrap_or_else(|| r#"{"value":[]}"#.to_owned()),
        )
    });
    let client = Client::over(target(base, transport), script.clone()).expect("a valid target");
    let error = match client.operations("g", "d").await {
        Ok(_) => String::new(),
        Err(error) => chain(&error),
    };
    let bearer = format!("Bearer {TOKEN}");
    let asked = script.asked();
    let carried = asked
        .iter()
        .map(|asked| asked.authorization.as_ref() == Some(&bearer));
    (carried.collect(), error)
}

#[tokio::test]
async fn the_token_goes_to_the_targets_own_origin_only() {
    for (base, transport, link, reason) in [
        (
            "https://arm.test/",
            TransportKind::Cloud,
            "https://arm.test:443/next?s=sig",
            None,
        ),
        (
            "http://127.0.0.1:81/",
            TransportKind::Loopback,
            "http://127.0.0.1:81/next",
            None,
        ),
        (
            "https://arm.test/",
            TransportKind::Cloud,
            "https://evil.test/next?s=sig",
            Some("the token is for `https://arm.test` and is not sent to `https://evil.test`"),
        ),
        (
            "https://arm.test/",
            TransportKind::Cloud,
            "http://arm.test/next?s=sig",
            Some("the token is for `https://arm.test` and is not sent to `http://arm.test`"),
        ),
        (
            "https://arm.test/",
            TransportKind::Cloud,
            "https://arm.test:444/next?s=sig",
            Some("the token is for `https://arm.test` and is not sent to `https://arm.test:444`"),
        ),
        (
            "http://127.0.0.1:81/",
            TransportKind::Loopback,
            "http://127.0.0.1:82/next?s=sig",
            Some("the token is for `http://127.0.0.1:81` and is not sent to `http://127.0.0.1:82`"),
        ),
    ] {
        let (carried, error) = follow_link(base, transport, link).await;
        match reason {
            None => assert_eq!((carried, error.as_str()), (vec![true, true], ""), "{link}"),
            Some(reason) => {
                assert_eq!(carried, [true], "{link}");
                assert!(error.contains(reason), "{link}: {error}");
                assert!(!error.contains("sig"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn neither_errors_nor_debug_output_show_the_token() {
    let script = Scripted::in_order([reply(403, r#"{"error":{"code":"AuthorizationFailed"}}"#)]);
    let client = script.client();
    let id = "/subscriptions/sub/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
    let id = ResourceId::parse(id).expect("an id");
    let error = client.get(&id, "1").await.expect_err("a refusal");
    let target = target("https://arm.test/", TransportKind::Cloud);
    for shown in [
        format!("{error:?}"),
        chain(&error),
        format!("{client:?}"),
        format!("{target:?}"),
        format!("{:?}", target.credential),
    ] {
        assert!(!shown.contains(TOKEN), "{shown}");
    }
}
