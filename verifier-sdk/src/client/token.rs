//! A token that was issued to this client, and how it is presented.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

use super::TokenError;
use super::prover::Prover;

/// An access token. Cheap to clone; whoever has it, may use it, unless it is bound to a key.
#[derive(Clone)]
pub struct AccessToken(Arc<Issued>);

pub(super) struct Issued {
    pub(super) token: String,
    pub(super) scope: Option<String>,
    /// Seconds from its issue.
    pub(super) lifetime: Duration,
    /// Who proves the key that it is bound to.
    pub(super) prover: Option<Arc<Prover>>,
}

/// The header of a proof (RFC 9449 §4.1).
pub(super) const DPOP: &str = "dpop";

impl AccessToken {
    pub(super) fn new(issued: Issued) -> Self {
        Self(Arc::new(issued))
    }

    /// The compact serialization.
    pub fn expose(&self) -> &str {
        &self.0.token
    }

    /// The scopes, if the issuer granted others than were asked for (RFC 6749 §5.1).
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// How long it lives from its issue on.
    pub fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// Whether it is bound to a key, of which each request needs a proof.
    pub fn is_bound(&self) -> bool {
        self.0.prover.is_some()
    }

    /// Presents it with a request: `Authorization`, and a proof for exactly this request if it is bound (RFC 9449 §7.1).
    ///
    /// # Errors
    ///
    /// If the proof cannot be signed.
    pub fn authorize(
        &self,
        method: &Method,
        url: &Url,
        headers: &mut HeaderMap,
    ) -> Result<(), TokenError> {
        let scheme = if self.is_bound() { "DPoP" } else { "Bearer" };
        let mut value = HeaderValue::try_from(format!("{scheme} {}", self.0.token))
            .map_err(|_| TokenError::BadAnswer("the token cannot stand in a header"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        if let Some(prover) = &self.0.prover {
            headers.insert(DPOP, prover.proof(method, url, Some(&self.0.token))?);
        }
        Ok(())
    }

    pub(super) fn prover(&self) -> Option<&Prover> {
        self.0.prover.as_deref()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(***)")
    }
}
