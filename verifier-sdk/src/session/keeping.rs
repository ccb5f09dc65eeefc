//! From the cookie of a request to its session and back: opened, held against its bounds and against what has ended,
//! renewed ahead of its time, sealed again.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderMap, HeaderValue};

use super::record::{Record, Session, Tokens};
use super::renewal::Renewed;
use super::store::StoreError;
use super::{SessionError, Sessions};
use crate::PreviousIdToken;

/// So long before it expires an access token is renewed, or a fifth of its life if that is shorter.
const RENEW_AHEAD_SECONDS: i64 = 60;

/// What a request came with.
#[derive(Clone, Default)]
pub(super) struct Loaded {
    pub(super) session: Option<Session>,
    /// To be set with the answer.
    pub(super) cookies: Vec<HeaderValue>,
}

impl Loaded {
    fn of(session: Session) -> Self {
        Self { session: Some(session), cookies: Vec::new() }
    }
}

impl Sessions {
    /// The session of a request, renewed if it is time. `Unavailable` says nothing against the session.
    pub(super) async fn load(&self, headers: &HeaderMap) -> Result<Loaded, SessionError> {
        if !self.inner.cookie.is_there(headers) {
            return Ok(Loaded::default());
        }
        let Some((id, session)) = self.open(headers).await? else {
            return Ok(self.signed_out(headers));
        };
        if self.has_ended(&session).await? || self.is_revoked(&session) {
            return Ok(self.signed_out(headers));
        }
        let now = self.inner.clock.wall();
        let tokens = &session.record().tokens;
        let ahead = RENEW_AHEAD_SECONDS.min(tokens.lifetime / 5);
        let is_good = now < tokens.expires_at;
        if now < tokens.expires_at.saturating_sub(ahead) {
            return Ok(Loaded::of(session));
        }
        match self.renew(&session).await {
            Renewed::Session(record) => self.renewed(headers, &record, id).await,
            // Without a refresh token a session lasts as long as its access token.
            Renewed::Ended if is_good && tokens.refresh_token.is_none() => Ok(Loaded::of(session)),
            Renewed::Ended => self.ended_or_renewed_elsewhere(headers, &session).await,
            Renewed::Failed if is_good => Ok(Loaded::of(session)),
            Renewed::Failed => Err(SessionError::Unavailable("the session cannot be renewed")),
        }
    }

    async fn renewed(
        &self,
        headers: &HeaderMap,
        record: &Record,
        id: String,
    ) -> Result<Loaded, SessionError> {
        let bad = SessionError::BadAnswer("the ID token");
        let session = Session::of(record.clone()).ok_or(bad)?;
        let cookies = self.save(headers, &session, id).await?;
        Ok(Loaded { session: Some(session), cookies })
    }

    /// A refresh token that was refused may have been used by another process, which keeps its successor in the store.
    async fn ended_or_renewed_elsewhere(
        &self,
        headers: &HeaderMap,
        refused: &Session,
    ) -> Result<Loaded, SessionError> {
        let token_of = |session: &Session| session.record().tokens.refresh_token.clone();
        match self.open(headers).await? {
            Some((_, newer)) if token_of(&newer) != token_of(refused) => Ok(Loaded::of(newer)),
            _ => {
                self.discard(headers).await?;
                Ok(self.signed_out(headers))
            }
        }
    }

    fn signed_out(&self, headers: &HeaderMap) -> Loaded {
        Loaded { session: None, cookies: self.clear_cookies(headers) }
    }

    /// Keeps a session, and says which cookies the browser must set. `id` names it in the store.
    pub(super) async fn save(
        &self,
        headers: &HeaderMap,
        session: &Session,
        id: String,
    ) -> Result<Vec<HeaderValue>, SessionError> {
        let inner = &self.inner;
        let record = session.record();
        let failed = SessionError::Misconfigured("the session cannot be sealed");
        let sealed = inner.keys.seal(&self.context("session"), record).ok_or(failed)?;
        let until = self.ends_at(record);
        let value = match &inner.store {
            None => sealed,
            Some(store) => {
                store.save(&store_name(&id), sealed, until).await.map_err(not_there)?;
                id
            }
        };
        let left = u64::try_from(until.saturating_sub(inner.clock.wall())).unwrap_or_default();
        let max_age = std::time::Duration::from_secs(left);
        let too_long =
            SessionError::Misconfigured("the session is too long for cookies; use a store");
        let mut cookies = inner.cookie.set(headers, &value, max_age).ok_or(too_long.clone())?;
        if let Some(plain) = &inner.plain_cookie {
            let access_token = plain.set_plain(&record.tokens.access_token, max_age);
            cookies.push(access_token.ok_or(too_long)?);
        }
        Ok(cookies)
    }

