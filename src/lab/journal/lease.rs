//! A source port in use, and the record that belongs to it.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Dial, Journal};

/// A source port in use.
pub(in crate::lab) struct Lease {
    pub(super) journal: Arc<Journal>,
    pub(super) port: u16,
}

impl Lease {
    pub(in crate::lab) fn port(&self) -> u16 {
        self.port
    }

    /// Begins the record of a dial from the port.
    pub(in crate::lab) fn record(&self, nonce: &str, to: SocketAddrV4) {
        let mut state = self.journal.state();
        let dial = state.dials.len();
        state.dials.push(Dial {
            nonce: nonce.to_owned(),
            to,
            begun: SystemTime::now(),
            packets: Vec::new(),
            crossed: false,
            answered: false,
            lost: false,
        });
        state.open.insert(self.port, Some(dial));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.journal.state();
        state.drain();
        state.open.remove(&self.port);
    }
}
