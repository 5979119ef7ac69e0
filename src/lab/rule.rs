//! Route netlink: the rules that say which table a packet looks into.
//!
//! Encodes and decides nothing, like `route`.

use crate::net::Prefix;

use super::netlink::{Attributes, Batch, CREATE, EXCLUSIVE};
use super::route;

// Attributes of rules (FRA_*), which the libc crate does not name.
const SOURCE: u16 = 2;
const INCOMING: u16 = 3;
const PRIORITY: u16 = 6;
const MARK: u16 = 10;
const SUPPRESSED_LENGTH: u16 = 14;
const TABLE: u16 = 15;
const MASK: u16 = 16;

const TO_TABLE: u8 = 1;
const BLACKHOLE: u8 = 6;

/// A rule: packets whose mark is `mark` under `mask` look into `table`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MarkRule {
    pub(super) priority: u32,
    pub(super) mark: u32,
    pub(super) mask: u32,
    pub(super) table: u32,
}

impl MarkRule {
    fn write(self, rule: &mut Attributes<'_>) {
        rule.u32(PRIORITY, self.priority)
            .u32(MARK, self.mark)
            .u32(MASK, self.mask)
            .u32(TABLE, self.table);
    }

    /// Adds the rule.
    pub(super) fn add(self, batch: &mut Batch) {
        add(batch, TO_TABLE, 0, |rule| self.write(rule));
    }

    /// Deletes the rule.
    pub(super) fn delete(self, batch: &mut Batch) {
        let header = header(TO_TABLE, 0);
        batch
            .message("delete rule", libc::RTM_DELRULE, 0, &header, |rule| {
                self.write(rule);
            })
            .harmless(libc::ENOENT);
    }
}

fn header(action: u8, source_length: u8) -> [u8; 12] {
    const IPV4: u8 = 2;
    [IPV4, 0, source_length, 0, 0, 0, 0, action, 0, 0, 0, 0]
}

fn add(batch: &mut Batch, action: u8, source_length: u8, fill: impl FnOnce(&mut Attributes<'_>)) {
    let header = header(action, source_length);
    let flags = CREATE | EXCLUSIVE;
    batch
        .message("add rule", libc::RTM_NEWRULE, flags, &header, fill)
        .harmless(libc::EEXIST);
}

/// Adds the rule that drops what no other rule has routed.
pub(super) fn add_blackhole(batch: &mut Batch, priority: u32) {
    add(batch, BLACKHOLE, 0, |rule| {
        rule.u32(PRIORITY, priority);
    });
}

/// Deletes the rule that every packet looks into the local table first.
pub(super) fn delete_local(batch: &mut Batch) {
    let header = header(TO_TABLE, 0);
    batch.message("delete rule", libc::RTM_DELRULE, 0, &header, |rule| {
        rule.u32(TABLE, route::LOCAL_TABLE);
    });
}

/// Adds the rule that what comes in by an interface looks into `table`.
pub(super) fn add_incoming(batch: &mut Batch, priority: u32, interface: &str, table: u32) {
    add(batch, TO_TABLE, 0, |rule| {
        rule.u32(PRIORITY, priority)
            .text(INCOMING, interface)
            .u32(TABLE, table);
    });
}

/// Adds the rule that what comes from `source` looks into `table`.
pub(super) fn add_source(batch: &mut Batch, priority: u32, source: Prefix, table: u32) {
    add(batch, TO_TABLE, source.prefix_len(), |rule| {
        rule.u32(PRIORITY, priority)
            .put(SOURCE, &source.network().octets())
            .u32(TABLE, table);
    });
}

/// Adds the rule that the main table's routes come first, but for its default route.
pub(super) fn add_main_without_default(batch: &mut Batch, priority: u32) {
    add(batch, TO_TABLE, 0, |rule| {
        rule.u32(PRIORITY, priority)
            .u32(SUPPRESSED_LENGTH, 0)
            .u32(TABLE, route::MAIN_TABLE);
    });
}
