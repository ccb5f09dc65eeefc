//! Countersign, the issuer: it authenticates clients, decides what they may have, signs tokens and
//! publishes the keys by which every service checks them alone.
//!
//! The modules in reading order: first the shape of the process, then the walk of a token request
//! (`POST /token`), then what stands behind it. `docs/architecture.md` draws the same map.

// The shape of the process.
pub mod app;
pub mod bootstrap;
pub mod cli;
pub mod config;
pub mod router;
pub mod server;
pub mod tasks;

// The walk of a token request.
pub mod authorize;
pub mod error;
pub mod interaction;
pub mod issue;
pub mod origin;
pub mod policy;
pub mod protocol;
pub mod token;

// What a person sees.
pub mod page;

// What else is answered.
pub mod account;
pub mod app_caller;
pub mod cors;
pub mod device;
pub mod discovery;
pub mod feed;
pub mod gateway;
pub mod health;
pub mod introspect;
pub mod jwks;
pub mod logout;
pub mod par;
pub mod protected;
pub mod revoke;
pub mod signals;
pub mod status_list;
pub mod userinfo;

// What stands behind.
pub mod audit;
pub mod binding;
pub mod bounded;
pub mod client_certificate;
pub mod clock;
pub mod conditional;
pub mod credentials;
pub mod freshness;
pub mod inbound;
pub mod mail;
pub mod master_key;
pub mod outbound;
pub mod random;
pub mod registry;
mod retry;
pub mod revocation;
pub mod sealer;
pub mod secret_uses;
pub mod signing;
pub mod store;
pub mod telemetry;
pub mod upstream;
