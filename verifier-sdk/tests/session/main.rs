//! The feature `session` against a small OpenID provider on a loopback socket, with a browser that keeps cookies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

mod browser;
mod guards;
mod logout;
mod provider;
mod renewal;
mod sign_in;
mod world;