    /// Forgets the session that a request came with, where it is kept.
    pub(super) async fn discard(&self, headers: &HeaderMap) -> Result<(), SessionError> {
        match (&self.inner.store, self.inner.cookie.read(headers)) {
            (Some(store), Some(id)) => store.remove(&store_name(&id)).await.map_err(not_there),
            _ => Ok(()),
        }
    }

    pub(super) fn clear_cookies(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let plain = self.inner.plain_cookie.iter().flat_map(|cookie| cookie.clear(headers));
        self.inner.cookie.clear(headers).into_iter().chain(plain).collect()
    }

    /// Until when a session may last, whatever is renewed.
    pub(super) fn ends_at(&self, record: &Record) -> i64 {
        record.began_at.saturating_add(self.lifetime_seconds())
    }

    /// The sealed record of a request, with the name under which it is stored.
    pub(super) async fn open(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<(String, Session)>, SessionError> {
        let inner = &self.inner;
        let Some(value) = inner.cookie.read(headers) else { return Ok(None) };
        let (id, sealed) = match &inner.store {
            None => (String::new(), value),
            Some(store) => match store.load(&store_name(&value)).await.map_err(not_there)? {
                Some(sealed) => (value, sealed),
                None => return Ok(None),
            },
        };
        let record: Option<Record> = inner.keys.open(&self.context("session"), &sealed);
        let in_time = |record: &Record| inner.clock.wall() < self.ends_at(record);
        Ok(record.filter(in_time).and_then(Session::of).map(|session| (id, session)))
    }

    async fn has_ended(&self, session: &Session) -> Result<bool, SessionError> {
        let mut names = vec![session_name(&session.record().name), subject_name(session.subject())];
        names.extend(session.issuer_session().map(issuer_session_name));
        let before = self.inner.ended.ended_before(&names).await.map_err(not_there)?;
        Ok(before.is_some_and(|before| session.began_at() <= before))
    }

    /// What the issuer's feed says of the session there, of its user and of the key that signed the ID token.
    fn is_revoked(&self, session: &Session) -> bool {
        self.inner.client.is_revoked(&session.record().id_token)
    }

    async fn renew(&self, session: &Session) -> Renewed {
        let Some(refresh_token) = &session.record().tokens.refresh_token else {
            return Renewed::Ended;
        };
        let hash = digest(&SHA256, refresh_token.as_bytes());
        let key = hash.as_ref().first_chunk().copied().unwrap_or_default();
        let now = self.inner.clock.monotonic();
        let (sessions, session) = (self.clone(), session.clone());
        let renew = move || async move { sessions.ask_for_new_tokens(&session).await };
        self.inner.renewals.join(key, now, renew).await
    }

    async fn ask_for_new_tokens(&self, session: &Session) -> Renewed {
        match self.new_tokens(session).await {
            Ok(record) => Renewed::Session(Arc::new(record)),
            Err(SessionError::Refused(_)) => Renewed::Ended,
            // The issuer speaks of somebody else now.
            Err(SessionError::Token(error)) if !error.is_transient() => {
                tracing::warn!(code = error.code(), "a refreshed ID token is refused");
                Renewed::Ended
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "a session cannot be renewed now");
                Renewed::Failed
            }
        }
    }

    async fn new_tokens(&self, session: &Session) -> Result<Record, SessionError> {
        let inner = &self.inner;
        let before = session.record();
        let refresh_token = before.tokens.refresh_token.as_deref().unwrap_or_default();
        let endpoints = inner.provider.endpoints().await?;
        let mut answer =
            inner.token_endpoint.refresh(&endpoints.token_endpoint, refresh_token).await?;
        let id_token = match answer.id_token.take() {
            None => before.id_token.clone(),
            Some(id_token) => {
                let previous = PreviousIdToken::new(session.subject())
                    .authenticated_at(session.authenticated_at())
                    .nonce(&before.nonce)
                    .access_token(&answer.access_token);
                inner.client.verify_refreshed_id_token(&id_token, &previous).await?;
                id_token
            }
        };
        // RFC 6749 §6: without a new refresh token the old one stays good.
        answer.refresh_token = answer.refresh_token.or_else(|| before.tokens.refresh_token.clone());
        let tokens = Tokens::of(answer, inner.clock.wall());
        Ok(Record { id_token, tokens, ..before.clone() })
    }
}

/// The names by which sessions end.
pub(super) fn session_name(name: &str) -> String {
    format!("session {name}")
}

pub(super) fn issuer_session_name(sid: &str) -> String {
    format!("sid {sid}")
}

pub(super) fn subject_name(subject: &str) -> String {
    format!("sub {subject}")
}

pub(super) fn not_there(_: StoreError) -> SessionError {
    SessionError::Unavailable("the session store")
}

/// The store sees a hash: who reads it cannot make a cookie of it.
fn store_name(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, id.as_bytes()))
}
