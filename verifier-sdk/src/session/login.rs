//! `GET /login`: sends the browser to the issuer (OpenID Connect Core §3.1.2.1, RFC 7636, RFC 9700 §2.1). What must come
//! back is kept in a sealed cookie of its own for each sign-in, so that tabs do not disturb each other.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use url::Url;

use super::cookies::{self, CookieName};
use super::provider::Endpoints;
use super::{SessionError, Sessions};
use crate::random::unguessable;

/// How long a person may take to sign in.
pub(super) const PATIENCE: Duration = Duration::from_mins(15);
/// Sign-ins that are under way in one browser; beyond it the browser starts afresh.
const MAX_PENDING: usize = 8;

/// A sign-in under way.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) code_verifier: String,
    pub(super) return_to: String,
    pub(super) began_at: i64,
    pub(super) max_age: Option<u64>,
    pub(super) acr_values: Option<String>,
}

/// What the link to `/login` may say.
#[derive(Default)]
struct Wishes {
    return_to: String,
    max_age: Option<u64>,
    acr_values: Option<String>,
    prompt: Option<String>,
    login_hint: Option<String>,
}

pub(super) async fn endpoint(
    State(sessions): State<Sessions>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    login(&sessions, &uri, &headers).await.unwrap_or_else(|error| sessions.refuse(error))
}

async fn login(
    sessions: &Sessions,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, SessionError> {
    let wishes = Wishes::read(uri.query().unwrap_or_default())?;
    let endpoints = sessions.inner.provider.endpoints().await?;
    let pending = Pending {
        state: unguessable(),
        nonce: unguessable(),
        code_verifier: unguessable(),
        return_to: wishes.return_to.clone(),
        began_at: sessions.inner.clock.wall(),
        max_age: wishes.max_age,
        acr_values: wishes.acr_values.clone(),
    };
    let url = sessions.authorization_url(&endpoints, &pending, &wishes);
    let mut cookies = sessions.forget_crowd(headers);
    cookies.extend(sessions.keep(headers, &pending)?);
    Ok(redirect(&url, cookies))
}

impl Wishes {
    fn read(query: &str) -> Result<Self, SessionError> {
        let mut wishes = Self { return_to: "/".to_owned(), ..Self::default() };
        let bad = SessionError::BadAnswer("max_age is a number of seconds");
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                // Anything else would make this an open redirector (RFC 9700 §4.11.1).
                "return_to" if is_local_path(&value) => wishes.return_to = value,
                "max_age" => wishes.max_age = Some(value.parse().map_err(|_| bad.clone())?),
                "acr_values" => wishes.acr_values = Some(value),
                "prompt" => wishes.prompt = Some(value),
                "login_hint" => wishes.login_hint = Some(value),
                _ => {}
            }
        }
        Ok(wishes)
    }
}

impl Sessions {
    fn authorization_url(&self, endpoints: &Endpoints, pending: &Pending, wishes: &Wishes) -> Url {
        let inner = &self.inner;
        let mut url = endpoints.authorization_endpoint.clone();
        let max_age = pending.max_age.map(|seconds| seconds.to_string());
        let optional = [
            ("max_age", max_age.as_deref()),
            ("acr_values", pending.acr_values.as_deref()),
            ("prompt", wishes.prompt.as_deref()),
            ("login_hint", wishes.login_hint.as_deref()),
            ("resource", inner.resource.as_deref()),
        ];
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", inner.client.client_id())
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", &inner.scope)
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &code_challenge(&pending.code_verifier))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        url
    }

    /// The cookie of one sign-in. Its name is the beginning of `state`, which is no secret to this browser.
    pub(super) fn pending_cookie(&self, state: &str) -> Option<CookieName> {
        let short = state.get(..16)?;
        CookieName::parse(&format!("{}-login-{short}", self.inner.cookie.as_str()))
    }

    pub(super) fn pending_context(&self) -> String {
        self.context("login")
    }

    fn keep(
        &self,
        headers: &HeaderMap,
        pending: &Pending,
    ) -> Result<Vec<HeaderValue>, SessionError> {
        let failed = SessionError::Misconfigured("a sign-in cannot be sealed");
        let sealed =
            self.inner.keys.seal(&self.pending_context(), pending).ok_or(failed.clone())?;
        let cookie = self.pending_cookie(&pending.state).ok_or(failed.clone())?;
        cookie.set(headers, &sealed, PATIENCE).ok_or(failed)
    }

    /// Forgets sign-ins that were begun and not finished, before they fill the browser's cookies.
    fn forget_crowd(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let prefix = format!("{}-login-", self.inner.cookie.as_str());
        let names = cookies::names_beginning(headers, &prefix);
        if names.len() < MAX_PENDING {
            return Vec::new();
        }
        let known = names.iter().filter_map(|name| CookieName::parse(name));
        known.flat_map(|cookie| cookie.clear(headers)).collect()
    }
}

/// RFC 7636 §4.2: S256, never `plain`.
pub(super) fn code_challenge(code_verifier: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, code_verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

/// A path of this application: browsers read `//host` and `/\host` as another host, and drop control characters.
pub(super) fn is_local_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// RFC 9700 §4.12: 303, so that nothing that was posted is posted on.
pub(super) fn redirect(url: &Url, cookies: Vec<HeaderValue>) -> Response {
    redirect_to(url.as_str(), cookies)
}

pub(super) fn redirect_to(location: &str, cookies: Vec<HeaderValue>) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        return SessionError::Misconfigured("a redirect has no header").into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cookies::add(&mut headers, cookies);
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_comes_out() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

        assert_eq!(code_challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn only_paths_of_this_application_are_returned_to() {
        for path in ["/", "/a/b?c=d&e=%2F#f", "/a//b"] {
            assert!(is_local_path(path), "{path}");
        }
        for path in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "\\/evil",
            "https://evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\\b",
            "/é",
            " /",
        ] {
            assert!(!is_local_path(path), "{path:?}");
        }
    }
}
