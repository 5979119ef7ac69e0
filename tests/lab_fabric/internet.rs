//! The way out to the Internet: who has one, under which address, and what stands before it.

use serde_json::json;
use vnetlab::emulator::fabric::EndpointId;

use crate::scene::{lab, resource, serve};
use crate::world::*;

const PUBLIC: &str = "203.0.113.9";

/// Subnets with each kind of way out and with none, an interface in each.
fn ways_out() -> World {
    let mut world = World::default();
    let closed = json!({ "defaultOutboundAccess": false });
    let mut gateway = closed.clone();
    gateway["natGateway"] = reference(NAT_GATEWAY, "gateway");
    let mut named_gateway = closed.clone();
    named_gateway["natGateway"] = reference(NAT_GATEWAY, "named");
    world.vnet(
        "vnet",
        "10.1.0.0/16",
        &[
            ("default", "10.1.0.0/24", json!({})),
            ("closed", "10.1.1.0/24", closed),
            ("gateway", "10.1.2.0/24", gateway),
            ("named", "10.1.3.0/24", named_gateway),
        ],
    );
    world.put(resource("rg", NAT_GATEWAY, "gateway", json!({})));
    let addresses = json!({ "publicIpAddresses": [reference(PUBLIC_ADDRESS, "address")] });
    world.put(resource("rg", NAT_GATEWAY, "named", addresses));
    let address = json!({ "ipAddress": "192.0.2.200" });
    world.put(resource("rg", PUBLIC_ADDRESS, "address", address));
    world.interface("default", "vnet/default", "10.1.0.4", json!({}));
    world.interface("closed", "vnet/closed", "10.1.1.4", json!({}));
    world.interface("gateway", "vnet/gateway", "10.1.2.4", json!({}));
    world.interface("named", "vnet/named", "10.1.3.4", json!({}));
    world.group("container", "vnet/default", "10.1.0.5");
    world.group("behind-gateway", "vnet/gateway", "10.1.2.5");
    world
}

#[tokio::test]
async fn who_has_a_way_out_reaches_the_internet_under_its_public_address() {
    let Some(lab) = lab() else { return };
    ways_out().apply(&lab).await;
    serve(&lab, &EndpointId::internet()).await;
    let system = "no-nsg-and-system-route";
    expect(
        &lab,
        &[
            ("default", PUBLIC, &format!("192.0.2.2 | {system}")),
            ("gateway", PUBLIC, &format!("192.0.2.1 | {system}")),
            ("behind-gateway", PUBLIC, &format!("192.0.2.1 | {system}")),
            ("named", PUBLIC, &format!("192.0.2.200 | {system}")),
            ("closed", PUBLIC, "timeout | no-explicit-outbound"),
            // R73: a container group has no default outbound access.
            ("container", PUBLIC, "timeout | no-explicit-outbound"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_internet_refuses_where_nothing_listens_and_calls_nobody() {
    let Some(lab) = lab() else { return };
    ways_out().apply(&lab).await;
    serve(&lab, &named("default")).await;
    expect(
        &lab,
        &[
            ("default", PUBLIC, "refused | no-nsg-and-system-route"),
            // R44: nothing opens the way in.
            (
                "internet",
                "192.0.2.2",
                "timeout | no-inbound-from-internet",
            ),
        ],
    )
    .await;
}
