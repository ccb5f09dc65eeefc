//! `GET /callback`: the browser is back (OpenID Connect Core §3.1.2.5). In order: one value of each parameter, `state` of
//! this browser, `iss` (RFC 9207 §2.4), the code at the token endpoint, the ID token held against the request; only
//! then a session begins, always under a new name.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use http::header::HeaderMap;

use super::login::{PATIENCE, Pending, redirect_to};
use super::provider::Endpoints;
use super::record::{Record, Session, Tokens};
use super::token_endpoint::TokenAnswer;
use super::{SessionError, Sessions, UserInfo};
use crate::AuthenticationRequest;
use crate::random::unguessable;

/// The answer of the authorization endpoint (RFC 6749 §4.1.2, §4.1.2.1).
#[derive(Default)]
struct Answer {
    state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

pub(super) async fn endpoint(
    State(sessions): State<Sessions>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    callback(&sessions, &uri, &headers).await.unwrap_or_else(|error| sessions.refuse(error))
}

async fn callback(
    sessions: &Sessions,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, SessionError> {
    let answer = Answer::read(uri.query().unwrap_or_default())?;
    let state = answer.state.as_deref().ok_or(SessionError::NoSuchSignIn)?;
    let pending = sessions.pending(headers, state)?;
    let endpoints = sessions.inner.provider.endpoints().await?;
    sessions.check_issuer(&endpoints, answer.iss.as_deref())?;
    if let Some(error) = answer.error {
        return Err(SessionError::Refused(known_error(&error)));
    }
    let code = answer.code.ok_or(SessionError::BadAnswer("there is no code"))?;
    let tokens = sessions
        .inner
        .token_endpoint
        .redeem(&endpoints.token_endpoint, &code, &pending.code_verifier, &sessions.redirect_uri())
        .await?;
    let session = sessions.begin(&endpoints, tokens, &pending).await?;
    sessions.discard(headers).await?;
    let mut cookies = sessions.save(headers, &session, unguessable()).await?;
    if let Some(cookie) = sessions.pending_cookie(state) {
        cookies.extend(cookie.clear(headers));
    }
    Ok(redirect_to(&pending.return_to, cookies))
}

impl Answer {
    /// RFC 6749 §3.1: no parameter more than once.
    fn read(query: &str) -> Result<Self, SessionError> {
        let mut answer = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "state" => &mut answer.state,
                "iss" => &mut answer.iss,
                "code" => &mut answer.code,
                "error" => &mut answer.error,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(SessionError::BadAnswer("a parameter occurs twice"));
            }
        }
        Ok(answer)
    }
}

impl Sessions {
    /// The sign-in that this browser began under this `state`: it cannot be begun by another (RFC 6749 §10.12).
    fn pending(&self, headers: &HeaderMap, state: &str) -> Result<Pending, SessionError> {
        let cookie = self.pending_cookie(state).ok_or(SessionError::NoSuchSignIn)?;
        let sealed = cookie.read(headers).ok_or(SessionError::NoSuchSignIn)?;
        let pending: Pending = self
            .inner
            .keys
            .open(&self.pending_context(), &sealed)
            .ok_or(SessionError::NoSuchSignIn)?;
        let age = self.inner.clock.wall().saturating_sub(pending.began_at);
        let in_time = u64::try_from(age).is_ok_and(|age| age <= PATIENCE.as_secs());
        if pending.state == state && in_time {
            Ok(pending)
        } else {
            Err(SessionError::NoSuchSignIn)
        }
    }

    /// RFC 9207 §2.4: the issuer byte for byte, and there if the issuer said that it always is.
    fn check_issuer(&self, endpoints: &Endpoints, iss: Option<&str>) -> Result<(), SessionError> {
        let accepted = match iss {
            Some(iss) => iss == self.inner.client.issuer(),
            None => !endpoints.authorization_response_iss_parameter_supported,
        };
        if accepted { Ok(()) } else { Err(SessionError::WrongIssuer) }
    }

    async fn begin(
        &self,
        endpoints: &Endpoints,
        answer: TokenAnswer,
        pending: &Pending,
    ) -> Result<Session, SessionError> {
        let missing = SessionError::BadAnswer("there is no ID token");
        let id_token = answer.id_token.clone().ok_or(missing)?;
        let acr_values: Vec<_> =
            pending.acr_values.iter().flat_map(|values| values.split_ascii_whitespace()).collect();
        let mut request = AuthenticationRequest::new()
            .nonce(&pending.nonce)
            .acr_values(&acr_values)
            .access_token(&answer.access_token);
        if let Some(seconds) = pending.max_age {
            request = request.max_age(std::time::Duration::from_secs(seconds));
        }
        let verified = self.inner.client.verify_id_token(&id_token, &request).await?;
        let user_info = match &endpoints.userinfo_endpoint {
            Some(endpoint) if self.inner.user_info == UserInfo::Asked => {
                let (token, subject) = (&answer.access_token, verified.subject());
                self.inner.token_endpoint.user_info(endpoint, token, subject).await?
            }
            _ => serde_json::Map::new(),
        };
        let now = self.inner.clock.wall();
        let record = Record {
            name: unguessable(),
            began_at: now,
            id_token,
            nonce: pending.nonce.clone(),
            user_info,
            tokens: Tokens::of(answer, now),
        };
        Session::of(record).ok_or(SessionError::BadAnswer("the ID token"))
    }
}

impl Tokens {
    pub(super) fn of(answer: TokenAnswer, now: i64) -> Self {
        let lifetime = answer.lifetime();
        Self {
            expires_at: now.saturating_add(lifetime),
            lifetime,
            access_token: answer.access_token,
            refresh_token: answer.refresh_token,
        }
    }
}

/// Error codes that a page may show; anything else was written by a stranger (RFC 6749 §4.1.2.1, Core §3.1.2.6).
fn known_error(error: &str) -> String {
    const KNOWN: [&str; 12] = [
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
        "invalid_target",
    ];
    KNOWN.iter().find(|known| **known == error).unwrap_or(&"unknown_error").to_string()
}
