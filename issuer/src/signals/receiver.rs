//! Who calls the management API: an app with a good token for `{issuer}/ssf` and a scope of it (OpenID Shared Signals Framework
//! 1.0 §8, CAEP Interoperability Profile §2.7). It sees its own streams, and nobody else's.

use std::sync::Arc;

use axum::response::Response;
use countersign_verifier::claims::Claim;
use countersign_verifier::credential::Carriers;
use http::HeaderValue;
use http::request::Parts;
use uuid::Uuid;

use super::{MANAGE, READ, resource};
use crate::app::App;
use crate::binding;
use crate::error::{DPOP_NONCE, OAuthError};
use crate::inbound::SignedHere;
use crate::protected::{self, Presented, invalid, uncarried};
use crate::protocol::{ErrorCode, Identity};
use crate::registry::Client;
use crate::store::{Act, Actor, SignalStream};

/// What a token must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// To look, and to poll.
    Read,
    /// To change.
    Manage,
}

/// A receiver whose token holds.
pub(super) struct Receiver {
    /// Its client.
    pub(super) client_id: String,
    token: SignedHere,
    nonce: Option<HeaderValue>,
}

impl Receiver {
    /// Looks at the token of a request for this path.
    ///
    /// # Errors
    ///
    /// As a protected resource answers them (RFC 6750 §3.1).
    pub(super) async fn of(
        app: &App,
        parts: &Parts,
        (path, right): (&str, Right),
    ) -> Result<Self, OAuthError> {
        app.freshness.require(app.clock.elapsed())?;
        let credential = Carriers::bearer().find(parts, None).map_err(uncarried)?;
        let door = (path, &*resource(&app.config.issuer));
        let Presented { token, proof } = protected::presented(app, parts, door, &credential)?;
        let client = require_app(app, &token)?;
        require_scope(app, (&client, &token), right)?;
        let nonce = proof.as_ref().and_then(|proof| proof.next_nonce()).map(HeaderValue::try_from);
        if let Some(proof) = &proof {
            binding::use_up(app, proof, ErrorCode::ProofRefused).await?;
        }
        Ok(Self { client_id: client.id.to_string(), token, nonce: nonce.and_then(Result::ok) })
    }

    /// Whether the token still is what it was when it was taken.
    pub(super) fn is_good(&self, app: &App) -> bool {
        self.token.is_good(app)
    }

    /// One of its streams.
    ///
    /// # Errors
    ///
    /// `not_found`, also for a stream of somebody else: nobody learns which there are.
    pub(super) async fn stream(&self, app: &App, id: &str) -> Result<SignalStream, OAuthError> {
        let unknown = || OAuthError::new(ErrorCode::NotFound, "there is no such stream");
        let id = Uuid::parse_str(id).map_err(|_| unknown())?;
        let stream = app.store.stream(id).await?;
        stream.filter(|stream| stream.client_id == self.client_id).ok_or_else(unknown)
    }

    /// This receiver as the author of a change.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` if it makes too many.
    pub(super) fn act(&self, app: &App) -> Result<Act, OAuthError> {
        let now = app.clock.elapsed().as_secs().cast_signed();
        app.signal_limits.change(&self.client_id, now).map_err(|slowed| OAuthError {
            retry_after: Some(slowed.retry_after),
            ..OAuthError::new(ErrorCode::TooManyRequests, "the receiver makes too many changes")
        })?;
        Ok(Actor::client(&self.client_id).at(app.clock.now()))
    }

    /// An answer to it.
    pub(super) fn told(&self, mut response: Response) -> Response {
        if let Some(nonce) = &self.nonce {
            response.headers_mut().insert(DPOP_NONCE, nonce.clone());
        }
        response
    }
}

fn require_app(app: &App, token: &SignedHere) -> Result<Arc<Client>, OAuthError> {
    if token.claims.text(Claim::Idtyp) != Some(Identity::App.idtyp()) {
        return Err(invalid("it is not of an app"));
    }
    let registry = app.registry.load();
    let client = token.claims.text(Claim::ClientId).and_then(|id| registry.client(id));
    let client = client.filter(|client| client.refused().is_none());
    client.cloned().ok_or_else(|| invalid("the client is gone"))
}

/// A token says what its client had when it was issued; what was taken away since then counts at once.
fn require_scope(
    app: &App,
    (client, token): (&Client, &SignedHere),
    right: Right,
) -> Result<(), OAuthError> {
    let permission = client.permission(&resource(&app.config.issuer));
    let is_granted = |scope: &str| {
        permission
            .is_some_and(|permission| permission.scopes.iter().any(|granted| granted == scope))
    };
    let suffices = |scope: &str| scope == MANAGE || (scope == READ && right == Right::Read);
    if token.claims.list(Claim::Scope).any(|scope| suffices(scope) && is_granted(scope)) {
        return Ok(());
    }
    let description = match right {
        Right::Read => "the access token has neither the scope ssf.read nor ssf.manage",
        Right::Manage => "the access token has not the scope ssf.manage",
    };
    Err(OAuthError::new(ErrorCode::InsufficientScope, description))
}
