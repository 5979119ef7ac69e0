//! The address translation of a node or an appliance, in its own namespace.

use super::netlink::{NetlinkError, Socket};
use super::nft::{Hook, Side, Transaction};

/// Makes a node hide its pods, or an appliance its senders, behind its own address, except towards `unmasked` (R52, R57, R60).
pub(super) fn set(
    socket: &Socket,
    interface: u32,
    unmasked: &[(u32, u32)],
) -> Result<(), NetlinkError> {
    let mut changes = Transaction::default();
    // Adding first makes the deletion hold whether there was a table or not.
    changes.add_table();
    changes.delete_table();
    changes.add_table();
    changes.add_address_set("unmasked", unmasked);
    changes.add_base_chain("postrouting", Hook::PostroutingNat);
    changes.add_rule("postrouting", |rule| {
        rule.outgoing()
            .interface_is(interface)
            .address_not_in(Side::Destination, "unmasked")
            .masquerade();
    });
    changes.commit(socket)
}
