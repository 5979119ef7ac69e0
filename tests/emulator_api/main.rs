//! The local Azure as its clients meet it: over a loopback socket, with the model fabric behind it.
#![cfg(feature = "local")]
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod azure;
mod carrying;
mod containers;
mod deployments;
mod founding;
mod kubernetes;
mod recordings;
mod resources;
mod security;
