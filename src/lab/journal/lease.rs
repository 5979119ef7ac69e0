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
        self.begin(nonce, to, false);
    }

    /// Begins another record of the flow from the port, which exists.
    pub(in crate::lab) fn resume(&self, nonce: &str, to: SocketAddrV4) {
        self.begin(nonce, to, true);
    }

    fn begin(&self, nonce: &str, to: SocketAddrV4, resumed: bool) {
        let mut state = self.journal.state();
        // What is in the log belongs to the record so far.
        state.drain();
        let dial = state.dials.len();
        state.dials.push(Dial {
            nonce: nonce.to_owned(),
            to,
            begun: SystemTime::now(),
            packets: Vec::new(),
            crossed: false,
            answered: false,
            resumed,
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
