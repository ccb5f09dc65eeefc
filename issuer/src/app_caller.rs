//! An app that calls the issuer as a protected resource by a right of its own: what the feed and the signals have in common. A
//! token says what its client had when it was issued; what was taken away since then counts at once.

use std::sync::Arc;

use axum::response::Response;
use countersign_verifier::claims::Claim;
use countersign_verifier::credential::Carriers;
use http::HeaderValue;
use http::request::Parts;

use crate::app::App;
use crate::binding;
use crate::error::{DPOP_NONCE, OAuthError};
use crate::inbound::SignedHere;
use crate::protected::{Presented, invalid, presented, uncarried};
use crate::protocol::{ErrorCode, Identity};
use crate::registry::Client;

/// What an app calls, and what it must have for that.
#[derive(Clone, Debug)]
pub struct Door<'d> {
    /// Where it is.
    pub path: &'d str,
    /// The resource that the token must be for.
    pub audience: String,
    /// Scopes of which one is enough.
    pub scopes: &'static [&'static str],
    /// What is said to whoever has none of them.
    pub otherwise: &'static str,
}

/// An app whose token holds.
pub struct AppCaller {
    /// As it was when it called.
    pub client: Arc<Client>,
    token: SignedHere,
    audience: String,
    scopes: &'static [&'static str],
    next_nonce: Option<HeaderValue>,
}

impl AppCaller {
    /// Looks at the token of a request, and uses up the proof that came with it.
    ///
    /// # Errors
    ///
    /// As a protected resource answers them (RFC 6750 §3.1); `temporarily_unavailable` from a node that has lost the database:
    /// another one knows more.
    pub async fn of(app: &App, parts: &Parts, door: Door<'_>) -> Result<Self, OAuthError> {
        app.freshness.require(app.clock.elapsed())?;
        let credential = Carriers::bearer().find(parts, None).map_err(uncarried)?;
        let Presented { token, proof } =
            presented(app, parts, (door.path, &door.audience), &credential)?;
        if token.claims.text(Claim::Idtyp) != Some(Identity::App.idtyp()) {
            return Err(invalid("it is not of an app"));
        }
        let client = present(app, &token).ok_or_else(|| invalid("the client is gone"))?;
        let next_nonce = proof.as_ref().and_then(|proof| proof.next_nonce());
        let next_nonce = next_nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok());
        let Door { audience, scopes, otherwise, .. } = door;
        let caller = Self { client, token, audience, scopes, next_nonce };
        if !caller.has_scope(&caller.client) {
            return Err(OAuthError::new(ErrorCode::InsufficientScope, otherwise));
        }
        if let Some(proof) = &proof {
            binding::use_up(app, proof, ErrorCode::ProofRefused).await?;
        }
        Ok(caller)
    }

    /// Whether it still may what it might when it called.
    pub fn is_good(&self, app: &App) -> bool {
        let client = present(app, &self.token);
        client.is_some_and(|client| self.has_scope(&client)) && self.token.is_good(app)
    }

    /// An answer to it (RFC 9449 §8.2).
    pub fn told(&self, mut response: Response) -> Response {
        if let Some(nonce) = &self.next_nonce {
            response.headers_mut().insert(DPOP_NONCE, nonce.clone());
        }
        response
    }

    /// One that the token has, and the client too.
    fn has_scope(&self, client: &Client) -> bool {
        let permission = client.permission(&self.audience);
        let is_granted = |scope: &str| {
            permission.is_some_and(|has| has.scopes.iter().any(|granted| granted == scope))
        };
        let mut scopes = self.token.claims.list(Claim::Scope);
        scopes.any(|scope| self.scopes.contains(&scope) && is_granted(scope))
    }
}

/// The client of a token, as this node knows it now.
fn present(app: &App, token: &SignedHere) -> Option<Arc<Client>> {
    let registry = app.registry.load();
    let client = token.claims.text(Claim::ClientId).and_then(|id| registry.client(id));
    client.filter(|client| client.refused().is_none()).cloned()
}
