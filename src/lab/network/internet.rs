//! The namespace that stands for the Internet, and for the platform's own addresses.

use std::net::Ipv4Addr;

use crate::lab::error::StartError;
use crate::lab::filter::INTERNET;
use crate::lab::helper::Helper;
use crate::lab::netlink::{Batch, Socket};
use crate::lab::route::{self, Far, Target};
use crate::lab::rule;
use crate::net::Prefix;

use super::Seat;

/// Its interface's own address, in documentation space beside the lab's public addresses.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// Ahead of the main table's rule.
const INCOMING_RULE: u32 = 10;

pub(super) struct Internet {
    slot: u32,
}

impl Internet {
    /// Makes the namespace in `slot`: whatever comes in is for it, and its answers go back.
    pub(super) fn start(
        helper: &Helper,
        fabric: &Socket,
        slot: u32,
    ) -> Result<Internet, StartError> {
        helper.new_namespaces(&[slot], |_, namespace| {
            let mut near = Batch::default();
            let far = Far {
                namespace: &namespace.namespace,
                interface: route::NIC,
                address: ADDRESS,
            };
            route::add_port(&mut near, "internet", INTERNET, &far);
            fabric.transact(near)?;
            let mut inside = Batch::default();
            route::configure_endpoint(&mut inside, ADDRESS);
            // Every address is its own, as the local table has it; but only for what comes in, or
            // no answer would leave.
            rule::delete_local(&mut inside);
            rule::add_incoming(&mut inside, INCOMING_RULE, "eth0", route::LOCAL_TABLE);
            let every = Prefix::default();
            route::add_route(&mut inside, route::LOCAL_TABLE, every, Target::Local);
            Socket::new(namespace.route).transact(inside)?;
            let mut settle = Batch::default();
            route::settle_link(&mut settle, INTERNET);
            Ok::<_, StartError>(fabric.transact(settle)?)
        })?;
        Ok(Internet { slot })
    }

    /// The way to it.
    pub(super) fn target(&self) -> Target {
        Target::Via(ADDRESS, INTERNET)
    }

    /// Where listeners stand that answer for any address.
    pub(super) fn seat(&self) -> Seat {
        Seat {
            slot: self.slot,
            address: ADDRESS,
        }
    }
}
