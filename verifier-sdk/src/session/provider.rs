//! The issuer's metadata as far as signing in needs it (OpenID Connect Discovery §3, RFC 8414 §2), kept for an hour and
//! for longer if it cannot be had again.

use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use super::SessionError;
use crate::clock::Clock;
use crate::discovery::{self, Kept};
use crate::key_source::{Fetch, FetchError};

/// Where the issuer does what. Given by hand, nothing is discovered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoints {
    /// Where the browser is sent to sign in.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are redeemed. May be an internal address.
    pub token_endpoint: Url,
    /// Where the browser is sent to sign out everywhere (OpenID Connect RP-Initiated Logout §2.1).
    pub end_session_endpoint: Option<Url>,
    /// Where refresh tokens are revoked (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// Where claims about the user are (OpenID Connect Core §5.3).
    pub userinfo_endpoint: Option<Url>,
    /// Whether every answer names the issuer (RFC 9207 §3).
    pub authorization_response_iss_parameter_supported: bool,
}

pub(super) struct Provider {
    issuer: String,
    clock: Arc<dyn Clock>,
    source: Source,
}

enum Source {
    Given(Arc<Endpoints>),
    Discovered { fetch: Arc<dyn Fetch>, kept: Kept<Endpoints> },
}

impl Provider {
    pub(super) fn given(issuer: &str, endpoints: Endpoints, clock: Arc<dyn Clock>) -> Self {
        Self { issuer: issuer.to_owned(), clock, source: Source::Given(Arc::new(endpoints)) }
    }

    pub(super) fn discovered(issuer: &str, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        let source = Source::Discovered { fetch, kept: Kept::default() };
        Self { issuer: issuer.to_owned(), clock, source }
    }

    /// The endpoints. Those who come while they are fetched wait for the same fetch.
    pub(super) async fn endpoints(&self) -> Result<Arc<Endpoints>, SessionError> {
        match &self.source {
            Source::Given(endpoints) => Ok(Arc::clone(endpoints)),
            Source::Discovered { fetch, kept } => {
                kept.get(self.clock.monotonic(), self.discover(&**fetch)).await
            }
        }
    }

    async fn discover(&self, fetch: &dyn Fetch) -> Result<Endpoints, SessionError> {
        let document = discovery::ask(fetch, &self.issuer).await.map_err(|error| match error {
            FetchError::Metadata => SessionError::Misconfigured("the issuer is not a URL"),
            FetchError::Status(404) => SessionError::BadAnswer("the issuer has no metadata"),
            _ => SessionError::Unavailable("the issuer's metadata"),
        })?;
        self.read(&document)
    }

    fn read(&self, document: &[u8]) -> Result<Endpoints, SessionError> {
        let bad = || SessionError::BadAnswer("the issuer's metadata");
        let metadata: Metadata =
            discovery::read(document, &self.issuer).map_err(|error| match error {
                FetchError::IssuerMismatch => SessionError::WrongIssuer,
                _ => bad(),
            })?;
        let endpoint = |text: &str| discovery::endpoint(&self.issuer, text).ok_or_else(bad);
        let optional = |text: &Option<String>| text.as_deref().map(endpoint).transpose();
        Ok(Endpoints {
            authorization_endpoint: endpoint(&metadata.authorization_endpoint)?,
            token_endpoint: endpoint(&metadata.token_endpoint)?,
            end_session_endpoint: optional(&metadata.end_session_endpoint)?,
            revocation_endpoint: optional(&metadata.revocation_endpoint)?,
            userinfo_endpoint: optional(&metadata.userinfo_endpoint)?,
            authorization_response_iss_parameter_supported: metadata
                .authorization_response_iss_parameter_supported,
        })
    }
}

/// The members that matter here; no other has any effect.
#[derive(Deserialize)]
struct Metadata {
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    end_session_endpoint: Option<String>,
    #[serde(default)]
    revocation_endpoint: Option<String>,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}
