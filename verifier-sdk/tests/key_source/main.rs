//! Behavior of the key source: outages, rotations, floods, hostile servers. Clocks are fixed; nothing
//! sleeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

mod caches;
mod floods;
mod hostile_server;
mod lifecycle;
mod news;
mod on_demand;
mod outages;
mod rotation;
mod script;
mod server;
mod start;
