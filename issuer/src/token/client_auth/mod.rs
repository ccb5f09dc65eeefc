//! Client authentication (RFC 6749 §2.3, RFC 7523, RFC 8705): one file a method, one line in `ClientAuthentication`.
//! What was presented becomes an `AuthenticatedClient` here, and nowhere else.

pub mod assertion;
mod certificate;
mod client_assertion;
mod client_keys;
mod client_secret;
mod limiter;
mod none;
mod private_key_jwt;
mod secret_hash;
mod self_signed_tls_client_auth;
mod tls_client_auth;
mod workload;

pub use certificate::ClientAuthorities;
pub use client_keys::{ClientKeySource, NoKey};
pub use limiter::{FailureLimiter, Verdict};
pub use secret_hash::SecretHasher;
pub use workload::{Workload, WorkloadIssuers};

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use countersign_verifier::binding::ClientCertificate;
use http::request::Parts;
use zeroize::Zeroizing;

use crate::app::App;
use crate::client_certificate;
use crate::config::Config;
use crate::error::OAuthError;
use crate::origin::Origin;
use crate::protocol::{ErrorCode, Form};
use crate::registry::{Client, ClientAuthentication, fapi2};
use client_assertion::PresentedAssertion;

/// The methods, by their registered names (discovery's `token_endpoint_auth_methods_supported`).
pub fn methods(config: &Config) -> Vec<&'static str> {
    let is_known = |method: &ClientAuthentication| !config.fapi2 || fapi2::is_strong(*method);
    let is_possible = |method: &ClientAuthentication| match method {
        ClientAuthentication::TlsClientAuth => config.mtls.certificate_authority_file.is_some(),
        ClientAuthentication::SelfSignedTlsClientAuth => config.mtls.is_offered(),
        // Not registered: on the wire it is an assertion, as that of `private_key_jwt`.
        ClientAuthentication::WorkloadIdentity => false,
        _ => true,
    };
    let methods = ClientAuthentication::ALL.into_iter().filter(is_known).filter(is_possible);
    methods.map(ClientAuthentication::name).collect()
}

/// A client that proved who it is as it is registered to; a public one has nothing to prove it with
/// ([`Client::is_public`]).
#[derive(Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    workload: Option<Workload>,
}

impl AuthenticatedClient {
    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client, to be kept.
    pub fn shared(&self) -> &Arc<Client> {
        &self.client
    }

    /// The workload that it is, if an issuer outside says who that is.
    pub fn workload(&self) -> Option<&Workload> {
        self.workload.as_ref()
    }
}

/// The client of a gateway that may ask ([`gateway`](crate::gateway)): who showed that it is the gateway is the client, as far
/// as tokens for the services behind it go. It has no request at the token endpoint, and so no other credential.
pub(crate) fn of_gateway(client: &Arc<Client>) -> AuthenticatedClient {
    AuthenticatedClient { client: Arc::clone(client), workload: None }
}

/// What a request offers as proof; nothing of it has been checked.
pub enum PresentedCredential<'r> {
    /// An id and a secret, in the `Authorization` header or in the form.
    Secret {
        /// Who it claims to be.
        client_id: Cow<'r, str>,
        /// The secret.
        secret: Zeroizing<String>,
    },
    /// A signed assertion.
    Assertion(Box<PresentedAssertion<'r>>),
    /// The id, and the certificate of the connection (RFC 8705 §2).
    Certificate {
        /// Who it claims to be.
        client_id: &'r str,
        /// What was shown.
        certificate: ClientCertificate,
    },
    /// The id alone: a public client (RFC 6749 §3.2.1).
    Nothing {
        /// Who it claims to be.
        client_id: &'r str,
    },
}

impl<'r> PresentedCredential<'r> {
    /// The one credential of a request.
    ///
    /// # Errors
    ///
    /// `invalid_request` if there are several (RFC 6749 §2.3), `invalid_client` if there is none.
    pub fn of(parts: &Parts, form: &'r Form<'r>) -> Result<Self, OAuthError> {
        let header = client_secret::from_header(&parts.headers, form)?;
        let secret = client_secret::from_form(form);
        let assertion =
            PresentedAssertion::from_form(form)?.map(|one| Self::Assertion(Box::new(one)));
        // RFC 6749 §2.3: not more than one authentication method in a request.
        match (header, secret, assertion) {
            (Some(one), None, None) | (None, Some(one), None) | (None, None, Some(one)) => Ok(one),
            (None, None, None) => {
                let client_id = form.value("client_id");
                let client_id = client_id.ok_or_else(|| refusal("the request names no client"))?;
                Ok(match client_certificate::shown(parts)? {
                    // Beside another credential it is none: tokens may be bound to it (RFC 8705 §3).
                    Some(certificate) => Self::Certificate { client_id, certificate },
                    None => Self::Nothing { client_id },
                })
            }
            _ => Err(OAuthError::invalid_request(
                "the request authenticates the client in more than one way",
            )),
        }
    }

