//! What a request shows of who sent it: one bearer token or the session of the host, and never both.

use countersign_verifier::credential::{Carriers, CredentialError, Scheme};
use http::header;
use http::request::Parts;

use super::asked::Asked;
use super::host_session;
use crate::error::OAuthError;
use crate::interaction::cookies;
use crate::protocol::ErrorCode;

/// What was shown; nothing of it has been checked.
pub(super) enum Presented<'r> {
    /// A bearer token.
    Token(String),
    /// The value of the cookie.
    Session(&'r str),
    /// Nothing.
    Nothing,
}

impl<'r> Presented<'r> {
    /// The one credential of a request.
    ///
    /// # Errors
    ///
    /// `invalid_token` if there are several, or one that is not taken here; `access_denied` if another site is behind it.
    pub(super) fn of(parts: &'r Parts, asked: &Asked<'r>) -> Result<Self, OAuthError> {
        let session = cookies::value(&parts.headers, host_session::COOKIE);
        let token = match Carriers::bearer().find(parts, None) {
            Ok(credential) => Some(credential),
            Err(CredentialError::Missing) if parts.headers.contains_key(header::AUTHORIZATION) => {
                return Err(invalid("its scheme is not Bearer"));
            }
            Err(CredentialError::Missing) => None,
            Err(_) => return Err(invalid("it is malformed, or there are several")),
        };
        match (token, session) {
            (None, None) => Ok(Self::Nothing),
            (Some(_), Some(_)) => Err(invalid("there is a session too")),
            // RFC 9449 §7.2: the proof is for the service, whose URL it names; nobody can hand it on.
            (Some(token), None) if token.scheme == Scheme::Dpop => {
                Err(invalid("it comes with a proof, which a gateway cannot check"))
            }
            (Some(token), None) => Ok(Self::Token(token.token)),
            (None, Some(_)) if is_of_another_site(asked) => Err(OAuthError::because(
                ErrorCode::GatewayRefused,
                "the request comes from another site",
                "an unsafe request with a session was caused by another site",
            )),
            (None, Some(session)) => Ok(Self::Session(session)),
        }
    }
}

/// Cookies come along by themselves: what changes something must be caused by the host itself.
fn is_of_another_site(asked: &Asked<'_>) -> bool {
    if asked.is_safe() {
        return false;
    }
    let header = |name| asked.headers.get(name).and_then(|value| value.to_str().ok());
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            !origin.eq_ignore_ascii_case(&format!("https://{}", asked.route.host))
        }
        // No browser of today.
        (None, None) => false,
    }
}

/// One outward wording for every token that is not good; the cause is for the log.
pub(super) fn invalid(cause: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::because(ErrorCode::InvalidToken, "the access token is not good here", cause)
}
