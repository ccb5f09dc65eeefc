//! The feed of revocations is followed: over a way of the service's own, and over HTTP from a hostile server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

mod following;
mod hostile;
mod script;
mod server;
mod shared;

pub(crate) const AUDIENCE: &str = "https://payments.example";
pub(crate) const NOW: i64 = 1_700_000_000;
