//! What runs inside the containers of the local Azure, in place of images and shells.
//!
//! Written once over [`super::fabric::Fabric`]'s `listen` and `dial`, so that it serves every fabric
//! and needs no host program.

pub(super) mod agent;
pub(super) mod command;
pub(super) mod server;
