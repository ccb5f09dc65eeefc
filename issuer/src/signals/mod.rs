//! Shared signals (OpenID Shared Signals Framework 1.0, decision 0036): other vendors' receivers hear of what happens to users
//! whom they may know of, as security event tokens (RFC 8417) of the kinds that OpenID CAEP and RISC define. A receiver is an app
//! with a token for the resource `{issuer}/ssf`; it makes and changes its streams alone, and polls (RFC 8936) or is called
//! (RFC 8935). What it has to hear is a row that is written with its cause, until the receiver has it.

mod body;
mod configuration;
mod delivery;
mod event;
mod limits;
mod metadata;
mod poll;
mod push;
mod receiver;
mod set_error;
mod signal;
mod status;
mod streams;
mod verification;
mod wakeups;

pub use limits::SignalLimits;
pub use push::{deliver_due, spawn};
pub use signal::{
    ChangeType, CredentialType, Happened, Initiator, SUPPORTED, Signal, StreamStatus,
};
pub use wakeups::Wakeups;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::config::IssuerUrl;

/// Below the issuer's URL: the resource, and what it has.
const PATH: &str = "/ssf";
const STREAMS: &str = "/ssf/streams";
const STATUS: &str = "/ssf/status";
const VERIFICATION: &str = "/ssf/verification";
const POLL: &str = "/ssf/poll";

/// Where the metadata are (OpenID Shared Signals Framework 1.0 §7.2).
pub const METADATA: &str = "/.well-known/ssf-configuration";

pub use metadata::endpoint as metadata_endpoint;

/// What a receiver must have to look at its streams and to poll.
pub const READ: &str = "ssf.read";

/// What it must have to change them; it may look, too.
pub const MANAGE: &str = "ssf.manage";

/// What lets a receiver hear of every user, and not only of those who use it.
pub const EVERYONE: &str = "ssf.everyone";

/// The identifier of the resource.
pub fn resource(issuer: &IssuerUrl) -> String {
    issuer.endpoint(PATH)
}

/// The endpoints.
pub fn routes() -> Router<Arc<App>> {
    let streams = get(streams::read)
        .post(streams::create)
        .patch(streams::update)
        .put(streams::replace)
        .delete(streams::delete);
    Router::new()
        .route(METADATA, get(metadata::endpoint))
        .route(STREAMS, streams)
        .route(STATUS, get(status::read).post(status::update))
        .route(VERIFICATION, post(verification::endpoint))
        .route("/ssf/poll/{stream_id}", post(poll::endpoint))
}
