//! Clients that are held to the FAPI 2.0 security profile: what its certification asks of an authorization server, sentence by
//! sentence (`docs/conformance.md` lists them by the ids with which the tests begin), in each way to authenticate and to
//! bind tokens. Each refusal is one status and one code.

mod assertion;
mod code;
mod flow;
mod object;
mod proof;
mod pushed;
mod refresh;
mod registration;
mod requests;
mod resource;
mod switch;
mod tls;
mod world;

use world::{BOTH, Constraint, ISSUER, Way, World, refused};

/// What is wrong, and how it becomes so.
type Fault = (&'static str, fn(&mut serde_json::Value));
