//! `vnetlab schema`: the language for editors and for readers.

use crate::spec;

use super::{HELD, INTERNAL, print, tell};

/// Prints the JSON Schema, or the reference of keys.
pub(super) fn run(keys: bool) -> u8 {
    if keys {
        print(&spec::key_reference());
        return HELD;
    }
    match serde_json::to_string_pretty(&spec::json_schema()) {
        Ok(schema) => {
            print(&format!("{schema}\n"));
            HELD
        }
        Err(error) => {
            tell(&format!("error: the schema cannot be written: {error}"));
            INTERNAL
        }
    }
}
