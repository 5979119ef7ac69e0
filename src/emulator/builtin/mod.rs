//! What runs inside the containers of the local Azure, in place of images and shells.
//!
//! Written once over [`super::fabric::Fabric`], so that it serves every fabric and needs no host
//! program.

pub(super) mod agent;
pub(super) mod command;
mod datagrams;
mod dns_message;
mod held;
mod request;
mod resolver;
mod server;
pub(super) mod servers;
mod tls;
