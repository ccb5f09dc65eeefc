//! Tokens that are no longer good, known locally: an exact map in memory, fed by signed messages of the issuer
//! (decision 0031). It is asked after the claims of a token have passed, also for each remembered verdict unless nothing more is
//! known since. Without entries that costs next to nothing, and with a million some reads of memory at once (the bench `verify`
//! has the figures).
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! use countersign_verifier::testing::TestIssuer;
//!
//! let issuer = TestIssuer::new("https://issuer.example");
//! let verifier = issuer.verifier("https://payments.example");
//! let token = issuer.app_token("orders").audience("https://payments.example").mint();
//! assert!(verifier.try_verify(&token).is_ok());
//!
//! issuer.revoke_client("orders");
//!
//! assert_eq!(verifier.try_verify(&token).unwrap_err().code(), "revoked");
//! # }
//! ```
//!
//! In reading order: `entry` what an entry says; `known` the map, of `table`s behind `filter`s, whose entries have a `name`; `message` and
//! `follower` what a message proves; [`Revocations`] (`core`) all of it together; `policy` and `standing` what a verifier does
//! about it; `following` how a feed is followed, `issuer_feed` and `nats` two ways to one.

mod core;
mod counters;
mod entry;
#[cfg(feature = "remote")]
mod feed;
mod filter;
mod follower;
#[cfg(feature = "remote")]
mod following;
mod freshness;
mod introspection;
#[cfg(feature = "feed")]
mod issuer_feed;
mod known;
mod message;
mod name;
#[cfg(feature = "nats")]
pub mod nats;
mod policy;
mod revocations;
mod source;
#[cfg(feature = "feed")]
mod sse;
mod standing;
mod table;

pub use counters::RevocationMetrics;
#[cfg(feature = "remote")]
pub use feed::{CustomFeed, Feed, FeedError, Messages};
pub use follower::Outcome;
pub use introspection::{Introspect, IntrospectionError};
pub use policy::Revocation;
pub use revocations::Revocations;
pub use source::FeedSource;

pub(crate) use self::core::Parts;
pub(crate) use introspection::Fallback;
#[cfg(feature = "feed")]
pub(crate) use issuer_feed::IssuerFeed;
pub(crate) use known::Marks;
pub(crate) use standing::Standing;
#[cfg(feature = "testing")]
pub(crate) use {self::core::feed_of, message::EVENT};

use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
