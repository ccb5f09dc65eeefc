//! The public keys by which clients sign: assertions (RFC 7523) and request objects (RFC 9101). Registered inline, or
//! fetched from a `jwks_uri` through the guarded client when needed, and kept as long as they may be. What was signed is
//! judged elsewhere.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_keys::algorithm::ALGORITHMS;
use countersign_keys::{Kid, UnverifiedJws, VerifyingKey};
use countersign_verifier::key_source::{
    Fetch, FetchError, KeySourceError, RemoteKeys, RemoteOptions, Source,
};
use url::Url;

use crate::clock::Clock;
use crate::error::OAuthError;
use crate::outbound::Outbound;
use crate::registry::{Client, ClientKeys, fapi2};

/// For how long a client's keys are used when its `jwks_uri` cannot be reached.
const MAX_STALE: Duration = Duration::from_hours(1);

/// The keys of all clients.
pub struct ClientKeySource {
    outbound: Arc<Outbound>,
    clock: Clock,
    by_uri: Mutex<HashMap<Url, RemoteKeys>>,
}

/// Why there is no key to check a signature with.
#[derive(Debug)]
pub enum NoKey {
    /// The client has no such key; the cause is for the log.
    Unknown(Cow<'static, str>),
    /// Nobody can say at the moment.
    Unavailable(String),
}

impl NoKey {
    /// Why a key could not be had from somewhere.
    pub(super) fn of(error: &KeySourceError, place: &str) -> Self {
        match error {
            KeySourceError::UnknownKey => {
                Self::Unknown(format!("{place} has no key with the kid of the JWS").into())
            }
            // Trying again will not help, and a stranger need not learn that the client exists.
            KeySourceError::Unavailable { cause: FetchError::InsecureUrl(url), .. } => {
                Self::Unknown(format!("{url} is never fetched; see outbound.allow").into())
            }
            // Nobody can say whether the client is who it claims to be.
            error => Self::Unavailable(format!("{place}: {error}")),
        }
    }

    /// The refusal of what the client signed; trying again helps only where keys are out of reach.
    pub fn refused(self, refusal: fn(Cow<'static, str>) -> OAuthError) -> OAuthError {
        match self {
            Self::Unknown(cause) => refusal(cause),
            Self::Unavailable(cause) => OAuthError::unavailable(cause),
        }
    }
}

impl ClientKeySource {
    /// Keys fetched through the guarded client.
    pub fn new(outbound: Arc<Outbound>, clock: Clock) -> Self {
        Self { outbound, clock, by_uri: Mutex::default() }
    }

    /// The key that must have signed something of this client.
    ///
    /// # Errors
    ///
    /// If the client has no such key, or its keys are out of reach.
    pub async fn find(
        &self,
        client: &Client,
        jws: &UnverifiedJws<'_>,
    ) -> Result<VerifyingKey, NoKey> {
        if client.fapi2 && !fapi2::allows(jws.algorithm()) {
            return Err(NoKey::Unknown("FAPI 2.0 has not the algorithm of the JWS".into()));
        }
        let unknown =
            || NoKey::Unknown("no registered key of the client has the kid of the JWS".into());
        match &client.keys {
            ClientKeys::None => Err(NoKey::Unknown("the client has no registered keys".into())),
            ClientKeys::Inline(keys) => {
                let found = match jws.kid() {
                    Some(kid) => keys.find(kid),
                    None => keys.only(),
                };
                found.cloned().ok_or_else(unknown)
            }
            ClientKeys::Uri(uri) => {
                let found = self.remote(uri).find(jws.kid()).await;
                found.map_err(|error| NoKey::of(&error, uri.as_str()))
            }
        }
    }

    /// The key of a client with this thumbprint, whatever its name: as a certificate shows it (RFC 8705 §2.2).
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn find_thumbprint(
        &self,
        client: &Client,
        thumbprint: Kid,
    ) -> Result<VerifyingKey, NoKey> {
        let unknown =
            || NoKey::Unknown("no registered key of the client is that of the certificate".into());
        match &client.keys {
            ClientKeys::None => Err(NoKey::Unknown("the client has no registered keys".into())),
            ClientKeys::Inline(keys) => {
                let mut keys = keys.iter();
                let found = keys.find(|key| key.thumbprint() == thumbprint);
                found.cloned().ok_or_else(unknown)
            }
            ClientKeys::Uri(uri) => {
                let found = self.remote(uri).find_thumbprint(&thumbprint).await;
                found.map_err(|error| NoKey::of(&error, uri.as_str()))
            }
        }
    }

    fn remote(&self, uri: &Url) -> RemoteKeys {
        let mut by_uri = self.by_uri.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let fetch: Arc<dyn Fetch> = Arc::clone(&self.outbound) as _;
            let mut options = RemoteOptions::new(fetch);
            options.algorithms = ALGORITHMS.iter().map(|row| row.algorithm).collect();
            options.max_stale = MAX_STALE;
            options.clock = Arc::new(self.clock.clone());
            RemoteKeys::new(Source::JwksUrl(uri.clone()), options)
        };
        by_uri.entry(uri.clone()).or_insert_with(make).clone()
    }
}
