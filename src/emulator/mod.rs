//! The ARM API from inside: a local Azure on the loopback interface.
//!
//! seam: written by the emulator work package
pub mod fabric;