    /// The client that the credential claims to be of.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Secret { client_id, .. } => Some(client_id),
            Self::Assertion(assertion) => assertion.client_id(),
            Self::Certificate { client_id, .. } | Self::Nothing { client_id } => Some(client_id),
        }
    }
}

/// Checks a credential.
///
/// # Errors
///
/// `invalid_client`, in one wording for every cause; `temporarily_unavailable` when keys or the store
/// are out of reach.
pub async fn authenticate(
    app: &App,
    presented: &PresentedCredential<'_>,
) -> Result<AuthenticatedClient, OAuthError> {
    let client = match presented {
        PresentedCredential::Secret { client_id, secret } => {
            client_secret::authenticate(app, client_id, secret)?
        }
        PresentedCredential::Assertion(assertion) => {
            // Boxed: with a fetch of keys in it, it is far larger than all else that a request holds.
            return Box::pin(client_assertion::authenticate(app, assertion)).await;
        }
        PresentedCredential::Certificate { client_id, certificate } => {
            by_certificate(app, client_id, certificate).await?
        }
        PresentedCredential::Nothing { client_id } => none::authenticate(app, client_id)?,
    };
    Ok(AuthenticatedClient { client, workload: None })
}

/// The way that the client is registered for; one that is not registered for certificates may have one all the same.
async fn by_certificate(
    app: &App,
    client_id: &str,
    certificate: &ClientCertificate,
) -> Result<Arc<Client>, OAuthError> {
    let registry = app.registry.load_full();
    let client = registry.client(client_id).ok_or_else(|| refusal("the client is unknown"))?;
    if let Some(cause) = client.refused() {
        return Err(refusal(cause));
    }
    match client.auth {
        ClientAuthentication::TlsClientAuth => {
            tls_client_auth::authenticate(app, client, certificate)?;
        }
        ClientAuthentication::SelfSignedTlsClientAuth => {
            let checked = self_signed_tls_client_auth::authenticate(app, client, certificate);
            Box::pin(checked).await?;
        }
        _ => return none::authenticate(app, client_id),
    }
    Ok(Arc::clone(client))
}

/// Authenticates the client of a request to an endpoint beside the token endpoint, and counts and logs failures.
///
/// # Errors
///
/// As [`PresentedCredential::of`] and [`authenticate`]; `temporarily_unavailable` from a node that lost the database, which does
/// not know who was disabled or what was revoked.
pub async fn authenticate_request(
    app: &App,
    parts: &Parts,
    form: &Form<'_>,
) -> Result<AuthenticatedClient, OAuthError> {
    app.freshness.require(app.clock.elapsed())?;
    let presented = PresentedCredential::of(parts, form)?;
    let outcome = authenticate(app, &presented).await;
    outcome.map_err(|mut error| {
        let client_key = app.limiter.client_key(presented.client_id().unwrap_or_default());
        let Origin { address, request_id } = Origin::of(parts);
        if count_failure(app, (client_key, address), &mut error) {
            let (code, cause) = (error.code.row().wire, error.cause.as_ref());
            tracing::info!(%request_id, code, cause, "a client did not authenticate");
        }
        error
    })
}

/// Counts a failure of a client at an address; `false` if it is one of too many to be recorded each. Failed
/// authentication beyond the limit becomes 429.
pub fn count_failure(
    app: &App,
    (client_key, address): (u64, IpAddr),
    error: &mut OAuthError,
) -> bool {
    let is_authentication = error.code == ErrorCode::InvalidClient;
    if is_authentication {
        app.metrics.client_authentication_failed();
    }
    match app.limiter.failed(client_key, address, app.clock.elapsed()) {
        Verdict::Tolerated => true,
        Verdict::TooMany { retry_after, is_recorded } => {
            if is_authentication {
                error.code = ErrorCode::TooManyFailures;
                error.description = "client authentication failed too often; try again later";
                error.retry_after = Some(retry_after);
            }
            is_recorded
        }
    }
}

/// One outward wording for every credential that does not hold; the cause is for the log.
fn refusal(cause: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError::because(ErrorCode::InvalidClient, "client authentication failed", cause)
}
