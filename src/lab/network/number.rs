//! Numbers for routing tables and marks.

use std::collections::BTreeMap;
use std::fmt;

use crate::emulator::fabric::FabricError;
use crate::lab::error::fabric_error;

/// Two of them fit a mark, and their rules the priorities before the main table's.
const MOST: u32 = 9_999;

/// Numbers given out once to each key.
pub(super) struct Numbers<K>(BTreeMap<K, u32>);

impl<K> Default for Numbers<K> {
    fn default() -> Numbers<K> {
        Numbers(BTreeMap::new())
    }
}

impl<K: Ord + Clone + fmt::Display> Numbers<K> {
    pub(super) fn of(&mut self, key: &K) -> Result<u32, FabricError> {
        if let Some(number) = self.0.get(key) {
            return Ok(*number);
        }
        let next = self.0.len() as u32 + 1;
        if next > MOST {
            return Err(fabric_error(
                "number the network",
                format!("`{key}` is one more than a lab can hold in its life ({MOST})"),
            ));
        }
        self.0.insert(key.clone(), next);
        Ok(next)
    }
}
