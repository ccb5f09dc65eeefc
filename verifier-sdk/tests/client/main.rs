//! The feature `client` against a token endpoint on a loopback socket that says what a test wants it to say. With the issuer
//! itself it is used in the story of the fleet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failing test should fail where it fails"
)]

mod authentication;
mod endpoint;
mod introspection;
mod keeping;
mod middleware;
mod refusals;
