//! A client assertion (RFC 7523 §2.2), before anybody knows who signed it: the client itself (`private_key_jwt`), or an
//! issuer outside that knows the workload (`workload_identity`). Which of both is for the client's registration to say.

use std::sync::Arc;

use countersign_keys::UnverifiedJws;
use serde::Deserialize;

use super::{AuthenticatedClient, private_key_jwt, refusal, workload};
use crate::app::App;
use crate::error::OAuthError;
use crate::protocol::Form;
use crate::registry::ClientAuthentication;

/// The one value of `client_assertion_type` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion, and who it claims to be from; its signature has not been checked.
pub struct PresentedAssertion<'r> {
    jws: UnverifiedJws<'r>,
    said: Said,
    client_id: Option<&'r str>,
}

/// What an assertion says of itself, only to choose whose keys must have signed it.
#[derive(Default, Deserialize)]
struct Said {
    iss: Option<String>,
    sub: Option<String>,
}

impl<'r> PresentedAssertion<'r> {
    /// The assertion of a form.
    pub(super) fn from_form(form: &'r Form<'r>) -> Result<Option<Self>, OAuthError> {
        let Some(token) = form.value("client_assertion") else {
            return match form.value("client_assertion_type") {
                None => Ok(None),
                Some(_) => Err(OAuthError::invalid_request("client_assertion is missing")),
            };
        };
        if form.value("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(OAuthError::invalid_request(
                "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        let jws = UnverifiedJws::parse(token)
            .map_err(|error| refusal(format!("the assertion is malformed: {error}")))?;
        let payload = jws.danger_unverified_payload().unwrap_or_default();
        let said = serde_json::from_slice(&payload).unwrap_or_default();
        Ok(Some(Self { jws, said, client_id: form.value("client_id") }))
    }

    /// The client that is named, by `client_id` or by the assertion alone (RFC 7521 §4.2).
    pub(super) fn client_id(&self) -> Option<&str> {
        self.client_id.or(self.said.sub.as_deref())
    }

    pub(super) fn jws(&self) -> &UnverifiedJws<'r> {
        &self.jws
    }

    /// `iss`, unverified.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.said.iss.as_deref()
    }

    /// `sub`, unverified.
    pub(super) fn subject(&self) -> Option<&str> {
        self.said.sub.as_deref()
    }
}

/// Checks an assertion in the way in which its client is registered.
pub(super) async fn authenticate(
    app: &App,
    assertion: &PresentedAssertion<'_>,
) -> Result<AuthenticatedClient, OAuthError> {
    let registry = app.registry.load_full();
    let client_id = assertion.client_id().unwrap_or_default();
    let client = registry.client(client_id).ok_or_else(|| refusal("the client is unknown"))?;
    if let Some(cause) = client.refused() {
        return Err(refusal(cause));
    }
    let workload = match client.auth {
        ClientAuthentication::PrivateKeyJwt => {
            private_key_jwt::check(app, client, assertion.jws()).await?;
            None
        }
        ClientAuthentication::WorkloadIdentity => {
            Some(workload::check(app, client, assertion).await?)
        }
        // Other clients may have keys too: for request objects, not to prove who they are.
        _ => return Err(refusal("the client is not registered for assertions")),
    };
    Ok(AuthenticatedClient { client: Arc::clone(client), workload })
}

/// RFC 7523 says nothing of `typ`; what is typed as something else is not an assertion
/// (RFC 8725 §3.11). `client-authentication+jwt` is the name in the revision of RFC 7523.
pub(super) fn check_type(jws: &UnverifiedJws<'_>) -> Result<(), OAuthError> {
    let is_assertion = jws.has_typ("JWT") || jws.has_typ("client-authentication+jwt");
    if jws.typ().is_none() || is_assertion {
        return Ok(());
    }
    Err(refusal("the assertion's typ is that of another kind of token"))
}
