//! Virtual networks side by side, and endpoints that come and go.

use vnetlab::emulator::fabric::{DialError, Fabric};

use crate::scene::*;

#[tokio::test]
async fn networks_with_the_same_addresses_live_side_by_side() {
    let Some(lab) = lab() else { return };
    let (mut one, two) = (Scene::kubenet("one"), Scene::kubenet("two"));
    one.set_nsg(&[("shut", 100, "Inbound", "Deny", "*", "*")], false);
    let mut both = one.state.clone();
    both.resources.extend(two.state.resources.iter().cloned());
    both.endpoints.extend(two.state.endpoints.clone());
    lab.apply(&both).await.unwrap();
    for scene in [&one, &two] {
        serve(&lab, &scene.name("web")).await;
    }
    let shut = lab
        .dial(&one.name("pod"), at("10.1.1.4"), DENIED, Some("one"))
        .await;
    assert!(matches!(shut, Err(DialError::TimedOut)), "{shut:?}");
    let mut open = lab
        .dial(&two.name("pod"), at("10.1.1.4"), ALLOWED, Some("two"))
        .await
        .unwrap();
    assert_eq!(seen_from(&mut open).await, ip("10.1.0.4"));
    assert_eq!(
        decided_by(&lab.evidence("one").await.unwrap()).0,
        "nsg/shut"
    );
    assert_eq!(
        decided_by(&lab.evidence("two").await.unwrap()).0,
        "nsg/AllowVnetInBound"
    );

    // Each calls the listener of its own network, also while both are open at once.
    one.set_nsg(&[], false);
    both.resources
        .retain(|resource| resource.id != id("one", NSG, "nsg"));
    both.resources.push(nsg("one", &[], false));
    lab.apply(&both).await.unwrap();
    let mut first = lab
        .dial(&one.name("pod"), at("10.1.1.4"), ALLOWED, None)
        .await
        .unwrap();
    assert_eq!(seen_from(&mut first).await, ip("10.1.0.4"));
    assert!(answers(&mut first, ALLOWED).await && answers(&mut open, ALLOWED).await);
    let mut half = both.clone();
    half.endpoints.remove(&one.name("web"));
    lab.apply(&half).await.unwrap();
    assert!(answers(&mut open, ALLOWED).await);
    assert!(!answers(&mut first, DENIED).await);
}

#[tokio::test]
async fn endpoints_come_and_go() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("web")).await;
    let pod = scene.name("pod");
    for address in ["10.1.1.77", "10.1.1.78"] {
        scene.container_group("late", "groups", address);
        lab.apply(&scene.state).await.unwrap();
        serve(&lab, &scene.name("late")).await;
        for to in [address, "10.1.1.4"] {
            lab.dial(&pod, at(to), ALLOWED, None).await.unwrap();
        }
    }
    let gone = lab.dial(&pod, at("10.1.1.77"), DENIED, None).await;
    assert!(matches!(gone, Err(DialError::TimedOut)), "{gone:?}");

    // With its node a pod goes too, and both come back.
    let whole = scene.state.clone();
    for name in ["node0", "pod", "host"] {
        scene.state.endpoints.remove(&scene.name(name));
    }
    lab.apply(&scene.state).await.unwrap();
    let error = lab.dial(&pod, at("10.1.1.4"), DENIED, None).await;
    assert!(matches!(error, Err(DialError::Fabric(_))), "{error:?}");
    lab.apply(&whole).await.unwrap();
    let mut back = lab.dial(&pod, at("10.1.1.4"), ALLOWED, None).await.unwrap();
    assert_eq!(seen_from(&mut back).await, ip("10.1.0.4"));
}

#[tokio::test]
async fn a_port_can_be_taken_once() {
    let Some(lab) = lab() else { return };
    let scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    let _first = lab.listen(&scene.name("node0"), 80).await.unwrap();
    let second = lab.listen(&scene.name("host"), 80).await.err().unwrap();
    assert!(second.to_string().contains("port 80"), "{second}");
}
