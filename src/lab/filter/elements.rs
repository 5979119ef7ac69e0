//! What the maps of the base chains hold for each port and each public address.

use std::collections::BTreeMap;

use crate::lab::nft::{Key, Transaction, Verdict};
use crate::lab::plan::GroupKey;

use super::{Carries, Chains, Fence, Rules, base, fence_chain};

/// What a map holds for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Bytes(Vec<u8>),
    Jump(String),
    Goto(&'static str),
    Accept,
}

pub(super) type Elements = BTreeMap<(&'static str, Key), Value>;

/// Turns the maps from what they hold to what they must.
pub(super) fn turn_over(changes: &mut Transaction, now: &Elements, wanted: &Elements) {
    for (&(map, key), value) in now {
        if wanted.get(&(map, key)) != Some(value) {
            changes.delete_element(map, key);
        }
    }
    for (&(map, key), value) in wanted {
        if now.get(&(map, key)) != Some(value) {
            match value {
                Value::Bytes(bytes) => changes.add_value(map, key, bytes),
                Value::Jump(chain) => changes.add_verdict(map, key, Verdict::Jump(chain)),
                Value::Goto(chain) => changes.add_verdict(map, key, Verdict::Goto(chain)),
                Value::Accept => changes.add_verdict(map, key, Verdict::Accept),
            }
        }
    }
}

/// What the maps must hold.
pub(super) fn elements(
    rules: &Rules<'_>,
    chains: &BTreeMap<GroupKey, Chains>,
    fences: &BTreeMap<u32, (Fence, u32)>,
) -> Elements {
    let mut elements = Elements::new();
    for port in &rules.ports {
        let key = Key::Interface(port.index);
        let mut put = |map, value| elements.insert((map, key), value);
        put(
            base::PORT_MARK,
            Value::Bytes(port.mark.to_ne_bytes().into()),
        );
        put(
            base::PORT_ZONE,
            Value::Bytes(port.zone.to_ne_bytes().into()),
        );
        put(
            base::PUBLIC_ADDRESS,
            Value::Bytes(port.public.octets().into()),
        );
        match port.egress {
            None => {}
            Some(Carries::Everything) => {
                put(base::EGRESS, Value::Accept);
            }
            Some(Carries::TcpAndUdp) => {
                put(base::EGRESS, Value::Goto(base::NAT_GATEWAY));
            }
        }
        if let Some((_, number)) = fences.get(&port.network) {
            put(base::FENCES, Value::Jump(fence_chain(*number)));
        }
        let [outbound_nic, outbound_subnet] = base::OUTBOUND;
        let [inbound_subnet, inbound_nic] = base::INBOUND;
        let [outbound_nic_est, outbound_subnet_est] = base::OUTBOUND_ESTABLISHED;
        let [inbound_subnet_est, inbound_nic_est] = base::INBOUND_ESTABLISHED;
        for (guard, new, established) in [
            (
                &port.guards.nic,
                [outbound_nic, inbound_nic],
                [outbound_nic_est, inbound_nic_est],
            ),
            (
                &port.guards.subnet,
                [outbound_subnet, inbound_subnet],
                [outbound_subnet_est, inbound_subnet_est],
            ),
        ] {
            let Some(chains) = guard.as_ref().and_then(|key| chains.get(key)) else {
                continue;
            };
            let maps = [Some(new), chains.group.flush.then_some(established)];
            for [outbound, inbound] in maps.into_iter().flatten() {
                put(outbound, Value::Jump(chains.outbound()));
                put(inbound, Value::Jump(chains.inbound()));
            }
        }
    }
    for (&address, (mark, zone)) in &rules.public {
        let key = Key::Address(address);
        let mut put = |map, value| elements.insert((map, key), value);
        put(base::PUBLIC_MARK, Value::Bytes(mark.to_ne_bytes().into()));
        put(base::PUBLIC_ZONE, Value::Bytes(zone.to_ne_bytes().into()));
    }
    elements
}
