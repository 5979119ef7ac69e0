//! One probe kind a file, pure: the command to run in the caller's container, and how to read its output.
mod http;
pub use http::{Probe, Transcript};
